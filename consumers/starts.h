/* Where a member of a group starts in each partition that it was given: at what the group has
 * committed; where the broker has dropped that, at the position that `checkpoints` tells; where
 * neither is known, at the beginning. Asked in a thread, until there is an answer. Loop thread
 * only. */
#ifndef FERRY_STARTS_H
#define FERRY_STARTS_H

#include "consumers/group.h"

struct ferry_starts;

struct ferry_starts_options {
    const struct ferry_common *common; /* borrowed */
    rd_kafka_t *consumer;              /* the group's; borrowed until on_freed */
    const char *group_id;
    const char *workflow;
    /* The answer, with the offsets to start at. Both are given away; the parts' topics stand in the
     * list. */
    void (*on_found)(void *context, rd_kafka_topic_partition_list_t *list,
                     struct ferry_group_part *parts);
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    void *context;
};

enum ferry_status ferry_starts_new(uv_loop_t *loop, const struct ferry_starts_options *options,
                                   struct ferry_starts **ret_starts,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* Calls on_freed on the loop when nothing uses the consumer any more; no other callback comes. */
void ferry_starts_free(struct ferry_starts *starts, void (*on_freed)(void *context), void *context);

/* In place of what was asked for before. */
void ferry_starts_ask(struct ferry_starts *starts,
                      const rd_kafka_topic_partition_list_t *partitions);
/* Nobody wants to know any more. */
void ferry_starts_forget(struct ferry_starts *starts);

#endif
