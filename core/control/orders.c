#include "core/control/orders.h"

#include "core/base/clock.h"
#include "core/io/tail.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT_OFF_MS     30000
#define CHECK_EVERY_MS 1000

struct ferry_orders {
    struct ferry_orders_options options;
    char *workflow;
    char *key;     /* "<workflow>/run" */
    char *deletes; /* "<workflow>/deletes/" */
    struct ferry_tail *tail;
    struct ferry_order *order; /* the latest; NULL: none yet, or a tombstone */
    uv_timer_t timer;
    bool cut_off; /* STOP was given in its stead */
};

static void tell_trouble(struct ferry_orders *orders, const struct ferry_error *error)
{
    if (orders->options.on_trouble)
        orders->options.on_trouble(orders->options.context, error);
}

static void tell(struct ferry_orders *orders)
{
    if (!orders->order)
        return;
    enum ferry_phase real = orders->order->phase;
    if (orders->cut_off)
        orders->order->phase = FERRY_PHASE_STOP;
    orders->options.on_order(orders->options.context, orders->order);
    orders->order->phase = real;
}

/* An order that cannot be read stops what runs: going on under an old one would be a guess. */
static void take_unreadable(struct ferry_orders *orders, const struct ferry_error *error)
{
    tell_trouble(orders, error);
    if (orders->order)
        orders->order->phase = FERRY_PHASE_STOP;
    if (ferry_tail_caught_up(orders->tail))
        tell(orders);
}

/* One that cannot be read is as good as none: the deletes go on waiting, and say so. */
static void take_decision(struct ferry_orders *orders, const rd_kafka_message_t *message)
{
    char table[FERRY_TOPIC_SIZE];
    size_t prefix = strlen(orders->deletes);
    size_t length = message->key_len - prefix;
    json_t *json = json_loadb(message->payload, message->len, 0, NULL);
    const char *verdict = json_string_value(json_object_get(json, "verdict"));
    if (verdict && length < sizeof table && orders->options.on_decision) {
        memcpy(table, (const char *)message->key + prefix, length);
        table[length] = '\0';
        orders->options.on_decision(orders->options.context, table,
                                    json_integer_value(json_object_get(json, "decision")),
                                    strcmp(verdict, "approve") == 0);
    }
    json_decref(json);
}

static bool has_key(const rd_kafka_message_t *message, const char *key, bool whole)
{
    size_t length = strlen(key);
    return message->key_len >= length && memcmp(message->key, key, length) == 0 &&
           (!whole || message->key_len == length);
}

static void take_order(struct ferry_orders *orders, const rd_kafka_message_t *message)
{
    struct ferry_order *order = NULL;
    struct ferry_error error;
    if (ferry_order_parse(orders->workflow, message->payload, message->len, &order, &error) !=
        FERRY_OK) {
        take_unreadable(orders, &error);
        return;
    }
    struct ferry_order *old = orders->order;
    orders->order = order;
    if (ferry_tail_caught_up(orders->tail))
        tell(orders);
    ferry_order_free(old);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_orders *orders = context;
    if (!message->payload)
        return;
    if (has_key(message, orders->key, true))
        take_order(orders, message);
    else if (has_key(message, orders->deletes, false))
        take_decision(orders, message);
}

static void on_caught_up(void *context)
{
    tell(context);
}

static void on_tail_trouble(void *context, const struct ferry_error *error)
{
    tell_trouble(context, error);
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_orders *orders = timer->data;
    bool cut_off = ferry_boot_ms() - ferry_tail_contact_ms(orders->tail) > CUT_OFF_MS;
    if (cut_off == orders->cut_off || !ferry_tail_caught_up(orders->tail))
        return;
    orders->cut_off = cut_off;
    tell(orders);
}

static enum ferry_status follow(struct ferry_orders *orders, uv_loop_t *loop,
                                const struct ferry_common *common, struct ferry_error *error)
{
    char topic[FERRY_TOPIC_SIZE];
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_WORKFLOWS, NULL}, topic);
    const struct ferry_tail_part part = {topic, 0, RD_KAFKA_OFFSET_BEGINNING};
    const struct ferry_tail_options options = {
        .name = "orders",
        .parts = &part,
        .part_count = 1,
        .follow = true,
        .on_record = on_record,
        .on_caught_up = on_caught_up,
        .on_trouble = on_tail_trouble,
        .context = orders,
    };
    return ferry_tail_new(loop, common, &options, &orders->tail, error);
}

static void free_memory(struct ferry_orders *orders)
{
    ferry_order_free(orders->order);
    free(orders->workflow);
    free(orders->key);
    free(orders->deletes);
    free(orders);
}

static void on_closed(uv_handle_t *handle)
{
    free_memory(handle->data);
}

static char *make_key(const char *workflow, const char *rest)
{
    char *key = NULL;
    return asprintf(&key, "%s%s", workflow, rest) < 0 ? NULL : key;
}

enum ferry_status ferry_orders_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_orders_options *options,
                                   struct ferry_orders **ret_orders, struct ferry_error *error)
{
    struct ferry_orders *orders = calloc(1, sizeof *orders);
    if (!orders)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    orders->options = *options;
    orders->workflow = strdup(options->workflow);
    orders->key = make_key(options->workflow, "/run");
    orders->deletes = make_key(options->workflow, "/deletes/");
    if (!orders->workflow || !orders->key || !orders->deletes) {
        free_memory(orders);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    enum ferry_status status = follow(orders, loop, common, error);
    if (status != FERRY_OK) {
        free_memory(orders);
        return status;
    }
    uv_timer_init(loop, &orders->timer);
    orders->timer.data = orders;
    uv_timer_start(&orders->timer, on_timer, CHECK_EVERY_MS, CHECK_EVERY_MS);
    *ret_orders = orders;
    return FERRY_OK;
}

void ferry_orders_free(struct ferry_orders *orders)
{
    if (!orders)
        return;
    ferry_tail_free(orders->tail);
    uv_close((uv_handle_t *)&orders->timer, on_closed);
}
