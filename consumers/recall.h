/* Brings back what was set aside: children when their parent was written, or after a while anyway;
 * deletes when they turn out to be few, or a person has decided. Loop thread only. */
#ifndef FERRY_RECALL_H
#define FERRY_RECALL_H

#include "consumers/holding.h"

struct ferry_recall;

struct ferry_recall_options {
    struct ferry_holding *holding;
    struct ferry_table *const *tables;
    size_t table_count;
    void (*on_woken)(void *context); /* changes came back, which the dispatcher does not know of */
    void (*on_trouble)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_recall_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_recall_options *options,
                                   struct ferry_recall **ret_recall,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_recall_free(struct ferry_recall *recall);

/* Looks at some of what waits, and at what is known of parents; cheap when nothing waits. Call it
 * often while data may move, and not otherwise. */
void ferry_recall_look(struct ferry_recall *recall);
/* A child was set aside: its parent may have been filtered out long ago. */
void ferry_recall_doubt(struct ferry_recall *recall);
/* The partitions were given back. */
void ferry_recall_drop(struct ferry_recall *recall);
/* The deletes of this table that wait for a person; NULL: there are none. */
const struct ferry_error *ferry_recall_held(struct ferry_recall *recall);

#endif
