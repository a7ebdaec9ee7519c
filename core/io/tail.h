/* Reads partitions from a start to their end and, if wanted, follows them on. read_committed. Loop
 * thread only.
 *
 * "Caught up" means: the position of every partition reached the end that a read_uncommitted
 * question named after the tail was made. A record hidden behind an open transaction therefore
 * delays it; it is never skipped. */
#ifndef FERRY_TAIL_H
#define FERRY_TAIL_H

#include "core/base/settings.h"
#include "core/io/topics.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct ferry_tail;

struct ferry_tail_part {
    const char *topic;
    int partition;
    int64_t offset; /* RD_KAFKA_OFFSET_BEGINNING, or where to go on */
};

struct ferry_tail_options {
    const char *name;
    const struct ferry_tail_part *parts;
    size_t part_count;
    bool follow; /* false: on_caught_up is the end */
    void (*on_record)(void *context, const rd_kafka_message_t *message); /* NULL value: tombstone */
    void (*on_caught_up)(void *context); /* once; may free the tail */
    /* A fault that goes on by itself ("retrying"): for a warning. May be NULL. */
    void (*on_trouble)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_tail_new(uv_loop_t *loop, const struct ferry_common *common,
                                 const struct ferry_tail_options *options,
                                 struct ferry_tail **ret_tail,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* Follows a control topic, which has one partition, from its beginning on; the options name no
 * parts. */
enum ferry_status ferry_tail_follow(uv_loop_t *loop, const struct ferry_common *common,
                                    enum ferry_topic_kind topic,
                                    const struct ferry_tail_options *options,
                                    struct ferry_tail **ret_tail,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_tail_free(struct ferry_tail *tail); /* allowed inside its callbacks */
bool ferry_tail_caught_up(const struct ferry_tail *tail);
/* When a broker last answered us (ferry_boot_ms): a follower that is cut off grows old. */
int64_t ferry_tail_contact_ms(const struct ferry_tail *tail);

#endif
