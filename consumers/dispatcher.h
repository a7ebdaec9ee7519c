/* Lets the lanes take their turns: as many requests in flight as the destination bears, never two
 * for one key; reads the answers and writes down the fates. Loop thread only. */
#ifndef FERRY_DISPATCHER_H
#define FERRY_DISPATCHER_H

#include "consumers/holding.h"
#include "consumers/ledger.h"
#include "consumers/pace.h"
#include "core/base/metrics.h"
#include "core/remote/campaign.h"

struct ferry_dispatcher;

struct ferry_dispatcher_options {
    const char *instance;
    const char *workflow;
    struct ferry_campaign *campaign;
    struct ferry_ledger *ledger;
    struct ferry_holding *holding;
    struct ferry_metrics *metrics;
    int concurrency;
    struct ferry_pace_pair *pair; /* NULL: nothing goes before it */
    int64_t retry_ms;             /* first wait before a request is repeated */
    int64_t patience_ms;          /* how long a child waits for its parent */
    /* False: somebody else may own our partitions by now; nothing may be sent. */
    bool (*may_send)(void *context);
    /* Something came to an end: there may be room, or something to commit. */
    void (*on_progress)(void *context);
    /* It will be tried again at retry_at (wall ms), but with FERRY_INVALID not succeed before a
     * human acts. NULL: all is well again. */
    void (*on_warning)(void *context, const struct ferry_error *error, int64_t retry_at);
    /* The destination's metadata should be compared with the mapping. */
    void (*on_doubt)(void *context, struct ferry_table *table);
    /* The mapping cannot be carried out: the table must stand still; `passing`: it may be mended
     * over there. */
    void (*on_misfit)(void *context, struct ferry_table *table, const struct ferry_error *error,
                      bool passing);
    /* That key was created in the destination. */
    void (*on_born)(void *context, const struct ferry_table *table, const char *key);
    /* A child was set aside: whether its parent can come at all is worth a look. */
    void (*on_orphan)(void *context);
    /* This process cannot go on. */
    void (*on_broken)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_dispatcher_new(uv_loop_t *loop,
                                       const struct ferry_dispatcher_options *options,
                                       struct ferry_dispatcher **ret_dispatcher,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_dispatcher_free(struct ferry_dispatcher *dispatcher);

/* Closed, it starts nothing; what is in flight comes to its end. */
void ferry_dispatcher_open(struct ferry_dispatcher *dispatcher, bool open);
/* There may be something to send. */
void ferry_dispatcher_run(struct ferry_dispatcher *dispatcher);
/* Gives up every request and forgets every lane; the shares may be dropped then. */
void ferry_dispatcher_drop(struct ferry_dispatcher *dispatcher);
int ferry_dispatcher_in_flight(const struct ferry_dispatcher *dispatcher);
int ferry_dispatcher_limit(const struct ferry_dispatcher *dispatcher);
uint64_t ferry_dispatcher_retries(const struct ferry_dispatcher *dispatcher);

#endif
