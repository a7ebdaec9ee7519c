/* The topics of changes of opt-outs (ADR 5), and the partitions of them that we own: how far each
 * is worked through, and the deleting of what lies behind. Loop thread only. */
#ifndef FERRY_STREAMS_H
#define FERRY_STREAMS_H

#include "consumers/feed.h"
#include "core/base/settings.h"
#include "core/io/topics.h"

#include <jansson.h>

#define FERRY_STREAMS 3

struct ferry_streams;

/* `common` is borrowed. */
enum ferry_status ferry_streams_new(const struct ferry_common *common,
                                    struct ferry_streams **ret_streams,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_streams_free(struct ferry_streams *streams);
/* FERRY_STREAMS of them. Borrowed. */
const char *const *ferry_streams_topics(const struct ferry_streams *streams);

/* From now on what is committed can be deleted; on_trimmed: a deletion has ended, well or not.
 * FERRY_OK, or it is closed again. */
enum ferry_status ferry_streams_open(struct ferry_streams *streams, uv_loop_t *loop,
                                     void (*on_trimmed)(void *context), void *context,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Drops, too. */
void ferry_streams_close(struct ferry_streams *streams);

/* These partitions are ours, in place of all others; those numbers come back of which each topic's
 * is. FERRY_INVALID: one of some topics only. */
enum ferry_status ferry_streams_assign(struct ferry_streams *streams,
                                       const struct ferry_group_part *parts, size_t count,
                                       int ret_partitions[FERRY_DATA_PARTITIONS], size_t *ret_count,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* No reason of them may be anywhere any more. */
void ferry_streams_drop(struct ferry_streams *streams);
bool ferry_streams_assigned(const struct ferry_streams *streams);
/* NULL: it is not ours. */
struct ferry_feed *ferry_streams_find(const struct ferry_streams *streams, const char *topic,
                                      int partition);
/* All that the topics held was read, but for those of a first read. */
bool ferry_streams_at_end(const struct ferry_streams *streams);

/* As the cargo's of the same name (cargo.h). */
rd_kafka_topic_partition_list_t *ferry_streams_offsets(const struct ferry_streams *streams,
                                                       bool all);
void ferry_streams_commit(struct ferry_streams *streams,
                          const rd_kafka_topic_partition_list_t *offsets);
bool ferry_streams_has_untold(const struct ferry_streams *streams);
json_t *ferry_streams_document(const struct ferry_streams *streams); /* new reference */

/* Deletes what is committed, if that is due. */
void ferry_streams_trim(struct ferry_streams *streams);
/* Deletes all that is committed: true when that is done. */
bool ferry_streams_finish(struct ferry_streams *streams);

#endif
