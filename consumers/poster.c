#include "consumers/poster.h"

#include "consumers/poster_private.h"
#include "consumers/reject.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/remote/dataverse_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BODY_BYTES  ((size_t)4 << 20)
#define SOON_MS     INT64_C(50)   /* that one event waits for others */
#define EXPECTED_MS INT64_C(1000) /* where others are sure to come */
#define MANY_END    "]}"
#define PATH_BYTES  ((size_t)1 << 10)
#define ORIGIN_SIZE (FERRY_TOPIC_SIZE + 48)

/* --- places of a letter --- */

void ferry_poster_put_back(struct ferry_poster *poster, struct ferry_letter *letter)
{
    DL_PREPEND(poster->queue, letter);
    poster->queued++;
}

void ferry_poster_wait(struct ferry_poster *poster, struct ferry_letter *letter, int64_t ms)
{
    letter->due_at = ferry_boot_ms() + ms;
    if (poster->due_at == 0 || letter->due_at < poster->due_at)
        poster->due_at = letter->due_at;
    poster->retries++;
    DL_APPEND(poster->waiting, letter);
}

/* What has waited long enough goes before what never was sent. */
static void wake_due(struct ferry_poster *poster, int64_t now)
{
    struct ferry_letter *letter, *next, *due = NULL;
    if (poster->due_at == 0 || poster->due_at > now)
        return;
    poster->due_at = 0;
    DL_FOREACH_SAFE (poster->waiting, letter, next) {
        if (letter->due_at > now) {
            if (poster->due_at == 0 || letter->due_at < poster->due_at)
                poster->due_at = letter->due_at;
            continue;
        }
        DL_DELETE(poster->waiting, letter);
        DL_APPEND(due, letter);
        poster->queued++;
    }
    if (due && !poster->queue)
        poster->queued_at = now;
    DL_CONCAT(due, poster->queue);
    poster->queue = due;
}

/* Many of one table are picked from all that there are. */
static bool picks(const struct ferry_poster *poster)
{
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        if (ferry_desk_takes_many(&poster->options.desks[kind]))
            return true;
    return false;
}

/* Otherwise no more than the next request takes: what nobody asks for yet need not be touched. */
static void collect(struct ferry_poster *poster, int64_t now)
{
    struct ferry_letter *letter;
    bool was_empty = !poster->queue;
    size_t most = picks(poster) ? SIZE_MAX : poster->options.batch_size;
    while (poster->queued < most && (letter = poster->options.next(poster->options.context, now))) {
        DL_APPEND(poster->queue, letter);
        poster->queued++;
    }
    if (was_empty && poster->queue)
        poster->queued_at = now;
}

/* --- fates --- */

static struct ferry_desk *desk_of(const struct ferry_poster *poster,
                                  const struct ferry_letter *letter)
{
    return &poster->options.desks[letter->kind];
}

void ferry_poster_settle(struct ferry_poster *poster, struct ferry_letter *letter,
                         enum ferry_event_fate fate)
{
    ferry_desk_count(desk_of(poster, letter), fate);
    ferry_strand_settle(letter);
}

/* Its trace is named as the activity: wherever the one is seen, the other is known. */
static void name_activity(const struct ferry_poster *poster, const struct ferry_event *event,
                          char out[FERRY_GUID_SIZE])
{
    ferry_event_activity(poster->options.events->source, event->id, out);
}

/* Where the event stood in Campaign's export, in front of the sentence; and its trace. */
static void tell_place(struct ferry_poster *poster, const struct ferry_letter *letter,
                       const struct ferry_error *reason, struct ferry_error *ret_reason,
                       char trace[FERRY_TRACE_SIZE])
{
    struct ferry_event event;
    struct ferry_error error;
    char id[FERRY_GUID_SIZE];
    *ret_reason = *reason;
    if (ferry_event_decode(letter->value, letter->length, &event, &error) != FERRY_OK) {
        memcpy(trace, ferry_tracer_next(&poster->tracer), FERRY_TRACE_SIZE);
        return;
    }
    name_activity(poster, &event, id);
    ferry_tracer_name(&poster->tracer, id, trace);
    ferry_fail(ret_reason, reason->status, reason->class, "%.*s, line %lld: %.350s",
               event.file.length < 100 ? (int)event.file.length : 100, event.file.data,
               (long long)event.line, reason->message);
}

static enum ferry_status write_reject(struct ferry_poster *poster, struct ferry_letter *letter,
                                      const struct ferry_error *reason, int http)
{
    char origin[ORIGIN_SIZE];
    char trace[FERRY_TRACE_SIZE];
    char trace_id[FERRY_TRACE_ID_SIZE];
    struct ferry_error told;
    tell_place(poster, letter, reason, &told, trace);
    const struct ferry_reject reject = {.origin = origin,
                                        .value = letter->value,
                                        .length = letter->length,
                                        .reason = &told,
                                        .attempts = letter->attempts,
                                        .status = http,
                                        .trace = trace};
    snprintf(origin, sizeof origin, "%s/%d/%lld", letter->strand->topic, letter->strand->partition,
             (long long)letter->entry->offset);
    ferry_trace_id(trace, trace_id);
    ferry_log(FERRY_LOG_WARN, "rejected", FERRY_STR("topic", letter->strand->topic),
              FERRY_INT("partition", letter->strand->partition),
              FERRY_INT("offset", letter->entry->offset),
              FERRY_STR("class", ferry_class_name(reason->class)), FERRY_INT("status", http),
              FERRY_STR("trace_id", trace_id));
    return ferry_reject_add(poster->options.ledger, poster->rejects, &reject);
}

static void break_down(struct ferry_poster *poster)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    poster->open = false;
    poster->options.on_broken(poster->options.context, &error);
}

void ferry_poster_reject(struct ferry_poster *poster, struct ferry_letter *letter,
                         const struct ferry_error *reason, int http)
{
    if (write_reject(poster, letter, reason, http) != FERRY_OK) {
        ferry_poster_wait(poster, letter, FERRY_POST_RETRY_CAP_MS);
        break_down(poster);
        return;
    }
    desk_of(poster, letter)->rejects += http != 0;
    ferry_poster_settle(poster, letter, FERRY_EVENT_REJECTED);
}

void ferry_poster_warn(struct ferry_poster *poster, const struct ferry_error *error,
                       int64_t wait_ms)
{
    poster->warned = true;
    poster->options.on_warning(poster->options.context, error, ferry_wall_ms() + wait_ms);
}

/* --- one request --- */

/* The memory of the one that rested last is warm, and the system need not clear it anew. */
static struct ferry_batch *take_batch(struct ferry_poster *poster)
{
    struct ferry_batch *batch = poster->idle;
    if (batch) {
        LL_DELETE(poster->idle, batch);
        return batch;
    }
    batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->poster = poster;
    batch->retry_after_ms = -1;
    ferry_buffer_init(&batch->body, BODY_BYTES);
    ferry_multipart_init(&batch->multipart, ferry_posting_part, batch);
    return batch;
}

void ferry_batch_rest(struct ferry_batch *batch)
{
    struct ferry_poster *poster = batch->poster;
    ferry_buffer_clear(&batch->body);
    ferry_multipart_clear(&batch->multipart);
    *batch = (struct ferry_batch){
        .poster = poster, .retry_after_ms = -1, .body = batch->body, .multipart = batch->multipart};
    LL_PREPEND(poster->idle, batch);
}

static void free_batch(struct ferry_batch *batch)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (batch->letters, letter, next)
        free(letter);
    ferry_claims_free(batch);
    ferry_multipart_done(&batch->multipart);
    ferry_buffer_done(&batch->body);
    free(batch);
}

static void free_idle(struct ferry_poster *poster)
{
    struct ferry_batch *batch, *next;
    LL_FOREACH_SAFE (poster->idle, batch, next)
        free_batch(batch);
    poster->idle = NULL;
}

static enum ferry_status write_target(const struct ferry_poster *poster,
                                      const struct ferry_event *event, bool first,
                                      struct ferry_buffer *body, struct ferry_error *error)
{
    char id[FERRY_GUID_SIZE];
    enum ferry_status status = first ? FERRY_OK : ferry_buffer_append(body, ",", 1);
    name_activity(poster, event, id);
    if (status == FERRY_OK)
        status = ferry_activity_write(poster->forms, event, id, true, body, error);
    else
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for an activity among many");
    if (status != FERRY_OK)
        return status;
    status = ferry_buffer_reserve(body, sizeof MANY_END - 1);
    return status == FERRY_OK
               ? FERRY_OK
               : ferry_fail(error, status, FERRY_CLASS_BUG, "no room behind an activity");
}

static enum ferry_status write_part(const struct ferry_poster *poster,
                                    const struct ferry_event *event, struct ferry_buffer *body,
                                    struct ferry_error *error)
{
    char id[FERRY_GUID_SIZE];
    char trace[FERRY_TRACE_SIZE];
    name_activity(poster, event, id);
    ferry_tracer_name(&poster->tracer, id, trace);
    enum ferry_status status = ferry_batch_begin_part(
        body, poster->options.events->activities[event->kind].entity_set, trace);
    if (status == FERRY_OK)
        status = ferry_activity_write(poster->forms, event, id, false, body, error);
    else
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for a part of a batch");
    if (status != FERRY_OK)
        return status;
    status = ferry_batch_end_part(body);
    return status == FERRY_OK
               ? FERRY_OK
               : ferry_fail(error, status, FERRY_CLASS_BUG, "no room behind a part of a batch");
}

/* From the queue into the request. FERRY_FULL: there is room for it in the next one. A letter that
 * is not added for another reason has its fate, or waits. */
static enum ferry_status move_letter(struct ferry_poster *poster, struct ferry_batch *batch,
                                     struct ferry_letter *letter)
{
    struct ferry_buffer *body = &batch->body;
    DL_DELETE(poster->queue, letter);
    poster->queued--;
    struct ferry_event event;
    struct ferry_error error;
    size_t before = body->length;
    enum ferry_status status = ferry_event_decode(letter->value, letter->length, &event, &error);
    if (status == FERRY_OK) {
        letter->kind = event.kind;
        if (!desk_of(poster, letter)->on) {
            ferry_poster_settle(poster, letter, FERRY_EVENT_LEFT_OUT);
            return FERRY_BAD_RECORD;
        }
        status = batch->many ? write_target(poster, &event, batch->count == 0, body, &error)
                             : write_part(poster, &event, body, &error);
    }
    if (status == FERRY_OK) {
        DL_APPEND(batch->letters, letter);
        batch->count++;
        return FERRY_OK;
    }
    body->length = before;
    if (status == FERRY_FULL && batch->count > 0) {
        ferry_poster_put_back(poster, letter);
    } else if (status == FERRY_BAD_RECORD || status == FERRY_FULL) {
        ferry_poster_reject(poster, letter, &error, 0);
        status = FERRY_BAD_RECORD;
    } else {
        ferry_poster_wait(poster, letter, FERRY_POST_RETRY_CAP_MS);
        ferry_poster_warn(poster, &error, FERRY_POST_RETRY_CAP_MS);
    }
    return status;
}

/* Who probes, asks with one event. */
static size_t size_of(const struct ferry_poster *poster)
{
    return poster->probe_at != 0 ? 1 : poster->options.batch_size;
}

/* One that is left out makes room for another. */
static struct ferry_letter *first_queued(struct ferry_poster *poster)
{
    if (!poster->queue)
        collect(poster, ferry_boot_ms());
    return poster->queue;
}

/* False: memory is short; nothing more is tried in this turn. */
static bool fill_batch(struct ferry_poster *poster, struct ferry_batch *batch)
{
    size_t size = size_of(poster);
    struct ferry_letter *letter;
    while (batch->count < size && (letter = first_queued(poster))) {
        if (letter->most != 0 && letter->most < size)
            size = letter->most;
        if (batch->count >= size)
            break;
        enum ferry_status status = move_letter(poster, batch, letter);
        if (status == FERRY_FULL)
            break;
        if (status != FERRY_OK && status != FERRY_BAD_RECORD)
            return false;
    }
    return true;
}

/* --- many of one table at once --- */

/* Asked for all that are queued each time a request is filled. */
static bool sort(struct ferry_letter *letter)
{
    struct ferry_event event;
    struct ferry_error error;
    if (!letter->sorted &&
        ferry_event_decode(letter->value, letter->length, &event, &error) == FERRY_OK) {
        letter->kind = event.kind;
        letter->sorted = true;
    }
    return letter->sorted;
}

/* The desk of an event that may go by CreateMultiple; NULL: it goes by $batch. */
static struct ferry_desk *desk_of_many(const struct ferry_poster *poster,
                                       struct ferry_letter *letter)
{
    if (!letter->certain || letter->most != 0 || poster->probe_at != 0 || !sort(letter))
        return NULL;
    struct ferry_desk *desk = desk_of(poster, letter);
    return ferry_desk_takes_many(desk) ? desk : NULL;
}

/* Its events stand between others in the queue. As fill_batch. */
static bool fill_many(struct ferry_poster *poster, struct ferry_batch *batch)
{
    struct ferry_letter *letter, *next;
    if (ferry_buffer_append_text(&batch->body, "{\"Targets\":[") != FERRY_OK)
        return false;
    DL_FOREACH_SAFE (poster->queue, letter, next) {
        if (batch->count >= poster->options.batch_size)
            break;
        if (desk_of_many(poster, letter) != batch->many)
            continue;
        enum ferry_status status = move_letter(poster, batch, letter);
        if (status == FERRY_FULL)
            break;
        if (status != FERRY_OK && status != FERRY_BAD_RECORD)
            return false;
    }
    return true;
}

static enum ferry_status send_many(struct ferry_poster *poster, struct ferry_batch *batch,
                                   struct ferry_error *error)
{
    struct ferry_buffer path;
    ferry_buffer_init(&path, PATH_BYTES);
    enum ferry_status status = ferry_buffer_printf(
        &path, "%s/Microsoft.Dynamics.CRM.CreateMultiple", batch->many->activity->entity_set);
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(&batch->body, MANY_END);
    const struct ferry_dataverse_request request = {.method = "POST",
                                                    .path = path.data,
                                                    .large_body = &batch->body,
                                                    .on_done = ferry_posting_answer,
                                                    .context = batch};
    status = status == FERRY_OK
                 ? ferry_dataverse_send(poster->options.dataverse, &request, &batch->call, error)
                 : ferry_fail(error, status, FERRY_CLASS_BUG, "no room to send many activities");
    ferry_buffer_done(&path);
    return status;
}

/* --- one request of either form --- */

static void note_sent(struct ferry_poster *poster, struct ferry_batch *batch)
{
    struct ferry_letter *letter;
    DL_FOREACH (batch->letters, letter) {
        letter->certain = false;
        if (letter->attempts++ == 0)
            letter->refused = poster->pace.sequence;
    }
    batch->ticket = ferry_pace_send(&poster->pace);
    DL_APPEND(poster->batches, batch);
    poster->requests++;
    ferry_crashpoint("batch-sent");
}

static enum ferry_status send_batch(struct ferry_poster *poster, struct ferry_batch *batch,
                                    struct ferry_error *error)
{
    if (ferry_batch_end(&batch->body) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    const struct ferry_dataverse_request request = {.method = "POST",
                                                    .path = FERRY_BATCH_PATH,
                                                    .prefer = FERRY_BATCH_PREFER,
                                                    .type = FERRY_BATCH_TYPE,
                                                    .large_body = &batch->body,
                                                    .on_body = ferry_posting_stream,
                                                    .on_done = ferry_posting_answer,
                                                    .context = batch};
    return ferry_dataverse_send(poster->options.dataverse, &request, &batch->call, error);
}

static void give_up_sending(struct ferry_poster *poster, struct ferry_batch *batch,
                            const struct ferry_error *error)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        ferry_poster_wait(poster, letter, FERRY_POST_RETRY_CAP_MS);
    }
    ferry_poster_warn(poster, error, FERRY_POST_RETRY_CAP_MS);
}

/* As long as the last one, by its events: one that grew while it is filled would be copied a dozen
 * times. False: memory is short. */
static bool reserve_body(const struct ferry_poster *poster, struct ferry_buffer *body)
{
    size_t count = size_of(poster) < poster->queued ? size_of(poster) : poster->queued;
    size_t bytes = count * poster->event_bytes;
    return ferry_buffer_reserve(body, bytes < BODY_BYTES ? bytes : BODY_BYTES) == FERRY_OK;
}

/* False: there is nothing to send, or it cannot be sent now. */
static bool post_batch(struct ferry_poster *poster)
{
    struct ferry_batch *batch = take_batch(poster);
    struct ferry_error error;
    if (!batch)
        return false;
    if (!reserve_body(poster, &batch->body)) {
        ferry_batch_rest(batch);
        return false;
    }
    ferry_tracer_turn(&poster->tracer);
    batch->many = desk_of_many(poster, poster->queue);
    bool goes_on = batch->many ? fill_many(poster, batch) : fill_batch(poster, batch);
    bool sent = false;
    if (batch->count > 0) {
        poster->event_bytes = batch->body.length / batch->count + 1;
        enum ferry_status status =
            batch->many ? send_many(poster, batch, &error) : send_batch(poster, batch, &error);
        sent = status == FERRY_OK;
        if (sent)
            note_sent(poster, batch);
        else
            give_up_sending(poster, batch, &error);
    }
    if (!sent)
        ferry_batch_rest(batch);
    return goes_on && sent;
}

/* --- whose turn it is --- */

static bool stands(const struct ferry_poster *poster)
{
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        if (ferry_desk_stands(&poster->options.desks[kind]))
            return true;
    return false;
}

static bool admits(struct ferry_poster *poster, int64_t now)
{
    if (!poster->open || stands(poster) || !poster->options.may_send(poster->options.context))
        return false;
    if (poster->probe_at != 0 && (now < poster->probe_at || poster->pace.in_flight > 0))
        return false;
    return ferry_pace_admits(&poster->pace, now);
}

/* When what is queued goes, though it fills no request; 0: nothing is queued, or it does. */
static int64_t patience_until(struct ferry_poster *poster)
{
    if (!poster->queue || poster->queued >= size_of(poster))
        return 0;
    bool expects = poster->options.expects(poster->options.context);
    return poster->queued_at + (expects ? EXPECTED_MS : SOON_MS);
}

static void on_timer(uv_timer_t *timer)
{
    ferry_poster_run(timer->data);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Wakes us for the next thing that only time brings about. */
static void set_timer(struct ferry_poster *poster, int64_t now)
{
    int64_t gate = later(poster->pace.gate_until, poster->probe_at);
    int64_t at = 0;
    if (poster->waiting)
        at = later(poster->due_at, gate);
    if (poster->queue) {
        int64_t turn = later(gate, patience_until(poster));
        if (turn > now && (at == 0 || turn < at))
            at = turn;
    }
    uv_timer_stop(&poster->timer);
    if (at != 0)
        uv_timer_start(&poster->timer, on_timer, at > now ? (uint64_t)(at - now) : 1, 0);
}

static void work_through(struct ferry_poster *poster)
{
    int64_t now = ferry_boot_ms();
    wake_due(poster, now);
    collect(poster, now);
    while (poster->queue && admits(poster, now) && patience_until(poster) <= now) {
        bool goes_on = post_batch(poster);
        poster->queued_at = now;
        if (!goes_on)
            break;
        collect(poster, now);
    }
    if (!poster->batches)
        free_idle(poster);
    set_timer(poster, now);
}

void ferry_poster_run(struct ferry_poster *poster)
{
    if (poster->running || !poster->open)
        return;
    poster->running = true;
    work_through(poster);
    poster->running = false;
    ferry_metric_set(poster->in_flight, poster->pace.in_flight);
    ferry_metric_set(poster->limit, poster->pace.limit);
    poster->options.on_progress(poster->options.context);
}

/* --- life --- */

enum ferry_status ferry_poster_new(uv_loop_t *loop, const struct ferry_poster_options *options,
                                   struct ferry_poster **ret_poster, struct ferry_error *error)
{
    struct ferry_poster *poster = calloc(1, sizeof *poster);
    if (!poster)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_activity_forms_new(options->events, &poster->forms, error);
    if (status != FERRY_OK) {
        free(poster);
        return status;
    }
    poster->options = *options;
    ferry_tracer_init(&poster->tracer);
    ferry_allowance_init(&poster->allowance, options->concurrency);
    ferry_pace_init(&poster->pace, ferry_allowance_ceiling(&poster->allowance));
    if (options->pair)
        ferry_pace_follow(&poster->pace, options->pair);
    ferry_topic_name(options->instance,
                     (struct ferry_topic){FERRY_TOPIC_REJECTS, options->workflow}, poster->rejects);
    poster->in_flight =
        ferry_metric(options->metrics, FERRY_GAUGE, "ferry_writer_batches_in_flight",
                     "Batches of e-mail events without an answer", NULL);
    poster->limit = ferry_metric(options->metrics, FERRY_GAUGE, "ferry_writer_batches_concurrency",
                                 "Batches of e-mail events that may be in flight now", NULL);
    uv_timer_init(loop, &poster->timer);
    poster->timer.data = poster;
    *ret_poster = poster;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_poster *poster = handle->data;
    ferry_activity_forms_free(poster->forms);
    free(poster);
}

void ferry_poster_free(struct ferry_poster *poster)
{
    if (!poster)
        return;
    ferry_poster_drop(poster);
    if (poster->options.pair)
        ferry_pace_leave(&poster->pace, poster->options.pair);
    uv_close((uv_handle_t *)&poster->timer, on_closed);
}

void ferry_poster_open(struct ferry_poster *poster, bool open)
{
    poster->open = open;
    if (open)
        ferry_poster_run(poster);
    else
        uv_timer_stop(&poster->timer);
}

static void free_letters(struct ferry_letter **list)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (*list, letter, next)
        free(letter);
    *list = NULL;
}

void ferry_poster_drop(struct ferry_poster *poster)
{
    struct ferry_batch *batch, *next;
    DL_FOREACH_SAFE (poster->batches, batch, next) {
        ferry_dataverse_cancel(batch->call);
        ferry_pace_cancel(&poster->pace);
        free_batch(batch);
    }
    poster->batches = NULL;
    free_idle(poster);
    free_letters(&poster->queue);
    free_letters(&poster->waiting);
    poster->queued = 0;
    poster->due_at = 0;
    uv_timer_stop(&poster->timer);
}

int ferry_poster_in_flight(const struct ferry_poster *poster)
{
    return poster->pace.in_flight;
}

void ferry_poster_count(const struct ferry_poster *poster, json_t *counters)
{
    json_object_set_new(counters, "requests", json_integer((json_int_t)poster->requests));
    json_object_set_new(counters, "retried", json_integer((json_int_t)poster->retries));
    json_object_set_new(counters, "inFlight", json_integer(poster->pace.in_flight));
    json_object_set_new(counters, "concurrency", json_integer(poster->pace.limit));
}
