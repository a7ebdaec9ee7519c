/* All partitions of the e-mail events that this process owns, and whose letters go next.
 * Transparent to the writer's own modules, zeroed at first; loop thread only. */
#ifndef FERRY_SKEIN_H
#define FERRY_SKEIN_H

#include "consumers/strand.h"

#include <jansson.h>

struct ferry_skein {
    const char *topic;            /* of all strands; borrowed */
    struct ferry_strand *strands; /* utlist */
    struct ferry_strand *turn;    /* whose letters go next; NULL: those of the first */
    bool open;                    /* we were told which are ours, were it none */
    bool full;
    int64_t full_at; /* ferry_boot_ms, since when */
};

/* Takes these partitions over, behind ferry_skein_drop. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_skein_open(struct ferry_skein *skein, const struct ferry_group_part *parts,
                                   size_t count) FERRY_MUST_CHECK;
/* Forgets them all. No letter may be in a request any more. */
void ferry_skein_drop(struct ferry_skein *skein);

/* NULL: it is not ours. */
struct ferry_strand *ferry_skein_find(const struct ferry_skein *skein, const char *topic,
                                      int partition);
/* Room for more events? Asked for every record. */
bool ferry_skein_has_room(struct ferry_skein *skein);
/* False: it is stuck, and more of its events would only take the room of the others. */
bool ferry_skein_takes(const struct ferry_skein *skein, const char *topic, int partition);
/* More will be read at once: there is room for it, and some partition holds more. */
bool ferry_skein_expects(const struct ferry_skein *skein);
/* The next letter that may be sent, now the caller's to place; NULL when there is none. */
struct ferry_letter *ferry_skein_next(struct ferry_skein *skein, int64_t now);

/* The offsets to commit, of all partitions: those that stand still go with the others, for a
 * partition without an offset looks like a backlog. Where none has moved, an empty list unless
 * `all` are wanted. The caller frees it. */
rd_kafka_topic_partition_list_t *ferry_skein_offsets(const struct ferry_skein *skein, bool all);
/* It was committed. False: it is not ours, or we are further. */
bool ferry_skein_commit(struct ferry_skein *skein, const rd_kafka_topic_partition_t *offset);
/* A position that `checkpoints` was not told yet. */
bool ferry_skein_has_untold(const struct ferry_skein *skein);
/* Their numbers; a new reference. */
json_t *ferry_skein_list(const struct ferry_skein *skein);

#endif
