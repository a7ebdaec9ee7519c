#include "campaign/export.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

/* One file being written, and the row at hand. */
struct job {
    struct sandbox_logs *logs;
    const struct sandbox_extract *extract;
    struct sandbox_csv csv;
    const struct sandbox_delivery_log *log;
    const struct sandbox_tracking_log *track; /* NULL in delivery logs */
    size_t log_at, track_at;
    struct sandbox_tail tail;
    size_t events, without_contact, other_kind;
    json_t *bad;
};

struct value {
    unsigned code;
    const char *name, *label;
};

static const struct value statuses[] = {{SANDBOX_LOG_SENT, "sent", "Sent"},
                                        {SANDBOX_LOG_FAILED, "failed", "Failed"},
                                        {SANDBOX_LOG_PENDING, "pending", "Pending"}};
static const struct value failures[] = {{SANDBOX_FAILURE_NONE, "notDefined", "Not defined"},
                                        {SANDBOX_FAILURE_SOFT, "soft", "Soft"},
                                        {SANDBOX_FAILURE_HARD, "hard", "Hard"}};
static const struct value reasons[] = {{0, "notDefined", "Not defined"},
                                       {1, "userUnknown", "User unknown"},
                                       {5, "mailboxFull", "Mailbox full"}};
static const struct value types[] = {{SANDBOX_TRACK_CLICK, "click", "Email click"},
                                     {SANDBOX_TRACK_OPEN, "open", "Open"},
                                     {SANDBOX_TRACK_OPT_OUT, "optout", "Opt-out"},
                                     {SANDBOX_TRACK_MIRROR, "mirrorPage", "Mirror page"},
                                     {SANDBOX_TRACK_CLICK_TOO, "click", "Email click"},
                                     {SANDBOX_TRACK_CLICK_AS_WELL, "click", "Email click"}};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void put_value(struct job *job, const struct value *values, size_t count, unsigned code)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i].code != code)
            continue;
        if (job->extract->values == SANDBOX_AS_NAMES)
            sandbox_csv_text(&job->csv, values[i].name);
        else if (job->extract->values == SANDBOX_AS_LABELS)
            sandbox_csv_text(&job->csv, values[i].label);
        else
            sandbox_csv_number(&job->csv, code);
    }
}

static void put_two(char *to, int number)
{
    to[0] = (char)('0' + number / 10 % 10);
    to[1] = (char)('0' + number % 10);
}

/* "2026-11-21T05:58:31.667Z"; by hand, for most of a file is times. */
static void write_time(int64_t ms, char between, char text[static 25])
{
    time_t seconds = (time_t)(ms / 1000);
    int millis = (int)(ms % 1000);
    struct tm at;

    gmtime_r(&seconds, &at);
    memcpy(text, "0000-00-00 00:00:00.000Z", 25);
    put_two(text, (at.tm_year + 1900) / 100);
    put_two(text + 2, at.tm_year + 1900);
    put_two(text + 5, at.tm_mon + 1);
    put_two(text + 8, at.tm_mday);
    text[10] = between;
    put_two(text + 11, at.tm_hour);
    put_two(text + 14, at.tm_min);
    put_two(text + 17, at.tm_sec);
    text[20] = (char)('0' + millis / 100);
    put_two(text + 21, millis);
}

static void put_time(struct job *job, int64_t ms)
{
    char text[25];

    write_time(ms, job->extract->dates == SANDBOX_DATES_XML ? 'T' : ' ', text);
    if (job->extract->dates == SANDBOX_DATES_PLAIN)
        text[19] = '\0';
    sandbox_csv_text(&job->csv, text);
}

static const struct sandbox_delivery *delivery_of(const struct job *job)
{
    return &job->logs->deliveries[job->log->delivery];
}

static void put_log_id(struct job *job)
{
    sandbox_csv_number(&job->csv, job->log_at + SANDBOX_FIRST_DELIVERY_LOG);
}

static void put_track_id(struct job *job)
{
    sandbox_csv_number(&job->csv, job->track_at + SANDBOX_FIRST_TRACKING_LOG);
}

static void put_external_id(struct job *job)
{
    char text[SANDBOX_GUID_SIZE] = "";

    if (job->log->recipient == SANDBOX_RECIPIENT_CONTACT)
        sandbox_guid_format(job->log->contact, text);
    else if (job->log->recipient == SANDBOX_RECIPIENT_OTHER)
        snprintf(text, sizeof text, "CRM-%zu", job->log_at);
    sandbox_csv_text(&job->csv, text);
}

static void put_email(struct job *job)
{
    char text[SANDBOX_GUID_SIZE + 16];

    sandbox_guid_format(job->log->contact, text);
    memcpy(text + 8, "@example.com", 13);
    sandbox_csv_text(&job->csv, text);
}

static void put_status(struct job *job)
{
    put_value(job, statuses, COUNT(statuses), job->log->status);
}

static void put_failure(struct job *job)
{
    put_value(job, failures, COUNT(failures), job->log->failure);
}

static void put_reason(struct job *job)
{
    put_value(job, reasons, COUNT(reasons), job->log->reason);
}

static void put_event_date(struct job *job)
{
    put_time(job, job->log->event_ms);
}

static void put_modified(struct job *job)
{
    put_time(job, job->log->modified_ms);
}

static void put_delivery(struct job *job)
{
    sandbox_csv_text(&job->csv, delivery_of(job)->name);
}

static void put_delivery_label(struct job *job)
{
    sandbox_csv_text(&job->csv, delivery_of(job)->label);
}

static void put_campaign(struct job *job)
{
    sandbox_csv_text(&job->csv, delivery_of(job)->campaign);
}

static void put_campaign_label(struct job *job)
{
    sandbox_csv_text(&job->csv, delivery_of(job)->campaign_label);
}

static void put_mirror(struct job *job)
{
    char text[120];

    sandbox_logs_mirror(job->log_at, text, sizeof text);
    sandbox_csv_text(&job->csv, text);
}

static void put_type(struct job *job)
{
    put_value(job, types, COUNT(types), job->track->type);
}

static void put_log_date(struct job *job)
{
    put_time(job, job->track->at_ms);
}

static bool is_click(const struct sandbox_tracking_log *track)
{
    return track->type == SANDBOX_TRACK_CLICK || track->type == SANDBOX_TRACK_CLICK_TOO ||
           track->type == SANDBOX_TRACK_CLICK_AS_WELL;
}

static void put_url(struct job *job)
{
    const char *label;
    const char *url = sandbox_logs_url(job->track->url, &label);

    sandbox_csv_text(&job->csv, is_click(job->track) ? url : "");
}

static void put_url_label(struct job *job)
{
    const char *label;

    sandbox_logs_url(job->track->url, &label);
    sandbox_csv_text(&job->csv, is_click(job->track) ? label : "");
}

struct column {
    const char *name;
    void (*put)(struct job *job);
    bool spoils; /* a word that stands here instead makes no sense */
};

static const struct column delivery_columns[] = {
    {"deliveryLogId", put_log_id, true},   {"externalId", put_external_id, false},
    {"email", put_email, false},           {"status", put_status, true},
    {"failureType", put_failure, false},   {"failureReason", put_reason, false},
    {"eventDate", put_event_date, true},   {"lastModified", put_modified, false},
    {"deliveryName", put_delivery, false}, {"deliveryLabel", put_delivery_label, false},
    {"campaignName", put_campaign, false}, {"campaignLabel", put_campaign_label, false},
    {"mirrorPageUrl", put_mirror, false}};
static const struct column tracking_columns[] = {
    {"trackingLogId", put_track_id, true},  {"deliveryLogId", put_log_id, false},
    {"externalId", put_external_id, false}, {"trackingUrlType", put_type, true},
    {"logDate", put_log_date, true},        {"url", put_url, false},
    {"urlLabel", put_url_label, false},     {"deliveryName", put_delivery, false},
    {"campaignName", put_campaign, false},  {"mirrorPageUrl", put_mirror, false}};

static const struct column *columns_of(const struct sandbox_extract *extract, size_t *ret_count)
{
    *ret_count = extract->tracking ? COUNT(tracking_columns) : COUNT(delivery_columns);
    return extract->tracking ? tracking_columns : delivery_columns;
}

static bool holds(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

static void write_header(struct job *job)
{
    const struct sandbox_extract *extract = job->extract;
    size_t count;
    const struct column *columns = columns_of(extract, &count);

    for (size_t i = 0; i < count; i++) {
        const char *other = json_string_value(json_object_get(extract->columns, columns[i].name));
        if (!holds(extract->without, columns[i].name))
            sandbox_csv_text(&job->csv, other ? other : columns[i].name);
    }
    for (size_t i = 0; i < json_array_size(extract->extra); i++)
        sandbox_csv_text(&job->csv, json_string_value(json_array_get(extract->extra, i)));
    sandbox_csv_end_row(&job->csv);
}

/* `spoilt`: which of the columns that cannot be guessed holds a word; -1: none. */
static size_t write_fields(struct job *job, int spoilt)
{
    const struct sandbox_extract *extract = job->extract;
    size_t count;
    const struct column *columns = columns_of(extract, &count);

    for (size_t i = 0; i < count; i++) {
        bool bad = columns[i].spoils && spoilt-- == 0;
        if (json_array_size(extract->without) && holds(extract->without, columns[i].name))
            continue;
        if (bad)
            sandbox_csv_text(&job->csv, "banana");
        else
            columns[i].put(job);
    }
    for (size_t i = 0; i < json_array_size(extract->extra); i++)
        sandbox_csv_text(&job->csv, "0");
    return sandbox_csv_end_row(&job->csv);
}

static void point_at(struct job *job, size_t at)
{
    struct sandbox_logs *logs = job->logs;

    job->track_at = at;
    job->track = job->extract->tracking ? &logs->tracks[at] : NULL;
    job->log_at = job->track ? job->track->log : at;
    job->log = &logs->logs[job->log_at];
}

/* What the row at hand means, 0 if nothing. */
static enum sandbox_told meaning(const struct job *job)
{
    if (job->track)
        return job->track->type == SANDBOX_TRACK_OPEN || is_click(job->track) ? SANDBOX_TOLD_FIRST
                                                                              : 0;
    if (job->log->status == SANDBOX_LOG_SENT)
        return SANDBOX_TOLD_FIRST;
    return job->log->failure == SANDBOX_FAILURE_HARD ? SANDBOX_TOLD_BOUNCE : 0;
}

/* True when the row means an event of a contact. */
static bool write_row(struct job *job, size_t at)
{
    point_at(job, at);
    enum sandbox_told told = meaning(job);
    write_fields(job, -1);
    if (!told)
        job->other_kind++;
    else if (job->log->recipient != SANDBOX_RECIPIENT_CONTACT)
        job->without_contact++;
    else
        job->events++;
    if (job->track) {
        job->logs->tracks[at].told |= (uint8_t)told;
        job->logs->tracks[at].fresh = false;
    } else {
        job->logs->logs[at].told |= (uint8_t)told;
        job->logs->logs[at].fresh = false;
    }
    job->tail.rows[job->tail.count++ % SANDBOX_TAIL] = (uint32_t)at;
    return told && job->log->recipient == SANDBOX_RECIPIENT_CONTACT;
}

static void write_bad(struct job *job, int spoilt)
{
    size_t line = write_fields(job, spoilt);

    json_array_append_new(job->bad, json_integer((json_int_t)line));
}

static void write_tail(struct job *job, const struct sandbox_tail *tail)
{
    size_t count = tail->count < SANDBOX_TAIL ? tail->count : SANDBOX_TAIL;

    if (count > job->extract->repeat)
        count = job->extract->repeat;
    for (size_t i = tail->count - count; i < tail->count; i++)
        write_row(job, tail->rows[i % SANDBOX_TAIL]);
}

static bool is_wanted(const struct job *job, size_t at)
{
    const struct sandbox_logs *logs = job->logs;

    if (job->extract->all)
        return true;
    return job->extract->tracking ? logs->tracks[at].fresh : logs->logs[at].fresh;
}

/* The bad rows stand among the first good ones, each behind the event that it spoils: nothing else
 * is wrong with it. */
static void write_rows(struct job *job)
{
    struct sandbox_logs *logs = job->logs;
    struct sandbox_tail *tail = job->extract->tracking ? &logs->track_tail : &logs->log_tail;
    size_t count = job->extract->tracking ? logs->track_count : logs->log_count, bad = 0;

    if (!job->extract->all)
        write_tail(job, tail);
    for (size_t at = 0; at < count; at++) {
        if (!is_wanted(job, at))
            continue;
        if (write_row(job, at) && bad < job->extract->bad)
            write_bad(job, (int)(bad++ % 3));
    }
    *tail = job->tail;
}

bool sandbox_extract_write(struct sandbox_logs *logs, const struct sandbox_extract *extract,
                           const char *path, json_t *report)
{
    struct job job = {.logs = logs, .extract = extract, .bad = json_array()};
    bool good = sandbox_csv_open(&job.csv, path, &extract->format);

    if (good && extract->header)
        write_header(&job);
    if (good)
        write_rows(&job);
    size_t rows = job.csv.rows - (extract->header ? 1 : 0);
    json_t *counts =
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:O}", "rows", (json_int_t)rows, "lines",
                  (json_int_t)job.csv.lines - 1, "bytes", (json_int_t)job.csv.bytes, "events",
                  (json_int_t)job.events, "withoutContact", (json_int_t)job.without_contact,
                  "otherKind", (json_int_t)job.other_kind, "bad", job.bad);
    json_object_update(report, counts);
    json_decref(counts);
    json_decref(job.bad);
    return sandbox_csv_close(&job.csv) && good;
}

static void add_event(const struct sandbox_logs *logs, const struct sandbox_delivery_log *log,
                      const char *kind, const char *prefix, size_t id, int64_t at_ms,
                      struct sandbox_buf *buf)
{
    const struct sandbox_delivery *delivery = &logs->deliveries[log->delivery];
    char contact[SANDBOX_GUID_SIZE], at[25], modified[25], mirror[120];

    sandbox_guid_format(log->contact, contact);
    write_time(at_ms, 'T', at);
    write_time(log->modified_ms, 'T', modified);
    sandbox_logs_mirror((size_t)(log - logs->logs), mirror, sizeof mirror);
    sandbox_buf_addf(buf,
                     "{\"kind\":\"%s\",\"log\":%zu,\"identity\":\"%s:%zu\",\"contact\":\"%s\","
                     "\"at\":\"%s\",\"modified\":\"%s\",\"mirrorPage\":\"%s\",\"delivery\":",
                     kind, id, prefix, id, contact, at, modified, mirror);
    sandbox_json_string(buf, delivery->name, strlen(delivery->name), false);
    sandbox_buf_adds(buf, ",\"campaign\":");
    sandbox_json_string(buf, delivery->campaign, strlen(delivery->campaign), false);
}

void sandbox_extract_delivery_events(const struct sandbox_logs *logs, size_t at,
                                     struct sandbox_buf *buf)
{
    const struct sandbox_delivery_log *log = &logs->logs[at];

    if (log->recipient != SANDBOX_RECIPIENT_CONTACT)
        return;
    if (log->told & SANDBOX_TOLD_FIRST) {
        add_event(logs, log, "SEND", "send", at + SANDBOX_FIRST_DELIVERY_LOG, log->event_ms, buf);
        sandbox_buf_adds(buf, "}\n");
    }
    if (log->told & SANDBOX_TOLD_BOUNCE) {
        add_event(logs, log, "BOUNCE", "bounce", at + SANDBOX_FIRST_DELIVERY_LOG, log->event_ms,
                  buf);
        sandbox_buf_adds(buf, "}\n");
    }
}

void sandbox_extract_tracking_event(const struct sandbox_logs *logs, size_t at,
                                    struct sandbox_buf *buf)
{
    const struct sandbox_tracking_log *track = &logs->tracks[at];
    const struct sandbox_delivery_log *log = &logs->logs[track->log];
    bool click = is_click(track);
    const char *label;

    if (!track->told || log->recipient != SANDBOX_RECIPIENT_CONTACT)
        return;
    add_event(logs, log, click ? "CLICK" : "OPEN", click ? "click" : "open",
              at + SANDBOX_FIRST_TRACKING_LOG, track->at_ms, buf);
    if (click) {
        const char *url = sandbox_logs_url(track->url, &label);
        sandbox_buf_adds(buf, ",\"url\":");
        sandbox_json_string(buf, url, strlen(url), false);
    }
    sandbox_buf_adds(buf, "}\n");
}
