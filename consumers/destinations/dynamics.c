#include "consumers/destinations/dynamics.h"

#include "consumers/utf8.h"
#include "core/base/clock.h"
#include "core/record/guid.h"

#include <string.h>

#define NAME_BYTES   ((size_t)16 << 20)       /* beyond any message */
#define SECONDS_SIZE 19                       /* 2026-11-22T07:00:00 */
#define EARLIEST_MS  INT64_C(-6847804800000)  /* 1753-01-01, the first day of Dynamics */
#define LATEST_MS    INT64_C(253402300799000) /* the last second of four digits */

/* 8f9f4f4e-3f0d-5b0c-9a51-6f0f3a0c8a57, of ADR 4 */
static const unsigned char namespace[FERRY_GUID_BYTES] = {
    0x8f, 0x9f, 0x4f, 0x4e, 0x3f, 0x0d, 0x5b, 0x0c, 0x9a, 0x51, 0x6f, 0x0f, 0x3a, 0x0c, 0x8a, 0x57};

static struct ferry_slice slice_of(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

/* ,"name":"text", cut at so many UTF-16 code units; nothing when there is no text. */
static enum ferry_status write_text(const char *name, struct ferry_slice text, int64_t units,
                                    struct ferry_buffer *out)
{
    if (!name || text.length == 0)
        return FERRY_OK;
    struct ferry_slice cut = units > 0 ? ferry_utf8_cut_units(text, (size_t)units) : text;
    enum ferry_status status = ferry_buffer_append(out, ",", 1);
    if (status == FERRY_OK)
        status = ferry_utf8_quote(slice_of(name), out);
    if (status == FERRY_OK)
        status = ferry_buffer_append(out, ":", 1);
    return status == FERRY_OK ? ferry_utf8_quote(cut, out) : status;
}

/* --- what every activity has --- */

static enum ferry_status write_id(const struct ferry_events *events,
                                  const struct ferry_event *event, struct ferry_buffer *out)
{
    struct ferry_buffer name;
    char guid[FERRY_GUID_SIZE];
    size_t length = strlen(events->source);
    ferry_buffer_init(&name, NAME_BYTES);
    enum ferry_status status = ferry_buffer_reserve(&name, length + 1 + event->id.length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&name, events->source, length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&name, "/", 1);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&name, event->id.data, event->id.length);
    if (status == FERRY_OK) {
        ferry_guid_of_name(namespace, name.data, name.length, guid);
        status = ferry_buffer_append_text(out, "\"activityid\":\"");
    }
    if (status == FERRY_OK)
        status = ferry_buffer_append(out, guid, sizeof guid - 1);
    ferry_buffer_done(&name);
    return status == FERRY_OK ? ferry_buffer_append(out, "\"", 1) : status;
}

/* A person without campaign and delivery is helped by the id that leads to Campaign's log. */
static enum ferry_status write_subject(const struct ferry_activity *activity,
                                       const struct ferry_event *event, struct ferry_buffer *out)
{
    struct ferry_buffer subject;
    struct ferry_slice first = event->campaign.length > 0 ? event->campaign : event->delivery;
    bool both = event->campaign.length > 0 && event->delivery.length > 0;
    if (first.length == 0)
        return write_text("subject", event->id, activity->subject_length, out);
    ferry_buffer_init(&subject, NAME_BYTES);
    enum ferry_status status =
        ferry_buffer_reserve(&subject, first.length + 1 + event->delivery.length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&subject, first.data, first.length);
    if (status == FERRY_OK && both)
        status = ferry_buffer_append(&subject, " ", 1);
    if (status == FERRY_OK && both)
        status = ferry_buffer_append(&subject, event->delivery.data, event->delivery.length);
    if (status == FERRY_OK)
        status = write_text("subject", (struct ferry_slice){subject.data, subject.length},
                            activity->subject_length, out);
    ferry_buffer_done(&subject);
    return status;
}

static enum ferry_status write_regarding(const struct ferry_activity *activity,
                                         const struct ferry_event *event, struct ferry_buffer *out,
                                         struct ferry_error *error)
{
    if (!ferry_guid_valid(event->contact.data, event->contact.length))
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the event's contact is no GUID");
    enum ferry_status status = ferry_buffer_append_text(out, ",\"");
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(out, activity->regarding);
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(out, "@odata.bind\":\"/contacts(");
    if (status == FERRY_OK)
        status = ferry_buffer_append(out, event->contact.data, event->contact.length);
    return status == FERRY_OK ? ferry_buffer_append_text(out, ")\"") : status;
}

static enum ferry_status write_date(const struct ferry_activity *activity,
                                    const struct ferry_event *event, struct ferry_buffer *out,
                                    struct ferry_error *error)
{
    char text[FERRY_TIME_SIZE];
    if (!activity->date.name)
        return FERRY_OK;
    if (event->occurred_at < EARLIEST_MS || event->occurred_at > LATEST_MS)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the event's date is none that Dynamics 365 can hold");
    ferry_time_format(event->occurred_at, text); /* whole seconds are all that is kept */
    return ferry_buffer_printf(out, ",\"%s\":\"%.*sZ\"", activity->date.name, SECONDS_SIZE, text);
}

/* --- the whole --- */

static enum ferry_status write_texts(const struct ferry_activity *activity,
                                     const struct ferry_event *event, struct ferry_buffer *out)
{
    const struct {
        const struct ferry_activity_column *column;
        struct ferry_slice text;
    } rows[] = {
        {&activity->campaign, event->campaign},
        {&activity->delivery, event->delivery},
        {&activity->mirror_page, event->mirror_page},
        {&activity->url, event->url},
    };
    enum ferry_status status = write_subject(activity, event, out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == FERRY_OK; i++)
        status = write_text(rows[i].column->name, rows[i].text, rows[i].column->length, out);
    return status;
}

static enum ferry_status write_object(const struct ferry_events *events,
                                      const struct ferry_event *event, bool typed,
                                      struct ferry_buffer *out, struct ferry_error *error)
{
    const struct ferry_activity *activity = &events->activities[event->kind];
    enum ferry_status status = ferry_buffer_append(out, "{", 1);
    if (status == FERRY_OK && typed)
        status = ferry_buffer_printf(out, "\"@odata.type\":\"Microsoft.Dynamics.CRM.%s\",",
                                     activity->table);
    if (status == FERRY_OK)
        status = write_id(events, event, out);
    if (status == FERRY_OK)
        status = write_texts(activity, event, out);
    if (status == FERRY_OK)
        status = write_regarding(activity, event, out, error);
    if (status == FERRY_OK)
        status = write_date(activity, event, out, error);
    return status == FERRY_OK ? ferry_buffer_append(out, "}", 1) : status;
}

enum ferry_status ferry_activity_write(const struct ferry_events *events,
                                       const struct ferry_event *event, bool typed,
                                       struct ferry_buffer *out, struct ferry_error *error)
{
    ferry_error_clear(error);
    enum ferry_status status = write_object(events, event, typed, out, error);
    if (status == FERRY_BAD_RECORD && error->status == FERRY_OK)
        ferry_fail(error, status, FERRY_CLASS_MAPPING, "a text of the event is no valid UTF-8");
    else if (status != FERRY_OK && error->status == FERRY_OK)
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for the activity: %s",
                   ferry_status_name(status));
    return status;
}
