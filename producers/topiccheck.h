/* Asks in a thread whether topics are as ADR 1 wants them. Loop thread only. */
#ifndef FERRY_TOPICCHECK_H
#define FERRY_TOPICCHECK_H

#include "core/io/topics.h"

#include <uv.h>

#define FERRY_TOPICCHECK_MAX 3

struct ferry_topiccheck;

struct ferry_topiccheck_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_topic topics[FERRY_TOPICCHECK_MAX]; /* suffixes are copied */
    size_t count;
    int64_t delay_ms; /* before it asks */
    /* Once, later, unless freed before; the check is gone when it is called. As
     * ferry_topics_ensure. */
    void (*on_done)(void *context, enum ferry_status status, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_topiccheck_new(const struct ferry_topiccheck_options *options,
                                       struct ferry_topiccheck **ret_check,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_topiccheck_free(struct ferry_topiccheck *check);

#endif
