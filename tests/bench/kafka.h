/* librdkafka as the baselines use it: a transactional producer, and a topic from its beginning. */
#ifndef BENCH_KAFKA_H
#define BENCH_KAFKA_H

#include <librdkafka/rdkafka.h>

#define BENCH_TRANSACTION 5000 /* records */

struct bench_producer {
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    size_t open; /* records of the transaction under way */
};

void bench_producer_init(struct bench_producer *producer, const char *bootstrap, const char *topic);
void bench_producer_done(struct bench_producer *producer);
void bench_producer_send(struct bench_producer *producer, const void *value, size_t length,
                         const char *key, size_t key_length);
/* Before the first record it does nothing. */
void bench_producer_commit(struct bench_producer *producer);

/* Partition 0 of the topic; messages go to the client's consumer queue. */
rd_kafka_t *bench_consumer_new(const char *bootstrap, const char *topic);

#endif
