/* librdkafka 2.0.2 looks only once a second whether there is room again in a consumer's queue that
 * was full; a request, any, wakes the thread that does. Loop thread only. */
#ifndef FERRY_NUDGE_H
#define FERRY_NUDGE_H

#include "core/io/topics.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

/* A part of the consumer's owner, who may free neither it nor the consumer while `busy`. */
struct ferry_nudge {
    uv_work_t work;
    rd_kafka_t *consumer;
    char topic[FERRY_TOPIC_SIZE];
    int partition;
    bool busy;
    void (*on_done)(void *context);
    void *context;
};

/* Asks the leader of that partition something; nothing while the last question is under way. */
void ferry_nudge(struct ferry_nudge *nudge, uv_loop_t *loop, const char *topic, int partition);

#endif
