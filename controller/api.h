/* The HTTP API under /v1 (schemas/openapi.yaml). Loop thread only. */
#ifndef FERRY_API_H
#define FERRY_API_H

#include "controller/backlog.h"
#include "controller/launch.h"

struct ferry_api;

struct ferry_api_options {
    const char *listen;
    struct ferry_launch_parts parts;
    struct ferry_launch **launches; /* one for each of ferry_workflows */
    struct ferry_backlog *backlog;
};

enum ferry_status ferry_api_new(const struct ferry_api_options *options, struct ferry_api **ret_api,
                                struct ferry_error *error) FERRY_MUST_CHECK;
/* After the launches: nobody may answer any more. */
void ferry_api_free(struct ferry_api *api);
const char *ferry_api_address(const struct ferry_api *api);

#endif
