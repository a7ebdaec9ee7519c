/* From librdkafka's threads to the loop. */
#include "core/io/kafka.h"

#include <stdlib.h>

struct ferry_kafka_wake {
    uv_async_t async;
    uv_timer_t timer;
    rd_kafka_queue_t *queue;
    void (*on_wake)(void *context);
    void *context;
    int handles; /* still open; the memory goes with the last */
};

/* Runs in a thread of librdkafka: nothing but the signal. */
static void signal_loop(rd_kafka_t *client, void *opaque)
{
    (void)client;
    uv_async_send(&((struct ferry_kafka_wake *)opaque)->async);
}

static void wake(struct ferry_kafka_wake *wake)
{
    if (wake->queue)
        wake->on_wake(wake->context);
}

static void on_async(uv_async_t *handle)
{
    wake(handle->data);
}

static void on_timer(uv_timer_t *handle)
{
    wake(handle->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_kafka_wake *wake = handle->data;
    if (--wake->handles == 0)
        free(wake);
}

enum ferry_status ferry_kafka_wake_new(uv_loop_t *loop, rd_kafka_t *client, int64_t interval_ms,
                                       void (*on_wake)(void *context), void *context,
                                       struct ferry_kafka_wake **ret_wake,
                                       struct ferry_error *error)
{
    struct ferry_kafka_wake *new = calloc(1, sizeof *new);
    if (!new || uv_async_init(loop, &new->async, on_async) != 0) {
        free(new);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    uv_timer_init(loop, &new->timer);
    new->handles = 2;
    new->async.data = new;
    new->timer.data = new;
    new->on_wake = on_wake;
    new->context = context;
    new->queue = rd_kafka_queue_get_consumer(client);
    if (!new->queue)
        new->queue = rd_kafka_queue_get_main(client);
    rd_kafka_queue_cb_event_enable(new->queue, signal_loop, new);
    uv_timer_start(&new->timer, on_timer, (uint64_t)interval_ms, (uint64_t)interval_ms);
    uv_async_send(&new->async); /* what came before the callback was set */
    *ret_wake = new;
    return FERRY_OK;
}

void ferry_kafka_wake_again(struct ferry_kafka_wake *wake)
{
    uv_async_send(&wake->async);
}

void ferry_kafka_wake_free(struct ferry_kafka_wake *wake)
{
    if (!wake)
        return;
    rd_kafka_queue_cb_event_enable(wake->queue, NULL,
                                   NULL); /* takes the queue's lock: no call after it */
    rd_kafka_queue_destroy(wake->queue);
    wake->queue = NULL;
    uv_close((uv_handle_t *)&wake->async, on_closed);
    uv_close((uv_handle_t *)&wake->timer, on_closed);
}
