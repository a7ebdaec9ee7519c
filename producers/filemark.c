#include "producers/filemark.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* A new member is added at the end; 0 or absent means what it meant before. */
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"size", offsetof(struct ferry_filemark, size)},
    {"position", offsetof(struct ferry_filemark, position)},
    {"line", offsetof(struct ferry_filemark, line)},
    {"events", offsetof(struct ferry_filemark, events)},
    {"rejected", offsetof(struct ferry_filemark, rejected)},
    {"beganAt", offsetof(struct ferry_filemark, began_at)},
    {"doneAt", offsetof(struct ferry_filemark, done_at)},
    {"modifiedAt", offsetof(struct ferry_filemark, modified_at)},
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static int64_t *number_of(struct ferry_filemark *mark, size_t i)
{
    return (int64_t *)(void *)((char *)mark + numbers[i].offset);
}

/* ---- what it was read for ---- */

void ferry_filemark_begin(struct ferry_filemark *mark, const struct ferry_events *events)
{
    *mark = (struct ferry_filemark){.line = 1, .since = events->since};
    memcpy(mark->kinds, events->kinds, sizeof mark->kinds);
}

void ferry_filemark_narrow(struct ferry_filemark *mark, const struct ferry_events *events)
{
    if (events->since > mark->since)
        mark->since = events->since;
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        mark->kinds[i] = mark->kinds[i] && events->kinds[i];
}

bool ferry_filemark_missed(const struct ferry_filemark *mark, const struct ferry_events *events)
{
    if (mark->skipped[FERRY_SKIP_BEFORE_SINCE] > 0 && events->since < mark->since)
        return true;
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        if (mark->skipped[FERRY_SKIP_SWITCHED_OFF] > 0 && events->kinds[i] && !mark->kinds[i])
            return true;
    return false;
}

static json_t *print_kinds(const struct ferry_filemark *mark)
{
    json_t *kinds = json_array();
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        if (mark->kinds[i])
            json_array_append_new(kinds,
                                  json_string(ferry_event_kind_name((enum ferry_event_kind)i)));
    return kinds;
}

/* One that does not say it missed nothing. */
static void parse_kinds(const json_t *kinds, struct ferry_filemark *mark)
{
    for (int i = 0; i < FERRY_EVENT_KINDS; i++)
        mark->kinds[i] = !kinds;
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const char *name = json_string_value(json_array_get(kinds, i));
        enum ferry_event_kind kind;
        if (name && ferry_event_kind_from_name(name, &kind))
            mark->kinds[kind] = true;
    }
}

/* ---- JSON ---- */

enum ferry_status ferry_filemark_print(const struct ferry_filemark *mark, char **ret_text)
{
    struct ferry_filemark view = *mark;
    json_t *json = json_pack("{ss sb}", "file", mark->file, "done", mark->done ? 1 : 0);
    json_t *skipped = json_object();
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        json_object_set_new(json, numbers[i].key, json_integer(*number_of(&view, i)));
    for (int i = 0; i < FERRY_SKIPS; i++)
        json_object_set_new(skipped, ferry_skip_name((enum ferry_skip)i),
                            json_integer(mark->skipped[i]));
    json_object_set_new(json, "skipped", skipped);
    json_object_set_new(json, "since", json_integer(mark->since));
    json_object_set_new(json, "kinds", print_kinds(mark));
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
    mark->since = json_integer_value(json_object_get(json, "since"));
    parse_kinds(json_object_get(json, "kinds"), mark);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        *number_of(mark, i) = json_integer_value(json_object_get(json, numbers[i].key));
        if (*number_of(mark, i) < 0)
            return numbers[i].key;
    }
    for (int i = 0; i < FERRY_SKIPS; i++)
        mark->skipped[i] =
            json_integer_value(json_object_get(skipped, ferry_skip_name((enum ferry_skip)i)));
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
