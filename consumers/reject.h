/* What cannot be written: its original bytes and the reason, for the topic of the workflow's
 * rejects (ADR 1). Loop thread only. */
#ifndef FERRY_REJECT_H
#define FERRY_REJECT_H

#include "consumers/ledger.h"

struct ferry_reject {
    const char *origin; /* topic/partition/offset */
    const void *value;  /* NULL: a tombstone */
    size_t length;
    const struct ferry_error *reason;
    unsigned attempts;
    int status; /* HTTP; 0: nobody was asked */
    const char *trace;
};

/* `topic` must outlive the ledger. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_reject_add(struct ferry_ledger *ledger, const char *topic,
                                   const struct ferry_reject *reject) FERRY_MUST_CHECK;

#endif
