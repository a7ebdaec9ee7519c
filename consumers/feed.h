/* One partition of one topic of changes of opt-outs that we own, and the changes of it whose fate
 * is open: reasons to look at a person. Transparent to the writer's own modules; loop thread only.
 */
#ifndef FERRY_FEED_H
#define FERRY_FEED_H

#include "consumers/group.h"
#include "consumers/position.h"
#include "consumers/window.h"
#include "core/record/optout.h"

struct ferry_feed {
    struct ferry_feed *prev, *next;
    const char *topic; /* borrowed */
    const char *log;   /* the topic's name without the instance; borrowed */
    bool bulk;         /* a first read: it stands behind the others */
    int partition;
    struct ferry_window window;
    struct ferry_position position;
    bool at_end; /* all that the partition held was read */
};

struct ferry_reason {
    struct ferry_reason *prev, *next;
    struct ferry_feed *feed;
    struct ferry_window_entry *entry;
    struct ferry_optout_change change; /* slices point into `value` */
    size_t length;
    char value[]; /* the original bytes */
};

/* NULL when out of memory. */
struct ferry_feed *ferry_feed_new(const char *topic, const char *log, bool bulk,
                                  const struct ferry_group_part *part);
/* No reason of it may be anywhere any more. */
void ferry_feed_free(struct ferry_feed *feed);

/* *ret_reason is NULL when the offset came before, and when there is no memory. With any other
 * failure it is set, and the change is none: the error says why. */
enum ferry_status ferry_feed_take(struct ferry_feed *feed, int64_t offset, const void *value,
                                  size_t length, struct ferry_reason **ret_reason,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Its fate is known: it is freed, and its offset may be passed. */
void ferry_reason_settle(struct ferry_reason *reason);

#endif
