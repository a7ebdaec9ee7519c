#include "controller/configuration.h"

#include "controller/condition.h"
#include "controller/lineage.h"
#include "controller/shape.h"
#include "core/record/decimal.h"

#include <string.h>

/* The same patterns stand in schemas/configuration.schema.json. */
#define TABLE       "^[a-z][a-z0-9_]{0,127}$"
#define NAME        "^[A-Za-z][A-Za-z0-9_]{0,63}$"
#define DESTINATION "^[A-Za-z][A-Za-z0-9_]{0,63}(\\.[A-Za-z][A-Za-z0-9_]{0,63}){0,3}$"

/* Far above what anybody maps; they keep checks that compare each with each short. */
#define MAPPINGS_MAX     200
#define FIELDS_MAX       500
#define REPLACEMENTS_MAX 1000

/* Editors find the schema by it. */
static void check_table(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, TABLE,
                        "must be the logical name of a table in Dynamics 365, like contact");
}

static void check_source(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, FERRY_CONFIGURATION_COLUMN,
                        "must be the name of a column in Dynamics 365, like firstname");
}

static void check_name(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, NAME,
                        "must be a name in Campaign: letters, digits and _");
}

static void check_destination(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, DESTINATION,
                        "must be a field in Campaign, like firstName or location.city");
}

static void check_api(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const char *const names[] = {"profileAndServicesExt", "profileAndServices",
                                        "customResources", NULL};
    ferry_shape_choice(shape, value, place, names);
}

static void check_picklists(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    static const char *const names[] = {"value", "label", NULL};
    ferry_shape_choice(shape, value, place, names);
}

static void check_too_long(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    static const char *const names[] = {"reject", "truncate", NULL};
    ferry_shape_choice(shape, value, place, names);
}

static void check_scalar(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
        ferry_shape_fault(shape, place, "must be a text, a number, true or false");
}

static void check_replacement(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"from", true, check_scalar}, {"to", true, check_scalar}, {NULL, false, NULL}};
    ferry_shape_object(shape, value, place, members);
}

static void check_once_from(struct ferry_shape *shape, json_t *replacement, json_t *seen,
                            const struct ferry_place *place)
{
    json_t *from = ferry_configuration_text(json_object_get(replacement, "from"));
    if (!from)
        return;
    const json_t *first = json_object_get(seen, json_string_value(from));
    if (first)
        ferry_shape_fault(shape, place,
                          "replaces the same value as number %" JSON_INTEGER_FORMAT
                          ", so it never applies",
                          json_integer_value(first) + 1);
    else if (json_object_set_new(seen, json_string_value(from),
                                 json_integer((json_int_t)place->index)) != 0)
        shape->out_of_memory = true;
    json_decref(from);
}

static void check_replacements(struct ferry_shape *shape, json_t *value,
                               const struct ferry_place *place)
{
    json_t *seen = json_object();
    ferry_shape_array(shape, value, place, 1, REPLACEMENTS_MAX, check_replacement);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const struct ferry_place inner = {place, NULL, i};
        check_once_from(shape, json_array_get(value, i), seen, &inner);
    }
    json_decref(seen);
}

static void check_link(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {{"table", true, check_table},
                                                        {NULL, false, NULL}};
    ferry_shape_object(shape, value, place, members);
}

static void check_field(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"source", true, check_source},
        {"destination", true, check_destination},
        {"applyUpdates", false, ferry_shape_boolean},
        {"tooLong", false, check_too_long},
        {"replacements", false, check_replacements},
        {"link", false, check_link},
        {NULL, false, NULL},
    };
    ferry_shape_object(shape, value, place, members);
}

static const char *destination_at(json_t *fields, size_t index)
{
    return json_string_value(json_object_get(json_array_get(fields, index), "destination"));
}

/* location is written as an object, so nothing else may be written to it. */
static bool is_item_of(const char *item, const char *field)
{
    size_t length = strlen(item);
    return strncmp(item, field, length) == 0 && field[length] == '.';
}

static void check_pair(struct ferry_shape *shape, const struct ferry_place *place,
                       const char *destination, const char *other, size_t other_index)
{
    if (strcmp(destination, other) == 0)
        ferry_shape_fault(shape, place,
                          "%s is already fed by field number %zu: two sources may not feed one "
                          "destination",
                          destination, other_index + 1);
    else if (is_item_of(destination, other) || is_item_of(other, destination))
        ferry_shape_fault(shape, place,
                          "%s and %s (field number %zu) cannot both be written: one is a part of "
                          "the other",
                          destination, other, other_index + 1);
}

static void check_fields(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_array(shape, value, place, 1, FIELDS_MAX, check_field);
    if (json_array_size(value) > FIELDS_MAX)
        return;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *destination = destination_at(value, i);
        const struct ferry_place field = {place, NULL, i};
        const struct ferry_place inner = {&field, "destination", 0};
        for (size_t j = 0; destination && j < i; j++)
            if (destination_at(value, j))
                check_pair(shape, &inner, destination, destination_at(value, j), j);
    }
}

/* The key's value is the id of the record and is written by Ferry alone. */
static void check_key_is_free(struct ferry_shape *shape, json_t *mapping,
                              const struct ferry_place *place)
{
    const char *key = json_string_value(json_object_get(mapping, "key"));
    json_t *fields = json_object_get(mapping, "fields");
    const struct ferry_place list = {place, "fields", 0};
    for (size_t i = 0; key && i < json_array_size(fields); i++) {
        const char *destination = destination_at(fields, i);
        const struct ferry_place field = {&list, NULL, i};
        const struct ferry_place inner = {&field, "destination", 0};
        if (destination && strcmp(destination, key) == 0)
            ferry_shape_fault(
                shape, &inner,
                "%s is the key: Ferry writes the record's id into it, nothing else may", key);
    }
}

static void check_mapping(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"table", true, check_table},
        {"resource", true, check_name},
        {"api", false, check_api},
        {"key", true, check_name},
        {"fields", true, check_fields},
        {"filter", false, ferry_condition_check},
        {"deleteFilteredOut", false, ferry_shape_boolean},
        {"applyDeletes", false, ferry_shape_boolean},
        {"picklists", false, check_picklists},
        {NULL, false, NULL},
    };
    ferry_shape_object(shape, value, place, members);
    check_key_is_free(shape, value, place);
}

static void check_once(struct ferry_shape *shape, json_t *mappings, const struct ferry_place *place,
                       const char *member, const char *rule)
{
    for (size_t i = 0; i < json_array_size(mappings); i++) {
        const json_t *value = json_object_get(json_array_get(mappings, i), member);
        const struct ferry_place mapping = {place, NULL, i};
        const struct ferry_place inner = {&mapping, member, 0};
        for (size_t j = 0; json_is_string(value) && j < i; j++)
            if (json_equal(value, json_object_get(json_array_get(mappings, j), member)))
                ferry_shape_fault(shape, &inner, "%s is already in mapping number %zu: %s",
                                  json_string_value(value), j + 1, rule);
    }
}

static void check_mappings(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    ferry_shape_array(shape, value, place, 0, MAPPINGS_MAX, check_mapping);
    if (json_array_size(value) > MAPPINGS_MAX)
        return;
    check_once(shape, value, place, "table", "a table is mapped at most once");
    check_once(shape, value, place, "resource", "a resource is fed by one table");
    ferry_lineage_check(shape, value, place);
}

enum ferry_status ferry_configuration_check(json_t *configuration, json_t *faults)
{
    static const struct ferry_shape_member members[] = {{"$schema", false, ferry_shape_text},
                                                        {"mappings", true, check_mappings},
                                                        {NULL, false, NULL}};
    return ferry_shape_document(configuration, members, NULL, faults);
}

json_t *ferry_configuration_text(const json_t *scalar)
{
    char text[FERRY_DOUBLE_SIZE];
    if (json_is_string(scalar))
        return json_stringn(json_string_value(scalar), json_string_length(scalar));
    if (json_is_boolean(scalar))
        return json_string(json_is_true(scalar) ? "true" : "false");
    if (json_is_integer(scalar))
        return json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(scalar));
    if (json_is_real(scalar) && ferry_decimal_format(json_real_value(scalar), text))
        return json_string(text);
    return NULL;
}
