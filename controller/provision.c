#include "controller/provision.h"

#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>

#define TIMEOUT_MS    10000
#define LOOK_AGAIN_MS 50

struct ferry_provision {
    uv_work_t work;
    const struct ferry_common *common;
    json_t *order; /* owns the names of the tables */
    const struct ferry_workflow *workflow;
    struct ferry_topic *topics;
    size_t count;
    ferry_provision_callback callback; /* NULL: cancelled */
    void *context;
    enum ferry_status status;
    struct ferry_error error;
};

static void free_provision(struct ferry_provision *provision)
{
    json_decref(provision->order);
    free(provision->topics);
    free(provision);
}

static enum ferry_status ensure(struct ferry_provision *provision, rd_kafka_t *client, bool create)
{
    return ferry_topics_ensure(client, provision->common, provision->topics, provision->count,
                               create, TIMEOUT_MS, &provision->error);
}

/* A topic just created is not yet in every answer of the brokers, and a worker that did not see it
 * would call that a fault. */
static enum ferry_status wait_until_seen(struct ferry_provision *provision, rd_kafka_t *client)
{
    int64_t deadline = ferry_boot_ms() + TIMEOUT_MS;
    enum ferry_status status = ensure(provision, client, false);

    while (status == FERRY_INVALID && ferry_boot_ms() < deadline) {
        rd_kafka_poll(client, LOOK_AGAIN_MS);
        status = ensure(provision, client, false);
    }
    return status;
}

static void ensure_in_thread(uv_work_t *work)
{
    struct ferry_provision *provision = work->data;
    bool create = provision->common->topics_manage;
    rd_kafka_t *client = NULL;

    provision->status = ferry_kafka_new(provision->common, FERRY_KAFKA_PLAIN, "topics", NULL, NULL,
                                        NULL, &client, &provision->error);
    if (provision->status == FERRY_OK)
        provision->status = ensure(provision, client, create);
    if (provision->status == FERRY_OK && create)
        provision->status = wait_until_seen(provision, client);
    ferry_kafka_destroy(client);
}

static void on_ensured(uv_work_t *work, int status)
{
    struct ferry_provision *provision = work->data;
    struct ferry_error error = provision->error;
    bool ensured = provision->status == FERRY_OK;
    ferry_provision_callback callback = provision->callback;
    void *context = provision->context;

    (void)status;
    free_provision(provision);
    if (callback)
        callback(context, ensured ? NULL : &error);
}

static size_t count_streams(const struct ferry_workflow *workflow, const json_t *order)
{
    struct ferry_stream stream;
    size_t count = 0;

    while (ferry_workflow_stream(workflow, order, count, &stream))
        count++;
    return count;
}

static void choose_topics(struct ferry_provision *provision)
{
    struct ferry_stream stream;

    provision->topics[provision->count++] =
        (struct ferry_topic){FERRY_TOPIC_REJECTS, provision->workflow->id};
    for (size_t i = 0; ferry_workflow_stream(provision->workflow, provision->order, i, &stream);
         i++)
        for (size_t k = 0; k < stream.topic_count; k++)
            provision->topics[provision->count++] = stream.topics[k];
}

enum ferry_status ferry_provision_start(uv_loop_t *loop, const struct ferry_common *common,
                                        const struct ferry_workflow *workflow, json_t *order,
                                        ferry_provision_callback callback, void *context,
                                        struct ferry_provision **ret_provision,
                                        struct ferry_error *error)
{
    struct ferry_provision *provision = calloc(1, sizeof *provision);

    if (provision) {
        provision->order = json_incref(order);
        provision->workflow = workflow;
        provision->topics = calloc(count_streams(workflow, order) * FERRY_STREAM_TOPICS + 1,
                                   sizeof *provision->topics);
    }
    if (!provision || !provision->topics) {
        if (provision)
            free_provision(provision);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for topics");
    }
    provision->common = common;
    provision->callback = callback;
    provision->context = context;
    provision->work.data = provision;
    choose_topics(provision);
    uv_queue_work(loop, &provision->work, ensure_in_thread, on_ensured);
    *ret_provision = provision;
    return FERRY_OK;
}

void ferry_provision_cancel(struct ferry_provision *provision)
{
    if (provision)
        provision->callback = NULL;
}
