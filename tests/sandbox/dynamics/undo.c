#include "dynamics/undo.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct sandbox_undo {
    struct sandbox_table *table;
    struct sandbox_record was; /* row NULL: there was none */
    uint64_t version;          /* that the change gave */
    bool deletes;
    struct sandbox_undo *next;
};

void sandbox_undo_note(struct sandbox_undo **undo, struct sandbox_table *table,
                       const struct sandbox_record *record, const uint8_t id[static 16],
                       uint64_t version, bool deletes)
{
    struct sandbox_undo *entry = undo ? calloc(1, sizeof *entry) : NULL;

    if (!entry)
        return;
    entry->table = table;
    entry->version = version;
    entry->deletes = deletes;
    if (record) {
        entry->was = *record;
        entry->was.row = sandbox_row_copy(record->row);
    }
    memcpy(entry->was.id, id, 16);
    LL_PREPEND(*undo, entry);
}

static void tell(const struct sandbox_undo *entry, const struct sandbox_record *record,
                 const struct sandbox_watch *watch)
{
    sandbox_watch_tell(watch, &(struct sandbox_write){.of = entry->table,
                                                      .id = entry->was.id,
                                                      .before = record ? record->row : NULL,
                                                      .after = entry->was.row,
                                                      .version = entry->version,
                                                      .undone = true});
}

/* An entry whose change did not come about finds the row as it was. */
static void take_back(struct sandbox_undo *entry, const struct sandbox_watch *watch)
{
    struct sandbox_record *record = sandbox_table_find(entry->table, entry->was.id);

    if (!entry->was.row) {
        if (!record)
            return;
        tell(entry, record, watch);
        sandbox_table_undo_insert(entry->table, record);
        return;
    }
    if (!record && entry->deletes) {
        tell(entry, NULL, watch);
        memset(&entry->was.hh, 0, sizeof entry->was.hh);
        sandbox_table_undo_delete(entry->table, &entry->was);
        entry->was.row = NULL;
    } else if (record && record->version != entry->was.version) {
        tell(entry, record, watch);
        sandbox_table_undo_update(entry->table, record, entry->was.row, entry->was.version);
        entry->was.row = NULL;
    }
}

void sandbox_undo_run(struct sandbox_undo **undo, const struct sandbox_watch *watch)
{
    for (struct sandbox_undo *entry = *undo; entry; entry = entry->next)
        take_back(entry, watch);
    sandbox_undo_forget(undo);
}

void sandbox_undo_forget(struct sandbox_undo **undo)
{
    struct sandbox_undo *entry, *next;

    LL_FOREACH_SAFE (*undo, entry, next) {
        sandbox_row_free(entry->was.row);
        free(entry);
    }
    *undo = NULL;
}
