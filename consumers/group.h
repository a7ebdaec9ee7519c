/* Our membership of the workflow's consumer group: who owns which partition, where each starts, and
 * the records. The assignor is eager; the answer to a rebalance is given when its work is done,
 * never inside the callback. Loop thread only. */
#ifndef FERRY_GROUP_H
#define FERRY_GROUP_H

#include "consumers/toll.h"
#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct ferry_group;

struct ferry_group_part {
    const char *topic;
    int partition;
    int64_t committed; /* where to start */
    uint64_t stamp;    /* of that commit, see stamp.h */
    struct ferry_toll toll;
    bool fresh;      /* nothing was committed: the start is the beginning of the log */
    bool restored;   /* the broker had no offset any more, `checkpoints` had */
    int64_t log_end; /* at this moment */
    bool paused;     /* the group's own */
};

struct ferry_group_options {
    const char *group_id;
    const char *workflow;
    const char *const *topics;
    size_t topic_count;
    /* Ours from now on, though nothing is read before ferry_group_accept. `count` may be 0. */
    void (*on_assigned)(void *context, const struct ferry_group_part *parts, size_t count);
    /* To be given back by ferry_group_release, soon; `lost`: they are somebody else's already. */
    void (*on_revoked)(void *context, bool lost);
    void (*on_record)(void *context, const rd_kafka_message_t *message);
    void (*on_end)(void *context, const char *topic, int partition, int64_t offset);
    bool (*has_room)(void *context);
    /* False: this partition is not read for the time being. */
    bool (*takes)(void *context, const char *topic, int partition);
    /* We were stopped or cut off for so long that somebody else may own our partitions: drop
     * everything; on_assigned comes again. */
    void (*on_expired)(void *context);
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    void *context;
};

enum ferry_status ferry_group_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_group_options *options,
                                  struct ferry_group **ret_group,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Leaves the group in a thread and calls on_left (may be NULL) on the loop when that is done; no
 * other callback comes. */
void ferry_group_free(struct ferry_group *group, void (*on_left)(void *context), void *context);

void ferry_group_accept(struct ferry_group *group);
void ferry_group_release(struct ferry_group *group);
/* Everything was dropped: leave and join again. */
void ferry_group_rejoin(struct ferry_group *group);
/* There may be room again. */
void ferry_group_resume(struct ferry_group *group);
/* False: too long since we last spoke to the library. Nothing may be sent; on_expired has been or
 * will be called. */
bool ferry_group_alive(struct ferry_group *group);
/* The broker has told us what is ours, if anything, and we are not out since. */
bool ferry_group_member(const struct ferry_group *group);
rd_kafka_t *ferry_group_consumer(const struct ferry_group *group);

#endif
