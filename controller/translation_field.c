/* One field of a mapping: its names in both systems, its link, its compiled form. */
#include "controller/configuration.h"
#include "controller/fit.h"
#include "controller/lineage.h"
#include "controller/translation_private.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool flag_of(const json_t *object, const char *name, bool standard)
{
    const json_t *flag = json_object_get(object, name);
    return flag ? json_is_true(flag) : standard;
}

/* --- names in the two systems --- */

/* The column as it is selected: a lookup may be named as people know it. NULL when there is none.
 */
static const char *find_column(const json_t *table, const char *name)
{
    json_t *columns = json_object_get(table, "columns");
    const char *column;
    json_t *ignored;
    size_t length = strlen(name);
    if (json_object_get(columns, name))
        return name;
    json_object_foreach (columns, column, ignored)
        if (column[0] == '_' && strncmp(column + 1, name, length) == 0 &&
            strcmp(column + 1 + length, "_value") == 0)
            return column;
    return NULL;
}

const json_t *ferry_translation_source(const json_t *table, const char *column)
{
    return json_object_get(json_object_get(table, "columns"), column);
}

const char *ferry_translation_column(const struct ferry_translation *translation, const char *name,
                                     const struct ferry_place *place)
{
    const char *column = find_column(translation->table, name);
    if (!column)
        ferry_shape_fault(translation->faults, place,
                          "the table %s has no column %s that Ferry may read",
                          text_of(translation->table, "name"), name);
    return column;
}

/* The name on the wire: an opt-out attribute has another one on most instances. */
static const char *find_field(const json_t *resource, const char *name)
{
    const char *opt_out = text_of(json_object_get(resource, "optOuts"), name);
    if (opt_out)
        return opt_out;
    return json_object_get(json_object_get(resource, "fields"), name) ? name : NULL;
}

const json_t *ferry_translation_target(const json_t *resource, const char *wire)
{
    return json_object_get(json_object_get(resource, "fields"), wire);
}

const char *ferry_translation_wire(const struct ferry_translation *translation, const char *name,
                                   const struct ferry_place *place)
{
    const char *field = find_field(translation->resource, name);
    if (!field)
        ferry_shape_fault(translation->faults, place, "the resource %s has no field %s",
                          text_of(translation->resource, "name"), name);
    return field;
}

/* --- links --- */

static bool has_target(const json_t *targets, const char *table)
{
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const char *target = json_string_value(json_array_get(targets, i));
        if (target && strcmp(target, table) == 0)
            return true;
    }
    return false;
}

static void check_targets(const struct ferry_translation *translation, const char *column,
                          const char *parent, const struct ferry_place *place)
{
    const json_t *targets =
        json_object_get(ferry_translation_source(translation->table, column), "targets");
    if (!json_is_array(targets))
        return;
    if (!has_target(targets, parent))
        ferry_shape_fault(translation->faults, place, "%s never points to a record of %s", column,
                          parent);
    else if (json_array_size(targets) > 1)
        ferry_shape_fault(
            translation->warnings, place,
            "%s may point to records of other tables than %s: such a record waits for "
            "a parent that never comes, and is rejected in the end",
            column, parent);
}

static void check_link(const struct ferry_translation *translation, json_t *field,
                       const char *column, const char *wire, const struct ferry_place *place)
{
    const char *parent = text_of(json_object_get(field, "link"), "table");
    if (!parent)
        return;
    const struct ferry_place link = {place, "link", 0};
    const struct ferry_place inner = {&link, "table", 0};
    const char *target = text_of(ferry_translation_target(translation->resource, wire), "target");
    const char *fed = text_of(ferry_lineage_mapping(translation->mappings, parent), "resource");
    check_targets(translation, column, parent, &inner);
    if (target && *target && fed && strcmp(target, fed) != 0)
        ferry_shape_fault(translation->faults, &inner,
                          "%s links to %s in Campaign, but %s is mapped into %s", wire, target,
                          parent, fed);
}

/* --- one field --- */

static json_t *translate_replacements(json_t *replacements)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < json_array_size(replacements); i++) {
        json_t *replacement = json_array_get(replacements, i);
        json_t *pair = json_pack(
            "{s:o, s:o}", "from", ferry_configuration_text(json_object_get(replacement, "from")),
            "to", ferry_configuration_text(json_object_get(replacement, "to")));
        if (json_array_append_new(texts, pair) != 0) {
            json_decref(texts);
            return NULL;
        }
    }
    return texts;
}

/* What the description knows and the writer needs; false: out of memory. */
static bool add_knowledge(json_t *compiled, json_t *field, const json_t *column,
                          const json_t *target, bool labels)
{
    json_t *known = json_object_get(column, "labels");
    json_t *names = json_object_get(target, "names");
    json_int_t length = json_integer_value(json_object_get(target, "length"));
    json_t *replacements = json_object_get(field, "replacements");
    json_t *parent = json_object_get(json_object_get(field, "link"), "table");
    const char *type = text_of(target, "type");
    bool good = true;
    if (length > 0)
        good = json_object_set_new(compiled, "length", json_integer(length)) == 0;
    if (good && replacements)
        good = json_object_set_new(compiled, "replacements",
                                   translate_replacements(replacements)) == 0;
    if (good && labels && json_is_object(known))
        good = json_object_set(compiled, "labels", known) == 0;
    if (good && json_is_array(names) && strcmp(type, "enumeration") == 0)
        good = json_object_set(compiled, "enumeration", names) == 0;
    if (good && parent)
        good = json_object_set(compiled, "linkTable", parent) == 0;
    return good;
}

static json_t *compile_field(const struct ferry_translation *translation, json_t *field,
                             const char *column, const char *wire, bool labels)
{
    const json_t *source = ferry_translation_source(translation->table, column);
    const json_t *target = ferry_translation_target(translation->resource, wire);
    const char *too_long = text_of(field, "tooLong");
    json_t *compiled = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:s}", "source", column, "sourceType", text_of(source, "type"),
        "destination", wire, "destinationType", text_of(target, "type"), "applyUpdates",
        (int)flag_of(field, "applyUpdates", true), "tooLong", too_long ? too_long : "reject");
    if (compiled && add_knowledge(compiled, field, source, target, labels))
        return compiled;
    json_decref(compiled);
    return NULL;
}

json_t *ferry_translation_field(const struct ferry_translation *translation, json_t *field,
                                const struct ferry_place *place)
{
    const struct ferry_place source = {place, "source", 0};
    const struct ferry_place destination = {place, "destination", 0};
    const char *column = ferry_translation_column(translation, text_of(field, "source"), &source);
    const char *wire =
        ferry_translation_wire(translation, text_of(field, "destination"), &destination);
    if (!column || !wire)
        return NULL;
    const char *picklists = text_of(translation->mapping, "picklists");
    struct ferry_fit fit = {
        .field = field,
        .source = column,
        .column = ferry_translation_source(translation->table, column),
        .destination = wire,
        .target = ferry_translation_target(translation->resource, wire),
        .place = place,
        .faults = translation->faults,
        .warnings = translation->warnings,
    };
    fit.labels = picklists && strcmp(picklists, "label") == 0 &&
                 ferry_fit_takes_labels(fit.column, fit.target);
    ferry_fit_check(&fit);
    check_link(translation, field, column, wire, place);
    json_t *compiled = compile_field(translation, field, column, wire, fit.labels);
    if (!compiled)
        translation->faults->out_of_memory = true;
    return compiled;
}
