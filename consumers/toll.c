#include "consumers/toll.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORGET_MS INT64_C(3600000)
#define TEXT_SIZE 128

uint64_t ferry_toll_recent(const struct ferry_toll *toll, int64_t decision, int64_t now)
{
    return toll->decision >= decision && now - toll->since < FORGET_MS ? toll->count : 0;
}

void ferry_toll_count(struct ferry_toll *toll, int64_t decision, int64_t now)
{
    if (ferry_toll_recent(toll, decision, now) == 0)
        *toll = (struct ferry_toll){.since = now, .decision = decision};
    toll->count++;
}

void ferry_toll_put(rd_kafka_topic_partition_t *offset, const struct ferry_toll *toll)
{
    char *text;
    if (toll->count == 0 || !offset->metadata)
        return;
    int length =
        asprintf(&text, "%.*s/%" PRIu64 "/%" PRId64 "/%" PRId64, (int)offset->metadata_size,
                 (const char *)offset->metadata, toll->count, toll->since, toll->decision);
    if (length < 0)
        return;
    free(offset->metadata);
    offset->metadata = text; /* freed with the list */
    offset->metadata_size = (size_t)length;
}

/* The number behind a '/'; moves on to what follows it. */
static bool read_number(const char **text, int64_t *ret_number)
{
    char *end;
    if (**text != '/')
        return false;
    *ret_number = strtoll(*text + 1, &end, 10);
    bool any = end != *text + 1;
    *text = end;
    return any;
}

struct ferry_toll ferry_toll_of(const rd_kafka_topic_partition_t *offset)
{
    char text[TEXT_SIZE] = "";
    int64_t count;
    struct ferry_toll toll = {.count = 0};
    if (offset->metadata && offset->metadata_size < sizeof text)
        memcpy(text, offset->metadata, offset->metadata_size);
    const char *rest = text + strspn(text, "0123456789abcdef");
    if (!read_number(&rest, &count) || !read_number(&rest, &toll.since) ||
        !read_number(&rest, &toll.decision) || count < 0)
        return (struct ferry_toll){.count = 0};
    toll.count = (uint64_t)count;
    return toll;
}
