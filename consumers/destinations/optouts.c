#include "consumers/destinations/optouts.h"

#include "core/record/moment.h"

#include <stdio.h>
#include <string.h>

#define DYNAMICS_TIME "modifiedon"
#define SECOND_MS     INT64_C(1000)

enum ferry_status ferry_optouts_path(const struct ferry_consent *consent, const char *contact,
                                     struct ferry_buffer *out)
{
    enum ferry_status status =
        ferry_buffer_printf(out, "%s(%s)?$select=", consent->entity_set, contact);
    for (int i = 0; status == FERRY_OK && i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (consent->attributes[i].column)
            status = ferry_buffer_printf(out, "%s,", consent->attributes[i].column);
    return status == FERRY_OK ? ferry_buffer_append_text(out, DYNAMICS_TIME) : status;
}

static const char *name_of(const struct ferry_consent *consent, enum ferry_side side, int which)
{
    const struct ferry_consent_attribute *attribute = &consent->attributes[which];
    return side == FERRY_SIDE_DYNAMICS ? attribute->column : attribute->field;
}

enum ferry_status ferry_optouts_write(const struct ferry_consent *consent, enum ferry_side side,
                                      const struct ferry_optouts *values, struct ferry_buffer *out)
{
    const char *comma = "{";
    enum ferry_status status = FERRY_OK;
    for (int i = 0; status == FERRY_OK && i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        if (!values->known[i])
            continue;
        status = ferry_buffer_printf(out, "%s\"%s\":%s", comma, name_of(consent, side, i),
                                     values->out[i] ? "true" : "false");
        comma = ",";
    }
    return status == FERRY_OK ? ferry_buffer_append(out, "}", 1) : status;
}

/* --- reading --- */

static int64_t time_of(const json_t *row, const char *name)
{
    const char *text = name ? json_string_value(json_object_get(row, name)) : NULL;
    struct ferry_moment moment;
    const char *reason;
    if (!text || !*text ||
        !ferry_moment_parse((struct ferry_slice){text, strlen(text)}, &moment, &reason))
        return 0;
    return moment.seconds * SECOND_MS + moment.milliseconds;
}

static enum ferry_status misfit(enum ferry_side side, const char *name, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "%s answers without a boolean '%s'",
               side == FERRY_SIDE_DYNAMICS ? "Dynamics 365" : "Adobe Campaign", name);
    ferry_advise(error, "mend it there, or the configuration of Opt-In/Out (stop, edit, start); "
                        "the changes stay queued");
    return FERRY_INVALID;
}

/* In Dynamics a flag that nobody ever set may be null: nobody opted out. */
static bool read_flag(const json_t *value, enum ferry_side side, bool *ret_flag)
{
    *ret_flag = json_is_true(value);
    return json_is_boolean(value) || (side == FERRY_SIDE_DYNAMICS && json_is_null(value));
}

static enum ferry_status read_row(const struct ferry_consent *consent, enum ferry_side side,
                                  const json_t *row, struct ferry_view *view,
                                  struct ferry_error *error)
{
    const char *etag = json_string_value(json_object_get(row, "@odata.etag"));
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *name = name_of(consent, side, i);
        if (!name)
            continue;
        if (!read_flag(json_object_get(row, name), side, &view->value[i]))
            return misfit(side, name, error);
        view->time[i] =
            time_of(row, side == FERRY_SIDE_DYNAMICS ? DYNAMICS_TIME : consent->attributes[i].time);
    }
    if (side == FERRY_SIDE_DYNAMICS && (!etag || strlen(etag) >= sizeof view->etag))
        return misfit(side, "@odata.etag", error);
    snprintf(view->etag, sizeof view->etag, "%s", etag ? etag : "");
    return FERRY_OK;
}

enum ferry_status ferry_optouts_read(const struct ferry_consent *consent, enum ferry_side side,
                                     const char *body, size_t length, struct ferry_view *ret_view,
                                     struct ferry_error *error)
{
    struct ferry_view view = {.there = true};
    json_t *json = json_loadb(body, length, 0, NULL);
    /* A profile comes bare, or as the only one of a list. */
    const json_t *list = json_object_get(json, "content");
    const json_t *row = json_is_array(list) ? json_array_get(list, 0) : json;
    enum ferry_status status = read_row(consent, side, row, &view, error);
    json_decref(json);
    if (status == FERRY_OK)
        *ret_view = view;
    return status;
}
