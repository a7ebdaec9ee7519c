/* Making librdkafka clients that fit a loop, and waking the loop for them. The clients themselves
 * are librdkafka's. Each client is used from the loop thread, or from one uv_queue_work at a time
 * where a call blocks. */
#ifndef FERRY_KAFKA_H
#define FERRY_KAFKA_H

#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

enum ferry_kafka_role {
    FERRY_KAFKA_GROUP_CONSUMER, /* read_committed, no auto commit, eager range assignor, EOF events
                                 */
    FERRY_KAFKA_LOG_CONSUMER,   /* no group of its own: assigned by hand, read_committed, EOF events
                                 */
    FERRY_KAFKA_PLAIN,          /* producer that also asks: watermarks (read_uncommitted), admin */
    FERRY_KAFKA_TRANSACTIONAL,  /* producer; needs "transactional.id" among the extras */
};

struct ferry_kafka_option {
    const char *key;
    const char *value;
};

/* Our defaults for the role (small buffers, see ADR 1), then the user's kafka.*, then the extras
 * (ended by a NULL key), which nobody overrides. `name` becomes client.id "ferry-<name>". `opaque`
 * and `rebalance_cb` may be NULL. Logs of the library go to our log. FERRY_INVALID names the key
 * that librdkafka refuses. */
enum ferry_status ferry_kafka_new(const struct ferry_common *common, enum ferry_kafka_role role,
                                  const char *name, const struct ferry_kafka_option *extras,
                                  void *opaque,
                                  void (*rebalance_cb)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                       rd_kafka_topic_partition_list_t *, void *),
                                  rd_kafka_t **ret_client,
                                  struct ferry_error *error) FERRY_MUST_CHECK;

/* Calls `on_wake` on the loop when the client's queue turned non-empty, and at least every
 * `interval_ms`. The callback must poll until nothing is left. */
struct ferry_kafka_wake;
enum ferry_status ferry_kafka_wake_new(uv_loop_t *loop, rd_kafka_t *client, int64_t interval_ms,
                                       void (*on_wake)(void *context), void *context,
                                       struct ferry_kafka_wake **ret_wake,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* Calls on_wake once more on the next turn: for a callback that stopped early to let other work go
 * on. */
void ferry_kafka_wake_again(struct ferry_kafka_wake *wake);
/* Free the wake before its client is destroyed. */
void ferry_kafka_wake_free(struct ferry_kafka_wake *wake);

/* Destroys in a thread of its own, because destroying can hang (librdkafka #4724); never blocks the
 * loop. */
void ferry_kafka_destroy(rd_kafka_t *client);
/* At the end of a program: waits up to timeout_ms (whole seconds count) for those threads. False:
 * some are left. */
bool ferry_kafka_join(int timeout_ms);

/* librdkafka's verdict as ours: FERRY_RETRY (retriable, abortable counts as FERRY_RETRY too),
 * FERRY_FATAL (fatal or fenced). */
enum ferry_status ferry_kafka_fail(struct ferry_error *error, const char *what,
                                   rd_kafka_resp_err_t code);
/* Same for a transaction's error; frees `kafka_error`. FERRY_OK for NULL. *ret_abort tells that the
 * transaction must be aborted (may be NULL). */
enum ferry_status ferry_kafka_take_error(struct ferry_error *error, const char *what,
                                         rd_kafka_error_t *kafka_error, bool *ret_abort);

/* Where each partition of the list begins or ends (`which`: RD_KAFKA_OFFSET_BEGINNING or _END,
 * which the protocol takes in place of a time), by the isolation of the client, into the list's
 * offsets. The first error of any; none for an empty list. Waits for timeout_ms at most:
 * rd_kafka_query_watermark_offsets heeds its own timeout only until it knows the leader, and waits
 * for three of the socket's, three minutes, when that is gone. */
rd_kafka_resp_err_t ferry_kafka_edges(rd_kafka_t *client, rd_kafka_topic_partition_list_t *list,
                                      int64_t which, int timeout_ms);
/* The topic that it failed of, as far as one can tell. */
const char *ferry_kafka_culprit(const rd_kafka_topic_partition_list_t *list);
/* Of one partition. */
rd_kafka_resp_err_t ferry_kafka_edge(rd_kafka_t *client, const char *topic, int partition,
                                     int64_t which, int64_t *ret_offset, int timeout_ms);

/* A header's bytes, borrowed from the message; the last of that name counts. NULL and 0: there is
 * none. */
const void *ferry_kafka_header(const rd_kafka_message_t *message, const char *name,
                               size_t *ret_size);

/* The partition of a key, as Java's default partitioner has it (murmur2). */
int ferry_kafka_partition(const char *key, size_t length, int partitions);

#endif
