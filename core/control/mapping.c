#include "core/control/mapping.h"

#include <stdlib.h>
#include <string.h>

static enum ferry_status refuse(struct ferry_error *error, const struct ferry_mapping *mapping,
                                const char *path)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                      "the run order's mapping %s has no usable \"%s\"",
                      mapping->id ? mapping->id : "?", path);
}

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* A required text member, owned by the document. */
static bool text(const json_t *object, const char *key, const char **ret_text)
{
    *ret_text = json_string_value(json_object_get(object, key));
    return *ret_text != NULL;
}

static bool flag(const json_t *object, const char *key, bool standard)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : standard;
}

static enum ferry_status read_heads(struct ferry_mapping *mapping, struct ferry_error *error)
{
    const struct {
        const char *key;
        const char **field;
    } heads[] = {
        {"id", &mapping->id},
        {"table", &mapping->table},
        {"entitySet", &mapping->entity_set},
        {"primaryId", &mapping->primary_id},
        {"api", &mapping->api},
        {"resource", &mapping->resource},
        {"key", &mapping->key},
        {"columnsHash", &mapping->columns_hash},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (!text(mapping->json, heads[i].key, heads[i].field))
            return refuse(error, mapping, heads[i].key);
    mapping->apply_deletes = flag(mapping->json, "applyDeletes", true);
    mapping->delete_filtered_out = flag(mapping->json, "deleteFilteredOut", false);
    mapping->replay = json_integer_value(json_object_get(mapping->json, "replay"));
    mapping->since = json_integer_value(json_object_get(mapping->json, "since"));
    mapping->replay_where = json_string_value(json_object_get(mapping->json, "replayWhere"));
    json_t *filter = json_object_get(mapping->json, "filter");
    mapping->filter = json_is_object(filter) ? filter : NULL;
    return FERRY_OK;
}

static enum ferry_status read_columns(struct ferry_mapping *mapping, struct ferry_error *error)
{
    const json_t *columns = json_object_get(mapping->json, "columns");
    if (json_array_size(columns) == 0)
        return refuse(error, mapping, "columns");
    mapping->columns = calloc(json_array_size(columns), sizeof *mapping->columns);
    if (!mapping->columns)
        return out_of_memory(error);
    mapping->column_count = json_array_size(columns);
    for (size_t i = 0; i < mapping->column_count; i++) {
        mapping->columns[i] = json_string_value(json_array_get(columns, i));
        if (!mapping->columns[i])
            return refuse(error, mapping, "columns");
    }
    return FERRY_OK;
}

static enum ferry_status read_replacements(struct ferry_mapping_field *field, const json_t *list)
{
    size_t count = json_array_size(list);
    if (count == 0)
        return FERRY_OK;
    field->replacements = calloc(count, sizeof *field->replacements);
    if (!field->replacements)
        return FERRY_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        struct ferry_replacement *replacement = &field->replacements[i];
        if (!text(pair, "from", &replacement->from) || !text(pair, "to", &replacement->to))
            return FERRY_INVALID;
        field->replacement_count++;
    }
    return FERRY_OK;
}

static enum ferry_status read_field(struct ferry_mapping_field *field, const json_t *json)
{
    if (!text(json, "source", &field->source) || !text(json, "sourceType", &field->source_type) ||
        !text(json, "destination", &field->destination) ||
        !text(json, "destinationType", &field->destination_type))
        return FERRY_INVALID;
    const char *too_long = json_string_value(json_object_get(json, "tooLong"));
    field->length = json_integer_value(json_object_get(json, "length"));
    field->apply_updates = flag(json, "applyUpdates", true);
    field->create_only = flag(json, "createOnly", false);
    field->too_long = too_long && strcmp(too_long, "truncate") == 0 ? FERRY_TOO_LONG_TRUNCATE
                                                                    : FERRY_TOO_LONG_REJECT;
    json_t *labels = json_object_get(json, "labels");
    json_t *enumeration = json_object_get(json, "enumeration");
    field->labels = json_is_object(labels) ? labels : NULL;
    field->enumeration = json_is_array(enumeration) ? enumeration : NULL;
    field->link_table = json_string_value(json_object_get(json, "linkTable"));
    return read_replacements(field, json_object_get(json, "replacements"));
}

static enum ferry_status read_fields(struct ferry_mapping *mapping, struct ferry_error *error)
{
    const json_t *fields = json_object_get(mapping->json, "fields");
    size_t count = json_array_size(fields);
    if (count == 0)
        return refuse(error, mapping, "fields");
    mapping->fields = calloc(count, sizeof *mapping->fields);
    if (!mapping->fields)
        return out_of_memory(error);
    mapping->field_count = count;
    for (size_t i = 0; i < count; i++) {
        enum ferry_status status = read_field(&mapping->fields[i], json_array_get(fields, i));
        if (status == FERRY_NOMEM)
            return out_of_memory(error);
        if (status != FERRY_OK)
            return refuse(error, mapping, "fields");
    }
    return FERRY_OK;
}

enum ferry_status ferry_mapping_new(json_t *json, struct ferry_mapping **ret_mapping,
                                    struct ferry_error *error)
{
    struct ferry_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return out_of_memory(error);
    mapping->json = json_incref(json);
    enum ferry_status status = read_heads(mapping, error);
    if (status == FERRY_OK)
        status = read_columns(mapping, error);
    if (status == FERRY_OK)
        status = read_fields(mapping, error);
    if (status != FERRY_OK) {
        ferry_mapping_free(mapping);
        return status;
    }
    *ret_mapping = mapping;
    return FERRY_OK;
}

void ferry_mapping_free(struct ferry_mapping *mapping)
{
    if (!mapping)
        return;
    for (size_t i = 0; mapping->fields && i < mapping->field_count; i++)
        free(mapping->fields[i].replacements);
    free(mapping->fields);
    free(mapping->columns);
    json_decref(mapping->json);
    free(mapping);
}

/* --- links among tables --- */

static const struct ferry_mapping *find_table(struct ferry_mapping *const *mappings, size_t count,
                                              const char *table)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(mappings[i]->table, table) == 0)
            return mappings[i];
    return NULL;
}

/* By at most `steps` links. */
static bool leads_to(struct ferry_mapping *const *mappings, size_t count, const char *from,
                     const char *to, size_t steps)
{
    if (strcmp(from, to) == 0)
        return true;
    const struct ferry_mapping *mapping = find_table(mappings, count, from);
    if (!mapping || steps == 0)
        return false;
    for (size_t i = 0; i < mapping->field_count; i++) {
        const char *parent = mapping->fields[i].link_table;
        if (parent && strcmp(parent, from) != 0 && leads_to(mappings, count, parent, to, steps - 1))
            return true;
    }
    return false;
}

#define MAX_STEPS 4 /* three levels of links, and one back */

void ferry_mapping_relate(struct ferry_mapping *const *mappings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < mappings[i]->field_count; j++) {
            struct ferry_mapping_field *field = &mappings[i]->fields[j];
            field->mutual = field->link_table && leads_to(mappings, count, field->link_table,
                                                          mappings[i]->table, MAX_STEPS);
        }
}
