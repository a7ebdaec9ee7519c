#include "consumers/tables.h"

#include <stdlib.h>
#include <string.h>

/* --- life --- */

static enum ferry_status relate(struct ferry_table *const *list, size_t count,
                                struct ferry_error *error)
{
    struct ferry_mapping **mappings = calloc(count + 1, sizeof *mappings);
    if (!mappings)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    for (size_t i = 0; i < count; i++)
        mappings[i] = list[i]->mapping;
    ferry_mapping_relate(mappings, count);
    free(mappings);
    return FERRY_OK;
}

static enum ferry_status add(struct ferry_tables *tables,
                             const struct ferry_tables_options *options, json_t *mapping,
                             struct ferry_error *error)
{
    size_t at = tables->count;
    struct ferry_table *table;
    enum ferry_status status =
        ferry_table_new(options->instance, mapping, options->metrics, &table, error);
    if (status != FERRY_OK)
        return status;
    table->brake.limits = options->brake;
    tables->list[at] = table;
    tables->topics[at] = table->changes;
    tables->schemas[2 * at] =
        (struct ferry_registration_entry){table->changes, FERRY_SCHEMA_CHANGE, NULL};
    tables->schemas[2 * at + 1] =
        (struct ferry_registration_entry){table->written, FERRY_SCHEMA_WRITTEN, &table->wire};
    tables->count++;
    return FERRY_OK;
}

static enum ferry_status fill(struct ferry_tables *tables,
                              const struct ferry_tables_options *options, json_t *mappings,
                              struct ferry_error *error)
{
    size_t count = json_array_size(mappings);
    tables->list = calloc(count + 1, sizeof *tables->list);
    tables->topics = calloc(count + 1, sizeof *tables->topics);
    tables->schemas = calloc(2 * count + 1, sizeof *tables->schemas);
    if (!tables->list || !tables->topics || !tables->schemas)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < count && status == FERRY_OK; i++)
        status = add(tables, options, json_array_get(mappings, i), error);
    return status == FERRY_OK ? relate(tables->list, count, error) : status;
}

enum ferry_status ferry_tables_init(struct ferry_tables *tables,
                                    const struct ferry_tables_options *options, json_t *mappings,
                                    struct ferry_error *error)
{
    *tables = (struct ferry_tables){.count = 0};
    enum ferry_status status = fill(tables, options, mappings, error);
    if (status != FERRY_OK)
        ferry_tables_done(tables);
    return status;
}

void ferry_tables_done(struct ferry_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        ferry_table_free(tables->list[i]);
    free(tables->list);
    free(tables->topics);
    free(tables->schemas);
    *tables = (struct ferry_tables){.count = 0};
}

/* --- all of them --- */

const struct ferry_table *ferry_tables_find(const struct ferry_tables *tables, const char *topic)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->topics[i], topic) == 0)
            return tables->list[i];
    return NULL;
}

const struct ferry_table *ferry_tables_stopped(const struct ferry_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        if (tables->list[i]->stopped)
            return tables->list[i];
    return NULL;
}

bool ferry_tables_inspected(const struct ferry_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        if (!tables->list[i]->inspected)
            return false;
    return true;
}

void ferry_tables_decide(struct ferry_tables *tables, const char *name,
                         const struct ferry_deletion *deletion)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->list[i]->mapping->table, name) == 0)
            ferry_brake_decide(&tables->list[i]->brake, deletion);
}

static void add_count(json_t *counters, const char *name, uint64_t count)
{
    json_int_t before = json_integer_value(json_object_get(counters, name));
    json_object_set_new(counters, name, json_integer(before + (json_int_t)count));
}

/* Several fates have one name. */
static void tell_one(const struct ferry_table *table, json_t *counters)
{
    for (int fate = FERRY_FATE_INSERTED; fate < FERRY_FATES; fate++)
        add_count(counters, ferry_fate_row((enum ferry_fate)fate)->outcome, table->counts[fate]);
    add_count(counters, "written",
              table->counts[FERRY_FATE_INSERTED] + table->counts[FERRY_FATE_UPDATED] +
                  table->counts[FERRY_FATE_DELETED]);
}

void ferry_tables_tell(const struct ferry_tables *tables, json_t *counters)
{
    for (size_t i = 0; i < tables->count; i++)
        tell_one(tables->list[i], counters);
}
