/* All partitions that this process owns: taking them over with the memory of what is written, and
 * the sum of what is read from them. Loop thread only. */
#ifndef FERRY_HOLDING_H
#define FERRY_HOLDING_H

#include "consumers/group.h"
#include "consumers/share.h"

struct ferry_holding;

struct ferry_holding_options {
    struct ferry_memory *memory;
    struct ferry_table *const *tables;
    size_t table_count;
    void (*on_ready)(
        void *context); /* every memory is there; may come from inside ferry_holding_open */
    void (*on_trouble)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_holding_new(uv_loop_t *loop, const struct ferry_common *common,
                                    const struct ferry_holding_options *options,
                                    struct ferry_holding **ret_holding,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_holding_free(struct ferry_holding *holding);

/* Takes these partitions over, in place of all that were held. */
enum ferry_status ferry_holding_open(struct ferry_holding *holding,
                                     const struct ferry_group_part *parts, size_t count,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Forgets them all. No lane may be in the dispatcher any more. */
void ferry_holding_drop(struct ferry_holding *holding);

struct ferry_share *ferry_holding_find(const struct ferry_holding *holding, const char *topic,
                                       int partition);
struct ferry_share *ferry_holding_shares(const struct ferry_holding *holding); /* utlist */
bool ferry_holding_ready(const struct ferry_holding *holding);
/* Room for more records? Once full, only half full counts as room. */
bool ferry_holding_has_room(struct ferry_holding *holding);
/* Full, with nothing in flight: lets go of shares that wait for more than there is room for. */
void ferry_holding_unblock(struct ferry_holding *holding);
/* What the brake on deletes of this table looks at. */
struct ferry_brake_view ferry_holding_brake_view(const struct ferry_holding *holding,
                                                 const struct ferry_table *table);
/* How much of it was set aside. */
size_t ferry_holding_waiting(const struct ferry_holding *holding, const struct ferry_table *table,
                             enum ferry_wait why);
/* A full read of this table is in the backlog, or may be about to come: its children had better
 * come later. */
bool ferry_holding_loads(const struct ferry_holding *holding, const char *table);
/* The offsets that may be committed now and are not, an empty list when there are none; or those of
 * all partitions, also where they stand still. The caller frees it. */
rd_kafka_topic_partition_list_t *ferry_holding_offsets(const struct ferry_holding *holding,
                                                       bool all);
/* They were committed. */
enum ferry_status ferry_holding_commit(struct ferry_holding *holding,
                                       const rd_kafka_topic_partition_list_t *offsets,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* Records whose fate is open. */
size_t ferry_holding_open_count(const struct ferry_holding *holding);
/* When the oldest of them was read at the source; 0: there is none. */
int64_t ferry_holding_oldest(const struct ferry_holding *holding);
/* {"contact":[0,1,2]}, new reference. */
json_t *ferry_holding_document(const struct ferry_holding *holding);

#endif
