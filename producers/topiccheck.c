#include "producers/topiccheck.h"

#include "core/io/kafka.h"
#include "producers/alarm.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000

struct ferry_topiccheck {
    struct ferry_topiccheck_options options;
    char suffixes[FERRY_TOPICCHECK_MAX][FERRY_TOPIC_SIZE];
    struct ferry_alarm *alarm;
    uv_work_t work;
    bool working, freed;
    enum ferry_status status;
    struct ferry_error error;
};

static void release(struct ferry_topiccheck *check)
{
    ferry_alarm_free(check->alarm);
    free(check);
}

void ferry_topiccheck_free(struct ferry_topiccheck *check)
{
    if (!check)
        return;
    check->freed = true;
    ferry_alarm_stop(check->alarm);
    if (!check->working)
        release(check);
}

/* A client for the moment of a start is cheaper than one that stays. */
static void ask(uv_work_t *work)
{
    struct ferry_topiccheck *check = work->data;
    const struct ferry_topiccheck_options *options = &check->options;
    rd_kafka_t *client = NULL;
    check->status = ferry_kafka_new(options->common, FERRY_KAFKA_PLAIN, "topics", NULL, NULL, NULL,
                                    &client, &check->error);
    if (check->status == FERRY_OK)
        check->status = ferry_topics_ensure(client, options->common, options->topics,
                                            options->count, false, TIMEOUT_MS, &check->error);
    ferry_kafka_destroy(client);
}

static void after_ask(uv_work_t *work, int cancelled)
{
    struct ferry_topiccheck *check = work->data;
    (void)cancelled; /* nobody cancels */
    check->working = false;
    if (!check->freed)
        check->options.on_done(check->options.context, check->status, &check->error);
    release(check);
}

static void on_alarm(void *context)
{
    struct ferry_topiccheck *check = context;
    check->work.data = check;
    check->working = true;
    uv_queue_work(check->options.loop, &check->work, ask, after_ask);
}

enum ferry_status ferry_topiccheck_new(const struct ferry_topiccheck_options *options,
                                       struct ferry_topiccheck **ret_check,
                                       struct ferry_error *error)
{
    struct ferry_topiccheck *check = calloc(1, sizeof *check);
    if (!check || ferry_alarm_new(options->loop, on_alarm, check, &check->alarm) != FERRY_OK) {
        free(check);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    check->options = *options;
    for (size_t i = 0; i < options->count; i++) {
        const char *suffix = options->topics[i].suffix;
        if (!suffix)
            continue;
        snprintf(check->suffixes[i], sizeof check->suffixes[i], "%s", suffix);
        check->options.topics[i].suffix = check->suffixes[i];
    }
    ferry_alarm_set(check->alarm, options->delay_ms);
    *ret_check = check;
    return FERRY_OK;
}
