/* What tells two commits of one offset apart: a random number in the metadata of the offset, alone
 * or before a '/' and more (see toll.h). Any thread. */
#ifndef FERRY_STAMP_H
#define FERRY_STAMP_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

uint64_t ferry_stamp_new(void); /* 0: there is no randomness */
void ferry_stamp_put(rd_kafka_topic_partition_t *offset, uint64_t stamp);
uint64_t ferry_stamp_of(const rd_kafka_topic_partition_t *offset); /* 0: none */

#endif
