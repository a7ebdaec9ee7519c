#include "consumers/settlement.h"

#include "consumers/reject.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#define MAX_WRITTEN ((size_t)64 << 10)
#define NUMBER_SIZE 24
#define ORIGIN_SIZE (FERRY_TOPIC_SIZE + 2 * NUMBER_SIZE)

void ferry_settlement_init(struct ferry_settlement *settlement, const char *instance,
                           const char *workflow)
{
    *settlement = (struct ferry_settlement){.ledger = NULL};
    ferry_buffer_init(&settlement->scratch, MAX_WRITTEN);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_REJECTS, workflow},
                     settlement->rejects);
}

void ferry_settlement_done(struct ferry_settlement *settlement)
{
    ferry_buffer_done(&settlement->scratch);
}

static enum ferry_status no_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* What the destination holds now: what has to wait, and a delete that nobody wants, leave it as it
 * was. */
static struct ferry_memory_record outcome(const struct ferry_lane *lane, enum ferry_fate fate)
{
    enum ferry_written_state state = ferry_fate_row(fate)->state;
    bool left = fate == FERRY_FATE_WAITING || fate == FERRY_FATE_DROPPED;
    bool holds = state == FERRY_WRITTEN_WRITTEN && !left;
    return (struct ferry_memory_record){.state = state,
                                        .version = left ? lane->there : lane->now->version,
                                        .read_number = lane->now->read_number,
                                        .hash = holds ? lane->hash : 0};
}

static enum ferry_status encode(struct ferry_settlement *settlement, const struct ferry_lane *lane,
                                enum ferry_fate fate, struct ferry_error *error)
{
    const struct ferry_memory_record record = outcome(lane, fate);
    bool gone = record.state == FERRY_WRITTEN_ABSENT;
    const struct ferry_written written = {
        .id = {lane->key, lane->key_length},
        .state = record.state,
        .version = gone ? 0 : record.version,
        .read_number = record.read_number,
        .hash = record.hash,
        .written_at = ferry_wall_ms(),
    };
    ferry_buffer_clear(&settlement->scratch);
    return ferry_written_encode(&written, &lane->share->table->wire, &settlement->scratch, error);
}

static enum ferry_status tell(struct ferry_settlement *settlement, const struct ferry_lane *lane,
                              enum ferry_fate fate, struct ferry_error *error)
{
    const struct ferry_share *share = lane->share;
    bool forgotten = fate == FERRY_FATE_FORGOTTEN;
    const char *trace = lane->now->trace;
    const struct ferry_ledger_header headers[] = {{FERRY_TRACE_HEADER, trace}, {NULL, NULL}};
    enum ferry_status status = encode(settlement, lane, fate, error);
    if (status != FERRY_OK)
        return status;
    status =
        ferry_ledger_add(settlement->ledger, share->table->written, share->partition, lane->key,
                         lane->key_length, forgotten ? NULL : settlement->scratch.data,
                         forgotten ? 0 : settlement->scratch.length, *trace ? headers : NULL);
    return status == FERRY_OK ? FERRY_OK : no_memory(error);
}

static enum ferry_status remember(const struct ferry_lane *lane, enum ferry_fate fate,
                                  struct ferry_error *error)
{
    const struct ferry_memory_record record = outcome(lane, fate);
    return ferry_memory_put(lane->share->memory, lane->key, lane->key_length, &record, error);
}

/* With its fate known it waits no longer. */
static enum ferry_status forget_waiting(struct ferry_settlement *settlement,
                                        const struct ferry_lane *lane, struct ferry_error *error)
{
    const struct ferry_share *share = lane->share;
    const struct ferry_slice key = {lane->key, lane->key_length};
    bool found = false;
    enum ferry_status status =
        share->waiting ? ferry_waiting_remove(share->waiting, key, &found, error) : FERRY_OK;
    if (status != FERRY_OK || !found)
        return status;
    status = ferry_ledger_add(settlement->ledger, share->table->waiting, share->partition,
                              lane->key, lane->key_length, NULL, 0, NULL);
    return status == FERRY_OK ? FERRY_OK : no_memory(error);
}

enum ferry_status ferry_settlement_write(struct ferry_settlement *settlement,
                                         const struct ferry_lane *lane, enum ferry_fate fate,
                                         struct ferry_error *error)
{
    const struct ferry_fate_row *row = ferry_fate_row(fate);
    enum ferry_status status = FERRY_OK;
    if (row->remembered)
        status = tell(settlement, lane, fate, error);
    if (status == FERRY_OK && row->remembered)
        status = remember(lane, fate, error);
    if (status == FERRY_OK && fate != FERRY_FATE_WAITING)
        status = forget_waiting(settlement, lane, error);
    if (status == FERRY_OK)
        ferry_table_count(lane->share->table, fate);
    if (lane->now->let && (fate == FERRY_FATE_DELETED || fate == FERRY_FATE_FILTERED))
        ferry_toll_count(&lane->share->toll, lane->share->table->brake.latest.decision,
                         ferry_wall_ms());
    return status;
}

static void name_origin(const struct ferry_lane *lane, char origin[ORIGIN_SIZE])
{
    snprintf(origin, ORIGIN_SIZE, "%s/%d/%lld", lane->share->table->changes, lane->share->partition,
             (long long)lane->now->offset);
}

static enum ferry_status add_waiting(struct ferry_settlement *settlement,
                                     const struct ferry_lane *lane,
                                     const struct ferry_waiting_entry *entry)
{
    char origin[ORIGIN_SIZE];
    char since[NUMBER_SIZE];
    char decision[NUMBER_SIZE];
    name_origin(lane, origin);
    snprintf(since, sizeof since, "%lld", (long long)entry->since);
    snprintf(decision, sizeof decision, "%lld", (long long)entry->decision);
    const struct ferry_ledger_header headers[] = {
        {"ferry-wait", ferry_waiting_name(entry->why)},
        {"ferry-since", since},
        {"ferry-origin", origin},
        {"ferry-decision", decision},
        {"ferry-change-origin", ferry_origin_name(entry->origin)},
        {*entry->trace ? FERRY_TRACE_HEADER : NULL, entry->trace},
        {NULL, NULL},
    };
    return ferry_ledger_add(settlement->ledger, lane->share->table->waiting, lane->share->partition,
                            lane->key, lane->key_length, lane->now->value, lane->now->length,
                            headers);
}

/* What was created without its mutual links lacks them, also where updates leave a link alone. */
static enum ferry_origin still_to_bring(const struct ferry_lane *lane)
{
    return lane->alone ? ferry_lane_stronger(lane->now->origin, FERRY_ORIGIN_LOAD)
                       : lane->now->origin;
}

/* What is heard of its parent while a try is under way would be lost with the try's own word. */
static void keep_wake(const struct ferry_lane *lane, const struct ferry_waiting_entry *before,
                      struct ferry_waiting_entry *entry)
{
    entry->woken = before->woken;
    if (before->woken == lane->now->woken)
        return;
    entry->due_at = 0;
    entry->parent_gone = before->parent_gone;
}

static enum ferry_status put_aside(struct ferry_settlement *settlement,
                                   const struct ferry_lane *lane,
                                   const struct ferry_waiting_entry *entry,
                                   struct ferry_error *error)
{
    const struct ferry_slice key = {lane->key, lane->key_length};
    const struct ferry_slice value = {lane->now->value, lane->now->length};
    if (add_waiting(settlement, lane, entry) != FERRY_OK)
        return no_memory(error);
    enum ferry_status status = ferry_waiting_put(lane->share->waiting, key, entry, value, error);
    return status == FERRY_OK ? ferry_settlement_write(settlement, lane, FERRY_FATE_WAITING, error)
                              : status;
}

/* What came back and has to wait on is in the topic already. */
enum ferry_status ferry_settlement_set_aside(struct ferry_settlement *settlement,
                                             const struct ferry_lane *lane, enum ferry_wait why,
                                             int64_t due_at, struct ferry_error *error)
{
    const struct ferry_slice key = {lane->key, lane->key_length};
    const struct ferry_item *item = lane->now;
    struct ferry_waiting *waiting = lane->share->waiting;
    struct ferry_waiting_entry before = {.why = why};
    /* Who waited for something else begins to wait. */
    bool known = ferry_waiting_get(waiting, key, &before) && before.why == why;
    bool again = known && item->recalled != FERRY_RECALL_NONE && !lane->alone;
    struct ferry_waiting_entry entry = {.why = why,
                                        .origin = still_to_bring(lane),
                                        .certain = item->certain && !lane->unsure,
                                        .tries = again ? before.tries + 1 : 1,
                                        .since = known ? before.since : ferry_wall_ms(),
                                        .due_at = due_at,
                                        .offset = item->offset,
                                        .decision = lane->share->table->brake.latest.decision};
    memcpy(entry.trace, item->trace, sizeof entry.trace);
    if (lane->later)
        ferry_item_inherit(lane->later, entry.origin, entry.certain);
    if (!again)
        return put_aside(settlement, lane, &entry, error);
    keep_wake(lane, &before, &entry);
    return ferry_waiting_update(waiting, key, &entry, error);
}

enum ferry_status ferry_settlement_reject(struct ferry_settlement *settlement,
                                          const struct ferry_lane *lane,
                                          const struct ferry_error *reason, int status,
                                          struct ferry_error *error)
{
    char origin[ORIGIN_SIZE];
    const struct ferry_item *item = lane->now;
    name_origin(lane, origin);
    const struct ferry_reject reject = {.origin = origin,
                                        .value = item->tombstone ? NULL : item->value,
                                        .length = item->length,
                                        .reason = reason,
                                        .attempts = lane->attempts,
                                        .status = status,
                                        .trace = item->trace};
    if (ferry_reject_add(settlement->ledger, settlement->rejects, &reject) != FERRY_OK)
        return no_memory(error);
    return ferry_settlement_write(settlement, lane, FERRY_FATE_REJECTED, error);
}
