/* One partition that we own: what was read from it, the lanes of its keys, and what the destination
 * holds of it. Transparent to the writer's own modules; loop thread only.
 *
 * Taking over. A predecessor may have sent any of the first FERRY_SHARE_GATE records behind the
 * committed offset, and not lived to commit. So (1) nobody ever sends a record further than that
 * from what is committed; (2) a successor reads that far, or to the end, before it sends anything,
 * and merges: what it sends for a key is never older than what its predecessor sent; (3) these
 * records are sent even if they seem unchanged. */
#ifndef FERRY_SHARE_H
#define FERRY_SHARE_H

#include "consumers/lane.h"
#include "consumers/memory.h"
#include "consumers/position.h"
#include "consumers/table.h"
#include "consumers/toll.h"
#include "consumers/waiting.h"

#include <librdkafka/rdkafka.h>

#define FERRY_SHARE_GATE                                                                           \
    500 /* records; raise it only together with a change of the group's name                       \
         */

struct ferry_share {
    struct ferry_share *prev, *next;
    struct ferry_table *table;
    int partition;
    struct ferry_window window;
    struct ferry_lane *lanes; /* uthash, by key */
    struct ferry_lane *held;  /* utlist: not yet in the dispatcher */
    struct ferry_memory_part *memory;
    struct ferry_waiting *waiting;     /* what was set aside */
    size_t pulled;                     /* lanes that came from there */
    size_t pulled_deletes;             /* among them, that nobody decided about */
    char scanned[FERRY_WAIT_KEY_SIZE]; /* where the look through it stands */
    int64_t scan_at;                   /* when the next one begins, ferry_boot_ms */
    int64_t log_end;                   /* when we took over */
    size_t bytes;                      /* of all items */
    bool holding;                      /* (2) above */
    bool at_end;                       /* all that the partition held was read */
    bool loading;    /* the last record read was one of a full read, or none was read yet */
    int64_t doubted; /* records that a predecessor may have sent */
    uint64_t stamp;  /* of what is committed, see stamp.h */
    struct ferry_toll toll;
    struct ferry_position position;
};

enum ferry_status ferry_share_new(struct ferry_table *table, int partition, int64_t committed,
                                  int64_t log_end, struct ferry_share **ret_share,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Requests in flight must have been cancelled. */
void ferry_share_free(struct ferry_share *share);

/* A record read from the partition, and its trace ("" for none). FERRY_NOMEM is the only failure;
 * an offset that came before is ignored. */
enum ferry_status ferry_share_take(struct ferry_share *share, const rd_kafka_message_t *message,
                                   const char *trace) FERRY_MUST_CHECK;
/* The end of the partition was reached. */
void ferry_share_reach(struct ferry_share *share, int64_t offset);

/* A change that was set aside comes back, unless a newer one of its key is under way; it goes on
 * waiting until its fate is known. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_share_recall(struct ferry_share *share, struct ferry_slice key,
                                     const struct ferry_waiting_entry *entry,
                                     enum ferry_recalled why) FERRY_MUST_CHECK;

/* The next lane that may be sent, now IDLE and the caller's to place; NULL when there is none. */
struct ferry_lane *ferry_share_next(struct ferry_share *share);
/* It cannot be sent now after all: back to its place. */
void ferry_share_put_back(struct ferry_share *share, struct ferry_lane *lane);
/* Its `now` has its fate. The lane moves on to what waited in it, held; or is freed. */
void ferry_share_settle(struct ferry_share *share, struct ferry_lane *lane);
/* The whole writer is full and stands still only because this share waits for more: let it go. */
void ferry_share_release(struct ferry_share *share);

#endif
