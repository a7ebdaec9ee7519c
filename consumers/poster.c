#include "consumers/poster.h"

#include "consumers/poster_private.h"
#include "consumers/reject.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/remote/dataverse_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HEAD_BYTES  ((size_t)4 << 10) /* no name of a table is that long */
#define SOON_MS     INT64_C(50)       /* that one event waits for others */
#define EXPECTED_MS INT64_C(1000)     /* where others are sure to come */
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

/* One that is left out makes room for another. */
struct ferry_letter *ferry_poster_first(struct ferry_poster *poster)
{
    if (!poster->queue)
        collect(poster, ferry_boot_ms());
    return poster->queue;
}

/* --- fates --- */

void ferry_poster_settle(struct ferry_poster *poster, struct ferry_letter *letter,
                         enum ferry_event_fate fate)
{
    ferry_desk_count(ferry_poster_desk(poster, letter), fate);
    ferry_strand_settle(letter);
}

/* Its trace is named as the activity: wherever the one is seen, the other is known. */
void ferry_poster_name(const struct ferry_poster *poster, const struct ferry_event *event,
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
    ferry_poster_name(poster, &event, id);
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
    ferry_poster_desk(poster, letter)->rejects += http != 0;
    ferry_poster_settle(poster, letter, FERRY_EVENT_REJECTED);
}

void ferry_poster_warn(struct ferry_poster *poster, const struct ferry_error *error,
                       int64_t wait_ms)
{
    poster->warned = true;
    poster->options.on_warning(poster->options.context, error, ferry_wall_ms() + wait_ms);
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
    if (!poster->queue || poster->queued >= ferry_poster_size(poster))
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
        bool goes_on = ferry_batch_post(poster);
        poster->queued_at = now;
        if (!goes_on)
            break;
        collect(poster, now);
    }
    if (!poster->batches)
        ferry_batches_free_idle(poster);
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

static void free_poster(struct ferry_poster *poster)
{
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        ferry_buffer_done(&poster->heads[kind]);
    ferry_activity_forms_free(poster->forms);
    free(poster);
}

static enum ferry_status make_forms(struct ferry_poster *poster, const struct ferry_events *events,
                                    struct ferry_error *error)
{
    enum ferry_status status = ferry_activity_forms_new(events, &poster->forms, error);
    if (status != FERRY_OK)
        return status;
    for (int kind = 0; kind < FERRY_EVENT_KINDS && status == FERRY_OK; kind++) {
        ferry_buffer_init(&poster->heads[kind], HEAD_BYTES);
        if (events->kinds[kind])
            status = ferry_batch_head(events->activities[kind].entity_set, &poster->heads[kind]);
    }
    return status == FERRY_OK ? FERRY_OK
                              : ferry_fail(error, status, FERRY_CLASS_BUG,
                                           "no room for what the parts of a batch begin with");
}

enum ferry_status ferry_poster_new(uv_loop_t *loop, const struct ferry_poster_options *options,
                                   struct ferry_poster **ret_poster, struct ferry_error *error)
{
    struct ferry_poster *poster = calloc(1, sizeof *poster);
    if (!poster)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = make_forms(poster, options->events, error);
    if (status != FERRY_OK) {
        free_poster(poster);
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
    free_poster(handle->data);
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
        ferry_batch_free(batch);
    }
    poster->batches = NULL;
    ferry_batches_free_idle(poster);
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
