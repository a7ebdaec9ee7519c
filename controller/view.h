/* A workflow as the API shows it. Loop thread only. */
#ifndef FERRY_VIEW_H
#define FERRY_VIEW_H

#include "controller/backlog.h"
#include "controller/launch.h"

#include <jansson.h>

/* A new object; NULL: out of memory. */
json_t *ferry_view_workflow(const struct ferry_launch *launch, const struct ferry_store *store,
                            const struct ferry_backlog *backlog);

#endif
