#include "core/control/orders.h"

#include "core/base/clock.h"
#include "core/io/tail.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CUT_OFF_MS     30000
#define CHECK_EVERY_MS 1000

struct ferry_subscription {
    struct ferry_subscription *next;
    struct ferry_orders *orders;
    struct ferry_subscription_options options;
    char *workflow;
    char *key;                 /* "<workflow>/run" */
    char *deletes;             /* "<workflow>/deletes/" */
    struct ferry_order *order; /* the latest; NULL: none yet, or a tombstone */
    bool freed;                /* while the list was walked */
};

struct ferry_orders {
    struct ferry_tail *tail;
    struct ferry_subscription *subscriptions;
    uv_timer_t timer;
    bool begun;   /* some of the history has been read */
    bool telling; /* the list is walked: nothing may leave it */
    bool cut_off; /* STOP was given in the orders' stead */
};

/* --- one workflow --- */

static void tell_trouble(struct ferry_subscription *subscription, const void *error)
{
    if (subscription->options.on_trouble)
        subscription->options.on_trouble(subscription->options.context, error);
}

static void tell(struct ferry_subscription *subscription, const void *news)
{
    (void)news; /* the order is what is told */
    struct ferry_order *order = subscription->order;
    if (!order)
        return;
    enum ferry_phase real = order->phase;
    if (subscription->orders->cut_off)
        order->phase = FERRY_PHASE_STOP;
    subscription->options.on_order(subscription->options.context, order);
    order->phase = real;
}

/* An order that cannot be read stops what runs: going on under an old one would be a guess. */
static void take_unreadable(struct ferry_subscription *subscription,
                            const struct ferry_error *error)
{
    tell_trouble(subscription, error);
    if (subscription->order)
        subscription->order->phase = FERRY_PHASE_STOP;
    if (!subscription->freed && ferry_tail_caught_up(subscription->orders->tail))
        tell(subscription, NULL);
}

static void take_decision(struct ferry_subscription *subscription,
                          const rd_kafka_message_t *message)
{
    char table[FERRY_TOPIC_SIZE];
    size_t prefix = strlen(subscription->deletes);
    size_t length = message->key_len - prefix;
    json_t *json = json_loadb(message->payload, message->len, 0, NULL);
    if (json && length < sizeof table && subscription->options.on_decision) {
        memcpy(table, (const char *)message->key + prefix, length);
        table[length] = '\0';
        subscription->options.on_decision(subscription->options.context, table, json);
    }
    json_decref(json);
}

static bool has_key(const rd_kafka_message_t *message, const char *key, bool whole)
{
    size_t length = strlen(key);
    return message->key_len >= length && memcmp(message->key, key, length) == 0 &&
           (!whole || message->key_len == length);
}

static void take_order(struct ferry_subscription *subscription, const rd_kafka_message_t *message)
{
    struct ferry_order *order = NULL;
    struct ferry_error error;
    if (ferry_order_parse(subscription->workflow, message->payload, message->len, &order, &error) !=
        FERRY_OK) {
        take_unreadable(subscription, &error);
        return;
    }
    struct ferry_order *old = subscription->order;
    subscription->order = order;
    if (ferry_tail_caught_up(subscription->orders->tail))
        tell(subscription, NULL);
    ferry_order_free(old);
}

static void take(struct ferry_subscription *subscription, const void *news)
{
    const rd_kafka_message_t *message = news;
    if (has_key(message, subscription->key, true))
        take_order(subscription, message);
    else if (has_key(message, subscription->deletes, false))
        take_decision(subscription, message);
}

static void free_subscription(struct ferry_subscription *subscription)
{
    ferry_order_free(subscription->order);
    free(subscription->workflow);
    free(subscription->key);
    free(subscription->deletes);
    free(subscription);
}

void ferry_subscription_free(struct ferry_subscription *subscription)
{
    if (!subscription)
        return;
    subscription->freed = true;
    if (subscription->orders->telling)
        return;
    LL_DELETE(subscription->orders->subscriptions, subscription);
    free_subscription(subscription);
}

/* --- all of them --- */

static void for_each(struct ferry_orders *orders,
                     void (*call)(struct ferry_subscription *subscription, const void *news),
                     const void *news)
{
    struct ferry_subscription *subscription;
    struct ferry_subscription *next;
    orders->telling = true;
    LL_FOREACH (orders->subscriptions, subscription) {
        if (!subscription->freed)
            call(subscription, news);
    }
    orders->telling = false;
    LL_FOREACH_SAFE (orders->subscriptions, subscription, next) {
        if (subscription->freed)
            ferry_subscription_free(subscription);
    }
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_orders *orders = context;
    orders->begun = true;
    if (message->payload)
        for_each(orders, take, message);
}

static void on_caught_up(void *context)
{
    struct ferry_orders *orders = context;
    orders->begun = true;
    for_each(orders, tell, NULL);
}

static void on_tail_trouble(void *context, const struct ferry_error *error)
{
    for_each(context, tell_trouble, error);
}

static bool is_cut_off(const struct ferry_orders *orders)
{
    return ferry_boot_ms() - ferry_tail_contact_ms(orders->tail) > CUT_OFF_MS;
}

const char *ferry_orders_deaf(const struct ferry_orders *orders)
{
    if (!ferry_tail_caught_up(orders->tail))
        return "the run orders have not been read from Kafka yet";
    return is_cut_off(orders) ? "Kafka has not answered for more than 30 s" : NULL;
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_orders *orders = timer->data;
    bool cut_off = is_cut_off(orders);
    if (cut_off == orders->cut_off || !ferry_tail_caught_up(orders->tail))
        return;
    orders->cut_off = cut_off;
    for_each(orders, tell, NULL);
}

/* --- life --- */

static char *make_key(const char *workflow, const char *rest)
{
    char *key = NULL;
    return asprintf(&key, "%s%s", workflow, rest) < 0 ? NULL : key;
}

enum ferry_status ferry_orders_subscribe(struct ferry_orders *orders,
                                         const struct ferry_subscription_options *options,
                                         struct ferry_subscription **ret_subscription,
                                         struct ferry_error *error)
{
    if (orders->begun)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "%s subscribes to its orders after some were read", options->workflow);
    struct ferry_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    subscription->orders = orders;
    subscription->options = *options;
    subscription->workflow = strdup(options->workflow);
    subscription->key = make_key(options->workflow, "/run");
    subscription->deletes = make_key(options->workflow, "/deletes/");
    if (!subscription->workflow || !subscription->key || !subscription->deletes) {
        free_subscription(subscription);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    LL_APPEND(orders->subscriptions, subscription);
    *ret_subscription = subscription;
    return FERRY_OK;
}

static enum ferry_status follow(struct ferry_orders *orders, uv_loop_t *loop,
                                const struct ferry_common *common, struct ferry_error *error)
{
    const struct ferry_tail_options options = {.name = "orders",
                                               .on_record = on_record,
                                               .on_caught_up = on_caught_up,
                                               .on_trouble = on_tail_trouble,
                                               .context = orders};
    return ferry_tail_follow(loop, common, FERRY_TOPIC_WORKFLOWS, &options, &orders->tail, error);
}

enum ferry_status ferry_orders_new(uv_loop_t *loop, const struct ferry_common *common,
                                   struct ferry_orders **ret_orders, struct ferry_error *error)
{
    struct ferry_orders *orders = calloc(1, sizeof *orders);
    if (!orders)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = follow(orders, loop, common, error);
    if (status != FERRY_OK) {
        free(orders);
        return status;
    }
    uv_timer_init(loop, &orders->timer);
    orders->timer.data = orders;
    uv_timer_start(&orders->timer, on_timer, CHECK_EVERY_MS, CHECK_EVERY_MS);
    *ret_orders = orders;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ferry_orders_free(struct ferry_orders *orders)
{
    if (!orders)
        return;
    ferry_tail_free(orders->tail);
    uv_close((uv_handle_t *)&orders->timer, on_closed);
}
