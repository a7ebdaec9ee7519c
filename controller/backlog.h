/* How much of each stream waits to be written: the lag of the writers' consumer groups, asked about
 * once a second in libuv's thread pool. Loop thread only. */
#ifndef FERRY_BACKLOG_H
#define FERRY_BACKLOG_H

#include "core/base/settings.h"

#include <jansson.h>
#include <uv.h>

struct ferry_backlog;

struct ferry_backlog_options {
    /* The run order (ADR 1) whose streams are to be asked about; borrowed; NULL: none. */
    const json_t *(*order)(void *context, const char *workflow);
    void *context;
};

struct ferry_backlog_view {
    bool known;
    int64_t records;   /* offsets between what is committed and the end; exact at 0 */
    int64_t oldest_at; /* wall ms: when the oldest of them was put there, some seconds ago; 0:
                          unknown */
    double written_per_second; /* offsets, over the last half minute or so */
};

enum ferry_status ferry_backlog_new(uv_loop_t *loop, const struct ferry_common *common,
                                    const struct ferry_backlog_options *options,
                                    struct ferry_backlog **ret_backlog,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* The memory goes with the end of the question under way: run the loop until it has no more to do.
 */
void ferry_backlog_free(struct ferry_backlog *backlog);
struct ferry_backlog_view ferry_backlog_of(const struct ferry_backlog *backlog,
                                           const char *workflow, const char *stream);

#endif
