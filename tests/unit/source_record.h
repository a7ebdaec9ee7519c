/* For tests: a change written as the JSON that Dataverse would send, with decimals as strings. */
#ifndef FERRY_SOURCE_RECORD_H
#define FERRY_SOURCE_RECORD_H

#include "core/record/change.h"

#include "cmocka_all.h"

#include <jansson.h>
#include <string.h>

static inline json_t *from_json(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    if (!json)
        fail_msg("%s: %s", error.text, text);
    return json;
}

static inline struct ferry_slice slice_of(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

static inline struct ferry_value value_from(const json_t *json)
{
    if (json_is_boolean(json))
        return (struct ferry_value){FERRY_BOOLEAN, .boolean = json_is_true(json)};
    if (json_is_integer(json))
        return (struct ferry_value){FERRY_LONG, .integer = json_integer_value(json)};
    if (json_is_real(json))
        return (struct ferry_value){FERRY_DOUBLE, .real = json_real_value(json)};
    if (json_is_string(json))
        return (struct ferry_value){FERRY_STRING,
                                    .string = {json_string_value(json), json_string_length(json)}};
    return (struct ferry_value){.type = FERRY_NULL};
}

#define RECORD_ID "49b0be2e-d01c-ed11-b83e-000d3a572421"

/* The change borrows from `columns`. */
static inline void change_from(json_t *columns, struct ferry_change *change)
{
    const char *name;
    json_t *column;
    ferry_change_init(change);
    change->table = slice_of("contact");
    change->id = slice_of(RECORD_ID);
    json_object_foreach (columns, name, column)
        assert_int_equal(ferry_change_add(change, slice_of(name), value_from(column)), FERRY_OK);
}

#endif
