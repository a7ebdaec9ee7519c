#include "consumers/dispatcher.h"

#include "consumers/dispatcher_private.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TURN 1000 /* changes a turn of the loop, so that other work goes on */

/* --- places of a lane --- */

static void put_ready(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    lane->place = FERRY_LANE_READY;
    DL_APPEND(dispatcher->ready, lane);
}

void ferry_dispatcher_hurry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    lane->place = FERRY_LANE_READY;
    DL_PREPEND(dispatcher->ready, lane);
}

static int by_due(const struct ferry_lane *a, const struct ferry_lane *b)
{
    return (a->due_at > b->due_at) - (a->due_at < b->due_at);
}

void ferry_dispatcher_wait(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane, int64_t ms)
{
    lane->place = FERRY_LANE_WAITING;
    lane->due_at = ferry_boot_ms() + ms;
    dispatcher->retries++;
    DL_INSERT_INORDER(dispatcher->waiting, lane, by_due);
}

/* What has waited long enough goes before what never was sent. */
static void wake_due(struct ferry_dispatcher *dispatcher, int64_t now)
{
    struct ferry_lane *lane;
    while ((lane = dispatcher->waiting) && lane->due_at <= now) {
        DL_DELETE(dispatcher->waiting, lane);
        ferry_dispatcher_hurry(dispatcher, lane);
    }
}

static void collect(struct ferry_dispatcher *dispatcher)
{
    struct ferry_share *share;
    struct ferry_lane *lane;
    DL_FOREACH (ferry_holding_shares(dispatcher->options.holding), share) {
        while ((lane = ferry_share_next(share)))
            put_ready(dispatcher, lane);
    }
}

/* --- fates --- */

static void tell_broken(struct ferry_dispatcher *dispatcher, const struct ferry_error *error)
{
    dispatcher->open = false;
    dispatcher->options.on_broken(dispatcher->options.context, error);
}

void ferry_dispatcher_settle(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                             enum ferry_fate fate)
{
    struct ferry_error error;
    if (ferry_settlement_write(&dispatcher->settlement, lane, fate, &error) != FERRY_OK) {
        ferry_dispatcher_wait(dispatcher, lane, FERRY_RETRY_CAP_MS);
        tell_broken(dispatcher, &error);
        return;
    }
    lane->place = FERRY_LANE_IDLE;
    lane->unsure = false;
    ferry_share_settle(lane->share, lane);
}

void ferry_dispatcher_set_aside(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                                enum ferry_wait why, int64_t ms)
{
    struct ferry_error error;
    if (ferry_settlement_set_aside(&dispatcher->settlement, lane, why, ferry_boot_ms() + ms,
                                   &error) != FERRY_OK) {
        ferry_dispatcher_wait(dispatcher, lane, FERRY_RETRY_CAP_MS);
        tell_broken(dispatcher, &error);
        return;
    }
    lane->place = FERRY_LANE_IDLE;
    lane->unsure = false;
    ferry_share_settle(lane->share, lane);
}

/* A reject always has a trace, so that the log and the topic can be brought together. */
static void start_trace(struct ferry_dispatcher *dispatcher, struct ferry_item *item)
{
    if (*item->trace)
        return;
    ferry_tracer_turn(&dispatcher->tracer);
    memcpy(item->trace, ferry_tracer_next(&dispatcher->tracer), sizeof item->trace);
}

void ferry_dispatcher_reject(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                             const struct ferry_error *reason, int http)
{
    struct ferry_table *table = lane->share->table;
    struct ferry_error error;
    char trace[FERRY_TRACE_ID_SIZE];
    start_trace(dispatcher, lane->now);
    ferry_trace_id(lane->now->trace, trace);
    ferry_log(FERRY_LOG_WARN, "rejected", FERRY_STR("topic", table->changes),
              FERRY_INT("partition", lane->share->partition),
              FERRY_INT("offset", lane->now->offset), FERRY_STR("id", lane->key),
              FERRY_STR("class", ferry_class_name(reason->class)), FERRY_INT("status", http),
              FERRY_STR("trace_id", trace));
    if (ferry_settlement_reject(&dispatcher->settlement, lane, reason, http, &error) != FERRY_OK) {
        ferry_dispatcher_wait(dispatcher, lane, FERRY_RETRY_CAP_MS);
        tell_broken(dispatcher, &error);
        return;
    }
    lane->place = FERRY_LANE_IDLE;
    table->rejects += http != 0;
    ferry_share_settle(lane->share, lane);
}

/* --- sending --- */

void ferry_dispatcher_warn(struct ferry_dispatcher *dispatcher, const struct ferry_error *error,
                           int64_t wait_ms)
{
    dispatcher->warned = true;
    dispatcher->options.on_warning(dispatcher->options.context, error, ferry_wall_ms() + wait_ms);
}

static void fail_to_carry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          enum ferry_status status, const struct ferry_error *error)
{
    bool mapping = error->class == FERRY_CLASS_MAPPING || error->class == FERRY_CLASS_SCHEMA;
    if (status == FERRY_BAD_RECORD) {
        ferry_dispatcher_reject(dispatcher, lane, error, 0);
        return;
    }
    if (status == FERRY_INVALID && mapping) {
        ferry_share_put_back(lane->share, lane);
        dispatcher->options.on_misfit(dispatcher->options.context, lane->share->table, error,
                                      false);
        return;
    }
    ferry_dispatcher_wait(dispatcher, lane, FERRY_RETRY_CAP_MS);
    if (status == FERRY_INVALID)
        tell_broken(dispatcher, error);
    else
        ferry_dispatcher_warn(dispatcher, error, FERRY_RETRY_CAP_MS);
}

static enum ferry_status send_call(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                                   enum ferry_call call, struct ferry_error *error)
{
    enum ferry_status status = ferry_delivery_send(&dispatcher->delivery, lane, call,
                                                   ferry_dispatcher_answer, lane, error);
    if (status != FERRY_OK)
        return status;
    lane->place = FERRY_LANE_SENT;
    lane->dispatcher = dispatcher;
    lane->ticket = ferry_pace_send(&dispatcher->pace);
    if (lane->attempts++ == 0)
        lane->neighbours = lane->share->table->successes;
    DL_APPEND(dispatcher->sent, lane);
    ferry_crashpoint("request-sent");
    return FERRY_OK;
}

static bool brake_lets(const struct ferry_dispatcher *dispatcher, const struct ferry_table *table)
{
    struct ferry_brake_view view = ferry_holding_brake_view(dispatcher->options.holding, table);
    return ferry_brake_lets(&table->brake, &view);
}

/* Whoever may be deleted goes, whoever may not is left, all others ask the brake; once. */
static bool is_held(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    const struct ferry_table *table = lane->share->table;
    if (lane->attempts > 0)
        return false;
    if (lane->now->recalled == FERRY_RECALL_DROP) {
        ferry_dispatcher_settle(dispatcher, lane, FERRY_FATE_DROPPED);
        return true;
    }
    if (lane->now->recalled == FERRY_RECALL_DELETE)
        return false; /* and it does not count against those that nobody was asked about */
    if (lane->now->recalled != FERRY_RECALL_RELEASE && !brake_lets(dispatcher, table)) {
        ferry_dispatcher_set_aside(dispatcher, lane, FERRY_WAIT_DELETE, 0);
        return true;
    }
    lane->now->let = true;
    return false;
}

static void carry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    struct ferry_step step;
    struct ferry_error error;
    lane->place = FERRY_LANE_IDLE;
    if (ferry_table_stands(lane->share->table)) {
        ferry_share_put_back(lane->share, lane);
        return;
    }
    enum ferry_status status = ferry_delivery_plan(&dispatcher->delivery, lane, &step, &error);
    if (status == FERRY_OK && step.call == FERRY_CALL_NONE) {
        ferry_dispatcher_settle(dispatcher, lane, step.fate);
        return;
    }
    if (status == FERRY_OK && step.call == FERRY_CALL_DELETE && is_held(dispatcher, lane))
        return;
    if (status == FERRY_OK)
        status = send_call(dispatcher, lane, step.call, &error);
    if (status != FERRY_OK)
        fail_to_carry(dispatcher, lane, status, &error);
}

static bool admits(struct ferry_dispatcher *dispatcher, int64_t now)
{
    if (!dispatcher->open || !dispatcher->options.may_send(dispatcher->options.context))
        return false;
    if (dispatcher->probe_at != 0 && (now < dispatcher->probe_at || dispatcher->pace.in_flight > 0))
        return false;
    return ferry_pace_admits(&dispatcher->pace, now);
}

static void on_timer(uv_timer_t *timer)
{
    ferry_dispatcher_run(timer->data);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Wakes us for the next thing that only time brings about. */
static void set_timer(struct ferry_dispatcher *dispatcher, int64_t now)
{
    int64_t gate = later(dispatcher->pace.gate_until, dispatcher->probe_at);
    int64_t at = 0;
    if (dispatcher->waiting)
        at = later(dispatcher->waiting->due_at, gate);
    if (dispatcher->ready && gate > now && (at == 0 || gate < at))
        at = gate;
    uv_timer_stop(&dispatcher->timer);
    if (dispatcher->soon)
        uv_timer_start(&dispatcher->timer, on_timer, 0, 0);
    else if (at != 0)
        uv_timer_start(&dispatcher->timer, on_timer, at > now ? (uint64_t)(at - now) : 1, 0);
}

static void work_through(struct ferry_dispatcher *dispatcher)
{
    int64_t now = ferry_boot_ms();
    int left = TURN;
    wake_due(dispatcher, now);
    collect(dispatcher);
    while (dispatcher->ready && left-- > 0 && admits(dispatcher, now)) {
        struct ferry_lane *lane = dispatcher->ready;
        DL_DELETE(dispatcher->ready, lane);
        carry(dispatcher, lane);
        if (!dispatcher->ready)
            collect(dispatcher);
    }
    if (!dispatcher->ready && !dispatcher->sent && !dispatcher->waiting)
        ferry_holding_unblock(dispatcher->options.holding);
    set_timer(dispatcher, now);
    if (left < 0)
        uv_timer_start(&dispatcher->timer, on_timer, 0, 0);
}

void ferry_dispatcher_soon(struct ferry_dispatcher *dispatcher)
{
    if (dispatcher->soon || !dispatcher->open)
        return;
    dispatcher->soon = true;
    uv_timer_start(&dispatcher->timer, on_timer, 0, 0);
}

void ferry_dispatcher_run(struct ferry_dispatcher *dispatcher)
{
    if (dispatcher->running || !dispatcher->open)
        return;
    dispatcher->running = true;
    dispatcher->soon = false;
    work_through(dispatcher);
    dispatcher->running = false;
    ferry_metric_set(dispatcher->in_flight, dispatcher->pace.in_flight);
    ferry_metric_set(dispatcher->limit, dispatcher->pace.limit);
    dispatcher->options.on_progress(dispatcher->options.context);
}

/* --- life --- */

static void register_metrics(struct ferry_dispatcher *dispatcher)
{
    struct ferry_metrics *metrics = dispatcher->options.metrics;
    dispatcher->in_flight = ferry_metric(metrics, FERRY_GAUGE, "ferry_writer_requests_in_flight",
                                         "Requests without an answer", NULL);
    dispatcher->limit = ferry_metric(metrics, FERRY_GAUGE, "ferry_writer_concurrency",
                                     "Requests that may be in flight now", NULL);
}

enum ferry_status ferry_dispatcher_new(uv_loop_t *loop,
                                       const struct ferry_dispatcher_options *options,
                                       struct ferry_dispatcher **ret_dispatcher,
                                       struct ferry_error *error)
{
    struct ferry_dispatcher *dispatcher = calloc(1, sizeof *dispatcher);
    if (!dispatcher)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    dispatcher->options = *options;
    ferry_tracer_init(&dispatcher->tracer);
    ferry_pace_init(&dispatcher->pace, options->concurrency);
    if (options->pair)
        ferry_pace_follow(&dispatcher->pace, options->pair);
    ferry_delivery_init(&dispatcher->delivery, options->campaign);
    ferry_settlement_init(&dispatcher->settlement, options->instance, options->workflow);
    dispatcher->settlement.ledger = options->ledger;
    register_metrics(dispatcher);
    uv_timer_init(loop, &dispatcher->timer);
    dispatcher->timer.data = dispatcher;
    *ret_dispatcher = dispatcher;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ferry_dispatcher_free(struct ferry_dispatcher *dispatcher)
{
    if (!dispatcher)
        return;
    ferry_dispatcher_drop(dispatcher);
    if (dispatcher->options.pair)
        ferry_pace_leave(&dispatcher->pace, dispatcher->options.pair);
    ferry_delivery_done(&dispatcher->delivery);
    ferry_settlement_done(&dispatcher->settlement);
    uv_close((uv_handle_t *)&dispatcher->timer, on_closed);
}

static void stop_timer(struct ferry_dispatcher *dispatcher)
{
    dispatcher->soon = false;
    uv_timer_stop(&dispatcher->timer);
}

void ferry_dispatcher_open(struct ferry_dispatcher *dispatcher, bool open)
{
    dispatcher->open = open;
    if (open)
        ferry_dispatcher_run(dispatcher);
    else
        stop_timer(dispatcher);
}

void ferry_dispatcher_drop(struct ferry_dispatcher *dispatcher)
{
    struct ferry_lane *lane, *next;
    DL_FOREACH_SAFE (dispatcher->sent, lane, next) {
        ferry_campaign_cancel(lane->request);
        ferry_pace_cancel(&dispatcher->pace);
        lane->request = NULL;
        lane->place = FERRY_LANE_IDLE;
    }
    dispatcher->ready = dispatcher->sent = dispatcher->waiting = NULL;
    stop_timer(dispatcher);
}

int ferry_dispatcher_in_flight(const struct ferry_dispatcher *dispatcher)
{
    return dispatcher->pace.in_flight;
}

int ferry_dispatcher_limit(const struct ferry_dispatcher *dispatcher)
{
    return dispatcher->pace.limit;
}

uint64_t ferry_dispatcher_retries(const struct ferry_dispatcher *dispatcher)
{
    return dispatcher->retries;
}
