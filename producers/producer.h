/* A transactional producer on the loop: what blocks runs in a thread, what finds the queue full
 * waits here. Loop thread only.
 *
 * The order of events: on_ready once; then each transaction begins with its first record and ends
 * with on_committed or on_aborted. After on_broken there is nothing to do but to free it: the
 * result of the last transaction may be unknown, and going on with the same producer could tear a
 * later one (KAFKA-17754). */
#ifndef FERRY_PRODUCER_H
#define FERRY_PRODUCER_H

#include "core/base/settings.h"
#include "core/record/change.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct ferry_producer;

/* None is called from inside a call of the same producer; each may free it. */
struct ferry_producer_calls {
    void (*on_ready)(void *context);
    void (*on_room)(void *context); /* after FERRY_FULL */
    void (*on_committed)(void *context);
    void (*on_aborted)(void *context,
                       const struct ferry_error *why); /* also a commit that could not be */
    void (*on_broken)(void *context, const struct ferry_error *error, bool fenced);
};

struct ferry_producer_record {
    const char *topic; /* borrowed until the transaction has ended */
    int partition;
    struct ferry_slice key;
    struct ferry_slice value;
    rd_kafka_headers_t *headers; /* taken; NULL for none */
};

/* `name`: the transactional id without the instance. Begins with init_transactions at once. */
enum ferry_status ferry_producer_new(uv_loop_t *loop, const struct ferry_common *common,
                                     const char *name, const struct ferry_producer_calls *calls,
                                     void *context, struct ferry_producer **ret_producer,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment. What is open stays open for the next init_transactions of this id: abort first
 * where there is time. */
void ferry_producer_free(struct ferry_producer *producer);

/* FERRY_FULL: taken, but send no more before on_room. FERRY_BAD_RECORD: too large for Kafka, not
 * taken. Any other failure: abort. */
enum ferry_status ferry_producer_send(struct ferry_producer *producer,
                                      struct ferry_producer_record *record,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_producer_full(const struct ferry_producer *producer);
bool ferry_producer_begun(
    const struct ferry_producer *producer); /* a transaction is open or ends */
void ferry_producer_commit(struct ferry_producer *producer);
/* Also when nothing was begun. `why` is what on_aborted gets. */
void ferry_producer_abort(struct ferry_producer *producer, const struct ferry_error *why);
/* Gives up earlier than it would: somebody waits for the end. */
void ferry_producer_hurry(struct ferry_producer *producer);

#endif
