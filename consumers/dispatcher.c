#include "consumers/dispatcher.h"

#include "consumers/destinations/campaign.h"
#include "consumers/settlement.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#define RETRY_CAP_MS  INT64_C(30000)
#define BLAME_CAP_MS  INT64_C(60000)
#define PARENT_CAP_MS INT64_C(60000)
#define PROBE_CAP_MS  INT64_C(30000)
#define ILLS_TO_PROBE 5
#define MAX_DETOURS   4
#define TURN          1000 /* changes a turn of the loop, so that other work goes on */
#define VERDICTS      (FERRY_VERDICT_FOREIGN + 1)

struct ferry_dispatcher {
    struct ferry_dispatcher_options options;
    struct ferry_delivery delivery;
    struct ferry_settlement settlement;
    struct ferry_pace pace;
    struct ferry_lane *ready;   /* utlist, in turn */
    struct ferry_lane *sent;    /* utlist */
    struct ferry_lane *waiting; /* utlist, by due_at */
    uv_timer_t timer;
    uint64_t retries;
    unsigned ills;    /* answers in a row, of any table, that named nobody */
    unsigned probes;  /* in a row that failed */
    int64_t probe_at; /* when the next one is due; 0: not probing */
    bool warned;
    bool open;
    bool running; /* lanes are being worked on: no second round inside */
    struct ferry_metric *in_flight;
    struct ferry_metric *limit;
    struct ferry_metric *requests[FERRY_CALLS][VERDICTS];
};

static void on_answer(void *context, const struct ferry_remote_answer *answer);

/* --- places of a lane --- */

static void put_ready(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    lane->place = FERRY_LANE_READY;
    DL_APPEND(dispatcher->ready, lane);
}

static int by_due(const struct ferry_lane *a, const struct ferry_lane *b)
{
    return (a->due_at > b->due_at) - (a->due_at < b->due_at);
}

static void put_waiting(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane, int64_t ms)
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
        lane->place = FERRY_LANE_READY;
        DL_PREPEND(dispatcher->ready, lane);
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

static void settle(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                   enum ferry_fate fate)
{
    struct ferry_error error;
    if (ferry_settlement_write(&dispatcher->settlement, lane, fate, &error) != FERRY_OK) {
        put_waiting(dispatcher, lane, RETRY_CAP_MS);
        tell_broken(dispatcher, &error);
        return;
    }
    lane->place = FERRY_LANE_IDLE;
    lane->unsure = false;
    ferry_share_settle(lane->share, lane);
}

static void reject(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                   const struct ferry_error *reason, int http)
{
    struct ferry_table *table = lane->share->table;
    struct ferry_error error;
    ferry_log(FERRY_LOG_WARN, "rejected", FERRY_STR("topic", table->changes),
              FERRY_INT("partition", lane->share->partition),
              FERRY_INT("offset", lane->now->entries->offset), FERRY_STR("id", lane->key),
              FERRY_STR("class", ferry_class_name(reason->class)), FERRY_INT("status", http));
    if (ferry_settlement_reject(&dispatcher->settlement, lane, reason, http, &error) != FERRY_OK) {
        put_waiting(dispatcher, lane, RETRY_CAP_MS);
        tell_broken(dispatcher, &error);
        return;
    }
    lane->place = FERRY_LANE_IDLE;
    ferry_share_settle(lane->share, lane);
    if (ferry_table_note_reject(table, reason->class) && !table->doubted)
        dispatcher->options.on_doubt(dispatcher->options.context, table);
}

/* --- sending --- */

static void warn(struct ferry_dispatcher *dispatcher, const struct ferry_error *error,
                 int64_t wait_ms)
{
    dispatcher->warned = true;
    dispatcher->options.on_warning(dispatcher->options.context, error, ferry_wall_ms() + wait_ms);
}

static void fail_to_carry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          enum ferry_status status, const struct ferry_error *error)
{
    if (status == FERRY_BAD_RECORD) {
        reject(dispatcher, lane, error, 0);
        return;
    }
    put_waiting(dispatcher, lane,
                ferry_backoff_ms(lane->attempts++, dispatcher->options.retry_ms, RETRY_CAP_MS));
    warn(dispatcher, error, RETRY_CAP_MS);
}

static enum ferry_status send_call(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                                   enum ferry_call call, struct ferry_error *error)
{
    enum ferry_status status =
        ferry_delivery_send(&dispatcher->delivery, lane, call, on_answer, lane, error);
    if (status != FERRY_OK)
        return status;
    lane->place = FERRY_LANE_SENT;
    lane->dispatcher = dispatcher;
    lane->ticket = ferry_pace_send(&dispatcher->pace);
    lane->neighbours = lane->share->table->successes;
    lane->attempts++;
    DL_APPEND(dispatcher->sent, lane);
    ferry_crashpoint("request-sent");
    return FERRY_OK;
}

static void carry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    struct ferry_step step;
    struct ferry_error error;
    lane->place = FERRY_LANE_IDLE;
    enum ferry_status status = ferry_delivery_plan(&dispatcher->delivery, lane, &step, &error);
    if (status == FERRY_OK && step.call == FERRY_CALL_NONE) {
        settle(dispatcher, lane, step.fate);
        return;
    }
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
    if (at != 0)
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

void ferry_dispatcher_run(struct ferry_dispatcher *dispatcher)
{
    if (dispatcher->running || !dispatcher->open)
        return;
    dispatcher->running = true;
    work_through(dispatcher);
    dispatcher->running = false;
    ferry_metric_set(dispatcher->in_flight, dispatcher->pace.in_flight);
    ferry_metric_set(dispatcher->limit, dispatcher->pace.limit);
    dispatcher->options.on_progress(dispatcher->options.context);
}

/* --- answers --- */

static void end_trouble(struct ferry_dispatcher *dispatcher)
{
    dispatcher->ills = 0;
    dispatcher->probes = 0;
    dispatcher->probe_at = 0;
    if (dispatcher->warned)
        dispatcher->options.on_warning(dispatcher->options.context, NULL, 0);
    dispatcher->warned = false;
}

/* Nothing gets through: one request at a time, ever more rarely, until one does. */
static int64_t probe(struct ferry_dispatcher *dispatcher)
{
    int64_t wait =
        ferry_backoff_ms(dispatcher->probes++, dispatcher->options.retry_ms, PROBE_CAP_MS);
    dispatcher->probe_at = ferry_boot_ms() + wait;
    return wait;
}

static int64_t repeat_wait(struct ferry_dispatcher *dispatcher, const struct ferry_lane *lane,
                           const struct ferry_remote_answer *answer)
{
    int64_t wait = ferry_backoff_ms(lane->attempts - 1, dispatcher->options.retry_ms, RETRY_CAP_MS);
    return later(wait, answer->retry_after_ms);
}

static void answer_done(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                        const struct ferry_remote_answer *answer)
{
    (void)answer;
    ferry_table_succeed(lane->share->table);
    settle(dispatcher, lane, ferry_plan_done(&lane->given, lane->call));
}

static void judge(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                  const struct ferry_remote_answer *answer)
{
    enum ferry_blame blame = ferry_table_blame(lane->share->table, lane, ferry_boot_ms());
    dispatcher->ills++;
    if (blame == FERRY_BLAME_RECORD_ENDS) {
        reject(dispatcher, lane, &answer->error, answer->status);
        return;
    }
    int64_t wait = ferry_backoff_ms(lane->attempts - 1, dispatcher->options.retry_ms, BLAME_CAP_MS);
    lane->next_call = lane->call;
    put_waiting(dispatcher, lane, wait);
    if (blame == FERRY_BLAME_NOBODY && dispatcher->ills >= ILLS_TO_PROBE)
        warn(dispatcher, &answer->error, probe(dispatcher));
}

static void answer_go_on(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    struct ferry_table *table = lane->share->table;
    if (answer->verdict == FERRY_VERDICT_ABSENT && lane->given.known == FERRY_KNOWN_WRITTEN &&
        ferry_table_note_absence(table) && !table->doubted)
        dispatcher->options.on_doubt(dispatcher->options.context, table);
    /* There, not there, there: a record that the destination hides, or another one that holds a key
     * of this one. */
    if (++lane->detours >= MAX_DETOURS) {
        lane->detours = 0;
        judge(dispatcher, lane, answer);
        return;
    }
    lane->unsure = false;
    lane->next_call = ferry_plan_next(lane->call, answer->verdict).call;
    lane->place = FERRY_LANE_READY;
    DL_PREPEND(dispatcher->ready, lane);
}

static void answer_again(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    int64_t wait = repeat_wait(dispatcher, lane, answer);
    lane->next_call = lane->call;
    put_waiting(dispatcher, lane, wait);
    warn(dispatcher, &answer->error,
         later(wait, ferry_pace_wait_ms(&dispatcher->pace, ferry_boot_ms())));
}

static void answer_cut(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                       const struct ferry_remote_answer *answer)
{
    int64_t wait = repeat_wait(dispatcher, lane, answer);
    lane->unsure = true;
    /* What was cut is decided afresh: a creation may have succeeded. */
    lane->next_call = FERRY_CALL_NONE;
    put_waiting(dispatcher, lane, wait);
    warn(dispatcher, &answer->error, wait);
}

static void answer_reject(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          const struct ferry_remote_answer *answer)
{
    reject(dispatcher, lane, &answer->error, answer->status);
}

/* Until children wait in a topic of their own, they wait here, visibly. */
static void answer_parent(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          const struct ferry_remote_answer *answer)
{
    int64_t wait =
        ferry_backoff_ms(lane->attempts - 1, dispatcher->options.retry_ms, PARENT_CAP_MS);
    put_waiting(dispatcher, lane, wait);
    warn(dispatcher, &answer->error, wait);
}

static void answer_human(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    int64_t wait = probe(dispatcher);
    struct ferry_error error = answer->error;
    /* A token that is refused may be a passing quarrel between Adobe's servers; a secret that is
     * refused is not. */
    if (answer->status == 401)
        error.status = FERRY_RETRY;
    put_waiting(dispatcher, lane, wait);
    warn(dispatcher, &error, wait);
}

static void (*const takers[])(struct ferry_dispatcher *, struct ferry_lane *,
                              const struct ferry_remote_answer *) = {
    [FERRY_COURSE_DONE] = answer_done,     [FERRY_COURSE_GO_ON] = answer_go_on,
    [FERRY_COURSE_AGAIN] = answer_again,   [FERRY_COURSE_CUT] = answer_cut,
    [FERRY_COURSE_JUDGE] = judge,          [FERRY_COURSE_REJECT] = answer_reject,
    [FERRY_COURSE_PARENT] = answer_parent, [FERRY_COURSE_HUMAN] = answer_human,
};

static enum ferry_pace_answer pace_of(const struct ferry_remote_answer *answer,
                                      enum ferry_course course)
{
    if (course == FERRY_COURSE_AGAIN)
        return answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
    if (course == FERRY_COURSE_CUT)
        return FERRY_PACE_FAILED;
    return course == FERRY_COURSE_JUDGE || course == FERRY_COURSE_HUMAN ? FERRY_PACE_NEUTRAL
                                                                        : FERRY_PACE_OK;
}

static struct ferry_metric *request_metric(struct ferry_dispatcher *dispatcher,
                                           enum ferry_call call, enum ferry_verdict verdict)
{
    struct ferry_metric **metric = &dispatcher->requests[call][verdict];
    char labels[96];
    if (!*metric) {
        snprintf(labels, sizeof labels, "verb=\"%s\",verdict=\"%s\"", ferry_call_name(call),
                 ferry_verdict_name(verdict));
        *metric =
            ferry_metric(dispatcher->options.metrics, FERRY_COUNTER, "ferry_writer_requests_total",
                         "Answers of the destination, by verb and verdict", labels);
    }
    return *metric;
}

static void on_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_lane *lane = context;
    struct ferry_dispatcher *dispatcher = lane->dispatcher;
    enum ferry_course course = ferry_plan_next(lane->call, answer->verdict).course;
    DL_DELETE(dispatcher->sent, lane);
    lane->request = NULL;
    lane->place = FERRY_LANE_IDLE;
    ferry_metric_add(request_metric(dispatcher, lane->call, answer->verdict), 1);
    enum ferry_pace_answer pace = pace_of(answer, course);
    ferry_pace_answer(&dispatcher->pace, lane->ticket, pace, answer->retry_after_ms,
                      ferry_boot_ms());
    if (pace == FERRY_PACE_OK)
        end_trouble(dispatcher);
    takers[course](dispatcher, lane, answer);
    ferry_dispatcher_run(dispatcher);
    if (!dispatcher->open)
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
    ferry_pace_init(&dispatcher->pace, options->concurrency);
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
    ferry_delivery_done(&dispatcher->delivery);
    ferry_settlement_done(&dispatcher->settlement);
    uv_close((uv_handle_t *)&dispatcher->timer, on_closed);
}

void ferry_dispatcher_open(struct ferry_dispatcher *dispatcher, bool open)
{
    dispatcher->open = open;
    if (open)
        ferry_dispatcher_run(dispatcher);
    else
        uv_timer_stop(&dispatcher->timer);
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
    uv_timer_stop(&dispatcher->timer);
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
