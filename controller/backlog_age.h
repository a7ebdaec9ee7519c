/* Since when the oldest of what waits in a topic waits. Blocking: in a thread. */
#ifndef FERRY_BACKLOG_AGE_H
#define FERRY_BACKLOG_AGE_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* The earliest time, in ms since the epoch, of the first messages of these partitions from these
 * offsets on; 0 when nothing is there, or nothing came within timeout_ms. `client` is a consumer
 * with end-of-partition events that nobody else consumes with; it has no partitions afterwards. */
int64_t ferry_backlog_age(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *from,
                          int timeout_ms);

#endif
