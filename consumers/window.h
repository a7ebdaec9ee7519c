/* The offsets of one partition between what is committed and what was read: which of them have
 * their fate, and how far all of them have. Transparent for tests; loop thread only. */
#ifndef FERRY_WINDOW_H
#define FERRY_WINDOW_H

#include "core/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct ferry_window_entry {
    struct ferry_window_entry *prev, *next;
    struct ferry_window_entry
        *merged; /* the next one that shares its fate; a chain of the lane's item */
    int64_t offset;
    int64_t sequence; /* counts records from 0 since the partition was taken over */
    int64_t read_at;  /* when the source was read, ms since the epoch */
    bool known;
};

struct ferry_window {
    struct ferry_window_entry
        *entries;                    /* utlist, by offset; freed when committed, not when known */
    struct ferry_window_entry *open; /* the first whose fate is not known */
    struct ferry_window_entry *idle; /* utlist: memory for the next ones */
    int64_t end;                     /* what is read next */
    int64_t committed;
    int64_t sequence; /* of the next record */
    int64_t base;     /* sequence of the first record that is not committed */
    size_t count;     /* of entries */
};

void ferry_window_init(struct ferry_window *window, int64_t committed);
void ferry_window_done(struct ferry_window *window);

/* FERRY_INVALID: the offset was read before (librdkafka may fetch from an older position after a
 * resume); ignore it. */
enum ferry_status ferry_window_add(struct ferry_window *window, int64_t offset, int64_t read_at,
                                   struct ferry_window_entry **ret_entry) FERRY_MUST_CHECK;
/* Nothing but transaction markers and holes stands before `offset` (an end-of-partition event). */
void ferry_window_reach(struct ferry_window *window, int64_t offset);
void ferry_window_know(struct ferry_window *window, struct ferry_window_entry *entry);
/* Everything below has its fate: the offset to commit. */
int64_t ferry_window_prefix(const struct ferry_window *window);
/* `offset` was committed: frees the entries below. */
void ferry_window_commit(struct ferry_window *window, int64_t offset);
/* When the oldest record whose fate is open was read at the source; 0 when there is none. */
int64_t ferry_window_oldest(const struct ferry_window *window);

#endif
