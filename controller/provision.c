#include "controller/provision.h"

#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS       10000
#define LOOK_AGAIN_MS    50
#define TOPICS_PER_TABLE 3

struct ferry_provision {
    uv_work_t work;
    const struct ferry_common *common;
    json_t *mappings; /* owns the names of the tables */
    char *workflow;
    struct ferry_topic *topics;
    size_t count;
    ferry_provision_callback callback; /* NULL: cancelled */
    void *context;
    enum ferry_status status;
    struct ferry_error error;
};

static void free_provision(struct ferry_provision *provision)
{
    json_decref(provision->mappings);
    free(provision->workflow);
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

static void choose_topics(struct ferry_provision *provision)
{
    static const enum ferry_topic_kind kinds[TOPICS_PER_TABLE] = {
        FERRY_TOPIC_CHANGES, FERRY_TOPIC_WRITTEN, FERRY_TOPIC_WAITING};
    size_t i;
    json_t *mapping;

    provision->topics[provision->count++] =
        (struct ferry_topic){FERRY_TOPIC_REJECTS, provision->workflow};
    json_array_foreach (provision->mappings, i, mapping)
        for (size_t k = 0; k < TOPICS_PER_TABLE; k++)
            provision->topics[provision->count++] = (struct ferry_topic){
                kinds[k], json_string_value(json_object_get(mapping, "table"))};
}

enum ferry_status ferry_provision_start(uv_loop_t *loop, const struct ferry_common *common,
                                        const char *workflow, json_t *mappings,
                                        ferry_provision_callback callback, void *context,
                                        struct ferry_provision **ret_provision,
                                        struct ferry_error *error)
{
    struct ferry_provision *provision = calloc(1, sizeof *provision);

    if (provision) {
        provision->mappings = json_incref(mappings);
        provision->workflow = strdup(workflow);
        provision->topics =
            calloc(json_array_size(mappings) * TOPICS_PER_TABLE + 1, sizeof *provision->topics);
    }
    if (!provision || !provision->workflow || !provision->topics) {
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
