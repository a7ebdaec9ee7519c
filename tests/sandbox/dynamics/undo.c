#include "dynamics/undo.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct sandbox_undo {
    struct sandbox_table *table;
    struct sandbox_record was; /* row NULL: there was none */
    bool deletes;
    struct sandbox_undo *next;
};

void sandbox_undo_note(struct sandbox_undo **undo, struct sandbox_table *table,
                       const struct sandbox_record *record, const uint8_t id[static 16],
                       bool deletes)
{
    struct sandbox_undo *entry = undo ? calloc(1, sizeof *entry) : NULL;

    if (!entry)
        return;
    entry->table = table;
    entry->deletes = deletes;
    if (record) {
        entry->was = *record;
        entry->was.row = sandbox_row_copy(record->row);
    }
    memcpy(entry->was.id, id, 16);
    LL_PREPEND(*undo, entry);
}

/* An entry whose change did not come about finds the row as it was. */
static void take_back(struct sandbox_undo *entry)
{
    struct sandbox_record *record = sandbox_table_find(entry->table, entry->was.id);

    if (!entry->was.row) {
        if (record)
            sandbox_table_undo_insert(entry->table, record);
        return;
    }
    if (!record && entry->deletes) {
        memset(&entry->was.hh, 0, sizeof entry->was.hh);
        sandbox_table_undo_delete(entry->table, &entry->was);
        entry->was.row = NULL;
    } else if (record && record->version != entry->was.version) {
        sandbox_table_undo_update(entry->table, record, entry->was.row, entry->was.version);
        entry->was.row = NULL;
    }
}

void sandbox_undo_run(struct sandbox_undo **undo)
{
    for (struct sandbox_undo *entry = *undo; entry; entry = entry->next)
        take_back(entry);
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
