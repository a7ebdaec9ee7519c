#include "dynamics/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_on_wire(struct sandbox_column *column)
{
    const char *format = sandbox_type_is_lookup(column->type) ? "_%s_value" : "%s";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(column->wire, sizeof column->wire, format, column->name);
#pragma GCC diagnostic pop
}

static const char *const special_names[SANDBOX_SPECIALS] = {
    "createdon",  "modifiedon", "createdby", "modifiedby", "ownerid",         "statecode",
    "statuscode", "fullname",   "firstname", "lastname",   "activitytypecode"};

void sandbox_table_init(struct sandbox_table *table, const struct sandbox_table_plan *plan)
{
    *table = (struct sandbox_table){
        .plan = plan, .tracking = plan->tracking, .bulk = true, .published = true};
    memcpy(table->columns, plan->columns, plan->column_count * sizeof table->columns[0]);
    table->column_count = plan->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        name_on_wire(&table->columns[i]);
        if (strcmp(table->columns[i].name, plan->primary_id) == 0)
            table->id_column = i;
        if (table->columns[i].type == SANDBOX_TYPE_BIGINT)
            table->version_column = i;
    }
    for (size_t i = 0; i < SANDBOX_SPECIALS; i++)
        table->special[i] = sandbox_table_logical(table, special_names[i]);
}

void sandbox_table_done(struct sandbox_table *table)
{
    HASH_CLEAR(hh, table->by_id);
    for (size_t i = 0; i < table->slot_count; i++) {
        if (!table->slots[i])
            continue;
        sandbox_row_free(table->slots[i]->row);
        free(table->slots[i]);
    }
    for (size_t i = 0; i < table->column_count; i++)
        free(table->columns[i].owned);
    free(table->slots);
    free(table->changes);
    free(table->tombstones);
    free(table->owned);
}

int sandbox_table_column(const struct sandbox_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].removed && !(table->columns[i].access & SANDBOX_SHADOW) &&
            strcmp(table->columns[i].wire, name) == 0)
            return (int)i;
    return -1;
}

int sandbox_table_logical(const struct sandbox_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].removed && strcmp(table->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

struct sandbox_column *sandbox_table_add_column(struct sandbox_table *table, const char *schema,
                                                enum sandbox_type type, unsigned length)
{
    size_t size = strlen(schema) + 1;
    char *names = table->column_count < SANDBOX_COLUMNS ? malloc(2 * size) : NULL;

    if (!names)
        return NULL;
    for (size_t i = 0; i < size; i++)
        names[i] = (char)tolower((unsigned char)schema[i]);
    memcpy(names + size, schema, size);
    struct sandbox_column *column = &table->columns[table->column_count++];
    *column = (struct sandbox_column){
        .name = names, .schema = names + size, .type = type, .length = length, .owned = names};
    name_on_wire(column);
    table->generation++;
    return column;
}

size_t sandbox_table_rows(const struct sandbox_table *table)
{
    return HASH_COUNT(table->by_id);
}

struct sandbox_record *sandbox_table_find(const struct sandbox_table *table,
                                          const uint8_t id[static 16])
{
    struct sandbox_record *record;

    HASH_FIND(hh, table->by_id, id, 16, record);
    return record;
}

/* The array with room for one more element of the given size; NULL when memory is short. */
static void *room(void *array, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return array;
    size_t more = *size ? *size * 2 : 1024;
    void *grown = realloc(array, more * element);
    if (grown)
        *size = more;
    return grown;
}

static bool room_for_change(struct sandbox_table *table)
{
    struct sandbox_change *changes =
        room(table->changes, table->change_count, &table->change_size, sizeof *changes);

    if (changes)
        table->changes = changes;
    return changes;
}

static bool room_for_slot(struct sandbox_table *table)
{
    struct sandbox_record **slots =
        room(table->slots, table->slot_count, &table->slot_size, sizeof(struct sandbox_record *));

    if (slots)
        table->slots = slots;
    return slots;
}

static bool room_for_tombstone(struct sandbox_table *table)
{
    struct sandbox_tombstone *tombstones =
        room(table->tombstones, table->tombstone_count, &table->tombstone_size, sizeof *tombstones);

    if (tombstones)
        table->tombstones = tombstones;
    return tombstones;
}

static void note_change(struct sandbox_table *table, struct sandbox_record *record,
                        uint64_t version)
{
    record->version = version;
    table->changes[table->change_count++] = (struct sandbox_change){version, record->slot};
}

struct sandbox_record *sandbox_table_insert(struct sandbox_table *table,
                                            const uint8_t id[static 16], struct sandbox_row *row,
                                            uint64_t version)
{
    struct sandbox_record *record = calloc(1, sizeof *record);

    if (!record || !row || !room_for_change(table) || !room_for_slot(table)) {
        free(record);
        sandbox_row_free(row);
        return NULL;
    }
    memcpy(record->id, id, 16);
    record->row = row;
    record->slot = (uint32_t)table->slot_count;
    table->slots[table->slot_count++] = record;
    note_change(table, record, version);
    HASH_ADD(hh, table->by_id, id, 16, record);
    return record;
}

bool sandbox_table_update(struct sandbox_table *table, struct sandbox_record *record,
                          struct sandbox_row *row, uint64_t version)
{
    if (!row || !room_for_change(table)) {
        sandbox_row_free(row);
        return false;
    }
    sandbox_row_free(record->row);
    record->row = row;
    note_change(table, record, version);
    return true;
}

bool sandbox_table_delete(struct sandbox_table *table, struct sandbox_record *record,
                          uint64_t version)
{
    if (!room_for_tombstone(table))
        return false;
    struct sandbox_tombstone *tombstone = &table->tombstones[table->tombstone_count++];
    tombstone->version = version;
    memcpy(tombstone->id, record->id, 16);
    HASH_DEL(table->by_id, record);
    table->slots[record->slot] = NULL;
    sandbox_row_free(record->row);
    free(record);
    return true;
}

void sandbox_table_undo_insert(struct sandbox_table *table, struct sandbox_record *record)
{
    HASH_DEL(table->by_id, record);
    table->writes.created -= table->writes.created > 0;
    table->slot_count--;
    table->change_count--;
    sandbox_row_free(record->row);
    free(record);
}

void sandbox_table_undo_update(struct sandbox_table *table, struct sandbox_record *record,
                               struct sandbox_row *row, uint64_t version)
{
    sandbox_row_free(record->row);
    record->row = row;
    record->version = version;
    table->change_count--;
}

void sandbox_table_undo_delete(struct sandbox_table *table, const struct sandbox_record *was)
{
    struct sandbox_record *record = calloc(1, sizeof *record);

    if (!record)
        return;
    *record = *was;
    table->slots[record->slot] = record;
    table->tombstone_count--;
    HASH_ADD(hh, table->by_id, id, 16, record);
}

size_t sandbox_table_changes_after(const struct sandbox_table *table, uint64_t version)
{
    size_t low = 0, high = table->change_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->changes[middle].version > version)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t sandbox_table_tombstones_after(const struct sandbox_table *table, uint64_t version)
{
    size_t low = 0, high = table->tombstone_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->tombstones[middle].version > version)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct sandbox_record *sandbox_table_changed(const struct sandbox_table *table, size_t change)
{
    struct sandbox_record *record = table->slots[table->changes[change].slot];

    return record && record->version == table->changes[change].version ? record : NULL;
}
