#include "controller/fit.h"

#include "controller/configuration.h"
#include "core/control/comparison.h"

#include <string.h>

enum group { TEXT, NAME, WHOLE, REAL, FLAG, MOMENT, LINK, NOTHING };

#define KIND(kind) (1U << FERRY_KIND_##kind)
#define ANY_KIND   (~0U)
#define COUNTABLE  (KIND(TEXT) | KIND(NUMBER) | KIND(OPTION) | KIND(BOOLEAN))

/* What a field of each group takes, and what a text must be to get in (docs/mapping.md). */
static const struct {
    const char *name;
    unsigned kinds;
    enum ferry_kind kind; /* what a value of it looks like */
    const char *wanted;
} groups[] = {
    [TEXT] = {"a text", ANY_KIND, FERRY_KIND_TEXT, NULL},
    [NAME] = {"a name of its list", COUNTABLE, FERRY_KIND_TEXT, NULL},
    [WHOLE] = {"a whole number", COUNTABLE, FERRY_KIND_OPTION, "no whole number"},
    [REAL] = {"a number", COUNTABLE, FERRY_KIND_NUMBER, "no number"},
    [FLAG] = {"true or false", COUNTABLE, FERRY_KIND_BOOLEAN, "neither true nor false, 1 nor 0"},
    [MOMENT] = {"a date", KIND(TEXT) | KIND(MOMENT), FERRY_KIND_MOMENT,
                "no date of the form 2026-04-07 or 2026-04-07T21:59:01Z"},
    [LINK] = {"a link", KIND(ID), FERRY_KIND_TEXT, NULL},
    [NOTHING] = {"nothing", 0, FERRY_KIND_TEXT, NULL},
};

static enum group group_of(const char *type)
{
    static const struct {
        const char *type;
        enum group group;
    } types[] = {
        {"enumeration", NAME},   {"byte", WHOLE},   {"short", WHOLE},     {"long", WHOLE},
        {"integer", WHOLE},      {"int64", WHOLE},  {"float", REAL},      {"double", REAL},
        {"boolean", FLAG},       {"date", MOMENT},  {"datetime", MOMENT}, {"link", LINK},
        {"collection", NOTHING}, {"item", NOTHING},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].group;
    return TEXT;
}

static const char *type_of(const json_t *description)
{
    return json_string_value(json_object_get(description, "type"));
}

static enum ferry_kind kind_of(const struct ferry_fit *fit)
{
    return ferry_kind_of(type_of(fit->column));
}

bool ferry_fit_takes_labels(const json_t *column, const json_t *target)
{
    enum ferry_kind kind = ferry_kind_of(type_of(column));
    enum group group = group_of(type_of(target));
    return (kind == FERRY_KIND_OPTION || kind == FERRY_KIND_OPTIONS) &&
           (group == TEXT || group == NAME);
}

/* Types of Dataverse that are no value of a record. */
static bool is_carried(const char *type)
{
    static const char *const types[] = {"Virtual", "PartyList", "CalendarRules", "ManagedProperty",
                                        "EntityName"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], type) == 0)
            return false;
    return true;
}

static void check_source(const struct ferry_fit *fit)
{
    const struct ferry_place place = {fit->place, "source", 0};
    if (!is_carried(type_of(fit->column)))
        ferry_shape_fault(fit->faults, &place, "%s is of type %s, which cannot be carried",
                          fit->source, type_of(fit->column));
}

static void check_destination(const struct ferry_fit *fit, enum group group)
{
    const struct ferry_place place = {fit->place, "destination", 0};
    bool linked = json_object_get(fit->field, "link");
    if (json_is_true(json_object_get(fit->target, "readOnly")))
        ferry_shape_fault(fit->faults, &place, "%s is read-only in Campaign", fit->destination);
    if (group == NOTHING)
        ferry_shape_fault(fit->faults, &place, "%s is %s: name one field of it that can be written",
                          fit->destination,
                          strcmp(type_of(fit->target), "item") == 0 ? "an item, like location"
                                                                    : "a list of other records");
    else if (group == LINK && !linked)
        ferry_shape_fault(fit->faults, &place,
                          "%s is a link: add \"link\" with the parent's table, or write the field "
                          "that the link is joined by",
                          fit->destination);
    else if (group != LINK && linked)
        ferry_shape_fault(fit->faults, &place,
                          "%s is no link in Campaign: take \"link\" away to carry the id as a text",
                          fit->destination);
}

static void check_kind(const struct ferry_fit *fit, enum group group)
{
    const struct ferry_place place = {fit->place, "destination", 0};
    enum ferry_kind kind = kind_of(fit);
    bool replaced = group != LINK && json_object_get(fit->field, "replacements");
    if (group == NOTHING || replaced || groups[group].kinds & 1U << kind)
        return;
    ferry_shape_fault(fit->faults, &place, "%s holds %s, and %s takes %s: that cannot be converted",
                      fit->source, ferry_kind_name(kind), fit->destination, groups[group].name);
}

static void warn_of_rejects(const struct ferry_fit *fit, enum group group)
{
    enum ferry_kind kind = kind_of(fit);
    const char *type = type_of(fit->column);
    bool fractional =
        strcmp(type, "Decimal") == 0 || strcmp(type, "Money") == 0 || strcmp(type, "Double") == 0;
    if (kind == FERRY_KIND_TEXT && groups[group].wanted)
        ferry_shape_fault(fit->warnings, fit->place, "a record whose %s is %s will be rejected",
                          fit->source, groups[group].wanted);
    else if (group == WHOLE && fractional)
        ferry_shape_fault(fit->warnings, fit->place,
                          "a record whose %s has a fraction will be rejected", fit->source);
    else if (group == FLAG && kind != FERRY_KIND_BOOLEAN)
        ferry_shape_fault(fit->warnings, fit->place,
                          "a record whose %s is neither 0 nor 1 will be rejected", fit->source);
}

static void warn_of_length(const struct ferry_fit *fit, enum group group)
{
    const char *too_long = json_string_value(json_object_get(fit->field, "tooLong"));
    json_int_t source = json_integer_value(json_object_get(fit->column, "length"));
    json_int_t limit = json_integer_value(json_object_get(fit->target, "length"));
    bool truncates = too_long && strcmp(too_long, "truncate") == 0;
    if (group != TEXT || limit == 0 || source <= limit || truncates)
        return;
    ferry_shape_fault(fit->warnings, fit->place,
                      "%s has up to %lld characters and %s takes %lld: a record with more will be "
                      "rejected; \"tooLong\":\"truncate\" cuts instead",
                      fit->source, (long long)source, fit->destination, (long long)limit);
}

/* --- what replacements write --- */

static bool holds(enum group group, const char *text, const char **ret_reason)
{
    struct ferry_slice slice = {text, strlen(text)};
    bool digit = strcmp(text, "1") == 0 || strcmp(text, "0") == 0;
    return (group == FLAG && digit) || ferry_kind_holds(groups[group].kind, slice, ret_reason);
}

static bool is_name(const json_t *target, const char *text)
{
    const json_t *names = json_object_get(target, "names");
    size_t index;
    json_t *name;
    if (!json_is_array(names))
        return true;
    json_array_foreach (names, index, name)
        if (strcmp(json_string_value(name), text) == 0)
            return true;
    return false;
}

static void check_replacement(const struct ferry_fit *fit, enum group group, const char *text,
                              const struct ferry_place *place)
{
    const char *reason = NULL;
    if (*text == '\0')
        return;
    if (group == NAME && !is_name(fit->target, text))
        ferry_shape_fault(fit->faults, place, "%s is none of the names that %s takes", text,
                          fit->destination);
    else if (!holds(group, text, &reason))
        ferry_shape_fault(fit->faults, place, "%s %s, and %s takes %s", text, reason,
                          fit->destination, groups[group].name);
}

static void check_replacements(const struct ferry_fit *fit, enum group group)
{
    json_t *replacements = json_object_get(fit->field, "replacements");
    const struct ferry_place list = {fit->place, "replacements", 0};
    for (size_t i = 0; i < json_array_size(replacements); i++) {
        const struct ferry_place item = {&list, NULL, i};
        const struct ferry_place to = {&item, "to", 0};
        json_t *text =
            ferry_configuration_text(json_object_get(json_array_get(replacements, i), "to"));
        if (text)
            check_replacement(fit, group, json_string_value(text), &to);
        else
            fit->faults->out_of_memory = true;
        json_decref(text);
    }
}

/* --- options into names --- */

static bool is_replaced(const struct ferry_fit *fit, const char *value)
{
    json_t *replacements = json_object_get(fit->field, "replacements");
    bool found = false;
    for (size_t i = 0; !found && i < json_array_size(replacements); i++) {
        json_t *from =
            ferry_configuration_text(json_object_get(json_array_get(replacements, i), "from"));
        found = from && strcmp(json_string_value(from), value) == 0;
        json_decref(from);
    }
    return found;
}

static const char *written(const struct ferry_fit *fit, const char *option, const json_t *label)
{
    return fit->labels ? json_string_value(label) : option;
}

/* Every option that would reject its record is named once, before the first record does. */
static void check_options(const struct ferry_fit *fit)
{
    json_t *labels = json_object_get(fit->column, "labels");
    const char *option;
    json_t *label;
    size_t fitting = 0;
    struct ferry_shape *where = fit->warnings;
    json_t *misfits = json_array();
    json_object_foreach (labels, option, label) {
        if (is_replaced(fit, option) || is_name(fit->target, written(fit, option, label)))
            fitting++;
        else if (json_array_append_new(misfits, json_string(option)) != 0)
            where->out_of_memory = true;
    }
    if (fitting == 0)
        where = fit->faults;
    for (size_t i = 0; i < json_array_size(misfits); i++) {
        option = json_string_value(json_array_get(misfits, i));
        ferry_shape_fault(where, fit->place,
                          "option %s (%s) of %s is none of the names that %s takes: add a "
                          "replacement for it",
                          option, json_string_value(json_object_get(labels, option)), fit->source,
                          fit->destination);
    }
    json_decref(misfits);
}

static void warn_of_no_name(const struct ferry_fit *fit)
{
    if (is_replaced(fit, "") || !json_is_array(json_object_get(fit->target, "names")) ||
        is_name(fit->target, "") || is_name(fit->target, "unknown") || is_name(fit->target, "none"))
        return;
    ferry_shape_fault(
        fit->warnings, fit->place,
        "%s has no name for nothing: a record without %s is sent an empty text, which "
        "Campaign may refuse; a replacement from \"\" says what to write",
        fit->destination, fit->source);
}

void ferry_fit_check(const struct ferry_fit *fit)
{
    enum group group = group_of(type_of(fit->target));
    check_source(fit);
    check_destination(fit, group);
    check_kind(fit, group);
    check_replacements(fit, group);
    warn_of_rejects(fit, group);
    warn_of_length(fit, group);
    if (group != NAME)
        return;
    if (json_object_size(json_object_get(fit->column, "labels")) > 0)
        check_options(fit);
    warn_of_no_name(fit);
}
