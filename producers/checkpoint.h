/* Where a task stands, as it is stored in `checkpoints` (ADR 1) in the transaction of the page
 * before. Values; any thread. */
#ifndef FERRY_CHECKPOINT_H
#define FERRY_CHECKPOINT_H

#include "core/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ferry_checkpoint_phase {
    FERRY_CHECKPOINT_FULL,  /* link: the next page; NULL before the first */
    FERRY_CHECKPOINT_SWEEP, /* the full read is complete, deletions that it cannot tell are looked
                               for; link: the delta link */
    FERRY_CHECKPOINT_DELTA, /* link: the delta link, or a next page within a delta */
};

struct ferry_checkpoint {
    char *task;
    char *table;
    char *columns_hash;
    char *link;       /* byte for byte as the server gave it */
    char *pick_where; /* the $filter of a replay of some rows that is under way; NULL: none is */
    char *pick_link;  /* its next page; NULL before the first */
    enum ferry_checkpoint_phase phase;
    int64_t read_number;
    int64_t delta_link_at; /* wall ms: the age of the delta link that is used; 0: none yet */
    int64_t records_read;
    int64_t pages_read;
    int64_t full_read_started_at; /* wall ms */
    int64_t sweep_partition;      /* SWEEP: where the next pass begins: partition */
    int64_t sweep_from;           /* and hash of the id */
    int64_t replay;               /* the latest replay that was begun; 0: none yet */
    int64_t replaying;            /* FULL: 1 when this read is a replay's */
    int64_t since;                /* of the mapping that was read for */
};

void ferry_checkpoint_init(struct ferry_checkpoint *checkpoint);
void ferry_checkpoint_done(struct ferry_checkpoint *checkpoint);
/* `to` is initialised and may hold an older value. On FERRY_NOMEM it is empty. */
enum ferry_status ferry_checkpoint_copy(struct ferry_checkpoint *to,
                                        const struct ferry_checkpoint *from) FERRY_MUST_CHECK;
/* The beginning of the next full read of a table: one number higher than what `checkpoint` held
 * before. It is a replay's when `replay` is a later one, or when it repeats one that was not read
 * to its end; one of the whole table ends one of some rows. */
enum ferry_status ferry_checkpoint_begin(struct ferry_checkpoint *checkpoint, const char *task,
                                         const char *table, const char *columns_hash,
                                         int64_t replay, int64_t now) FERRY_MUST_CHECK;
/* Before the next delta the rows of `where` are read, as replay number `replay`. */
enum ferry_status ferry_checkpoint_pick(struct ferry_checkpoint *checkpoint, int64_t replay,
                                        const char *where) FERRY_MUST_CHECK;
/* Whether the next page is one of these. */
bool ferry_checkpoint_picks(const struct ferry_checkpoint *checkpoint);
/* The replay under way was cancelled: its rows are no more than read. */
void ferry_checkpoint_cancel(struct ferry_checkpoint *checkpoint);
/* What follows a page with so many records that was asked for at `asked_at` (wall ms): `next_link`
 * when it has one, else `delta_link`. */
enum ferry_status ferry_checkpoint_follow(struct ferry_checkpoint *next,
                                          const struct ferry_checkpoint *from,
                                          const char *next_link, const char *delta_link,
                                          int64_t records, int64_t asked_at) FERRY_MUST_CHECK;
/* What follows a pass over a slice of a partition of changes.<table>; `to`: where it ended, `end`:
 * behind the last slice. */
enum ferry_status ferry_checkpoint_swept(struct ferry_checkpoint *next,
                                         const struct ferry_checkpoint *from, int64_t to,
                                         int64_t end, int partitions) FERRY_MUST_CHECK;
enum ferry_status ferry_checkpoint_link(struct ferry_checkpoint *checkpoint,
                                        const char *link) FERRY_MUST_CHECK;
/* JSON. The caller frees *ret_text with free(). */
enum ferry_status ferry_checkpoint_print(const struct ferry_checkpoint *checkpoint,
                                         char **ret_text) FERRY_MUST_CHECK;
/* FERRY_INVALID names what is wrong; unknown members are ignored. */
enum ferry_status ferry_checkpoint_parse(const char *text, size_t length,
                                         struct ferry_checkpoint *checkpoint,
                                         struct ferry_error *error) FERRY_MUST_CHECK;
const char *ferry_checkpoint_phase_name(enum ferry_checkpoint_phase phase);

#endif
