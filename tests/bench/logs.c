#include "tests/bench/logs.h"

#include "tests/bench/avro.h"
#include "tests/bench/usage.h"

#include <string.h>

#define DATE_LENGTH 23 /* 2026-11-21 05:58:31.667 */
#define GUID_LENGTH 36
#define HEAD        10
#define READ_AT     INT64_C(1795246200000)

enum { DELIVERY, TRACKING };

/* The order is that of the symbols in schemas/email-event.avsc. */
enum kind { SEND, OPEN, CLICK, BOUNCE, NONE };

static const char *const names[][BENCH_LOG_FIELDS] = {
    [DELIVERY] = {"deliveryLogId", "externalId", "status", "failureType", "eventDate",
                  "campaignName", "deliveryName", "mirrorPageUrl", ""},
    [TRACKING] = {"trackingLogId", "externalId", "trackingUrlType", "", "logDate", "campaignName",
                  "deliveryName", "mirrorPageUrl", "url"},
};
static const char *const prefixes[] = {"send:", "open:", "click:", "bounce:"};

/* ---- what a row says ---- */

static bool is(const struct bench_log_text *text, const char *wanted)
{
    return text->length == strlen(wanted) && memcmp(text->data, wanted, text->length) == 0;
}

static enum kind kind_of(const struct bench_log *log)
{
    const struct bench_log_text *type = &log->texts[BENCH_LOG_TYPE];
    if (log->kind == DELIVERY && is(type, "1"))
        return SEND;
    if (log->kind == DELIVERY)
        return is(type, "2") && is(&log->texts[BENCH_LOG_FAILURE], "2") ? BOUNCE : NONE;
    if (is(type, "2"))
        return OPEN;
    return is(type, "1") || is(type, "10") || is(type, "11") ? CLICK : NONE;
}

static int64_t number_at(const char *digits, int count)
{
    int64_t number = 0;
    while (count-- > 0)
        number = number * 10 + (*digits++ - '0');
    return number;
}

/* Days since 1970, of a year that begins in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

/* Every digit has its place: UTC, to the millisecond. */
static int64_t date_of(const struct bench_log_text *text)
{
    const char *at = text->data;
    if (text->length < DATE_LENGTH)
        bench_die("a date of another form");
    int64_t days = days_of(number_at(at, 4), number_at(at + 5, 2), number_at(at + 8, 2));
    int64_t minutes = (days * 24 + number_at(at + 11, 2)) * 60 + number_at(at + 14, 2);
    return (minutes * 60 + number_at(at + 17, 2)) * 1000 + number_at(at + 20, 3);
}

/* ---- the event ---- */

static unsigned char *write_text(unsigned char *to, const struct bench_log_text *text)
{
    return bench_avro_text(to, text->data, text->length);
}

static unsigned char *write_optional(unsigned char *to, const struct bench_log_text *text)
{
    if (text->length == 0)
        return bench_avro_long(to, 0);
    return write_text(bench_avro_long(to, 1), text);
}

static unsigned char *write_id(unsigned char *to, enum kind kind, const struct bench_log_text *id)
{
    size_t prefix = strlen(prefixes[kind]);
    to = bench_avro_long(to, (int64_t)(prefix + id->length));
    memcpy(to, prefixes[kind], prefix);
    memcpy(to + prefix, id->data, id->length);
    return to + prefix + id->length;
}

static size_t encode(struct bench_log *log, enum kind kind)
{
    /* Of single-object encoding; nobody reads this topic, so any fingerprint will do. */
    static const unsigned char head[HEAD] = {0xc3, 0x01, 'b', 'e', 'n', 'c', 'h', 0, 0, 0};
    const struct bench_log_text *texts = log->texts;
    memcpy(log->value, head, HEAD);
    unsigned char *at = write_id(log->value + HEAD, kind, &texts[BENCH_LOG_ID]);
    at = bench_avro_long(at, kind);
    at = write_text(at, &texts[BENCH_LOG_CONTACT]);
    at = bench_avro_long(at, date_of(&texts[BENCH_LOG_DATE]));
    at = write_optional(at, &texts[BENCH_LOG_CAMPAIGN]);
    at = write_optional(at, &texts[BENCH_LOG_DELIVERY]);
    at = write_optional(at, &texts[BENCH_LOG_MIRROR_PAGE]);
    at = kind == CLICK ? write_optional(at, &texts[BENCH_LOG_URL]) : bench_avro_long(at, 0);
    at = bench_avro_text(at, log->file, strlen(log->file));
    at = bench_avro_long(at, log->row + 1);
    at = bench_avro_long(at, READ_AT);
    return (size_t)(at - log->value);
}

static void take_row(struct bench_log *log)
{
    enum kind kind = kind_of(log);
    if (kind == NONE || log->texts[BENCH_LOG_CONTACT].length != GUID_LENGTH)
        return;
    size_t length = encode(log, kind);
    log->on_event(log->context, log->value, length, log->texts[BENCH_LOG_CONTACT]);
    log->events++;
}

/* ---- what libcsv says ---- */

/* The first column tells what the file is. */
static void take_name(struct bench_log *log, const char *data, size_t length)
{
    const struct bench_log_text name = {data, length};
    if (log->column == BENCH_LOG_COLUMNS)
        bench_die("%s has more than %d columns", log->file, BENCH_LOG_COLUMNS);
    if (log->column == 0)
        log->kind = is(&name, names[TRACKING][BENCH_LOG_ID]) ? TRACKING : DELIVERY;
    int field = 0;
    while (field < BENCH_LOG_FIELDS && !is(&name, names[log->kind][field]))
        field++;
    log->fields[log->column++] = field;
}

static void on_field(void *data, size_t length, void *context)
{
    struct bench_log *log = context;
    if (log->row == 0) {
        take_name(log, data, length);
        return;
    }
    int field = log->fields[log->column++];
    if (field == BENCH_LOG_FIELDS)
        return;
    if (length > BENCH_LOG_ARENA - log->used)
        bench_die("a row is longer than %zu bytes", BENCH_LOG_ARENA);
    char *to = log->arena + log->used;
    memcpy(to, data, length);
    log->texts[field] = (struct bench_log_text){to, length};
    log->used += length;
}

static void on_row(int end, void *context)
{
    struct bench_log *log = context;
    (void)end;
    if (log->row++ > 0)
        take_row(log);
    log->used = 0;
    log->column = 0;
}

void bench_log_begin(struct bench_log *log, const char *file)
{
    log->file = file;
    log->row = 0;
    log->column = 0;
    log->used = 0;
    if (csv_init(&log->parser, 0) != 0)
        bench_die("out of memory");
}

void bench_log_feed(struct bench_log *log, const char *data, size_t length)
{
    if (csv_parse(&log->parser, data, length, on_field, on_row, log) != length)
        bench_die("%s: %s", log->file, csv_strerror(csv_error(&log->parser)));
}

void bench_log_end(struct bench_log *log)
{
    csv_fini(&log->parser, on_field, on_row, log);
    csv_free(&log->parser);
}
