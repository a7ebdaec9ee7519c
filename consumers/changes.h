/* What a run of dynamics-to-campaign carries: the tables, their partitions with the memory of what
 * is written, and the way to Campaign. Loop thread only. */
#ifndef FERRY_CHANGES_H
#define FERRY_CHANGES_H

#include "consumers/brake.h"
#include "consumers/cargo.h"
#include "consumers/memory.h"
#include "consumers/pace.h"
#include "core/remote/campaign.h"

struct ferry_changes;

struct ferry_changes_options {
    const struct ferry_common *common;
    struct ferry_campaign *campaign;
    struct ferry_memory *memory;
    struct ferry_metrics *metrics;
    int concurrency;
    struct ferry_pace_pair *pair; /* of Campaign; NULL: nothing goes before it */
    int64_t retry_ms;
    int64_t patience_ms; /* how long a child waits for its parent */
    struct ferry_brake_limits brake;
    /* That key of the table was created in the resource. */
    void (*on_born)(void *context, const char *table, const char *resource, const char *key);
    void *context;
};

extern const struct ferry_cargo ferry_changes_cargo;

/* `mappings`: those of a run order, an array; references are kept. To be given to a run. */
enum ferry_status ferry_changes_new(const struct ferry_changes_options *options, json_t *mappings,
                                    struct ferry_changes **ret_changes,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Before or while it is run: a person's word about the deletes of a table: those that wait go, or
 * are dropped. Older numbers than the latest are ignored. */
void ferry_changes_decide(struct ferry_changes *changes, const char *table,
                          const struct ferry_deletion *deletion);

#endif
