#include "consumers/reject.h"

#include "core/base/clock.h"
#include "core/record/trace.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 24

enum ferry_status ferry_reject_add(struct ferry_ledger *ledger, const char *topic,
                                   const struct ferry_reject *reject)
{
    char attempts[NUMBER_SIZE];
    char http[NUMBER_SIZE];
    char at[FERRY_TIME_SIZE];
    snprintf(attempts, sizeof attempts, "%u", reject->attempts);
    snprintf(http, sizeof http, "%d", reject->status);
    ferry_time_format(ferry_wall_ms(), at);
    const struct ferry_ledger_header headers[] = {
        {"ferry-reason", reject->reason->message},
        {"ferry-class", ferry_class_name(reject->reason->class)},
        {"ferry-origin", reject->origin},
        {"ferry-attempts", attempts},
        {"ferry-at", at},
        {FERRY_TRACE_HEADER, reject->trace},
        {reject->status != 0 ? "ferry-status" : NULL, http},
        {NULL, NULL},
    };
    return ferry_ledger_add(ledger, topic, 0, reject->origin, strlen(reject->origin), reject->value,
                            reject->length, headers);
}
