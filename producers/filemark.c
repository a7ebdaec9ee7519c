#include "producers/filemark.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* What comes of events and of opt-outs has other names. A new member is added at the end; 0 or
 * absent means what it meant before. */
static const struct {
    const char *keys[2]; /* of events, of opt-outs; NULL: they have none */
    size_t offset;
} numbers[] = {
    {{"size", "size"}, offsetof(struct ferry_filemark, size)},
    {{"position", "position"}, offsetof(struct ferry_filemark, position)},
    {{"line", "line"}, offsetof(struct ferry_filemark, line)},
    {{"events", "records"}, offsetof(struct ferry_filemark, records)},
    {{"rejected", "rejected"}, offsetof(struct ferry_filemark, rejected)},
    {{NULL, "badTimes"}, offsetof(struct ferry_filemark, bad_times)},
    {{"beganAt", "beganAt"}, offsetof(struct ferry_filemark, began_at)},
    {{"doneAt", "doneAt"}, offsetof(struct ferry_filemark, done_at)},
    {{"modifiedAt", "modifiedAt"}, offsetof(struct ferry_filemark, modified_at)},
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static const struct {
    const char *name;
    bool events, optouts; /* whose rows are skipped so */
} skips[FERRY_SKIPS] = {
    [FERRY_SKIP_WITHOUT_CONTACT] = {"withoutContact", true, true},
    [FERRY_SKIP_SWITCHED_OFF] = {"switchedOff", true, false},
    [FERRY_SKIP_OTHER_KIND] = {"otherKind", true, false},
    [FERRY_SKIP_BEFORE_SINCE] = {"beforeSince", true, false},
    [FERRY_SKIP_UNTOUCHED] = {"untouched", false, true},
};

const char *ferry_skip_name(enum ferry_skip skip)
{
    return skips[skip].name;
}

bool ferry_skip_happens(enum ferry_skip skip, bool optouts)
{
    return optouts ? skips[skip].optouts : skips[skip].events;
}

static int64_t *number_of(struct ferry_filemark *mark, size_t i)
{
    return (int64_t *)(void *)((char *)mark + numbers[i].offset);
}

/* ---- what it was read for ---- */

void ferry_filemark_begin(struct ferry_filemark *mark, const struct ferry_filescope *scope)
{
    *mark = (struct ferry_filemark){.line = 1, .scope = *scope};
}

void ferry_filemark_narrow(struct ferry_filemark *mark, const struct ferry_filescope *scope)
{
    if (scope->since > mark->scope.since)
        mark->scope.since = scope->since;
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        mark->scope.kinds[i] = mark->scope.kinds[i] && scope->kinds[i];
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        mark->scope.attributes[i] = mark->scope.attributes[i] && scope->attributes[i];
}

static bool asks_for_more(const bool *asked, const bool *read, int count)
{
    for (int i = 0; i < count; i++)
        if (asked[i] && !read[i])
            return true;
    return false;
}

bool ferry_filemark_missed(const struct ferry_filemark *mark, const struct ferry_filescope *scope)
{
    const int64_t *skipped = mark->skipped;
    if (skipped[FERRY_SKIP_BEFORE_SINCE] > 0 && scope->since < mark->scope.since)
        return true;
    if (skipped[FERRY_SKIP_SWITCHED_OFF] > 0 &&
        asks_for_more(scope->kinds, mark->scope.kinds, FERRY_EVENT_KINDS))
        return true;
    /* Also of rows that were told: whoever was told to look did not look at these. */
    return asks_for_more(scope->attributes, mark->scope.attributes, FERRY_OPTOUT_ATTRIBUTES);
}

static json_t *print_kinds(const struct ferry_filescope *scope)
{
    json_t *kinds = json_array();
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        if (scope->kinds[i])
            json_array_append_new(kinds,
                                  json_string(ferry_event_kind_name((enum ferry_event_kind)i)));
    return kinds;
}

static json_t *print_attributes(const struct ferry_filescope *scope)
{
    json_t *attributes = json_array();
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (scope->attributes[i])
            json_array_append_new(attributes,
                                  json_string(ferry_optout_name((enum ferry_optout_attribute)i)));
    return attributes;
}

static void print_scope(const struct ferry_filescope *scope, json_t *json)
{
    if (scope->optouts) {
        json_object_set_new(json, "attributes", print_attributes(scope));
        return;
    }
    json_object_set_new(json, "since", json_integer(scope->since));
    json_object_set_new(json, "kinds", print_kinds(scope));
}

/* One that does not say it missed nothing. */
static void parse_kinds(const json_t *kinds, struct ferry_filescope *scope)
{
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        scope->kinds[i] = !kinds;
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const char *name = json_string_value(json_array_get(kinds, i));
        enum ferry_event_kind kind;
        if (name && ferry_event_kind_from_name(name, &kind))
            scope->kinds[kind] = true;
    }
}

static void parse_attributes(const json_t *attributes, struct ferry_filescope *scope)
{
    for (size_t i = 0; i < json_array_size(attributes); i++) {
        const char *name = json_string_value(json_array_get(attributes, i));
        enum ferry_optout_attribute attribute;
        if (name && ferry_optout_from_name((struct ferry_slice){name, strlen(name)}, &attribute))
            scope->attributes[attribute] = true;
    }
}

static void parse_scope(const json_t *json, struct ferry_filescope *scope)
{
    const json_t *attributes = json_object_get(json, "attributes");
    scope->optouts = json_is_array(attributes);
    if (scope->optouts) {
        parse_attributes(attributes, scope);
        return;
    }
    scope->since = json_integer_value(json_object_get(json, "since"));
    parse_kinds(json_object_get(json, "kinds"), scope);
}

/* ---- JSON ---- */

enum ferry_status ferry_filemark_print(const struct ferry_filemark *mark, char **ret_text)
{
    struct ferry_filemark view = *mark;
    bool optouts = mark->scope.optouts;
    json_t *json = json_pack("{ss sb}", "file", mark->file, "done", mark->done ? 1 : 0);
    json_t *skipped = json_object();
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (numbers[i].keys[optouts])
            json_object_set_new(json, numbers[i].keys[optouts], json_integer(*number_of(&view, i)));
    for (int i = 0; i < FERRY_SKIPS; i++)
        if (ferry_skip_happens((enum ferry_skip)i, optouts))
            json_object_set_new(skipped, skips[i].name, json_integer(mark->skipped[i]));
    json_object_set_new(json, "skipped", skipped);
    print_scope(&mark->scope, json);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return FERRY_NOMEM;
    *ret_text = text;
    return FERRY_OK;
}

static const char *flaw_of(const json_t *json, struct ferry_filemark *mark)
{
    const json_t *skipped = json_object_get(json, "skipped");
    const char *file = json_string_value(json_object_get(json, "file"));
    if (!file || strlen(file) >= sizeof mark->file)
        return "file";
    snprintf(mark->file, sizeof mark->file, "%s", file);
    mark->done = json_is_true(json_object_get(json, "done"));
    parse_scope(json, &mark->scope);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const char *key = numbers[i].keys[mark->scope.optouts];
        if (!key)
            continue;
        *number_of(mark, i) = json_integer_value(json_object_get(json, key));
        if (*number_of(mark, i) < 0)
            return key;
    }
    for (int i = 0; i < FERRY_SKIPS; i++)
        mark->skipped[i] = json_integer_value(json_object_get(skipped, skips[i].name));
    return NULL;
}

enum ferry_status ferry_filemark_parse(const char *text, struct ferry_filemark *ret_mark,
                                       struct ferry_error *error)
{
    struct ferry_filemark mark = {.size = 0};
    json_t *json = json_loads(text, 0, NULL);
    const char *flaw = json_is_object(json) ? flaw_of(json, &mark) : "it is no JSON object";
    json_decref(json);
    if (flaw)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "The checkpoint of an exported file cannot be read: %s.", flaw);
    *ret_mark = mark;
    return FERRY_OK;
}

bool ferry_filemark_expired(const struct ferry_filemark *mark, int64_t now)
{
    return now - (mark->done ? mark->done_at : mark->began_at) > FERRY_FILEMARK_DAYS * DAY_MS;
}
