/* Looks at people's opt-outs in both systems, decides, writes down, writes, and writes down what
 * came of it (ADR 5): whose turn it is, and as many requests at once as each system bears. Loop
 * thread only. */
#ifndef FERRY_CLERK_H
#define FERRY_CLERK_H

#include "consumers/archive.h"
#include "consumers/feed.h"
#include "consumers/pace.h"
#include "core/base/metrics.h"
#include "core/control/consent.h"
#include "core/record/wire.h"
#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

#include <jansson.h>

struct ferry_clerk;

struct ferry_clerk_options {
    const char *instance;
    const char *workflow;
    const struct ferry_consent *consent; /* borrowed, as all that follows */
    struct ferry_campaign *campaign;
    struct ferry_dataverse *dataverse;
    struct ferry_pace_pair *const *pairs; /* of each system, in which it is the urgent one */
    struct ferry_archive *archive;
    struct ferry_ledger *ledger;
    const struct ferry_wire *wire; /* of decisions */
    struct ferry_metrics *metrics;
    int64_t retry_ms; /* first wait before a request is repeated */
    /* False: somebody else may own our partitions by now; nothing may be sent. */
    bool (*may_send)(void *context);
    /* Something came to an end: there may be room, or something to commit. */
    void (*on_progress)(void *context);
    /* Of that system. It will be tried again at retry_at (wall ms), but with FERRY_INVALID not
     * succeed before a human acts. NULL: all is well again. */
    void (*on_warning)(void *context, enum ferry_side side, const struct ferry_error *error,
                       int64_t retry_at);
    /* This process cannot go on. */
    void (*on_broken)(void *context, const struct ferry_error *error);
    void *context;
};

enum ferry_status ferry_clerk_new(const struct ferry_clerk_options *options,
                                  struct ferry_clerk **ret_clerk,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_clerk_free(struct ferry_clerk *clerk);

/* Takes the reason. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_clerk_take(struct ferry_clerk *clerk,
                                   struct ferry_reason *reason) FERRY_MUST_CHECK;
/* Takes the reason, whose change cannot be understood. */
void ferry_clerk_reject(struct ferry_clerk *clerk, struct ferry_reason *reason,
                        const struct ferry_error *error);
/* To come back to somebody whom a predecessor did not finish with. */
enum ferry_status ferry_clerk_recall(struct ferry_clerk *clerk,
                                     const char *contact) FERRY_MUST_CHECK;

/* That contact has a profile now: a hint, for whoever waits for it is looked at sooner or later. */
void ferry_clerk_born(struct ferry_clerk *clerk, const char *contact);

/* Closed, it starts nothing; what is in flight comes to its end. */
void ferry_clerk_open(struct ferry_clerk *clerk, bool open);
/* Does what is due; cheap when nothing is. */
void ferry_clerk_run(struct ferry_clerk *clerk);
/* What was in the ledger is known, but for what is in it now. */
void ferry_clerk_committed(struct ferry_clerk *clerk);
/* Gives up every request; people and reasons stay. */
void ferry_clerk_abandon(struct ferry_clerk *clerk);
/* Gives up everything: the reasons are freed, their offsets stay open. */
void ferry_clerk_drop(struct ferry_clerk *clerk);
int ferry_clerk_in_flight(const struct ferry_clerk *clerk);
/* Reasons whose fate is open: live ones, or those of a first read. */
size_t ferry_clerk_busy(const struct ferry_clerk *clerk, bool live);
json_t *ferry_clerk_counters(const struct ferry_clerk *clerk); /* new reference */

#endif
