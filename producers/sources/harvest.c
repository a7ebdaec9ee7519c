#include "producers/sources/harvest.h"

#include <stdlib.h>
#include <string.h>

/* A transaction costs some 75 ms whatever is in it; librdkafka and two harvests hold it at once. */
#define ITEMS         10000
#define BYTES         ((size_t)3 << 20)
#define BYTES_CEILING (2 * BYTES)

void ferry_harvest_init(struct ferry_harvest *harvest)
{
    memset(harvest, 0, sizeof *harvest);
    ferry_buffer_init(&harvest->bytes, BYTES_CEILING);
}

void ferry_harvest_done(struct ferry_harvest *harvest)
{
    ferry_buffer_done(&harvest->bytes);
    free(harvest->items);
    harvest->items = NULL;
}

void ferry_harvest_clear(struct ferry_harvest *harvest)
{
    ferry_buffer_clear(&harvest->bytes);
    harvest->count = 0;
    harvest->read_bytes = 0;
}

bool ferry_harvest_full(const struct ferry_harvest *harvest)
{
    return harvest->count >= ITEMS || harvest->bytes.length >= BYTES;
}

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* The next item, not yet counted; NULL: out of memory. */
static struct ferry_harvest_item *next_item(struct ferry_harvest *harvest)
{
    if (harvest->count == harvest->capacity) {
        size_t capacity = harvest->capacity ? harvest->capacity * 2 : 1024;
        struct ferry_harvest_item *items = realloc(harvest->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        harvest->items = items;
        harvest->capacity = capacity;
    }
    return &harvest->items[harvest->count];
}

/* A record whose value is to follow its key. */
static enum ferry_status begin_record(struct ferry_harvest *harvest, struct ferry_slice key,
                                      int64_t line, struct ferry_error *error)
{
    struct ferry_harvest_item *item = next_item(harvest);
    size_t begin = harvest->bytes.length;
    if (!item || ferry_buffer_append(&harvest->bytes, key.data, key.length) != FERRY_OK)
        return out_of_memory(error);
    *item = (struct ferry_harvest_item){
        .key = begin, .key_length = key.length, .value = harvest->bytes.length, .line = line};
    return FERRY_OK;
}

static void end_record(struct ferry_harvest *harvest)
{
    struct ferry_harvest_item *item = &harvest->items[harvest->count++];
    item->value_length = harvest->bytes.length - item->value;
    harvest->mark.records++;
}

enum ferry_status ferry_harvest_event(struct ferry_harvest *harvest,
                                      const struct ferry_event *event,
                                      const struct ferry_wire *wire, struct ferry_error *error)
{
    enum ferry_status status = begin_record(harvest, event->contact, event->line, error);
    if (status == FERRY_OK)
        status = ferry_event_encode(event, wire, &harvest->bytes, error);
    if (status == FERRY_OK)
        end_record(harvest);
    return status;
}

enum ferry_status ferry_harvest_optout(struct ferry_harvest *harvest,
                                       const struct ferry_optout_change *change, int64_t line,
                                       const struct ferry_wire *wire, struct ferry_error *error)
{
    enum ferry_status status = begin_record(harvest, change->contact, line, error);
    if (status == FERRY_OK)
        status = ferry_optout_encode(change, wire, &harvest->bytes, error);
    if (status == FERRY_OK)
        end_record(harvest);
    return status;
}

enum ferry_status ferry_harvest_reject(struct ferry_harvest *harvest, const char *reason,
                                       const struct ferry_csv_row *row, struct ferry_error *error)
{
    struct ferry_buffer *bytes = &harvest->bytes;
    struct ferry_harvest_item *item = next_item(harvest);
    size_t key = bytes->length;
    size_t length = strlen(reason) + 1; /* with its end: it is read as a text */
    if (!item || ferry_buffer_append(bytes, reason, length) != FERRY_OK ||
        ferry_buffer_append(bytes, row->raw.data, row->raw.length) != FERRY_OK)
        return out_of_memory(error);
    *item = (struct ferry_harvest_item){
        .key = key,
        .key_length = length - 1,
        .value = key + length,
        .value_length = row->raw.length,
        .line = row->line,
        .reject = true,
    };
    harvest->count++;
    harvest->mark.rejected++;
    return FERRY_OK;
}

struct ferry_slice ferry_harvest_key(const struct ferry_harvest *harvest, size_t item)
{
    const struct ferry_harvest_item *at = &harvest->items[item];
    return (struct ferry_slice){harvest->bytes.data + at->key, at->key_length};
}

struct ferry_slice ferry_harvest_value(const struct ferry_harvest *harvest, size_t item)
{
    const struct ferry_harvest_item *at = &harvest->items[item];
    return (struct ferry_slice){harvest->bytes.data + at->value, at->value_length};
}
