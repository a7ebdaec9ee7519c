/* What dispatcher.c (whose turn it is) and answers.c (what an answer means) share. */
#ifndef FERRY_DISPATCHER_PRIVATE_H
#define FERRY_DISPATCHER_PRIVATE_H

#include "consumers/destinations/campaign.h"
#include "consumers/dispatcher.h"
#include "consumers/settlement.h"

#define FERRY_RETRY_CAP_MS INT64_C(30000)
#define FERRY_VERDICTS     (FERRY_VERDICT_FOREIGN + 1)

struct ferry_dispatcher {
    struct ferry_dispatcher_options options;
    struct ferry_delivery delivery;
    struct ferry_settlement settlement;
    struct ferry_tracer tracer; /* for rejects that came without a trace */
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
    bool soon;    /* they will be, before the loop waits again */
    struct ferry_metric *in_flight;
    struct ferry_metric *limit;
    struct ferry_metric *requests[FERRY_CALLS][FERRY_VERDICTS];
};

/* The lane goes on at once, before all others. */
void ferry_dispatcher_hurry(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane);
void ferry_dispatcher_wait(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                           int64_t ms);
void ferry_dispatcher_settle(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                             enum ferry_fate fate);
/* It waits in its topic, for at least so long unless it is woken. */
void ferry_dispatcher_set_aside(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                                enum ferry_wait why, int64_t ms);
/* `http`: the status of the answer that says so; 0 when nobody was asked. */
void ferry_dispatcher_reject(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                             const struct ferry_error *reason, int http);
void ferry_dispatcher_warn(struct ferry_dispatcher *dispatcher, const struct ferry_error *error,
                           int64_t wait_ms);

/* ferry_dispatcher_run once behind all answers that are there: what they make room for is sent
 * together, while the code of each step and what it works on are warm. */
void ferry_dispatcher_soon(struct ferry_dispatcher *dispatcher);

/* In answers.c: the callback of every request; `context` is the lane. */
void ferry_dispatcher_answer(void *context, const struct ferry_remote_answer *answer);

#endif
