/* The three workflows there are. Constants; any thread. */
#ifndef FERRY_WORKFLOW_H
#define FERRY_WORKFLOW_H

#include <stdbool.h>

#define FERRY_WORKFLOW_COUNT 3

struct ferry_workflow {
    const char *id;
    const char *name; /* on screen */
    bool available;   /* this version can run it */
};

extern const struct ferry_workflow ferry_workflows[FERRY_WORKFLOW_COUNT];
/* NULL when there is none of that id. */
const struct ferry_workflow *ferry_workflow_find(const char *id);

#endif
