#include "consumers/lane.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct ferry_item *ferry_item_new(struct ferry_window_entry *entry, const void *value,
                                  size_t length)
{
    struct ferry_item *item = calloc(1, sizeof *item + length);
    if (!item)
        return NULL;
    item->entries = entry;
    item->offset = entry ? entry->offset : 0;
    item->since = entry ? entry->sequence : 0;
    item->tombstone = !value;
    item->length = length;
    if (value)
        memcpy(item->value, value, length);
    return item;
}

void ferry_item_free(struct ferry_item *item)
{
    free(item);
}

/* A replay must write whatever is remembered, and a load writes fields that an update leaves alone;
 * neither may be lost because a newer change of the same record was queued behind it. */
static int strength(enum ferry_origin origin)
{
    switch (origin) {
    case FERRY_ORIGIN_REPLAY:
        return 2;
    case FERRY_ORIGIN_LOAD:
    case FERRY_ORIGIN_RESYNC:
        return 1;
    case FERRY_ORIGIN_DELTA:
        return 0;
    }
    return 0;
}

enum ferry_origin ferry_lane_stronger(enum ferry_origin a, enum ferry_origin b)
{
    return strength(b) > strength(a) ? b : a;
}

void ferry_item_inherit(struct ferry_item *item, enum ferry_origin origin, bool certain)
{
    item->origin = ferry_lane_stronger(item->origin, origin);
    item->certain = item->certain && certain;
}

struct ferry_item *ferry_item_merge(struct ferry_item *older, struct ferry_item *newer)
{
    if (!older)
        return newer;
    struct ferry_window_entry *last = newer->entries;
    while (last->merged)
        last = last->merged;
    last->merged = older->entries;
    if (older->entries)
        newer->since = older->since;
    ferry_item_inherit(newer, older->origin, older->certain);
    ferry_item_free(older);
    return newer;
}

void ferry_item_know(struct ferry_item *item, struct ferry_window *window)
{
    struct ferry_window_entry *entry = item->entries;
    while (entry) {
        struct ferry_window_entry *next = entry->merged;
        ferry_window_know(window, entry);
        entry = next;
    }
    item->entries = NULL;
}

struct ferry_lane *ferry_lane_new(struct ferry_share *share, const char *key, size_t length)
{
    struct ferry_lane *lane = calloc(1, sizeof *lane + length + 1);
    if (!lane)
        return NULL;
    lane->share = share;
    lane->key_length = length;
    memcpy(lane->key, key, length);
    return lane;
}

void ferry_lane_free(struct ferry_lane *lane)
{
    if (!lane)
        return;
    struct ferry_item *item, *next;
    ferry_item_free(lane->now);
    DL_FOREACH_SAFE (lane->later, item, next)
        ferry_item_free(item);
    free(lane);
}

/* What was learnt about one version says nothing about the next; only the doubt about the key
 * remains. */
static void start_afresh(struct ferry_lane *lane)
{
    lane->next_call = FERRY_CALL_NONE;
    lane->attempts = 0;
    lane->detours = 0;
    lane->doubts = 0;
    lane->blamed = 0;
    lane->alone = false;
}

/* An item is sent when its newest record may be, and lets nobody pass its oldest until then: if
 * they lay further apart than the gate is wide, both would wait for ever. */
static void put_behind(struct ferry_lane *lane, struct ferry_item *item, int64_t reach)
{
    if (lane->later && item->since - lane->later->prev->since < reach) {
        struct ferry_item *last = lane->later->prev;
        DL_DELETE(lane->later, last);
        item = ferry_item_merge(last, item);
    }
    DL_APPEND(lane->later, item);
}

void ferry_lane_put(struct ferry_lane *lane, struct ferry_item *item, bool merge, int64_t reach)
{
    if (lane->now && (lane->later || !merge || lane->place == FERRY_LANE_SENT)) {
        put_behind(lane, item, reach);
        return;
    }
    lane->now = ferry_item_merge(lane->now, item);
    start_afresh(lane);
}

void ferry_lane_advance(struct ferry_lane *lane, struct ferry_window *window)
{
    ferry_item_know(lane->now, window);
    ferry_item_free(lane->now);
    lane->now = lane->later;
    if (lane->now)
        DL_DELETE(lane->later, lane->now);
    start_afresh(lane);
}

bool ferry_lane_empty(const struct ferry_lane *lane)
{
    return !lane->now;
}

size_t ferry_lane_bytes(const struct ferry_lane *lane)
{
    const struct ferry_item *item;
    size_t bytes = lane->now ? lane->now->length : 0;
    DL_FOREACH (lane->later, item)
        bytes += item->length;
    return bytes;
}
