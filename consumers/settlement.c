#include "consumers/settlement.h"

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

static enum ferry_status encode(struct ferry_settlement *settlement, const struct ferry_lane *lane,
                                const struct ferry_fate_row *row, struct ferry_error *error)
{
    const struct ferry_item *item = lane->now;
    bool holds = row->state == FERRY_WRITTEN_WRITTEN;
    bool gone = row->state == FERRY_WRITTEN_ABSENT;
    const struct ferry_written written = {
        .id = {lane->key, lane->key_length},
        .state = row->state,
        .version = gone ? 0 : item->version,
        .read_number = item->read_number,
        .hash = holds ? lane->hash : 0,
        .written_at = ferry_wall_ms(),
    };
    ferry_buffer_clear(&settlement->scratch);
    return ferry_written_encode(&written, &settlement->wire, &settlement->scratch, error);
}

static enum ferry_status tell(struct ferry_settlement *settlement, const struct ferry_lane *lane,
                              enum ferry_fate fate, struct ferry_error *error)
{
    const struct ferry_share *share = lane->share;
    bool forgotten = fate == FERRY_FATE_FORGOTTEN;
    enum ferry_status status = encode(settlement, lane, ferry_fate_row(fate), error);
    if (status != FERRY_OK)
        return status;
    status =
        ferry_ledger_add(settlement->ledger, share->table->written, share->partition, lane->key,
                         lane->key_length, forgotten ? NULL : settlement->scratch.data,
                         forgotten ? 0 : settlement->scratch.length, NULL);
    return status == FERRY_OK ? FERRY_OK : no_memory(error);
}

static enum ferry_status remember(const struct ferry_lane *lane, enum ferry_written_state state,
                                  struct ferry_error *error)
{
    const struct ferry_memory_record record = {.state = state,
                                               .version = lane->now->version,
                                               .read_number = lane->now->read_number,
                                               .hash = lane->hash};
    return ferry_memory_put(lane->share->memory, lane->key, lane->key_length, &record, error);
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
        status = remember(lane, row->state, error);
    if (status == FERRY_OK)
        ferry_table_count(lane->share->table, fate);
    return status;
}

static enum ferry_status add_reject(struct ferry_settlement *settlement,
                                    const struct ferry_lane *lane, const char *origin,
                                    const struct ferry_ledger_header *headers)
{
    const struct ferry_item *item = lane->now;
    return ferry_ledger_add(settlement->ledger, settlement->rejects, 0, origin, strlen(origin),
                            item->tombstone ? NULL : item->value, item->length, headers);
}

enum ferry_status ferry_settlement_reject(struct ferry_settlement *settlement,
                                          const struct ferry_lane *lane,
                                          const struct ferry_error *reason, int status,
                                          struct ferry_error *error)
{
    char origin[ORIGIN_SIZE];
    char attempts[NUMBER_SIZE];
    char http[NUMBER_SIZE];
    char at[FERRY_TIME_SIZE];
    snprintf(origin, sizeof origin, "%s/%d/%lld", lane->share->table->changes,
             lane->share->partition, (long long)lane->now->entries->offset);
    snprintf(attempts, sizeof attempts, "%u", lane->attempts);
    snprintf(http, sizeof http, "%d", status);
    ferry_time_format(ferry_wall_ms(), at);
    const struct ferry_ledger_header headers[] = {
        {"ferry-reason", reason->message},
        {"ferry-class", ferry_class_name(reason->class)},
        {"ferry-origin", origin},
        {"ferry-attempts", attempts},
        {"ferry-at", at},
        {status != 0 ? "ferry-status" : NULL, http},
        {NULL, NULL},
    };
    if (add_reject(settlement, lane, origin, headers) != FERRY_OK)
        return no_memory(error);
    return ferry_settlement_write(settlement, lane, FERRY_FATE_REJECTED, error);
}
