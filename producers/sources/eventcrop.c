/* E-mail events out of Campaign's delivery logs and tracking logs (ADR 4). */
#include "producers/sources/crop.h"
#include "producers/sources/logrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SHOWN 150 /* bytes of its name in a reason, as with opt-outs */

static const struct ferry_metric_row rows[] = {
    {offsetof(struct ferry_filemeter, records), FERRY_COUNTER, "ferry_reader_events_total",
     "E-mail events committed to events.email."},
    {offsetof(struct ferry_filemeter, rejects), FERRY_COUNTER, "ferry_reader_event_rejects_total",
     "Rows of exports that could not be understood, committed to rejects.<workflow>."},
    {offsetof(struct ferry_filemeter, files), FERRY_COUNTER, "ferry_reader_files_total",
     "Exported files read to their end."},
    {offsetof(struct ferry_filemeter, bytes), FERRY_COUNTER, "ferry_reader_file_bytes_total",
     "Bytes of the exported files that were read to their end, as they lie on the server."},
    {offsetof(struct ferry_filemeter, transactions), FERRY_COUNTER,
     "ferry_reader_event_transactions_total", "Transactions with events committed."},
    {offsetof(struct ferry_filemeter, aborted), FERRY_COUNTER,
     "ferry_reader_event_transactions_aborted_total", "Transactions with events aborted."},
    {offsetof(struct ferry_filemeter, waiting), FERRY_GAUGE, "ferry_reader_files_waiting",
     "Exported files that are not yet read."},
};
static const struct ferry_filemeter_names metrics = {
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .skipped = "ferry_reader_rows_skipped_total",
    .skipped_help = "Rows of exports that are no events of ours, by reason.",
};

static enum ferry_status open_order(json_t *json, struct ferry_crop *crop,
                                    struct ferry_error *error)
{
    struct ferry_events *events = NULL;
    enum ferry_status status = ferry_events_new(json, &events, error);
    if (status != FERRY_OK)
        return status;
    crop->subject = events;
    crop->export = &events->export;
    crop->scope.since = events->since;
    memcpy(crop->scope.kinds, events->kinds, sizeof crop->scope.kinds);
    return FERRY_OK;
}

static void close_order(void *subject)
{
    ferry_events_free(subject);
}

static void end(void *context)
{
    struct ferry_logrow *logrow = context;
    if (logrow)
        ferry_logrow_done(logrow);
    free(logrow);
}

static enum ferry_status begin(const struct ferry_crop *crop, enum ferry_file_kind kind,
                               void **ret_rows, struct ferry_error *error)
{
    struct ferry_logrow *logrow = malloc(sizeof *logrow);
    if (!logrow)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_logrow_init(logrow, crop->subject, kind, error);
    if (status == FERRY_OK)
        *ret_rows = logrow;
    else
        end(logrow);
    return status;
}

static enum ferry_status head(void *context, const char *file, const struct ferry_slice *titles,
                              size_t count, struct ferry_error *error)
{
    return ferry_logrow_head(context, file, titles, count, error);
}

/* The place is for who reads the reason; the origin of the reject has all of the name. */
static enum ferry_status refuse(const struct ferry_logrow *logrow, const struct ferry_csv_row *row,
                                const struct ferry_crop_file *file, struct ferry_harvest *harvest,
                                struct ferry_error *error)
{
    char reason[FERRY_ROW_REASON_SIZE + FILE_SHOWN + 32];
    snprintf(reason, sizeof reason, "%.*s, line %lld: %s", FILE_SHOWN, file->name,
             (long long)row->line, logrow->reason);
    return ferry_harvest_reject(harvest, reason, row, error);
}

static enum ferry_status take(void *context, const struct ferry_csv_row *row,
                              const struct ferry_crop_file *file, struct ferry_harvest *harvest,
                              struct ferry_error *error)
{
    struct ferry_logrow *logrow = context;
    struct ferry_event event;
    enum ferry_skip skip = FERRY_SKIPS;
    switch (ferry_logrow_judge(logrow, row, &event, &skip)) {
    case FERRY_ROW_EVENT:
        event.file = (struct ferry_slice){file->name, strlen(file->name)};
        event.read_at = file->read_at;
        return ferry_harvest_event(harvest, &event, &file->wire, error);
    case FERRY_ROW_SKIP:
        harvest->mark.skipped[skip]++;
        return FERRY_OK;
    case FERRY_ROW_REJECT:
        return refuse(logrow, row, file, harvest, error);
    }
    return FERRY_OK;
}

static bool name_trace(const struct ferry_crop *crop, struct ferry_slice value,
                       char out[FERRY_GUID_SIZE])
{
    const struct ferry_events *events = crop->subject;
    struct ferry_event event;
    struct ferry_error error;
    if (ferry_event_decode(value.data, value.length, &event, &error) != FERRY_OK)
        return false;
    ferry_event_activity(events->source, event.id, out);
    return true;
}

static json_t *count(const struct ferry_filetally *tally, int64_t waiting)
{
    json_t *skipped = json_object();
    for (int i = 0; i < FERRY_SKIPS; i++)
        if (ferry_skip_happens((enum ferry_skip)i, false))
            json_object_set_new(skipped, ferry_skip_name((enum ferry_skip)i),
                                json_integer(tally->skipped[i]));
    return json_pack("{sI sI sI sI sI so}", "filesRead", (json_int_t)tally->files, "filesWaiting",
                     (json_int_t)waiting, "bytesRead", (json_int_t)tally->bytes, "eventsRead",
                     (json_int_t)tally->records, "recordsRejected", (json_int_t)tally->rejected,
                     "skipped", skipped);
}

const struct ferry_crop_type ferry_crop_events = {
    .topic = {FERRY_TOPIC_EVENTS, "email"},
    .schema = FERRY_SCHEMA_EVENT,
    .metrics = &metrics,
    .open = open_order,
    .close = close_order,
    .begin = begin,
    .end = end,
    .head = head,
    .take = take,
    .name_trace = name_trace,
    .count = count,
};
