/* One file: from its copy, step by step, into the transactions. */
#include "producers/intake_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "producers/rejection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- its checkpoint ---- */

static void begin_mark(struct ferry_intake *intake)
{
    struct ferry_filemark *mark = &intake->committed;
    if (!mark->began_at)
        mark->began_at = ferry_wall_ms();
    /* The same content may have come under another name before. */
    snprintf(mark->file, sizeof mark->file, "%s", intake->file.name);
    mark->size = intake->file.size;
    mark->modified_at = intake->file.modified_at;
    ferry_filemark_narrow(mark, &intake->options.crop->scope);
}

/* One that cannot be read is as good as none: rows twice in the backlog are once on the timeline,
 * and of opt-outs they are two reasons to look at one person. */
static void look_up(struct ferry_intake *intake)
{
    const char *text = ferry_seat_checkpoint(intake->options.seat, intake->key);
    struct ferry_error error;
    ferry_filemark_begin(&intake->committed, &intake->options.crop->scope);
    if (text && ferry_filemark_parse(text, &intake->committed, &error) != FERRY_OK)
        ferry_log(FERRY_LOG_WARN, "checkpoint_unreadable", FERRY_STR("key", intake->key),
                  FERRY_STR("message", error.message), FERRY_STR("then", "reading from the start"));
}

/* The order asks for more than the file was read for. It is read again from its start: nothing that
 * comes of a row does harm a second time. Its counters begin anew too. */
static void forget(struct ferry_intake *intake)
{
    const struct ferry_filemark *mark = &intake->committed;
    ferry_log(FERRY_LOG_INFO, "file_missed_rows", FERRY_STR("file", intake->file.name),
              FERRY_STR("sha256", intake->sha256), FERRY_STR("then", "reading it again"));
    ferry_filetally_add(&intake->tally, mark, -1);
    ferry_filemark_begin(&intake->committed, &intake->options.crop->scope);
}

void ferry_intake_open_file(struct ferry_intake *intake)
{
    ferry_intake_drop_rows(intake);
    look_up(intake);
    if (ferry_filemark_missed(&intake->committed, &intake->options.crop->scope))
        forget(intake);
    if (intake->committed.done) {
        ferry_log(FERRY_LOG_INFO, "file_known", FERRY_STR("file", intake->file.name),
                  FERRY_STR("sha256", intake->sha256), FERRY_STR("as", intake->committed.file));
        ferry_intake_finish_file(intake);
        ferry_intake_proceed(intake);
        return;
    }
    begin_mark(intake);
    intake->opened = intake->attempt;
    ferry_exports_open(intake->exports, &intake->committed, intake->wire);
}

void ferry_intake_on_opened(void *context, enum ferry_status status,
                            const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    if (intake->opened != intake->attempt) {
        /* The seat was lost meanwhile: once more. */
    } else if (status == FERRY_OK) {
        intake->stage = FERRY_INTAKE_ROWS;
    } else if (status == FERRY_INVALID) {
        ferry_intake_give_up_file(intake, error);
    } else {
        ferry_intake_retry(intake, error);
    }
    ferry_intake_proceed(intake);
}

/* ---- its rows ---- */

void ferry_intake_drop_rows(struct ferry_intake *intake)
{
    intake->ready = intake->sending = NULL;
    intake->whole = intake->damaged = false;
}

void ferry_intake_on_filled(void *context, enum ferry_status status, struct ferry_harvest *harvest,
                            const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    if (intake->opened != intake->attempt) {
        /* The rows are of an earlier attempt. */
    } else if (status == FERRY_OK) {
        intake->ready = harvest;
        intake->whole = harvest->mark.done;
    } else if (status == FERRY_INVALID) {
        intake->damaged = true;
        intake->damage = *error;
    } else {
        ferry_intake_retry(intake, error);
    }
    ferry_intake_proceed(intake);
}

void ferry_intake_proceed_rows(struct ferry_intake *intake)
{
    if (intake->ready && !intake->sending) {
        intake->sending = intake->ready;
        intake->ready = NULL;
        intake->cursor = 0;
        ferry_tracer_turn(&intake->tracer);
        intake->turn = ferry_seat_want(intake->options.seat, &intake->user)
                           ? FERRY_INTAKE_TURN_HELD
                           : FERRY_INTAKE_TURN_WAITING;
    }
    if (intake->damaged && !intake->sending) {
        ferry_intake_give_up_file(intake, &intake->damage);
        ferry_intake_proceed(intake);
        return;
    }
    if (!intake->ready && !intake->whole && !intake->damaged &&
        !ferry_exports_busy(intake->exports))
        ferry_exports_fill(intake->exports);
    if (intake->sending && intake->turn == FERRY_INTAKE_TURN_HELD)
        ferry_intake_send(intake);
}

/* ---- into the transaction ---- */

/* NULL: none. What has a trace by its own name carries it only when that is asked for: a header
 * costs a tenth of all that an event does, and is no news. */
static rd_kafka_headers_t *make_headers(struct ferry_intake *intake, struct ferry_slice value)
{
    const struct ferry_crop *crop = intake->options.crop;
    char guid[FERRY_GUID_SIZE];
    char trace[FERRY_TRACE_SIZE];
    if (!crop->type->name_trace)
        memcpy(trace, ferry_tracer_next(&intake->tracer), sizeof trace);
    else if (intake->options.common->trace_full_reads && crop->type->name_trace(crop, value, guid))
        ferry_tracer_name(&intake->tracer, guid, trace);
    else
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, FERRY_TRACE_HEADER, sizeof FERRY_TRACE_HEADER - 1, trace,
                        FERRY_TRACE_SIZE - 1);
    return headers;
}

static enum ferry_status send_record(struct ferry_intake *intake, size_t item,
                                     struct ferry_error *error)
{
    struct ferry_slice key = ferry_harvest_key(intake->sending, item);
    struct ferry_producer_record record = {
        .topic = intake->records,
        .partition = ferry_kafka_partition(key.data, key.length, FERRY_DATA_PARTITIONS),
        .key = key,
        .value = ferry_harvest_value(intake->sending, item),
    };
    record.headers = make_headers(intake, record.value);
    enum ferry_status status = ferry_seat_send(intake->options.seat, &record, error);
    return status == FERRY_FULL ? FERRY_OK : status;
}

static enum ferry_status send_reject(struct ferry_intake *intake, size_t item,
                                     struct ferry_error *error)
{
    char origin[FERRY_FILE_NAME_SIZE + FERRY_SHA256_SHOWN + 32];
    /* Two contents of one name have rejects of their own. */
    snprintf(origin, sizeof origin, "%s.%.*s/%lld", intake->sending->mark.file, FERRY_SHA256_SHOWN,
             intake->sha256, (long long)intake->sending->items[item].line);
    const struct ferry_rejection rejection = {
        .topic = intake->rejects,
        .origin = origin,
        .reason = ferry_harvest_key(intake->sending, item).data,
        .class = FERRY_CLASS_SCHEMA,
        .trace = ferry_tracer_next(&intake->tracer),
        .raw = ferry_harvest_value(intake->sending, item),
    };
    return ferry_rejection_send(intake->options.seat, &rejection, error);
}

static void commit(struct ferry_intake *intake)
{
    char *text = NULL;
    struct ferry_error error;
    if (ferry_filemark_print(&intake->sending->mark, &text) != FERRY_OK) {
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        ferry_intake_retry(intake, &error);
        return;
    }
    intake->turn = FERRY_INTAKE_TURN_ENDING;
    ferry_seat_commit(intake->options.seat, intake->key, text);
    free(text);
}

void ferry_intake_send(struct ferry_intake *intake)
{
    struct ferry_error error;
    while (intake->cursor < intake->sending->count) {
        if (ferry_seat_full(intake->options.seat))
            return; /* on_room goes on */
        size_t item = intake->cursor++;
        enum ferry_status status = intake->sending->items[item].reject
                                       ? send_reject(intake, item, &error)
                                       : send_record(intake, item, &error);
        if (status != FERRY_OK) {
            ferry_intake_retry(intake, &error);
            return;
        }
    }
    commit(intake);
}

/* ---- behind it ---- */

void ferry_intake_committed(struct ferry_intake *intake)
{
    const struct ferry_filemark *now = &intake->sending->mark;
    ferry_filetally_add(&intake->tally, &intake->committed, -1);
    ferry_filetally_add(&intake->tally, now, 1);
    ferry_filemeter_add(&intake->meter, &intake->committed, now);
    intake->committed = *now;
    intake->sending = NULL;
    ferry_log(FERRY_LOG_DEBUG, "rows_committed", FERRY_STR("file", now->file),
              FERRY_INT("records", now->records), FERRY_INT("position", now->position));
    if (!now->done)
        return;
    ferry_log(FERRY_LOG_INFO, "file_read", FERRY_STR("file", now->file),
              FERRY_STR("sha256", intake->sha256), FERRY_INT("records", now->records),
              FERRY_INT("rejected", now->rejected), FERRY_INT("lines", now->line - 1));
    ferry_intake_finish_file(intake);
}
