/* Writing down a fate: into the ledger, into the memory, into the counters. Loop thread only. */
#ifndef FERRY_SETTLEMENT_H
#define FERRY_SETTLEMENT_H

#include "consumers/ledger.h"
#include "consumers/share.h"

struct ferry_settlement {
    struct ferry_ledger *ledger;
    struct ferry_buffer scratch;
    char rejects[FERRY_TOPIC_SIZE];
};

void ferry_settlement_init(struct ferry_settlement *settlement, const char *instance,
                           const char *workflow);
void ferry_settlement_done(struct ferry_settlement *settlement);

/* Of lane->now, whose offsets stay open: the caller settles them in the share. On failure nothing
 * may be passed over. */
enum ferry_status ferry_settlement_write(struct ferry_settlement *settlement,
                                         const struct ferry_lane *lane, enum ferry_fate fate,
                                         struct ferry_error *error) FERRY_MUST_CHECK;
/* The original bytes go to the rejects. `status`: HTTP, 0 for none. */
enum ferry_status ferry_settlement_reject(struct ferry_settlement *settlement,
                                          const struct ferry_lane *lane,
                                          const struct ferry_error *reason, int status,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
/* The change waits, in its topic and in the share; the offsets may be passed. It is looked at again
 * at due_at (ferry_boot_ms), or when it is woken. */
enum ferry_status ferry_settlement_set_aside(struct ferry_settlement *settlement,
                                             const struct ferry_lane *lane, enum ferry_wait why,
                                             int64_t due_at,
                                             struct ferry_error *error) FERRY_MUST_CHECK;

#endif
