#include "consumers/destinations/dynamics.h"

#include "consumers/utf8.h"
#include "core/base/clock.h"
#include "core/record/guid.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES  ((size_t)64 << 10)       /* beyond any name */
#define SECONDS_SIZE 19                       /* 2026-11-22T07:00:00 */
#define EARLIEST_MS  INT64_C(-6847804800000)  /* 1753-01-01, the first day of Dynamics */
#define LATEST_MS    INT64_C(253402300799000) /* the last second of four digits */
#define HEAD         "\"activityid\":\""
#define END          ")\""

/* What stands before each of an event's own texts; nothing where that is not written. */
enum piece {
    PIECE_TYPED_HEAD, /* up to the id, with the type */
    PIECE_SUBJECT,    /* from the id's end to the subject */
    PIECE_CAMPAIGN,
    PIECE_DELIVERY,
    PIECE_MIRROR_PAGE,
    PIECE_URL,
    PIECE_REGARDING, /* up to the contact's id */
    PIECE_DATE,      /* from the contact's end to the date, or to the end without one */
    PIECES,
};

/* What the event before said of its delivery, and what became of it. */
struct mailing {
    struct ferry_buffer names; /* the campaign's and the delivery's */
    size_t campaign;           /* the length of the former */
    struct ferry_buffer text;  /* empty: none is remembered */
};

/* The activities of one kind. */
struct form {
    struct mailing mailing;
    struct ferry_buffer pieces[PIECES];
    size_t units[PIECES]; /* how long the text behind it may be, in UTF-16 */
    bool dated;
};

struct ferry_activity_forms {
    struct form forms[FERRY_EVENT_KINDS];
};

static struct ferry_slice slice_of(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

/* --- what they have in common --- */

/* ,"name": */
static enum ferry_status make_member(const char *name, struct ferry_buffer *piece)
{
    if (!name)
        return FERRY_OK;
    enum ferry_status status = ferry_buffer_append(piece, ",", 1);
    if (status == FERRY_OK)
        status = ferry_utf8_quote(slice_of(name), piece);
    return status == FERRY_OK ? ferry_buffer_append(piece, ":", 1) : status;
}

static size_t units_of(int64_t length)
{
    return length > 0 ? (size_t)length : SIZE_MAX;
}

static enum ferry_status make_texts(const struct ferry_activity *activity, struct form *form)
{
    const struct {
        enum piece piece;
        struct ferry_activity_column column;
    } rows[] = {
        {PIECE_CAMPAIGN, activity->campaign},
        {PIECE_DELIVERY, activity->delivery},
        {PIECE_MIRROR_PAGE, activity->mirror_page},
        {PIECE_URL, activity->url},
    };
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == FERRY_OK; i++) {
        form->units[rows[i].piece] = units_of(rows[i].column.length);
        status = make_member(rows[i].column.name, &form->pieces[rows[i].piece]);
    }
    return status;
}

static enum ferry_status make_form(const struct ferry_activity *activity, struct form *form)
{
    for (int piece = 0; piece < PIECES; piece++)
        ferry_buffer_init(&form->pieces[piece], PIECE_BYTES);
    ferry_buffer_init(&form->mailing.names, PIECE_BYTES);
    ferry_buffer_init(&form->mailing.text, PIECE_BYTES);
    if (!activity->table)
        return FERRY_OK;
    enum ferry_status status = make_texts(activity, form);
    if (status == FERRY_OK)
        status = ferry_buffer_printf(&form->pieces[PIECE_TYPED_HEAD],
                                     "{\"@odata.type\":\"Microsoft.Dynamics.CRM.%s\"," HEAD,
                                     activity->table);
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(&form->pieces[PIECE_SUBJECT], "\",\"subject\":\"");
    if (status == FERRY_OK)
        status = ferry_buffer_printf(&form->pieces[PIECE_REGARDING],
                                     ",\"%s@odata.bind\":\"/contacts(", activity->regarding);
    if (status == FERRY_OK && activity->date.name)
        status =
            ferry_buffer_printf(&form->pieces[PIECE_DATE], END ",\"%s\":\"", activity->date.name);
    else if (status == FERRY_OK)
        status = ferry_buffer_append_text(&form->pieces[PIECE_DATE], END);
    form->dated = activity->date.name != NULL;
    form->units[PIECE_SUBJECT] = units_of(activity->subject_length);
    return status;
}

enum ferry_status ferry_activity_forms_new(const struct ferry_events *events,
                                           struct ferry_activity_forms **ret_forms,
                                           struct ferry_error *error)
{
    struct ferry_activity_forms *forms = calloc(1, sizeof *forms);
    enum ferry_status status = forms ? FERRY_OK : FERRY_NOMEM;
    for (int kind = 0; kind < FERRY_EVENT_KINDS && status == FERRY_OK; kind++)
        status = make_form(&events->activities[kind], &forms->forms[kind]);
    if (status != FERRY_OK) {
        ferry_activity_forms_free(forms);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "no room for the names of columns");
    }
    *ret_forms = forms;
    return FERRY_OK;
}

static void free_form(struct form *form)
{
    for (int piece = 0; piece < PIECES; piece++)
        ferry_buffer_done(&form->pieces[piece]);
    ferry_buffer_done(&form->mailing.names);
    ferry_buffer_done(&form->mailing.text);
}

void ferry_activity_forms_free(struct ferry_activity_forms *forms)
{
    if (!forms)
        return;
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        free_form(&forms->forms[kind]);
    free(forms);
}

/* --- what is the event's own --- */

static enum ferry_status append_piece(const struct form *form, enum piece piece,
                                      struct ferry_buffer *out)
{
    return ferry_buffer_append(out, form->pieces[piece].data, form->pieces[piece].length);
}

static enum ferry_status write_id(const struct form *form, const char *id, bool typed,
                                  struct ferry_buffer *out)
{
    enum ferry_status status = typed ? append_piece(form, PIECE_TYPED_HEAD, out)
                                     : ferry_buffer_append(out, "{" HEAD, sizeof "{" HEAD - 1);
    return status == FERRY_OK ? ferry_buffer_append(out, id, FERRY_GUID_SIZE - 1) : status;
}

static bool is_nameless(const struct ferry_event *event)
{
    return event->campaign.length == 0 && event->delivery.length == 0;
}

/* A person without campaign and delivery is helped by the id that leads to Campaign's log. */
static enum ferry_status write_subject(const struct form *form, const struct ferry_event *event,
                                       struct ferry_buffer *out)
{
    bool both = event->campaign.length > 0 && event->delivery.length > 0;
    const struct ferry_slice parts[] = {
        event->campaign, {" ", both ? 1 : 0}, is_nameless(event) ? event->id : event->delivery};
    size_t units = form->units[PIECE_SUBJECT];
    enum ferry_status status = append_piece(form, PIECE_SUBJECT, out);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == FERRY_OK; i++) {
        struct ferry_slice cut = ferry_utf8_cut_units(parts[i], units);
        units = cut.length == parts[i].length ? units - ferry_utf8_units(cut) : 0;
        status = ferry_utf8_escape(cut, out);
    }
    return status == FERRY_OK ? ferry_buffer_append(out, "\"", 1) : status;
}

/* Cut where it is too long; nothing when there is no text. */
static enum ferry_status write_text(const struct form *form, enum piece piece,
                                    struct ferry_slice text, struct ferry_buffer *out)
{
    if (form->pieces[piece].length == 0 || text.length == 0)
        return FERRY_OK;
    enum ferry_status status = append_piece(form, piece, out);
    return status == FERRY_OK
               ? ferry_utf8_quote(ferry_utf8_cut_units(text, form->units[piece]), out)
               : status;
}

static bool is_same(const struct mailing *mailing, const struct ferry_event *event)
{
    size_t campaign = event->campaign.length;
    size_t delivery = event->delivery.length;
    const char *names = mailing->names.data;
    return mailing->text.length > 0 && mailing->campaign == campaign &&
           mailing->names.length == campaign + delivery &&
           (campaign == 0 || memcmp(names, event->campaign.data, campaign) == 0) &&
           (delivery == 0 || memcmp(names + campaign, event->delivery.data, delivery) == 0);
}

static void remember(struct mailing *mailing, const struct ferry_event *event, const char *text,
                     size_t length)
{
    ferry_buffer_clear(&mailing->names);
    ferry_buffer_clear(&mailing->text);
    mailing->campaign = event->campaign.length;
    enum ferry_status status =
        ferry_buffer_append(&mailing->names, event->campaign.data, event->campaign.length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&mailing->names, event->delivery.data, event->delivery.length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(&mailing->text, text, length);
    if (status != FERRY_OK)
        ferry_buffer_clear(&mailing->text); /* it is written anew each time */
}

/* Thousands of events in a row are of one delivery. */
static enum ferry_status write_mailing(struct form *form, const struct ferry_event *event,
                                       struct ferry_buffer *out)
{
    size_t start = out->length;
    if (is_same(&form->mailing, event))
        return ferry_buffer_append(out, form->mailing.text.data, form->mailing.text.length);
    enum ferry_status status = write_subject(form, event, out);
    if (status == FERRY_OK)
        status = write_text(form, PIECE_CAMPAIGN, event->campaign, out);
    if (status == FERRY_OK)
        status = write_text(form, PIECE_DELIVERY, event->delivery, out);
    if (status == FERRY_OK && !is_nameless(event))
        remember(&form->mailing, event, out->data + start, out->length - start);
    return status;
}

static enum ferry_status write_regarding(const struct form *form, const struct ferry_event *event,
                                         struct ferry_buffer *out, struct ferry_error *error)
{
    if (!ferry_guid_valid(event->contact.data, event->contact.length))
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the event's contact is no GUID");
    enum ferry_status status = append_piece(form, PIECE_REGARDING, out);
    return status == FERRY_OK ? ferry_buffer_append(out, event->contact.data, event->contact.length)
                              : status;
}

/* And the end. */
static enum ferry_status write_date(const struct form *form, const struct ferry_event *event,
                                    struct ferry_buffer *out, struct ferry_error *error)
{
    char text[FERRY_TIME_SIZE];
    enum ferry_status status = append_piece(form, PIECE_DATE, out);
    if (status != FERRY_OK || !form->dated)
        return status == FERRY_OK ? ferry_buffer_append(out, "}", 1) : status;
    if (event->occurred_at < EARLIEST_MS || event->occurred_at > LATEST_MS)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the event's date is none that Dynamics 365 can hold");
    ferry_time_format(event->occurred_at, text); /* whole seconds are all that is kept */
    status = ferry_buffer_append(out, text, SECONDS_SIZE);
    return status == FERRY_OK ? ferry_buffer_append(out, "Z\"}", 3) : status;
}

/* --- the whole --- */

static enum ferry_status write_object(struct form *form, const struct ferry_event *event,
                                      const char *id, bool typed, struct ferry_buffer *out,
                                      struct ferry_error *error)
{
    enum ferry_status status = write_id(form, id, typed, out);
    if (status == FERRY_OK)
        status = write_mailing(form, event, out);
    if (status == FERRY_OK)
        status = write_text(form, PIECE_MIRROR_PAGE, event->mirror_page, out);
    if (status == FERRY_OK)
        status = write_text(form, PIECE_URL, event->url, out);
    if (status == FERRY_OK)
        status = write_regarding(form, event, out, error);
    return status == FERRY_OK ? write_date(form, event, out, error) : status;
}

enum ferry_status ferry_activity_write(struct ferry_activity_forms *forms,
                                       const struct ferry_event *event, const char *id, bool typed,
                                       struct ferry_buffer *out, struct ferry_error *error)
{
    ferry_error_clear(error);
    enum ferry_status status =
        write_object(&forms->forms[event->kind], event, id, typed, out, error);
    if (status == FERRY_BAD_RECORD && error->status == FERRY_OK)
        ferry_fail(error, status, FERRY_CLASS_MAPPING, "a text of the event is no valid UTF-8");
    else if (status != FERRY_OK && error->status == FERRY_OK)
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for the activity: %s",
                   ferry_status_name(status));
    return status;
}
