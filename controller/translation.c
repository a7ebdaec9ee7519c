#include "controller/translation.h"

#include "controller/condition.h"
#include "controller/configuration.h"
#include "controller/optinout.h"
#include "controller/translation_private.h"
#include "core/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ID_LENGTH     36 /* of a GUID */
#define COLUMNS_LIMIT (1U << 20)

/* A mapping on its way: what it has gathered so far. */
struct gathering {
    const struct ferry_translation *translation;
    json_t *fields;  /* {"firstName": compiled}, by name on the wire */
    json_t *columns; /* {"firstname": true} */
    json_t *filter;  /* the compiled one, or NULL */
};

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool flag_of(const json_t *object, const char *name, bool standard)
{
    const json_t *flag = json_object_get(object, name);
    return flag ? json_is_true(flag) : standard;
}

static void note_memory(const struct ferry_translation *translation, bool good)
{
    if (!good)
        translation->faults->out_of_memory = true;
}

/* The reader always gets the record's id and never selects it. */
static void gather_column(const struct gathering *gathering, const char *column)
{
    if (strcmp(column, text_of(gathering->translation->table, "primaryId")) != 0)
        note_memory(gathering->translation,
                    json_object_set_new(gathering->columns, column, json_true()) == 0);
}

static void gather_field(const struct gathering *gathering, json_t *field,
                         const struct ferry_place *place)
{
    const struct ferry_translation *translation = gathering->translation;
    json_t *compiled = ferry_translation_field(translation, field, place);
    if (!compiled)
        return;
    const char *wire = text_of(compiled, "destination");
    const struct ferry_place destination = {place, "destination", 0};
    if (json_object_get(gathering->fields, wire))
        ferry_shape_fault(translation->faults, &destination,
                          "%s is the same field of Campaign as another destination: %s",
                          text_of(field, "destination"), wire);
    gather_column(gathering, text_of(compiled, "source"));
    note_memory(translation, json_object_set_new(gathering->fields, wire, compiled) == 0);
}

static void gather_fields(const struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    json_t *fields = json_object_get(translation->mapping, "fields");
    const struct ferry_place list = {translation->place, "fields", 0};
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const struct ferry_place place = {&list, NULL, i};
        gather_field(gathering, json_array_get(fields, i), &place);
    }
}

/* --- what Opt-In/Out keeps --- */

/* It is written when a profile is created, and by nothing else (ADR 5). */
static json_t *compile_birth(const struct gathering *gathering, const char *name,
                             const char *column)
{
    const struct ferry_translation *translation = gathering->translation;
    const char *wire = text_of(json_object_get(translation->resource, "optOuts"), name);
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "source", column, "sourceType",
                     "Boolean", "destination", wire, "destinationType", "boolean", "applyUpdates",
                     0, "createOnly", 1, "optOut", name);
}

static void gather_birth(const struct gathering *gathering, const char *name, const char *column)
{
    const struct ferry_translation *translation = gathering->translation;
    const char *member;
    json_t *refusal =
        ferry_optinout_refusal(translation->table, translation->resource, name, column, &member);
    if (refusal) {
        ferry_shape_fault(translation->faults, translation->place,
                          "no profile may be created without its opt-outs, and %s cannot follow "
                          "%s: %s; mend the configuration of opt-in-out",
                          name, column, json_string_value(refusal));
        json_decref(refusal);
        return;
    }
    json_t *compiled = compile_birth(gathering, name, column);
    gather_column(gathering, column);
    note_memory(translation,
                compiled && json_object_set_new(gathering->fields, text_of(compiled, "destination"),
                                                compiled) == 0);
}

static void gather_births(const struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    json_t *births = ferry_optinout_births(translation->optinout, translation->mapping);
    const char *name;
    json_t *column;
    note_memory(translation, births != NULL);
    json_object_foreach (births, name, column)
        gather_birth(gathering, name, json_string_value(column));
    json_decref(births);
}

/* --- filter --- */

static json_t *operand_texts(json_t *value)
{
    if (!json_is_array(value))
        return ferry_configuration_text(value);
    json_t *texts = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (json_array_append_new(texts, ferry_configuration_text(json_array_get(value, i))) != 0) {
            json_decref(texts);
            return NULL;
        }
    }
    return texts;
}

/* A leaf of the copy: names as selected, values as text, and the type that says how to compare. */
static void compile_leaf(void *context, json_t *leaf, const struct ferry_place *place)
{
    const struct gathering *gathering = context;
    const struct ferry_translation *translation = gathering->translation;
    const struct ferry_place field = {place, "field", 0};
    const char *column = ferry_translation_column(translation, text_of(leaf, "field"), &field);
    if (!column)
        return;
    if (strcmp(column, text_of(translation->table, "primaryId")) == 0)
        ferry_shape_fault(translation->faults, &field,
                          "%s is the record's id, which a filter cannot look at", column);
    const char *type = text_of(ferry_translation_source(translation->table, column), "type");
    ferry_condition_suits(translation->faults, leaf, place, type);
    gather_column(gathering, column);
    json_t *value = json_object_get(leaf, "value");
    bool good = !value || json_object_set_new(leaf, "value", operand_texts(value)) == 0;
    good = good && json_object_set_new(leaf, "type", json_string(type)) == 0;
    /* Last: `column` may be the leaf's own text. */
    good = good && json_object_set_new(leaf, "field", json_string(column)) == 0;
    note_memory(translation, good);
}

static void gather_filter(struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    json_t *filter = json_object_get(translation->mapping, "filter");
    const struct ferry_place place = {translation->place, "filter", 0};
    const struct ferry_place useless = {translation->place, "deleteFilteredOut", 0};
    if (!filter && flag_of(translation->mapping, "deleteFilteredOut", false))
        ferry_shape_fault(translation->warnings, &useless, "has no effect without a filter");
    if (!filter)
        return;
    gathering->filter = json_deep_copy(filter);
    note_memory(translation, gathering->filter != NULL);
    if (gathering->filter)
        ferry_condition_visit(gathering->filter, &place, compile_leaf, gathering);
}

/* --- what only the two systems know --- */

static void check_tracking(const struct ferry_translation *translation)
{
    const struct ferry_place place = {translation->place, "table", 0};
    if (!flag_of(translation->table, "tracking", false))
        ferry_shape_fault_of(translation->faults, FERRY_CLASS_SCHEMA, &place,
                             "change tracking is off for the table %s: switch on \"Track changes\" "
                             "in its properties in Dynamics 365",
                             text_of(translation->table, "name"));
}

void ferry_translation_check_key(const struct ferry_translation *translation)
{
    const struct ferry_place place = {translation->place, "key", 0};
    const char *key =
        ferry_translation_wire(translation, text_of(translation->mapping, "key"), &place);
    if (!key)
        return;
    const json_t *target = ferry_translation_target(translation->resource, key);
    json_int_t length = json_integer_value(json_object_get(target, "length"));
    if (strcmp(text_of(target, "type"), "string") != 0)
        ferry_shape_fault(translation->faults, &place, "%s is no text, and ids are texts", key);
    else if (length > 0 && length < ID_LENGTH)
        ferry_shape_fault(translation->faults, &place, "%s takes %lld characters, and an id has %d",
                          key, (long long)length, ID_LENGTH);
    if (flag_of(target, "readOnly", false))
        ferry_shape_fault(translation->faults, &place, "%s is read-only in Campaign", key);
}

static void warn_of_mandatory(const struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    const struct ferry_place place = {translation->place, "fields", 0};
    const char *key = text_of(translation->mapping, "key");
    const char *name;
    json_t *field;
    json_object_foreach (json_object_get(translation->resource, "fields"), name, field)
        if (flag_of(field, "mandatory", false) && !flag_of(field, "readOnly", false) &&
            strcmp(name, key) != 0 && !json_object_get(gathering->fields, name))
            ferry_shape_fault(
                translation->warnings, &place,
                "%s is mandatory in Campaign and nothing is mapped to it: new records "
                "may be rejected",
                name);
}

/* Otherwise whoever opted out in the CRM gets mail from Campaign. */
static void warn_of_no_opt_out(const struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    const struct ferry_place place = {translation->place, "fields", 0};
    if (strcmp(text_of(translation->mapping, "table"), "contact") != 0 ||
        strcmp(text_of(translation->mapping, "resource"), "profile") != 0)
        return;
    const char *name;
    json_t *wire;
    json_object_foreach (json_object_get(translation->resource, "optOuts"), name, wire)
        if (json_object_get(gathering->fields, json_string_value(wire)))
            return;
    ferry_shape_fault(
        translation->warnings, &place,
        "no opt-out attribute is mapped: people who opted out in Dynamics 365 are "
        "mailable in Campaign; map donotbulkemail to denyListEmail, for example, here "
        "or in opt-in-out");
}

/* --- the compiled mapping --- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of an object in the order of their bytes; malloced, NULL when out of memory or empty.
 */
static const char **sorted_names(json_t *object)
{
    size_t count = json_object_size(object);
    const char **names = count ? malloc(count * sizeof *names) : NULL;
    const char *name;
    json_t *ignored;
    size_t index = 0;
    if (!names)
        return NULL;
    json_object_foreach (object, name, ignored)
        names[index++] = name;
    qsort(names, count, sizeof *names, compare_texts);
    return names;
}

/* A list that memory cut short is no list. */
static json_t *whole(json_t *list, size_t count)
{
    if (list && json_array_size(list) == count)
        return list;
    json_decref(list);
    return NULL;
}

/* In the order of their destinations, so that the body of a record does not depend on the order of
 * an edit. */
static json_t *sorted_fields(json_t *fields)
{
    const char **names = sorted_names(fields);
    json_t *list = json_array();
    for (size_t i = 0; names && i < json_object_size(fields); i++)
        json_array_append(list, json_object_get(fields, names[i]));
    free(names);
    return whole(list, json_object_size(fields));
}

static json_t *columns_hash(json_t *columns)
{
    struct ferry_buffer text;
    enum ferry_status status = FERRY_OK;
    ferry_buffer_init(&text, COLUMNS_LIMIT);
    for (size_t i = 0; status == FERRY_OK && i < json_array_size(columns); i++)
        status = ferry_buffer_printf(&text, "%s%s", i ? "\n" : "",
                                     json_string_value(json_array_get(columns, i)));
    json_t *hash = status == FERRY_OK
                       ? json_sprintf("%016" PRIx64, (uint64_t)XXH3_64bits(text.data, text.length))
                       : NULL;
    ferry_buffer_done(&text);
    return hash;
}

static json_t *sorted_columns(json_t *set)
{
    const char **names = sorted_names(set);
    json_t *columns = json_array();
    for (size_t i = 0; names && i < json_object_size(set); i++)
        json_array_append_new(columns, json_string(names[i]));
    free(names);
    return whole(columns, json_object_size(set));
}

static json_t *compile(const struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    const json_t *mapping = translation->mapping;
    const char *table = text_of(mapping, "table");
    const char *api = text_of(mapping, "api");
    json_t *columns = sorted_columns(gathering->columns);
    json_t *hash = columns_hash(columns);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:O*, s:b, s:b}", "id",
                     table, "table", table, "entitySet", text_of(translation->table, "entitySet"),
                     "primaryId", text_of(translation->table, "primaryId"), "api",
                     api ? api : FERRY_CONFIGURATION_API, "resource", text_of(mapping, "resource"),
                     "key", text_of(mapping, "key"), "columns", columns, "columnsHash", hash,
                     "fields", sorted_fields(gathering->fields), "filter", gathering->filter,
                     "applyDeletes", (int)flag_of(mapping, "applyDeletes", true),
                     "deleteFilteredOut", (int)flag_of(mapping, "deleteFilteredOut", false));
}

static void check_columns(const struct gathering *gathering)
{
    const struct ferry_place place = {gathering->translation->place, "fields", 0};
    if (json_object_size(gathering->columns) == 0)
        ferry_shape_fault(gathering->translation->faults, &place,
                          "nothing but the record's id is mapped: map at least one column");
}

static json_t *translate(struct gathering *gathering)
{
    const struct ferry_translation *translation = gathering->translation;
    size_t before = json_array_size(translation->faults->faults);
    check_tracking(translation);
    ferry_translation_check_key(translation);
    gather_fields(gathering);
    gather_births(gathering);
    gather_filter(gathering);
    warn_of_mandatory(gathering);
    warn_of_no_opt_out(gathering);
    if (json_array_size(translation->faults->faults) == before)
        check_columns(gathering);
    if (translation->faults->out_of_memory ||
        json_array_size(translation->faults->faults) != before)
        return NULL;
    json_t *compiled = compile(gathering);
    note_memory(translation, compiled != NULL);
    return compiled;
}

json_t *ferry_translation_make(const struct ferry_translation *translation)
{
    struct gathering gathering = {
        .translation = translation, .fields = json_object(), .columns = json_object()};
    json_t *compiled = translate(&gathering);
    json_decref(gathering.fields);
    json_decref(gathering.columns);
    json_decref(gathering.filter);
    return compiled;
}
