#include "consumers/skein.h"

#include "consumers/stamp.h"
#include "core/base/clock.h"

#include <string.h>
#include <utlist.h>

#define MAX_EVENTS 12000
#define MAX_BYTES  ((size_t)6 << 20)
#define MOMENT_MS  INT64_C(500) /* sooner than a group throws away what it has fetched */

/* --- taking over --- */

void ferry_skein_drop(struct ferry_skein *skein)
{
    struct ferry_strand *strand, *next;
    DL_FOREACH_SAFE (skein->strands, strand, next)
        ferry_strand_free(strand);
    *skein = (struct ferry_skein){.topic = skein->topic, .full_at = skein->full_at};
}

enum ferry_status ferry_skein_open(struct ferry_skein *skein, const struct ferry_group_part *parts,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ferry_strand *strand = ferry_strand_new(skein->topic, &parts[i]);
        if (!strand)
            return FERRY_NOMEM;
        DL_APPEND(skein->strands, strand);
    }
    skein->open = true;
    return FERRY_OK;
}

struct ferry_strand *ferry_skein_find(const struct ferry_skein *skein, const char *topic,
                                      int partition)
{
    struct ferry_strand *strand;
    DL_FOREACH (skein->strands, strand)
        if (strand->partition == partition && strcmp(topic, skein->topic) == 0)
            return strand;
    return NULL;
}

/* --- room --- */

/* Asked for every record, so the clock is read for those only whose gate is closed. */
static bool is_stuck(const struct ferry_strand *strand)
{
    return strand->closed_at != 0 && ferry_strand_stuck(strand, ferry_boot_ms());
}

/* In twelfths of what may be held. Where it was full for a moment only, what goes into one request
 * makes room for the next, which is made while its events are warm. Later what was fetched ahead
 * was thrown away, and less than half of all is not worth fetching it anew. */
static size_t room_of(const struct ferry_skein *skein)
{
    if (!skein->full)
        return 12;
    return ferry_boot_ms() - skein->full_at < MOMENT_MS ? 11 : 6;
}

bool ferry_skein_has_room(struct ferry_skein *skein)
{
    const struct ferry_strand *strand;
    size_t room = room_of(skein);
    bool was_full = skein->full;
    size_t count = 0;
    size_t bytes = 0;
    DL_FOREACH (skein->strands, strand) {
        if (is_stuck(strand))
            continue;
        count += strand->count;
        bytes += strand->bytes;
    }
    skein->full = count >= MAX_EVENTS / 12 * room || bytes >= MAX_BYTES / 12 * room;
    if (skein->full && !was_full)
        skein->full_at = ferry_boot_ms();
    return !skein->full;
}

bool ferry_skein_takes(const struct ferry_skein *skein, const char *topic, int partition)
{
    const struct ferry_strand *strand = ferry_skein_find(skein, topic, partition);
    return !(strand && is_stuck(strand));
}

bool ferry_skein_expects(const struct ferry_skein *skein)
{
    const struct ferry_strand *strand;
    if (skein->full)
        return false;
    DL_FOREACH (skein->strands, strand)
        if (!strand->at_end && !is_stuck(strand))
            return true;
    return false;
}

/* --- turns --- */

/* One of each in turn: no more is asked for than goes at once, and who is rich would be all that
 * goes, and who is stuck would never be seen to be free again. */
struct ferry_letter *ferry_skein_next(struct ferry_skein *skein, int64_t now)
{
    struct ferry_strand *first = skein->turn ? skein->turn : skein->strands;
    struct ferry_strand *strand = first;
    struct ferry_letter *letter = NULL;
    while (strand && !letter) {
        letter = ferry_strand_next(strand, now);
        strand = strand->next ? strand->next : skein->strands;
        if (strand == first)
            break;
    }
    skein->turn = strand;
    return letter;
}

/* --- commits --- */

static bool has_moved(const struct ferry_skein *skein)
{
    const struct ferry_strand *strand;
    DL_FOREACH (skein->strands, strand)
        if (ferry_window_prefix(&strand->window) > strand->window.committed)
            return true;
    return false;
}

rd_kafka_topic_partition_list_t *ferry_skein_offsets(const struct ferry_skein *skein, bool all)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
    const struct ferry_strand *strand;
    uint64_t stamp = ferry_stamp_new();
    if (!all && !has_moved(skein))
        return offsets;
    DL_FOREACH (skein->strands, strand) {
        rd_kafka_topic_partition_t *offset =
            rd_kafka_topic_partition_list_add(offsets, skein->topic, strand->partition);
        offset->offset = ferry_window_prefix(&strand->window);
        ferry_stamp_put(offset, stamp);
    }
    return offsets;
}

bool ferry_skein_commit(struct ferry_skein *skein, const rd_kafka_topic_partition_t *offset)
{
    struct ferry_strand *strand = ferry_skein_find(skein, offset->topic, offset->partition);
    if (!strand || offset->offset < strand->window.committed)
        return false;
    ferry_window_commit(&strand->window, offset->offset);
    return true;
}

bool ferry_skein_has_untold(const struct ferry_skein *skein)
{
    const struct ferry_strand *strand;
    DL_FOREACH (skein->strands, strand)
        if (strand->position.told != ferry_window_prefix(&strand->window))
            return true;
    return false;
}

/* --- what it looks like --- */

json_t *ferry_skein_list(const struct ferry_skein *skein)
{
    const struct ferry_strand *strand;
    json_t *list = json_array();
    DL_FOREACH (skein->strands, strand)
        json_array_append_new(list, json_integer(strand->partition));
    return list;
}
