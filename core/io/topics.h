/* The topics of an instance: their names, shapes and policies (ADR 1). */
#ifndef FERRY_TOPICS_H
#define FERRY_TOPICS_H

#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>

#define FERRY_DATA_PARTITIONS       8
#define FERRY_CHECKPOINT_PARTITIONS 4
#define FERRY_TOPIC_SIZE            250

enum ferry_topic_kind {
    FERRY_TOPIC_CHANGES,
    FERRY_TOPIC_WRITTEN,
    FERRY_TOPIC_WAITING,
    FERRY_TOPIC_REJECTS,
    FERRY_TOPIC_WORKFLOWS,
    FERRY_TOPIC_STATUS,
    FERRY_TOPIC_CHECKPOINTS,
    FERRY_TOPIC_EVENTS,
    FERRY_TOPIC_OPTOUTS, /* suffix dynamics, campaign or load */
    FERRY_TOPIC_CONSENT, /* suffix state or decisions */
};

struct ferry_topic {
    enum ferry_topic_kind kind;
    const char *suffix; /* table, workflow or "email"; NULL for control topics */
};

/* "<instance>.changes.contact" into `out`. */
void ferry_topic_name(const char *instance, struct ferry_topic topic, char out[FERRY_TOPIC_SIZE]);
int ferry_topic_partitions(enum ferry_topic_kind kind);
/* The three topics of a table from a changes topic's name: "ferry.changes.contact" -> "contact";
 * NULL when it is none. */
const char *ferry_topic_table(const char *instance, enum ferry_topic_kind kind, const char *name);

/* Blocking (up to timeout_ms): call it before the loop or in uv_queue_work. Creates what is missing
 * when `create`, and verifies number of partitions and cleanup.policy of what is there.
 * FERRY_INVALID names the topic, what is wrong and what to do; FERRY_RETRY: the broker did not
 * answer. */
enum ferry_status ferry_topics_ensure(rd_kafka_t *client, const struct ferry_common *common,
                                      const struct ferry_topic *topics, size_t count,
                                      bool may_create, int timeout_ms,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

#endif
