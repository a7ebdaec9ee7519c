/* What a run of opt-in-out carries: the changes of opt-outs of its partitions, and the people whose
 * two systems are to agree (ADR 5). Loop thread only. */
#ifndef FERRY_CONSENTS_H
#define FERRY_CONSENTS_H

#include "consumers/cargo.h"
#include "consumers/pace.h"
#include "core/control/consent.h"
#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

struct ferry_consents;

struct ferry_consents_options {
    const struct ferry_common *common;
    struct ferry_campaign *campaign;
    struct ferry_dataverse *dataverse;
    struct ferry_pace_pair *pairs[FERRY_SIDES]; /* of each system */
    struct ferry_metrics *metrics;
    int64_t retry_ms;
};

extern const struct ferry_cargo ferry_consents_cargo;

/* `opt_outs`: those of a run order; a reference is kept. NULL is refused. To be given to a run. */
enum ferry_status ferry_consents_new(const struct ferry_consents_options *options, json_t *opt_outs,
                                     struct ferry_consents **ret_consents,
                                     struct ferry_error *error) FERRY_MUST_CHECK;

/* Ingress has just created that key: whose opt-outs wait for it is looked at. It may not run yet.
 */
void ferry_consents_born(struct ferry_consents *consents, const char *table, const char *resource,
                         const char *key);

#endif
