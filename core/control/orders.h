/* The run orders, followed in the `workflows` topic (ADR 1) by one reader for all workflows of a
 * process. Loop thread only. */
#ifndef FERRY_ORDERS_H
#define FERRY_ORDERS_H

#include "core/base/settings.h"
#include "core/control/consent.h"
#include "core/control/events.h"
#include "core/control/mapping.h"

#include <uv.h>

enum ferry_phase { FERRY_PHASE_NONE, FERRY_PHASE_PREPARE, FERRY_PHASE_GO, FERRY_PHASE_STOP };

struct ferry_order {
    char *workflow;
    int64_t generation;
    enum ferry_phase phase;
    int64_t revision;
    struct ferry_mapping **mappings;
    size_t mapping_count;
    struct ferry_events *events;   /* of campaign-to-dynamics; NULL: it has none */
    struct ferry_consent *consent; /* of opt-in-out; NULL: it has none */
};

struct ferry_orders;

enum ferry_status ferry_orders_new(uv_loop_t *loop, const struct ferry_common *common,
                                   struct ferry_orders **ret_orders,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* After its subscriptions. */
void ferry_orders_free(struct ferry_orders *orders);
/* NULL: the history has been read, and a new order would be heard. Else why not. */
const char *ferry_orders_deaf(const struct ferry_orders *orders);

/* What one workflow is told. */
struct ferry_subscription;

/* `order` is owned by the subscription and stays valid until the next call of on_order has
 * returned. Called when the history has been read (with the latest order, or not at all when there
 * is none) and at each new order. While nothing could be read from the broker for 30 s, on_order
 * gets phase STOP of the same generation (a worker cut off must stop moving data), and the real
 * order again afterwards. A run order that cannot be parsed comes as FERRY_PHASE_STOP with
 * on_trouble naming it, and is nothing to the other workflows. */
struct ferry_subscription_options {
    const char *workflow;
    void (*on_order)(void *context, const struct ferry_order *order);
    /* A person's word about the deletes of a table that wait, `<workflow>/deletes/<table>`; also
     * those of the history, before the first order; deletion.h reads it. NULL: they are of no
     * interest. */
    void (*on_decision)(void *context, const char *table, json_t *decision);
    void (*on_trouble)(void *context, const struct ferry_error *error); /* may be NULL */
    void *context;
};

/* In the turn of the loop that made the orders: FERRY_INVALID when some of the history has been
 * read, for it is read once. */
enum ferry_status ferry_orders_subscribe(struct ferry_orders *orders,
                                         const struct ferry_subscription_options *options,
                                         struct ferry_subscription **ret_subscription,
                                         struct ferry_error *error) FERRY_MUST_CHECK;
/* Allowed inside the callbacks, its own and those of others. */
void ferry_subscription_free(struct ferry_subscription *subscription);

/* Parsing alone, for the controller and tests. */
enum ferry_status ferry_order_parse(const char *workflow, const char *text, size_t length,
                                    struct ferry_order **ret_order,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_order_free(struct ferry_order *order);
const char *ferry_phase_name(enum ferry_phase phase);

#endif
