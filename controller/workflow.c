#include "controller/workflow.h"

#include <stddef.h>
#include <string.h>

const struct ferry_workflow ferry_workflows[FERRY_WORKFLOW_COUNT] = {
    {FERRY_WORKFLOW_INGRESS, "Microsoft Dynamics 365 to Campaign", &ferry_kind_mappings},
    {FERRY_WORKFLOW_EGRESS, "Campaign to Microsoft Dynamics 365", &ferry_kind_events},
    {FERRY_WORKFLOW_OPTINOUT, "Opt-In/Out", &ferry_kind_optinout},
};

const struct ferry_workflow *ferry_workflow_find(const char *id)
{
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        if (strcmp(ferry_workflows[i].id, id) == 0)
            return &ferry_workflows[i];
    return NULL;
}

bool ferry_workflow_stream(const struct ferry_workflow *workflow, const json_t *order, size_t index,
                           struct ferry_stream *ret_stream)
{
    return order && workflow->kind->stream(order, index, ret_stream);
}
