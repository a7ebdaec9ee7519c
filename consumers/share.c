#include "consumers/share.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum ferry_status ferry_share_new(struct ferry_table *table, int partition, int64_t committed,
                                  int64_t log_end, struct ferry_share **ret_share,
                                  struct ferry_error *error)
{
    struct ferry_share *share = calloc(1, sizeof *share);
    if (!share)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    share->table = table;
    share->partition = partition;
    share->log_end = log_end;
    share->holding = committed < log_end;
    share->loading = true;
    share->doubted = FERRY_SHARE_GATE;
    share->position =
        (struct ferry_position){.log = table->mapping->table, .partition = partition, .told = -1};
    ferry_window_init(&share->window, committed);
    *ret_share = share;
    return FERRY_OK;
}

void ferry_share_free(struct ferry_share *share)
{
    struct ferry_lane *lane, *next;
    if (!share)
        return;
    HASH_ITER (hh, share->lanes, lane, next) {
        HASH_DEL(share->lanes, lane);
        ferry_lane_free(lane);
    }
    ferry_window_done(&share->window);
    ferry_memory_close(share->memory);
    ferry_waiting_close(share->waiting);
    free(share);
}

/* --- taking records --- */

/* The fields have time until its turn, when what cannot be decoded is rejected. */
static void describe(struct ferry_item *item)
{
    struct ferry_change change;
    item->origin = FERRY_ORIGIN_DELTA;
    ferry_change_init(&change);
    if (!item->tombstone &&
        ferry_change_decode_head(item->value, item->length, &change, NULL) == FERRY_OK) {
        item->op = change.op;
        item->origin = change.origin;
        item->version = change.version;
        item->read_number = change.read_number;
        if (item->entries)
            item->entries->read_at = change.read_at;
    }
}

static struct ferry_lane *find_lane(struct ferry_share *share, struct ferry_slice key)
{
    struct ferry_lane *lane = NULL;
    HASH_FIND(hh, share->lanes, key.data, key.length, lane);
    return lane;
}

static struct ferry_lane *lane_of(struct ferry_share *share, struct ferry_slice key)
{
    struct ferry_lane *lane = find_lane(share, key);
    if (lane)
        return lane;
    lane = ferry_lane_new(share, key.data, key.length);
    if (lane)
        HASH_ADD_KEYPTR(hh, share->lanes, lane->key, lane->key_length, lane);
    return lane;
}

static void hold(struct ferry_share *share, struct ferry_lane *lane)
{
    lane->place = FERRY_LANE_HELD;
    DL_APPEND(share->held, lane);
}

static bool within_gate(const struct ferry_share *share, const struct ferry_window_entry *entry)
{
    return !entry || entry->sequence < share->window.base + FERRY_SHARE_GATE;
}

static void queue(struct ferry_share *share, struct ferry_lane *lane, struct ferry_item *item)
{
    share->bytes -= ferry_lane_bytes(lane);
    ferry_lane_put(lane, item, within_gate(share, item->entries), FERRY_SHARE_GATE);
    share->bytes += ferry_lane_bytes(lane);
    if (lane->place == FERRY_LANE_IDLE)
        hold(share, lane);
}

static void look_around(struct ferry_share *share)
{
    if (share->window.sequence >= share->doubted || share->window.end >= share->log_end)
        share->holding = false;
}

static void inherit(struct ferry_share *share, struct ferry_item *item, struct ferry_slice key)
{
    struct ferry_waiting_entry entry;
    if (share->waiting && ferry_waiting_get(share->waiting, key, &entry))
        ferry_item_inherit(item, entry.origin, entry.certain);
}

enum ferry_status ferry_share_take(struct ferry_share *share, const rd_kafka_message_t *message,
                                   const char *trace)
{
    const struct ferry_slice key = {message->key ? message->key : "", message->key_len};
    struct ferry_window_entry *entry;
    enum ferry_status status = ferry_window_add(&share->window, message->offset, 0, &entry);
    if (status != FERRY_OK)
        return status == FERRY_INVALID ? FERRY_OK : status;
    struct ferry_lane *lane = lane_of(share, key);
    struct ferry_item *item = ferry_item_new(entry, message->payload, message->len);
    if (!lane || !item) {
        ferry_item_free(item);
        return FERRY_NOMEM;
    }
    describe(item);
    memccpy(item->trace, trace, '\0', sizeof item->trace);
    share->at_end = false;
    share->loading = item->origin != FERRY_ORIGIN_DELTA;
    item->certain = entry->sequence >= share->doubted || entry->offset >= share->log_end;
    inherit(share, item, key);
    queue(share, lane, item);
    look_around(share);
    return FERRY_OK;
}

void ferry_share_reach(struct ferry_share *share, int64_t offset)
{
    ferry_window_reach(&share->window, offset);
    share->holding = false;
    share->at_end = true;
    if (share->waiting && ferry_waiting_count(share->waiting, FERRY_WAIT_DELETE) > 0)
        share->scan_at = 0; /* they may have waited for that */
}

void ferry_share_release(struct ferry_share *share)
{
    if (share->held)
        share->holding = false;
}

enum ferry_status ferry_share_recall(struct ferry_share *share, struct ferry_slice key,
                                     const struct ferry_waiting_entry *entry,
                                     enum ferry_recalled why)
{
    struct ferry_slice value;
    if (find_lane(share, key) || !ferry_waiting_value(share->waiting, key, &value))
        return FERRY_OK;
    struct ferry_item *item = ferry_item_new(NULL, value.data, value.length);
    struct ferry_lane *lane = lane_of(share, key);
    if (!item || !lane) {
        ferry_item_free(item);
        return FERRY_NOMEM;
    }
    describe(item);
    memcpy(item->trace, entry->trace, sizeof item->trace);
    item->origin = entry->origin;
    item->offset = entry->offset;
    item->certain = entry->certain;
    item->recalled = why;
    item->parent_gone = entry->parent_gone;
    item->woken = entry->woken;
    lane->pulled = why;
    share->pulled++;
    share->pulled_deletes += why == FERRY_RECALL_RELEASE;
    queue(share, lane, item);
    return FERRY_OK;
}

/* --- giving lanes --- */

struct ferry_lane *ferry_share_next(struct ferry_share *share)
{
    struct ferry_lane *lane = share->held;
    if (share->holding || !lane || ferry_table_stands(share->table) ||
        !within_gate(share, lane->now->entries))
        return NULL;
    DL_DELETE(share->held, lane);
    lane->place = FERRY_LANE_IDLE;
    return lane;
}

/* What was set aside is older than all that is in the window. */
static int64_t sequence_of(const struct ferry_lane *lane)
{
    return lane->now->entries ? lane->now->entries->sequence : -1;
}

static int by_sequence(const struct ferry_lane *a, const struct ferry_lane *b)
{
    int64_t left = sequence_of(a);
    int64_t right = sequence_of(b);
    return (left > right) - (left < right);
}

/* By age: behind younger ones the oldest could wait for ever for the gate to move. */
void ferry_share_put_back(struct ferry_share *share, struct ferry_lane *lane)
{
    lane->place = FERRY_LANE_HELD;
    DL_INSERT_INORDER(share->held, lane, by_sequence);
}

void ferry_share_settle(struct ferry_share *share, struct ferry_lane *lane)
{
    share->bytes -= lane->now->length;
    share->pulled -= lane->pulled != FERRY_RECALL_NONE;
    share->pulled_deletes -= lane->pulled == FERRY_RECALL_RELEASE;
    lane->pulled = FERRY_RECALL_NONE;
    ferry_lane_advance(lane, &share->window);
    if (ferry_lane_empty(lane)) {
        HASH_DEL(share->lanes, lane);
        ferry_lane_free(lane);
        return;
    }
    /* In its place by age: behind younger ones the oldest could wait for ever for the gate to move.
     */
    lane->place = FERRY_LANE_HELD;
    DL_INSERT_INORDER(share->held, lane, by_sequence);
}
