#include "controller/workflow.h"

#include <stddef.h>
#include <string.h>

const struct ferry_workflow ferry_workflows[FERRY_WORKFLOW_COUNT] = {
    {"dynamics-to-campaign", "Microsoft Dynamics 365 to Campaign", true},
    {"campaign-to-dynamics", "Campaign to Microsoft Dynamics 365", false},
    {"opt-in-out", "Opt-In/Out", false},
};

const struct ferry_workflow *ferry_workflow_find(const char *id)
{
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        if (strcmp(ferry_workflows[i].id, id) == 0)
            return &ferry_workflows[i];
    return NULL;
}
