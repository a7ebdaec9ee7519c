#include "producers/sources/logrow.h"

#include "core/record/guid.h"

#include <ctype.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

/* All that a row can need, so that slices of it never move: a byte becomes four at most. */
#define TEXT_CEILING (4 * FERRY_CSV_ROW_CEILING + 1024)
#define ID_DIGITS    20

static const struct ferry_header_column columns[][FERRY_COLUMNS] = {
    [FERRY_FILE_DELIVERIES] = {[FERRY_COLUMN_ID] = {"deliveryLogId", NULL, true},
                               [FERRY_COLUMN_CONTACT] = {"externalId", NULL, true},
                               [FERRY_COLUMN_TYPE] = {"status", NULL, true},
                               [FERRY_COLUMN_FAILURE] = {"failureType", "Nature of failure", true},
                               [FERRY_COLUMN_DATE] = {"eventDate", NULL, true},
                               [FERRY_COLUMN_CAMPAIGN] = {"campaignName", NULL, false},
                               [FERRY_COLUMN_DELIVERY] = {"deliveryName", NULL, false},
                               [FERRY_COLUMN_MIRROR_PAGE] = {"mirrorPageUrl", NULL, false}},
    [FERRY_FILE_TRACKING] = {[FERRY_COLUMN_ID] = {"trackingLogId", NULL, true},
                             [FERRY_COLUMN_CONTACT] = {"externalId", NULL, true},
                             [FERRY_COLUMN_TYPE] = {"trackingUrlType", NULL, true},
                             [FERRY_COLUMN_DATE] = {"logDate", NULL, true},
                             [FERRY_COLUMN_CAMPAIGN] = {"campaignName", NULL, false},
                             [FERRY_COLUMN_DELIVERY] = {"deliveryName", NULL, false},
                             [FERRY_COLUMN_MIRROR_PAGE] = {"mirrorPageUrl", NULL, false},
                             [FERRY_COLUMN_URL] = {"url", NULL, false}},
};
/* What comes before the log's id in an event's. */
static const char *const prefixes[] = {"send:", "open:", "click:", "bounce:"};

enum ferry_status ferry_logrow_init(struct ferry_logrow *logrow, const struct ferry_events *events,
                                    enum ferry_file_kind kind, struct ferry_error *error)
{
    *logrow = (struct ferry_logrow){.events = events, .kind = kind, .converter = (iconv_t)-1};
    ferry_buffer_init(&logrow->text, TEXT_CEILING);
    if (ferry_buffer_reserve(&logrow->text, TEXT_CEILING) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_zone_new(events->export.timezone, &logrow->zone, error);
    if (status != FERRY_OK || events->export.encoding == FERRY_ENCODING_UTF8)
        return status;
    const char *encoding = ferry_encoding_name(events->export.encoding);
    logrow->converter = iconv_open("UTF-8", encoding);
    if (logrow->converter != (iconv_t)-1)
        return FERRY_OK;
    ferry_logrow_done(logrow);
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
               "the encoding %s of the export is unknown on this machine", encoding);
    ferry_advise(error, "install the gconv modules of the C library (in Debian: libc6)");
    return FERRY_INVALID;
}

void ferry_logrow_done(struct ferry_logrow *logrow)
{
    ferry_zone_free(logrow->zone);
    logrow->zone = NULL;
    if (logrow->converter != (iconv_t)-1)
        iconv_close(logrow->converter);
    logrow->converter = (iconv_t)-1;
    ferry_buffer_done(&logrow->text);
}

enum ferry_status ferry_logrow_head(struct ferry_logrow *logrow, const char *file,
                                    const struct ferry_slice *titles, size_t count,
                                    struct ferry_error *error)
{
    return ferry_header_read(columns[logrow->kind], FERRY_COLUMNS, file, titles, count,
                             &logrow->events->export, &logrow->header, error);
}

/* ---- text ---- */

static bool reject(struct ferry_logrow *logrow, const char *name, const char *why)
{
    snprintf(logrow->reason, sizeof logrow->reason, "%s %s.", name, why);
    return false;
}

/* Without a branch in it the compiler takes many bytes together. */
static bool is_ascii(struct ferry_slice text)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.length; i++)
        all |= (unsigned char)text.data[i];
    return all < 0x80;
}

static bool convert(struct ferry_logrow *logrow, struct ferry_slice *text)
{
    size_t room = logrow->text.capacity - logrow->text.length;
    union {
        const char *ours;
        char *theirs; /* iconv only reads it */
    } in = {.ours = text->data};
    size_t left = text->length;
    char *begin = logrow->text.data + logrow->text.length;
    char *out = begin;
    iconv(logrow->converter, NULL, NULL, NULL, NULL);
    if (iconv(logrow->converter, &in.theirs, &left, &out, &room) == (size_t)-1)
        return false;
    logrow->text.length += (size_t)(out - begin);
    *text = (struct ferry_slice){begin, (size_t)(out - begin)};
    return true;
}

static struct ferry_slice field(const struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                                enum ferry_column column)
{
    return ferry_header_field(&logrow->header, row, (int)column);
}

static const char *name_of(const struct ferry_logrow *logrow, enum ferry_column column)
{
    return columns[logrow->kind][column].name;
}

/* A text that is carried as it is; none where the field is empty. */
static bool take_text(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                      enum ferry_column column, struct ferry_slice *ret_text)
{
    struct ferry_slice text = field(logrow, row, column);
    bool clean = true;
    if (text.length == 0)
        text.data = NULL;
    else if (!is_ascii(text))
        clean = logrow->converter == (iconv_t)-1 ? g_utf8_validate_len(text.data, text.length, NULL)
                                                 : convert(logrow, &text);
    *ret_text = text;
    return clean || reject(logrow, name_of(logrow, column), "is not in the encoding of the export");
}

/* ---- the kind ---- */

enum decision { DECIDED_KIND, DECIDED_OTHER, DECIDED_NOT };

static enum decision decide_delivery(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                                     enum ferry_event_kind *ret_kind)
{
    int status = ferry_code_status(field(logrow, row, FERRY_COLUMN_TYPE));
    *ret_kind = FERRY_EVENT_SEND;
    if (status == FERRY_STATUS_SENT)
        return DECIDED_KIND;
    if (status == FERRY_CODE_UNKNOWN) {
        reject(logrow, "status", "is none that Ferry knows");
        return DECIDED_NOT;
    }
    if (status != FERRY_STATUS_FAILED)
        return DECIDED_OTHER;
    int failure = ferry_code_failure(field(logrow, row, FERRY_COLUMN_FAILURE));
    *ret_kind = FERRY_EVENT_BOUNCE;
    if (failure == FERRY_FAILURE_HARD)
        return DECIDED_KIND;
    if (failure != FERRY_CODE_UNKNOWN)
        return DECIDED_OTHER;
    reject(logrow, "failureType", "is none that Ferry knows");
    return DECIDED_NOT;
}

static enum decision decide_tracking(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                                     enum ferry_event_kind *ret_kind)
{
    switch (ferry_code_tracked(field(logrow, row, FERRY_COLUMN_TYPE))) {
    case FERRY_TRACKED_OPEN:
        *ret_kind = FERRY_EVENT_OPEN;
        return DECIDED_KIND;
    case FERRY_TRACKED_CLICK:
    case FERRY_TRACKED_CLICK_10:
    case FERRY_TRACKED_CLICK_11:
        *ret_kind = FERRY_EVENT_CLICK;
        return DECIDED_KIND;
    case FERRY_CODE_UNKNOWN:
        reject(logrow, "trackingUrlType", "is none that Ferry knows");
        return DECIDED_NOT;
    default:
        return DECIDED_OTHER;
    }
}

/* ---- the parts of an event ---- */

/* In lower case, into the text of the row. */
static bool take_contact(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                         struct ferry_slice *ret_contact)
{
    struct ferry_slice text = field(logrow, row, FERRY_COLUMN_CONTACT);
    if (!ferry_guid_valid(text.data, text.length))
        return false;
    char *at = logrow->text.data + logrow->text.length;
    ferry_guid_lower(text.data, at);
    logrow->text.length += text.length;
    *ret_contact = (struct ferry_slice){at, text.length};
    return true;
}

/* Digits only: a spreadsheet makes 8.12345E+05 of ids, and many of them the same. */
static bool take_id(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                    enum ferry_event_kind kind, struct ferry_slice *ret_id)
{
    struct ferry_slice text = field(logrow, row, FERRY_COLUMN_ID);
    size_t prefix = strlen(prefixes[kind]);
    size_t sign = text.length > 0 && text.data[0] == '-' ? 1 : 0;
    bool good = text.length > sign && text.length <= ID_DIGITS;
    for (size_t i = sign; good && i < text.length; i++)
        good = isdigit((unsigned char)text.data[i]);
    if (!good)
        return reject(logrow, name_of(logrow, FERRY_COLUMN_ID), "is no number");
    char *at = logrow->text.data + logrow->text.length;
    memcpy(at, prefixes[kind], prefix);
    memcpy(at + prefix, text.data, text.length);
    logrow->text.length += prefix + text.length;
    *ret_id = (struct ferry_slice){at, prefix + text.length};
    return true;
}

static bool take_date(struct ferry_logrow *logrow, const struct ferry_csv_row *row, int64_t *ret_at)
{
    const char *why = NULL;
    return ferry_zone_parse(logrow->zone, field(logrow, row, FERRY_COLUMN_DATE), ret_at, &why) ||
           reject(logrow, name_of(logrow, FERRY_COLUMN_DATE), why);
}

static bool take_texts(struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                       struct ferry_event *event)
{
    event->url = (struct ferry_slice){NULL, 0};
    return take_text(logrow, row, FERRY_COLUMN_CAMPAIGN, &event->campaign) &&
           take_text(logrow, row, FERRY_COLUMN_DELIVERY, &event->delivery) &&
           take_text(logrow, row, FERRY_COLUMN_MIRROR_PAGE, &event->mirror_page) &&
           (event->kind != FERRY_EVENT_CLICK ||
            take_text(logrow, row, FERRY_COLUMN_URL, &event->url));
}

/* ---- the whole ---- */

static enum ferry_row_verdict skip(enum ferry_skip *ret_skip, enum ferry_skip why)
{
    *ret_skip = why;
    return FERRY_ROW_SKIP;
}

enum ferry_row_verdict ferry_logrow_judge(struct ferry_logrow *logrow,
                                          const struct ferry_csv_row *row,
                                          struct ferry_event *ret_event, enum ferry_skip *ret_skip)
{
    struct ferry_event event = {.line = row->line};
    ferry_buffer_clear(&logrow->text);
    if (!ferry_header_fits(&logrow->header, row, logrow->reason))
        return FERRY_ROW_REJECT;
    enum decision decision = logrow->kind == FERRY_FILE_DELIVERIES
                                 ? decide_delivery(logrow, row, &event.kind)
                                 : decide_tracking(logrow, row, &event.kind);
    if (decision == DECIDED_NOT)
        return FERRY_ROW_REJECT;
    if (decision == DECIDED_OTHER)
        return skip(ret_skip, FERRY_SKIP_OTHER_KIND);
    if (!logrow->events->kinds[event.kind])
        return skip(ret_skip, FERRY_SKIP_SWITCHED_OFF);
    if (!take_contact(logrow, row, &event.contact))
        return skip(ret_skip, FERRY_SKIP_WITHOUT_CONTACT);
    if (!take_date(logrow, row, &event.occurred_at))
        return FERRY_ROW_REJECT;
    if (event.occurred_at < logrow->events->since)
        return skip(ret_skip, FERRY_SKIP_BEFORE_SINCE);
    if (!take_id(logrow, row, event.kind, &event.id) || !take_texts(logrow, row, &event))
        return FERRY_ROW_REJECT;
    *ret_event = event;
    return FERRY_ROW_EVENT;
}
