#include "core/control/events.h"

#include <stdlib.h>
#include <string.h>

static const char *const encoding_names[] = {"UTF-8", "ISO-8859-1", "windows-1252"};
#define ENCODINGS (sizeof encoding_names / sizeof encoding_names[0])

static enum ferry_status refuse(struct ferry_error *error, const char *path)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                      "the run order's events have no usable \"%s\"", path);
}

const char *ferry_encoding_name(enum ferry_encoding encoding)
{
    return (size_t)encoding < ENCODINGS ? encoding_names[encoding] : "?";
}

/* ---- export ---- */

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

/* A member of at most one byte, and of at least `least`. */
static bool read_byte(const json_t *object, const char *key, size_t least, char *ret_byte)
{
    const json_t *value = json_object_get(object, key);
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length < least || length > 1)
        return false;
    *ret_byte = json_string_value(value)[0];
    return true;
}

static bool read_encoding(const char *name, enum ferry_encoding *ret_encoding)
{
    for (size_t i = 0; name && i < ENCODINGS; i++) {
        if (strcmp(name, encoding_names[i]) != 0)
            continue;
        *ret_encoding = (enum ferry_encoding)i;
        return true;
    }
    return false;
}

static bool read_finished(const char *text, bool *ret_move)
{
    *ret_move = text && strcmp(text, "move") == 0;
    return *ret_move || (text && strcmp(text, "leave") == 0);
}

static bool only_texts(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value)
        if (!json_is_string(value))
            return false;
    return json_is_object(object);
}

static const char *unusable_in_export(const json_t *json, struct ferry_export *export)
{
    const char *encoding = NULL;
    const char *finished = NULL;
    const struct text_row rows[] = {
        {"folder", &export->folder},
        {"deliveryLogs", &export->delivery_logs},
        {"trackingLogs", &export->tracking_logs},
        {"processed", &export->processed},
        {"timezone", &export->timezone},
        {"encoding", &encoding},
        {"finished", &finished},
    };
    const char *missing = missing_text(json, rows, sizeof rows / sizeof rows[0]);
    if (missing)
        return missing;
    export->columns = json_object_get(json, "columns");
    if (!read_byte(json, "delimiter", 1, &export->delimiter))
        return "delimiter";
    if (!read_byte(json, "quote", 0, &export->quote) || export->quote == export->delimiter)
        return "quote";
    if (!read_encoding(encoding, &export->encoding))
        return "encoding";
    if (!read_finished(finished, &export->move))
        return "finished";
    return only_texts(export->columns) ? NULL : "columns";
}

/* ---- activities ---- */

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
