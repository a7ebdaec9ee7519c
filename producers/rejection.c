#include "producers/rejection.h"

#include "core/base/clock.h"
#include "core/record/trace.h"

#include <stdio.h>
#include <string.h>

/* A reject must fit where its record did not; redriving asks the source for the whole of it. */
#define CEILING ((size_t)900 << 10)

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    rd_kafka_header_add(headers, name, -1, value, -1);
}

enum ferry_status ferry_rejection_send(struct ferry_seat *seat,
                                       const struct ferry_rejection *rejection,
                                       struct ferry_error *error)
{
    char at[FERRY_TIME_SIZE];
    char reason[512];
    size_t length = rejection->raw.length < CEILING ? rejection->raw.length : CEILING;
    ferry_time_format(ferry_wall_ms(), at);
    snprintf(reason, sizeof reason, "%s", rejection->reason);
    if (length < rejection->raw.length)
        snprintf(reason, sizeof reason, "%s Of its %zu bytes the first %zu are kept here.",
                 rejection->reason, rejection->raw.length, length);

    rd_kafka_headers_t *headers = rd_kafka_headers_new(6);
    if (rejection->trace)
        add_header(headers, FERRY_TRACE_HEADER, rejection->trace);
    add_header(headers, "ferry-reason", reason);
    add_header(headers, "ferry-class", ferry_class_name(rejection->class));
    add_header(headers, "ferry-origin", rejection->origin);
    add_header(headers, "ferry-attempts", "1");
    add_header(headers, "ferry-at", at);
    struct ferry_producer_record record = {
        .topic = rejection->topic,
        .partition = 0,
        .key = {rejection->origin, strlen(rejection->origin)},
        .value = {rejection->raw.data, length},
        .headers = headers,
    };
    enum ferry_status status = ferry_seat_send(seat, &record, error);
    return status == FERRY_FULL ? FERRY_OK : status;
}
