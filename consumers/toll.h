/* How many records of one partition were deleted within the hour without a person having been
 * asked: what the brake goes by. It travels with the partition, in the metadata of its offset (see
 * stamp.h), so that neither a crash nor another owner begins to count anew. */
#ifndef FERRY_TOLL_H
#define FERRY_TOLL_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct ferry_toll {
    uint64_t count;
    int64_t since;    /* wall ms, of the first */
    int64_t decision; /* the latest about deletes of the table then */
};

void ferry_toll_count(struct ferry_toll *toll, int64_t decision, int64_t now); /* one went */
/* Those that still count: whoever decides begins anew. */
uint64_t ferry_toll_recent(const struct ferry_toll *toll, int64_t decision, int64_t now);

/* Behind the stamp that was put before. */
void ferry_toll_put(rd_kafka_topic_partition_t *offset, const struct ferry_toll *toll);
/* All 0: none. Any thread. */
struct ferry_toll ferry_toll_of(const rd_kafka_topic_partition_t *offset);

#endif
