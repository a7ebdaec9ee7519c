/* What a run of campaign-to-dynamics carries: the e-mail events of its partitions, and their way to
 * the contacts' timelines (ADR 4). Loop thread only. */
#ifndef FERRY_ACTIVITIES_H
#define FERRY_ACTIVITIES_H

#include "consumers/cargo.h"
#include "core/remote/dataverse.h"

struct ferry_activities;

struct ferry_activities_options {
    const struct ferry_common *common;
    struct ferry_dataverse *dataverse;
    struct ferry_metrics *metrics;
    int concurrency;
    struct ferry_pace_pair *pair; /* of Dynamics; NULL: nothing goes before it */
    size_t batch_size;
    int64_t retry_ms;
};

extern const struct ferry_cargo ferry_activities_cargo;

/* `events`: those of a run order; a reference is kept. NULL is refused. To be given to a run. */
enum ferry_status ferry_activities_new(const struct ferry_activities_options *options,
                                       json_t *events, struct ferry_activities **ret_activities,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

#endif
