/* Where the writers stand, told in `checkpoints` in the transaction that commits the offset (ADR
 * 1): where a group goes on whose offsets the broker has dropped. Not told at every commit, so a
 * position may be behind the offset, but by less than FERRY_POSITION_STRIDE; after a clean stop it
 * is exact. The price: a writer that dies in such a transaction delays a reader that takes over
 * that partition of `checkpoints` by the time-out of a transaction, 10 s. Loop thread only, but for
 * ferry_positions_find. */
#ifndef FERRY_POSITION_H
#define FERRY_POSITION_H

#include "consumers/ledger.h"

/* What a successor must look further ahead (share.h) costs memory; what is told costs a message. */
#define FERRY_POSITION_STRIDE 250 /* offsets */

/* Of one partition of a log: `log` is its table, or the topic's name without the instance. */
struct ferry_position {
    const char *log; /* borrowed */
    int partition;
    int64_t told; /* what stands in `checkpoints`; -1: not known */
};

/* Adds the position whose `offset` the next transaction commits, if it is due; `exact`: unless it
 * is told already. */
enum ferry_status ferry_position_tell(struct ferry_ledger *ledger, const char *topic,
                                      const char *workflow, struct ferry_position *position,
                                      int64_t offset, bool exact) FERRY_MUST_CHECK;

/* What was told last, read from the topic. */
struct ferry_positions;

struct ferry_positions_options {
    const char *workflow; /* borrowed, as `common` */
    void (*on_ready)(void *context);
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    void *context;
};

enum ferry_status ferry_positions_new(uv_loop_t *loop, const struct ferry_common *common,
                                      const struct ferry_positions_options *options,
                                      struct ferry_positions **ret_positions,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_positions_free(struct ferry_positions *positions); /* allowed inside its callbacks */
bool ferry_positions_ready(const struct ferry_positions *positions);
/* -1: none was told. When ready, from any thread. `positions` may be NULL. */
int64_t ferry_positions_find(const struct ferry_positions *positions, const char *topic,
                             int partition);

#endif
