/* Posts e-mail events to Dynamics in batches, as many at once as it bears; reads the answers and
 * writes down the fates. Loop thread only. */
#ifndef FERRY_POSTER_H
#define FERRY_POSTER_H

#include "consumers/desk.h"
#include "consumers/ledger.h"
#include "consumers/strand.h"
#include "core/remote/dataverse.h"

#include <jansson.h>

struct ferry_poster;

struct ferry_poster_options {
    const char *instance;
    const char *workflow;
    struct ferry_dataverse *dataverse;
    const struct ferry_events *events; /* borrowed, as `desks`, one a kind */
    struct ferry_desk *desks;
    struct ferry_ledger *ledger;
    struct ferry_metrics *metrics;
    int concurrency;
    struct ferry_pace_pair *pair; /* NULL: nothing goes before it */
    size_t batch_size;
    int64_t retry_ms; /* first wait before a request is repeated */
    /* The next event that may be sent; NULL: none now. `now` is ferry_boot_ms. */
    struct ferry_letter *(*next)(void *context, int64_t now);
    /* More will come soon: a request that is not full had better wait for them. */
    bool (*expects)(void *context);
    /* False: somebody else may own our partitions by now; nothing may be sent. */
    bool (*may_send)(void *context);
    /* Something came to an end: there may be room, or something to commit. */
    void (*on_progress)(void *context);
    /* It will be tried again at retry_at (wall ms), but with FERRY_INVALID not succeed before a
     * human acts. NULL: all is well again. */
    void (*on_warning)(void *context, const struct ferry_error *error, int64_t retry_at);
    /* The table's metadata should be compared with the order. */
    void (*on_doubt)(void *context, struct ferry_desk *desk);
    /* It fits by its metadata, and is refused: it must stand still, and may be mended there. */
    void (*on_misfit)(void *context, struct ferry_desk *desk, const struct ferry_error *error);
    /* This process cannot go on. */
    void (*on_broken)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_poster_new(uv_loop_t *loop, const struct ferry_poster_options *options,
                                   struct ferry_poster **ret_poster,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_poster_free(struct ferry_poster *poster);

/* Closed, it starts nothing; what is in flight comes to its end. */
void ferry_poster_open(struct ferry_poster *poster, bool open);
/* Gives up every request and every letter: they are freed, their offsets stay open. */
void ferry_poster_drop(struct ferry_poster *poster);
int ferry_poster_in_flight(const struct ferry_poster *poster);
/* {"requests":…}: adds what the task tells about it. */
void ferry_poster_count(const struct ferry_poster *poster, json_t *counters);

#endif
