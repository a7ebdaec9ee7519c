/* The rows of one Dataverse table with what change tracking needs: versions, the order of changes,
 * deletes. */
#ifndef SANDBOX_DYNAMICS_TABLE_H
#define SANDBOX_DYNAMICS_TABLE_H

#include <uthash.h>

#include "dynamics/schema.h"

struct sandbox_record {
    UT_hash_handle hh;
    uint8_t id[16];
    uint64_t version;
    uint32_t slot; /* stays for life, so that a read in pages neither skips nor repeats */
    struct sandbox_row *row;
};

struct sandbox_change {
    uint64_t version;
    uint32_t slot;
};

struct sandbox_tombstone {
    uint64_t version;
    uint8_t id[16];
};

/* Columns that the service itself writes; -1 where a table lacks one. */
enum sandbox_special {
    SANDBOX_CREATED_ON,
    SANDBOX_MODIFIED_ON,
    SANDBOX_CREATED_BY,
    SANDBOX_MODIFIED_BY,
    SANDBOX_OWNER,
    SANDBOX_STATE,
    SANDBOX_STATUS,
    SANDBOX_FULL_NAME,
    SANDBOX_FIRST_NAME,
    SANDBOX_LAST_NAME,
    SANDBOX_ACTIVITY_TYPE,
    SANDBOX_SPECIALS
};

struct sandbox_table {
    const struct sandbox_table_plan *plan;
    struct sandbox_column columns[SANDBOX_COLUMNS];
    size_t column_count;
    size_t id_column;
    size_t version_column;
    int special[SANDBOX_SPECIALS];
    bool tracking;
    bool bulk;       /* has CreateMultiple and its like */
    bool published;  /* nothing was customized since */
    int64_t born_ms; /* of a table that was made by a customizer */
    void *owned;     /* a plan that was made at run time */
    struct {
        uint64_t created, repeated, refused; /* repeated: the id was there already */
    } writes;            /* by the Web API; what was rolled back is not counted */
    unsigned generation; /* counts schema publishes */
    struct sandbox_record *by_id;
    struct sandbox_record **slots; /* NULL where deleted */
    size_t slot_count, slot_size;
    struct sandbox_change *changes; /* by version; an entry whose row has a later version is void */
    size_t change_count, change_size;
    struct sandbox_tombstone *tombstones;
    size_t tombstone_count, tombstone_size;
};

void sandbox_table_init(struct sandbox_table *table, const struct sandbox_table_plan *plan);
void sandbox_table_done(struct sandbox_table *table);

/* A column that is there and on the wire; by wire name, or by logical name. -1: none. */
int sandbox_table_column(const struct sandbox_table *table, const char *name);
int sandbox_table_logical(const struct sandbox_table *table, const char *name);
/* The logical name is the schema name in lower case. */
struct sandbox_column *sandbox_table_add_column(struct sandbox_table *table, const char *schema,
                                                enum sandbox_type type, unsigned length);

size_t sandbox_table_rows(const struct sandbox_table *table);
struct sandbox_record *sandbox_table_find(const struct sandbox_table *table,
                                          const uint8_t id[static 16]);

/* Both take `row` and give it the version. NULL when memory is short. */
struct sandbox_record *sandbox_table_insert(struct sandbox_table *table,
                                            const uint8_t id[static 16], struct sandbox_row *row,
                                            uint64_t version);
bool sandbox_table_update(struct sandbox_table *table, struct sandbox_record *record,
                          struct sandbox_row *row, uint64_t version);
bool sandbox_table_delete(struct sandbox_table *table, struct sandbox_record *record,
                          uint64_t version);

/* Each takes back the table's last change, as if it had never been. */
void sandbox_table_undo_insert(struct sandbox_table *table, struct sandbox_record *record);
void sandbox_table_undo_update(struct sandbox_table *table, struct sandbox_record *record,
                               struct sandbox_row *row, uint64_t version);
void sandbox_table_undo_delete(struct sandbox_table *table, const struct sandbox_record *was);

/* Index of the first change, or tombstone, later than `version`. */
size_t sandbox_table_changes_after(const struct sandbox_table *table, uint64_t version);
size_t sandbox_table_tombstones_after(const struct sandbox_table *table, uint64_t version);
/* The record of a change that is still its latest; NULL if void. */
struct sandbox_record *sandbox_table_changed(const struct sandbox_table *table, size_t change);

#endif
