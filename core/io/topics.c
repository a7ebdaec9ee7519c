#include "core/io/topics.h"

#include "core/io/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS     "86400000"
#define NEVER      "-1"
#define ERROR_SIZE 512

struct shape {
    const char *name;
    int partitions;
    bool suffixed;
    const char *cleanup_policy;
    const char *retention_ms;
    bool data; /* holds personal data: erased people must really go within a day or so */
};

static const struct shape shapes[] = {
    [FERRY_TOPIC_CHANGES] = {"changes", FERRY_DATA_PARTITIONS, true, "compact", NEVER, true},
    [FERRY_TOPIC_WRITTEN] = {"written", FERRY_DATA_PARTITIONS, true, "compact", NEVER, true},
    [FERRY_TOPIC_WAITING] = {"waiting", FERRY_DATA_PARTITIONS, true, "compact", NEVER, true},
    [FERRY_TOPIC_REJECTS] = {"rejects", 1, true, "compact,delete", "7776000000", true},
    [FERRY_TOPIC_WORKFLOWS] = {"workflows", 1, false, "compact", NEVER, false},
    [FERRY_TOPIC_STATUS] = {"status", 1, false, "compact", NEVER, false},
    [FERRY_TOPIC_CHECKPOINTS] = {"checkpoints", FERRY_CHECKPOINT_PARTITIONS, false, "compact",
                                 NEVER, false},
    [FERRY_TOPIC_EVENTS] = {"events", FERRY_DATA_PARTITIONS, true, "delete", NEVER, true},
    [FERRY_TOPIC_OPTOUTS] = {"optouts", FERRY_DATA_PARTITIONS, true, "delete", NEVER, true},
    [FERRY_TOPIC_CONSENT] = {"optouts", FERRY_DATA_PARTITIONS, true, "compact", NEVER, true},
};

/* What one call of ferry_topics_ensure carries through its steps. */
struct ensure {
    rd_kafka_t *client;
    const struct ferry_common *common;
    rd_kafka_queue_t *queue;
    int timeout_ms;
    struct ferry_error *error;
};

void ferry_topic_name(const char *instance, struct ferry_topic topic, char out[FERRY_TOPIC_SIZE])
{
    const struct shape *shape = &shapes[topic.kind];
    if (shape->suffixed)
        snprintf(out, FERRY_TOPIC_SIZE, "%s.%s.%s", instance, shape->name, topic.suffix);
    else
        snprintf(out, FERRY_TOPIC_SIZE, "%s.%s", instance, shape->name);
}

int ferry_topic_partitions(enum ferry_topic_kind kind)
{
    return shapes[kind].partitions;
}

const char *ferry_topic_table(const char *instance, enum ferry_topic_kind kind, const char *name)
{
    char prefix[FERRY_TOPIC_SIZE];
    ferry_topic_name(instance, (struct ferry_topic){kind, ""}, prefix);
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 && name[length] ? name + length : NULL;
}

static rd_kafka_NewTopic_t *new_topic(const struct ensure *ensure, enum ferry_topic_kind kind,
                                      const char *name)
{
    const struct shape *shape = &shapes[kind];
    char text[ERROR_SIZE];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        name, shape->partitions, (int)ensure->common->replication_factor, text, sizeof text);
    if (!topic) {
        ferry_fail(ensure->error, FERRY_INVALID, FERRY_CLASS_MAPPING, "topic %s: %.400s", name,
                   text);
        return NULL;
    }
    char replicas[24];
    snprintf(replicas, sizeof replicas, "%lld", (long long)ensure->common->min_insync_replicas);
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", shape->cleanup_policy);
    rd_kafka_NewTopic_set_config(topic, "retention.ms", shape->retention_ms);
    rd_kafka_NewTopic_set_config(topic, "retention.bytes", NEVER); /* the broker may have a limit */
    rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", replicas);
    if (shape->data) {
        rd_kafka_NewTopic_set_config(topic, "segment.ms", DAY_MS);
        rd_kafka_NewTopic_set_config(topic, "max.compaction.lag.ms", DAY_MS);
    }
    return topic;
}

/* Waits for the answer to an admin request; NULL with the error filled. */
static rd_kafka_event_t *await(const struct ensure *ensure, const char *what, const char *name)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(ensure->queue, ensure->timeout_ms);
    if (!event) {
        ferry_fail(ensure->error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "Kafka: %s topic %s: no answer within %d s", what, name,
                   ensure->timeout_ms / 1000);
        return NULL;
    }
    if (rd_kafka_event_error(event)) {
        ferry_fail(ensure->error, FERRY_RETRY, FERRY_CLASS_NETWORK, "Kafka: %s topic %s: %s", what,
                   name, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

static enum ferry_status judge_creation(const struct ensure *ensure,
                                        const rd_kafka_topic_result_t *result)
{
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(result);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return FERRY_OK;
    ferry_fail(ensure->error, FERRY_INVALID, FERRY_CLASS_PERMISSION,
               "Kafka: cannot create topic %s: %s", rd_kafka_topic_result_name(result),
               rd_kafka_topic_result_error_string(result));
    ferry_advise(ensure->error,
                 "check topics.replication.factor (now %lld) and the right to create topics, or "
                 "create it by hand",
                 (long long)ensure->common->replication_factor);
    return FERRY_INVALID;
}

static enum ferry_status create(const struct ensure *ensure, enum ferry_topic_kind kind,
                                const char *name)
{
    rd_kafka_NewTopic_t *topic = new_topic(ensure, kind, name);
    if (!topic)
        return FERRY_INVALID;
    rd_kafka_CreateTopics(ensure->client, &topic, 1, NULL, ensure->queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_event_t *event = await(ensure, "create", name);
    if (!event)
        return FERRY_RETRY;
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    enum ferry_status status = count > 0 ? judge_creation(ensure, results[0]) : FERRY_OK;
    rd_kafka_event_destroy(event);
    return status;
}

static enum ferry_status refuse_shape(const struct ensure *ensure, const char *name,
                                      const char *what, const char *is, const char *wanted)
{
    ferry_fail(ensure->error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
               "topic %s has %s %s, Ferry needs %s", name, what, is, wanted);
    ferry_advise(
        ensure->error,
        "use another instance name, or move the topic away and let the controller create it");
    return FERRY_INVALID;
}

/* NULL: any value will do. What is deleted by age or size would go unread: of a log that is neither
 * compacted nor meant to end, both must be off. */
static const char *wanted_value(const struct shape *shape, const char *key)
{
    if (strcmp(key, "cleanup.policy") == 0)
        return shape->cleanup_policy;
    bool retention = strcmp(key, "retention.ms") == 0 || strcmp(key, "retention.bytes") == 0;
    return retention && strcmp(shape->cleanup_policy, "delete") == 0 ? NEVER : NULL;
}

static enum ferry_status check_policy(const struct ensure *ensure, const struct shape *shape,
                                      const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *key = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        const char *wanted = wanted_value(shape, key);
        if (wanted && value && strcmp(value, wanted) != 0)
            return refuse_shape(ensure, name, key, value, wanted);
    }
    return FERRY_OK;
}

static enum ferry_status verify_policy(const struct ensure *ensure, enum ferry_topic_kind kind,
                                       const char *name)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_DescribeConfigs(ensure->client, &resource, 1, NULL, ensure->queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event = await(ensure, "describe", name);
    if (!event)
        return FERRY_RETRY;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **answers = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    enum ferry_status status = FERRY_OK;
    if (count > 0)
        status = check_policy(ensure, &shapes[kind], answers[0], name);
    rd_kafka_event_destroy(event);
    return status;
}

static enum ferry_status verify(const struct ensure *ensure, enum ferry_topic_kind kind,
                                const char *name, const rd_kafka_metadata_topic_t *found)
{
    if (found->partition_cnt != shapes[kind].partitions) {
        char is[16];
        char wanted[16];
        snprintf(is, sizeof is, "%d", found->partition_cnt);
        snprintf(wanted, sizeof wanted, "%d", shapes[kind].partitions);
        return refuse_shape(ensure, name, "a number of partitions of", is, wanted);
    }
    return verify_policy(ensure, kind, name);
}

static const rd_kafka_metadata_topic_t *find(const rd_kafka_metadata_t *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0 && !metadata->topics[i].err)
            return &metadata->topics[i];
    return NULL;
}

static enum ferry_status ensure_one(const struct ensure *ensure,
                                    const rd_kafka_metadata_t *metadata, struct ferry_topic topic,
                                    bool may_create)
{
    char name[FERRY_TOPIC_SIZE];
    ferry_topic_name(ensure->common->instance, topic, name);
    const rd_kafka_metadata_topic_t *found = find(metadata, name);
    if (found)
        return verify(ensure, topic.kind, name, found);
    if (may_create)
        return create(ensure, topic.kind, name);
    ferry_fail(ensure->error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "topic %s does not exist", name);
    ferry_advise(ensure->error,
                 "start ferry-controller, which creates it, or create it as docs/adr/0001 says");
    return FERRY_INVALID;
}

enum ferry_status ferry_topics_ensure(rd_kafka_t *client, const struct ferry_common *common,
                                      const struct ferry_topic *topics, size_t count,
                                      bool may_create, int timeout_ms, struct ferry_error *error)
{
    /* All topics are asked for: a producer's question about one name would create it on many
     * brokers. */
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ferry_kafka_fail(error, "cannot list the topics", code);
    struct ensure ensure = {client, common, rd_kafka_queue_new(client), timeout_ms, error};
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < count && status == FERRY_OK; i++)
        status = ensure_one(&ensure, metadata, topics[i], may_create);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_queue_destroy(ensure.queue);
    return status;
}
