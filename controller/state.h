/* What a workflow is doing, derived from its run order, its tasks and the time. Pure. */
#ifndef FERRY_STATE_H
#define FERRY_STATE_H

#include "controller/task.h"
#include "controller/workflow.h"

#include <jansson.h>

enum ferry_workflow_status {
    FERRY_WORKFLOW_STOPPED,
    FERRY_WORKFLOW_STARTING,
    FERRY_WORKFLOW_RUNNING,
    FERRY_WORKFLOW_FAILED,
};

/* A start that has not yet become a run order; it lives in the controller's memory only. */
struct ferry_start_view {
    bool under_way;
    const struct ferry_error *error;   /* it needs a person; NULL: it does not */
    const struct ferry_error *warning; /* it goes on by itself; or NULL */
    int64_t retry_at;                  /* wall ms, 0 unknown */
};

struct ferry_state_input {
    const struct ferry_workflow *workflow;
    const json_t *order;            /* the latest run order; NULL when never started */
    const json_t *saved;            /* the latest saved document; or NULL */
    const json_t *running;          /* the saved document of the order's revision; or NULL */
    const json_t *beside;           /* the configuration of kind->beside; or NULL */
    const json_t *replays;          /* asked for, by table (documents.h); or NULL */
    const struct ferry_task *tasks; /* of all workflows */
    struct ferry_start_view start;
    int64_t now;      /* boot ms, up to which the tasks were heard */
    int64_t wall_now; /* ms */
};

struct ferry_state {
    enum ferry_workflow_status status;
    bool stopping;
    bool restart_needed;
    bool ready;          /* phase PREPARE and all that GO waits for is there */
    json_t *error;       /* {"class","message","action"}; NULL unless FAILED */
    json_t *warnings;    /* [{"class","message","action","retryAt"?}], the most important first */
    json_t *waiting_for; /* sentences: why it is still starting or stopping */
};

void ferry_state_derive(const struct ferry_state_input *input, struct ferry_state *ret_state);
void ferry_state_done(struct ferry_state *state);
const char *ferry_workflow_status_name(enum ferry_workflow_status status);
json_t *ferry_state_error(const struct ferry_error *error); /* as in `error` above; new */

#endif
