#include "core/io/nudge.h"

#include "core/io/kafka.h"

#include <stdio.h>

#define TIMEOUT_MS 1000

static void ask_in_thread(uv_work_t *work)
{
    const struct ferry_nudge *nudge = work->data;
    int64_t end;
    (void)ferry_kafka_edge(nudge->consumer, nudge->topic, nudge->partition, RD_KAFKA_OFFSET_END,
                           &end, TIMEOUT_MS);
}

static void after_ask(uv_work_t *work, int cancelled)
{
    struct ferry_nudge *nudge = work->data;
    (void)cancelled;
    nudge->busy = false;
    nudge->on_done(nudge->context);
}

void ferry_nudge(struct ferry_nudge *nudge, uv_loop_t *loop, const char *topic, int partition)
{
    if (nudge->busy)
        return;
    snprintf(nudge->topic, sizeof nudge->topic, "%s", topic);
    nudge->partition = partition;
    nudge->work.data = nudge;
    nudge->busy = uv_queue_work(loop, &nudge->work, ask_in_thread, after_ask) == 0;
}
