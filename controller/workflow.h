/* The three workflows there are. Constants; any thread. */
#ifndef FERRY_WORKFLOW_H
#define FERRY_WORKFLOW_H

#include "controller/kind.h"

#define FERRY_WORKFLOW_COUNT 3

#define FERRY_WORKFLOW_INGRESS  "dynamics-to-campaign"
#define FERRY_WORKFLOW_EGRESS   "campaign-to-dynamics"
#define FERRY_WORKFLOW_OPTINOUT "opt-in-out"

struct ferry_workflow {
    const char *id;
    const char *name; /* on screen */
    const struct ferry_kind *kind;
};

extern const struct ferry_workflow ferry_workflows[FERRY_WORKFLOW_COUNT];
/* NULL when there is none of that id. */
const struct ferry_workflow *ferry_workflow_find(const char *id);
/* The streams of its run order, by their number; false: there are no more, or no order. */
bool ferry_workflow_stream(const struct ferry_workflow *workflow, const json_t *order, size_t index,
                           struct ferry_stream *ret_stream);

#endif
