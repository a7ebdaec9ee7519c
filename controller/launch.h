/* One workflow's way from Start to RUNNING and back: compile, make sure of the topics, order
 * PREPARE, order GO when all are ready; and STOP. Every order is in Kafka before anybody is told,
 * so a controller that is killed anywhere goes on from what stands there. Loop thread only. */
#ifndef FERRY_LAUNCH_H
#define FERRY_LAUNCH_H

#include "controller/state.h"
#include "controller/store.h"
#include "controller/workflow.h"
#include "core/io/registry.h"
#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

struct ferry_launch;

struct ferry_launch_parts {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_store *store;
    struct ferry_dataverse *dataverse;
    struct ferry_campaign *campaign;
    struct ferry_registry *registry;        /* NULL: none is configured */
    const struct ferry_sftp_settings *sftp; /* without a host: not told */
};

struct ferry_launch_answer {
    /* FERRY_OK: ordered, or on its way there. FERRY_INVALID: not possible. FERRY_RETRY: not now. */
    enum ferry_status status;
    bool changed; /* false: it was so already */
    struct ferry_error error;
    const json_t *faults; /* [{"path","reason","class"}] or NULL */
};
typedef void (*ferry_launch_callback)(void *context, const struct ferry_launch_answer *answer);

enum ferry_status ferry_launch_new(const struct ferry_launch_parts *parts,
                                   const struct ferry_workflow *workflow,
                                   struct ferry_launch **ret_launch,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* Callbacks of what is under way do not come any more. Run the loop until it has no more to do. */
void ferry_launch_free(struct ferry_launch *launch);

/* The callback comes exactly once, perhaps before the call returns. `by` says who asks, for the
 * record. */
void ferry_launch_start(struct ferry_launch *launch, const char *by, ferry_launch_callback callback,
                        void *context);
void ferry_launch_stop(struct ferry_launch *launch, const char *by, ferry_launch_callback callback,
                       void *context);
/* Call it when the store has changed, and once a second: orders GO when the time has come. */
void ferry_launch_tick(struct ferry_launch *launch);

void ferry_launch_state(const struct ferry_launch *launch, struct ferry_state *ret_state);
/* Faults of the last start that failed; or NULL. */
const json_t *ferry_launch_faults(const struct ferry_launch *launch);
const struct ferry_workflow *ferry_launch_workflow(const struct ferry_launch *launch);

#endif
