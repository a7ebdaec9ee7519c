/* One workflow that this process serves: obeys its run orders, has at most one run at a time, and
 * tells the world what it does. Loop thread only. */
#ifndef FERRY_DUTY_H
#define FERRY_DUTY_H

#include "consumers/run.h"
#include "core/control/orders.h"
#include "core/control/report.h"

struct ferry_duty;

struct ferry_duty_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_registry *registry; /* NULL: none */
    struct ferry_metrics *metrics;
    struct ferry_reporter *reporter;
    struct ferry_orders *orders;
    const char *workflow;
    const char *transactional_id;
    int64_t request_timeout_ms; /* how long a stop waits for answers */
    const struct ferry_cargo *kind;
    /* What of an order a run is made of; new reference, as the order goes before the run comes. */
    json_t *(*content)(const struct ferry_order *order);
    /* What a run of that carries. */
    enum ferry_status (*load)(void *context, json_t *content, void **ret_cargo,
                              struct ferry_error *error);
    /* As in orders.h; may be NULL. */
    void (*on_decision)(void *context, const char *table, json_t *decision);
    void *context;
};

enum ferry_status ferry_duty_new(const struct ferry_duty_options *options,
                                 struct ferry_duty **ret_duty,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* Only when it is over. */
void ferry_duty_free(struct ferry_duty *duty);

/* Some time has passed: makes the next step and reports. */
void ferry_duty_look(struct ferry_duty *duty);
/* Ends the run and begins no other one. */
void ferry_duty_stop(struct ferry_duty *duty);
/* It was stopped, and nothing runs any more. */
bool ferry_duty_over(const struct ferry_duty *duty);
/* What it was told to do is in its way: the broker has not yet let it into the group. A run that
 * ends, or waits for a person, is in nobody's way. */
bool ferry_duty_joining(const struct ferry_duty *duty);
/* Of the run there is, or NULL. */
void *ferry_duty_cargo(const struct ferry_duty *duty);

#endif
