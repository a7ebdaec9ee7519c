/* What was learnt since the last commit, and the one transaction that makes it known: messages and
 * offsets together, or neither. The transaction runs in a thread of the pool, one at a time; all
 * calls and callbacks are on the loop. */
#ifndef FERRY_LEDGER_H
#define FERRY_LEDGER_H

#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct ferry_ledger;

enum ferry_ledger_result {
    FERRY_LEDGER_COMMITTED,
    FERRY_LEDGER_KEPT, /* nothing was committed; the messages stay and go into the next transaction
                        */
    FERRY_LEDGER_LOST, /* the group went on without us: drop everything and join again */
};

struct ferry_ledger_options {
    const char *transactional_id;
    /* A predecessor of the same name is fenced and its open transaction ended. */
    void (*on_ready)(void *context);
    /* `offsets` as given, still to be freed by the callee. */
    void (*on_done)(void *context, enum ferry_ledger_result result,
                    rd_kafka_topic_partition_list_t *offsets, int64_t took_ms);
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    void *context;
};

enum ferry_status ferry_ledger_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_ledger_options *options,
                                   struct ferry_ledger **ret_ledger,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* No callback comes afterwards; a transaction under way ends first, then the memory goes. */
void ferry_ledger_free(struct ferry_ledger *ledger);

struct ferry_ledger_header {
    const char *name;
    const char *value;
};

/* Copies everything. `value` NULL: a tombstone. `topic` must outlive the ledger. Headers end with a
 * NULL name; may be NULL. */
enum ferry_status ferry_ledger_add(struct ferry_ledger *ledger, const char *topic, int partition,
                                   const void *key, size_t key_length, const void *value,
                                   size_t length,
                                   const struct ferry_ledger_header *headers) FERRY_MUST_CHECK;
size_t ferry_ledger_count(const struct ferry_ledger *ledger);
/* Ready and not in the middle of a transaction. */
bool ferry_ledger_idle(const struct ferry_ledger *ledger);
/* A thread works for it: the consumer of its last commit must stay. */
bool ferry_ledger_working(const struct ferry_ledger *ledger);
/* Starts a transaction with all messages and these offsets (taken). Only when idle. */
void ferry_ledger_commit(struct ferry_ledger *ledger, rd_kafka_t *consumer,
                         rd_kafka_topic_partition_list_t *offsets);
/* Forgets the messages that are not in a transaction, and those of the one under way should it
 * fail. */
void ferry_ledger_drop(struct ferry_ledger *ledger);

#endif
