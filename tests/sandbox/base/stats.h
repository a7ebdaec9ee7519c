/* What one imitated system counted. */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum sandbox_verb {
    SANDBOX_GET,
    SANDBOX_POST,
    SANDBOX_PATCH,
    SANDBOX_DELETE,
    SANDBOX_PUT,
    SANDBOX_OTHER,
    SANDBOX_VERBS
};

enum sandbox_call {
    SANDBOX_CALL_OTHER,
    SANDBOX_CALL_PAGE,
    SANDBOX_CALL_DELTA,
    SANDBOX_CALL_GET,
    SANDBOX_CALL_LIST,
    SANDBOX_CALL_INSERT,
    SANDBOX_CALL_UPDATE,
    SANDBOX_CALL_DELETE,
    SANDBOX_CALL_METADATA,
    SANDBOX_CALL_TOKEN,
    SANDBOX_CALL_BATCH,
    SANDBOX_CALLS
};

enum sandbox_fault_kind {
    SANDBOX_FAULT_429,
    SANDBOX_FAULT_503,
    SANDBOX_FAULT_502_OOPS,
    SANDBOX_FAULT_500_TEXT,
    SANDBOX_FAULT_HTML,
    SANDBOX_FAULT_DROP,
    SANDBOX_FAULT_LOST_REPLY,
    SANDBOX_FAULT_TOKEN_REVOKED,
    SANDBOX_FAULT_DELTA_EXPIRED,
    SANDBOX_FAULT_METADATA_EXPIRY,
    SANDBOX_FAULT_FOREIGN_LINK,
    SANDBOX_FAULT_INVALID_UTF8,
    SANDBOX_FAULT_STALL,
    SANDBOX_FAULT_SLOW_BODY,
    SANDBOX_FAULT_CUT_ANSWER,
    SANDBOX_FAULT_PART,
    SANDBOX_FAULT_KINDS
};

#define SANDBOX_STATUSES 600
#define SANDBOX_BREACHES 200

struct sandbox_stats {
    uint64_t requests[SANDBOX_VERBS][SANDBOX_STATUSES]; /* status 0: cut without an answer */
    uint64_t calls[SANDBOX_CALLS];
    uint64_t operations[SANDBOX_STATUSES]; /* inside of batches */
    uint64_t faults[SANDBOX_FAULT_KINDS];
    uint64_t breaches;
    char *texts[SANDBOX_BREACHES];
    size_t text_count;
    uint64_t bytes_sent;
    size_t in_flight;
    size_t in_flight_peak;
};

extern const char *const sandbox_verb_names[SANDBOX_VERBS];
extern const char *const sandbox_fault_names[SANDBOX_FAULT_KINDS];

void sandbox_stats_breach(struct sandbox_stats *stats, const char *text);
void sandbox_stats_reset(struct sandbox_stats *stats); /* keeps in_flight */
json_t *sandbox_stats_json(const struct sandbox_stats *stats);

#endif
