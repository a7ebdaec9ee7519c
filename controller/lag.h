/* How far the writers of a workflow are behind in one topic: what Kafka answers. Blocking: from one
 * thread at a time. */
#ifndef FERRY_LAG_H
#define FERRY_LAG_H

#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>

struct ferry_lag;

struct ferry_lag_view {
    int64_t records;   /* between what is committed and the end, over all partitions */
    int64_t committed; /* over all partitions; where nothing was ever committed, their beginning */
    rd_kafka_topic_partition_list_t *waiting; /* where each that has a backlog begins to wait; to be
                                                 destroyed */
};

/* Connects to nobody yet. The strings are borrowed. */
enum ferry_status ferry_lag_new(const struct ferry_common *common, const char *workflow,
                                struct ferry_lag **ret_lag,
                                struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_lag_free(struct ferry_lag *lag);

/* FERRY_RETRY: there is no answer. */
enum ferry_status ferry_lag_ask(struct ferry_lag *lag, const char *topic,
                                struct ferry_lag_view *ret_view,
                                struct ferry_error *error) FERRY_MUST_CHECK;
/* For ferry_backlog_age. */
rd_kafka_t *ferry_lag_client(const struct ferry_lag *lag);

#endif
