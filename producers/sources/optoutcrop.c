/* Opt-outs out of the files of Campaign's export (ADR 5). */
#include "core/base/clock.h"
#include "producers/sources/crop.h"
#include "producers/sources/optoutrow.h"

#include <stdlib.h>

static const struct ferry_metric_row rows[] = {
    {offsetof(struct ferry_filemeter, records), FERRY_COUNTER, "ferry_reader_optout_rows_total",
     "Rows of exports of opt-outs committed to optouts.campaign."},
    {offsetof(struct ferry_filemeter, rejects), FERRY_COUNTER, "ferry_reader_optout_rejects_total",
     "Rows of exports of opt-outs that could not be understood, committed to rejects.opt-in-out."},
    {offsetof(struct ferry_filemeter, files), FERRY_COUNTER, "ferry_reader_optout_files_total",
     "Exports of opt-outs read to their end."},
    {offsetof(struct ferry_filemeter, bytes), FERRY_COUNTER, "ferry_reader_optout_file_bytes_total",
     "Bytes of the exports of opt-outs that were read to their end, as they lie on the server."},
    {offsetof(struct ferry_filemeter, transactions), FERRY_COUNTER,
     "ferry_reader_optout_file_transactions_total",
     "Transactions with rows of exports of opt-outs committed."},
    {offsetof(struct ferry_filemeter, aborted), FERRY_COUNTER,
     "ferry_reader_optout_file_transactions_aborted_total",
     "Transactions with rows of exports of opt-outs aborted."},
    {offsetof(struct ferry_filemeter, waiting), FERRY_GAUGE, "ferry_reader_optout_files_waiting",
     "Exports of opt-outs that are not yet read."},
};
static const struct ferry_filemeter_names metrics = {
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .optouts = true,
    .skipped = "ferry_reader_optout_rows_skipped_total",
    .skipped_help = "Rows of exports of opt-outs that say nothing of ours, by reason.",
};

static enum ferry_status open_order(json_t *json, struct ferry_crop *crop,
                                    struct ferry_error *error)
{
    struct ferry_consent *consent = NULL;
    enum ferry_status status = ferry_consent_new(json, &consent, error);
    if (status != FERRY_OK)
        return status;
    crop->subject = consent;
    crop->export = &consent->export;
    crop->scope.optouts = true;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        crop->scope.attributes[i] = consent->attributes[i].column != NULL;
    return FERRY_OK;
}

static void close_order(void *subject)
{
    ferry_consent_free(subject);
}

static void end(void *context)
{
    struct ferry_optoutrow *optoutrow = context;
    if (optoutrow)
        ferry_optoutrow_done(optoutrow);
    free(optoutrow);
}

static enum ferry_status begin(const struct ferry_crop *crop, enum ferry_file_kind kind,
                               void **ret_rows, struct ferry_error *error)
{
    struct ferry_optoutrow *optoutrow = malloc(sizeof *optoutrow);
    (void)kind; /* there is but one */
    if (!optoutrow)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_optoutrow_init(optoutrow, crop->subject, error);
    if (status == FERRY_OK)
        *ret_rows = optoutrow;
    else
        end(optoutrow);
    return status;
}

static enum ferry_status head(void *context, const char *file, const struct ferry_slice *titles,
                              size_t count, struct ferry_error *error)
{
    return ferry_optoutrow_head(context, file, titles, count, error);
}

static enum ferry_status take(void *context, const struct ferry_csv_row *row,
                              const struct ferry_crop_file *file, struct ferry_harvest *harvest,
                              struct ferry_error *error)
{
    struct ferry_optoutrow *optoutrow = context;
    struct ferry_optout_change change;
    enum ferry_skip skip = FERRY_SKIPS;
    bool bad_time = false;
    switch (ferry_optoutrow_judge(optoutrow, file->name, row, &change, &bad_time, &skip)) {
    case FERRY_OPTOUT_TOLD:
        change.read_at = file->read_at;
        harvest->mark.bad_times += bad_time;
        return ferry_harvest_optout(harvest, &change, row->line, &file->wire, error);
    case FERRY_OPTOUT_SKIPPED:
        harvest->mark.skipped[skip]++;
        return FERRY_OK;
    case FERRY_OPTOUT_REFUSED:
        return ferry_harvest_reject(harvest, optoutrow->reason, row, error);
    }
    return FERRY_OK;
}

/* What happened since the newest file was written is not yet known. */
static int64_t age_seconds(const struct ferry_filetally *tally)
{
    int64_t age = ferry_wall_ms() - tally->modified_at;
    return age > 0 ? age / 1000 : 0; /* the server's clock may be ahead of ours */
}

static json_t *count(const struct ferry_filetally *tally, int64_t waiting)
{
    json_t *counters = json_pack(
        "{ss sI sI sI sI sI sI sI sI}", "source", ferry_optout_source_name(FERRY_OPTOUT_FILE),
        "filesRead", (json_int_t)tally->files, "filesWaiting", (json_int_t)waiting, "bytesRead",
        (json_int_t)tally->bytes, "recordsRead", (json_int_t)tally->records, "recordsRejected",
        (json_int_t)tally->rejected, "badTimes", (json_int_t)tally->bad_times, "withoutContact",
        (json_int_t)tally->skipped[FERRY_SKIP_WITHOUT_CONTACT], "untouched",
        (json_int_t)tally->skipped[FERRY_SKIP_UNTOUCHED]);
    if (tally->modified_at)
        json_object_set_new(counters, "newsAgeSeconds", json_integer(age_seconds(tally)));
    return counters;
}

const struct ferry_crop_type ferry_crop_optouts = {
    .topic = {FERRY_TOPIC_OPTOUTS, "campaign"},
    .schema = FERRY_SCHEMA_OPTOUT,
    .metrics = &metrics,
    .open = open_order,
    .close = close_order,
    .begin = begin,
    .end = end,
    .head = head,
    .take = take,
    .count = count,
};
