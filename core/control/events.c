#include "core/control/events.h"

#include <stdlib.h>
#include <string.h>

static enum ferry_status refuse(struct ferry_error *error, const char *path)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                      "the run order's events have no usable \"%s\"", path);
}

static const char *unusable_in_export(const json_t *json, struct ferry_export *export)
{
    const char *unusable = ferry_export_read(json, export);
    for (int i = FERRY_FILE_DELIVERIES; !unusable && i <= FERRY_FILE_TRACKING; i++)
        if (!export->files[i])
            unusable = ferry_file_kind_member((enum ferry_file_kind)i);
    return unusable;
}

/* ---- activities ---- */

struct text_row {
    const char *key;
    const char **field;
};

static const char *missing_text(const json_t *object, const struct text_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *rows[i].field = json_string_value(json_object_get(object, rows[i].key));
        if (!*rows[i].field)
            return rows[i].key;
    }
    return NULL;
}

static void read_column(const json_t *columns, const char *key,
                        struct ferry_activity_column *column)
{
    const json_t *json = json_object_get(columns, key);
    column->name = json_string_value(json_object_get(json, "name"));
    column->length = json_integer_value(json_object_get(json, "length"));
}

static const char *unusable_in_activity(const json_t *json, struct ferry_activity *activity)
{
    const struct text_row rows[] = {
        {"table", &activity->table},
        {"entitySet", &activity->entity_set},
        {"regarding", &activity->regarding},
    };
    const json_t *columns = json_object_get(json, "columns");
    activity->create_multiple = json_is_true(json_object_get(json, "createMultiple"));
    activity->subject_length = json_integer_value(json_object_get(json, "subjectLength"));
    read_column(columns, "campaign", &activity->campaign);
    read_column(columns, "delivery", &activity->delivery);
    read_column(columns, "date", &activity->date);
    read_column(columns, "mirrorPage", &activity->mirror_page);
    read_column(columns, "url", &activity->url);
    return missing_text(json, rows, sizeof rows / sizeof rows[0]);
}

/* Each kind that is switched on, with its activity. */
static const char *unusable_in_kinds(struct ferry_events *events)
{
    const json_t *kinds = json_object_get(events->json, "kinds");
    const json_t *activities = json_object_get(events->json, "activities");
    if (!json_is_array(kinds))
        return "kinds";
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const char *name = json_string_value(json_array_get(kinds, i));
        enum ferry_event_kind kind;
        if (!ferry_event_kind_from_name(name, &kind))
            return "kinds";
        if (unusable_in_activity(json_object_get(activities, name), &events->activities[kind]))
            return "activities";
        events->kinds[kind] = true;
    }
    return NULL;
}

static const char *unusable(struct ferry_events *events)
{
    const json_t *since = json_object_get(events->json, "since");
    const char *path = NULL;
    events->source = json_string_value(json_object_get(events->json, "source"));
    events->since = json_integer_value(since);
    if (!events->source)
        path = "source";
    else if (!json_is_integer(since))
        path = "since";
    if (!path)
        path = unusable_in_export(json_object_get(events->json, "export"), &events->export);
    return path ? path : unusable_in_kinds(events);
}

enum ferry_status ferry_events_new(json_t *json, struct ferry_events **ret_events,
                                   struct ferry_error *error)
{
    struct ferry_events *events = calloc(1, sizeof *events);
    if (!events)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    events->json = json_incref(json);
    const char *path = unusable(events);
    if (path) {
        ferry_events_free(events);
        return refuse(error, path);
    }
    *ret_events = events;
    return FERRY_OK;
}

void ferry_events_free(struct ferry_events *events)
{
    if (!events)
        return;
    json_decref(events->json);
    free(events);
}
