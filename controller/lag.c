#include "controller/lag.h"

#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000

struct ferry_lag {
    char group[FERRY_TOPIC_SIZE];
    rd_kafka_t *client;
};

static rd_kafka_topic_partition_list_t *partitions_of(const char *topic)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);

    rd_kafka_topic_partition_list_add_range(list, topic, 0, FERRY_DATA_PARTITIONS - 1);
    return list;
}

/* The answered list; NULL, and the list is gone, where one partition has none. */
static rd_kafka_topic_partition_list_t *judge(rd_kafka_topic_partition_list_t *list,
                                              rd_kafka_resp_err_t code, const char *what,
                                              struct ferry_error *error)
{
    for (int i = 0; i < list->cnt && !code; i++)
        code = list->elems[i].err;
    if (!code)
        return list;
    (void)ferry_kafka_fail(error, what, code);
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

/* -1001 (INVALID) where the group has none. */
static rd_kafka_topic_partition_list_t *ask_committed(const struct ferry_lag *lag,
                                                      const char *topic, struct ferry_error *error)
{
    rd_kafka_topic_partition_list_t *list = partitions_of(topic);

    return judge(list, rd_kafka_committed(lag->client, list, TIMEOUT_MS), lag->group, error);
}

/* Where the topic begins or ends: `which` is RD_KAFKA_OFFSET_BEGINNING or _END. */
static rd_kafka_topic_partition_list_t *ask_edge(const struct ferry_lag *lag, const char *topic,
                                                 int64_t which, struct ferry_error *error)
{
    rd_kafka_topic_partition_list_t *list = partitions_of(topic);

    return judge(list, ferry_kafka_edges(lag->client, list, which, TIMEOUT_MS), topic, error);
}

static const rd_kafka_topic_partition_t *find(rd_kafka_topic_partition_list_t *list,
                                              const rd_kafka_topic_partition_t *like)
{
    return rd_kafka_topic_partition_list_find(list, like->topic, like->partition);
}

/* A partition in which nothing was ever committed waits from its beginning. */
static enum ferry_status count_up(const struct ferry_lag *lag,
                                  rd_kafka_topic_partition_list_t *committed,
                                  const rd_kafka_topic_partition_list_t *ends,
                                  struct ferry_lag_view *view, struct ferry_error *error)
{
    rd_kafka_topic_partition_list_t *begins = NULL;

    for (int i = 0; i < ends->cnt; i++) {
        const rd_kafka_topic_partition_t *end = &ends->elems[i];
        const rd_kafka_topic_partition_t *at = find(committed, end);

        if (!at || at->offset < 0) {
            if (!begins && !(begins = ask_edge(lag, end->topic, RD_KAFKA_OFFSET_BEGINNING, error)))
                return FERRY_RETRY;
            at = find(begins, end);
        }
        if (at && end->offset > at->offset) {
            view->records += end->offset - at->offset;
            rd_kafka_topic_partition_list_add(view->waiting, end->topic, end->partition)->offset =
                at->offset;
        }
        view->committed += at ? at->offset : 0;
    }
    if (begins)
        rd_kafka_topic_partition_list_destroy(begins);
    return FERRY_OK;
}

/* What the library tells of lost brokers would pile up. */
static void drain(rd_kafka_t *client)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(client, 0)))
        rd_kafka_message_destroy(message);
}

enum ferry_status ferry_lag_ask(struct ferry_lag *lag, const char *topic,
                                struct ferry_lag_view *ret_view, struct ferry_error *error)
{
    struct ferry_lag_view view = {.records = 0};
    rd_kafka_topic_partition_list_t *committed;
    rd_kafka_topic_partition_list_t *ends;
    enum ferry_status status = FERRY_RETRY;

    drain(lag->client);
    /* First what is committed, then the ends: a backlog may be overstated for a moment, never
     * understated. */
    committed = ask_committed(lag, topic, error);
    ends = committed ? ask_edge(lag, topic, RD_KAFKA_OFFSET_END, error) : NULL;
    if (ends) {
        view.waiting = rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);
        status = count_up(lag, committed, ends, &view, error);
        if (status == FERRY_OK)
            *ret_view = view;
        else
            rd_kafka_topic_partition_list_destroy(view.waiting);
        rd_kafka_topic_partition_list_destroy(ends);
    }
    if (committed)
        rd_kafka_topic_partition_list_destroy(committed);
    return status;
}

rd_kafka_t *ferry_lag_client(const struct ferry_lag *lag)
{
    return lag->client;
}

/* A consumer of the very group, which never joins it, as it subscribes to nothing. The library's
 * question about any group, ListConsumerGroupOffsets, ends the process when it was under way for
 * longer than its timeout, no coordinator was there, and one comes back (librdkafka #4605), and
 * where the coordinator has moved (#5040).
 * It asks read_uncommitted: the end includes what is still open. And it consumes a message here and
 * there, to see how old it is. */
static enum ferry_status make_client(struct ferry_lag *lag, const struct ferry_common *common,
                                     struct ferry_error *error)
{
    const struct ferry_kafka_option options[] = {{"group.id", lag->group},
                                                 {"isolation.level", "read_uncommitted"},
                                                 {"fetch.message.max.bytes", "16384"},
                                                 {"queued.min.messages", "1"},
                                                 {NULL, NULL}};

    return ferry_kafka_new(common, FERRY_KAFKA_LOG_CONSUMER, "backlog", options, NULL, NULL,
                           &lag->client, error);
}

enum ferry_status ferry_lag_new(const struct ferry_common *common, const char *workflow,
                                struct ferry_lag **ret_lag, struct ferry_error *error)
{
    struct ferry_lag *lag = calloc(1, sizeof *lag);
    enum ferry_status status;

    if (!lag)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the backlog");
    snprintf(lag->group, sizeof lag->group, "%s.%s", common->instance, workflow);
    status = make_client(lag, common, error);
    if (status == FERRY_OK)
        *ret_lag = lag;
    else
        free(lag);
    return status;
}

void ferry_lag_free(struct ferry_lag *lag)
{
    if (!lag)
        return;
    ferry_kafka_destroy(lag->client);
    free(lag);
}
