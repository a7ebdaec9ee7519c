/* Matching a request's path against "/v1/workflows/{id}". Pure; any thread. */
#ifndef FERRY_ROUTE_H
#define FERRY_ROUTE_H

#include <stdbool.h>

#define FERRY_ROUTE_PARAMETERS 4
#define FERRY_ROUTE_NAME_SIZE  32
#define FERRY_ROUTE_VALUE_SIZE 256

struct ferry_route_parameter {
    char name[FERRY_ROUTE_NAME_SIZE];
    char value[FERRY_ROUTE_VALUE_SIZE]; /* percent-decoded */
};

struct ferry_route {
    struct ferry_route_parameter parameters[FERRY_ROUTE_PARAMETERS];
    unsigned count;
};

/* `path` is raw, without the query: a %2F stays inside its segment. False also for a segment that
 * is empty, too long, badly encoded or holds a NUL. *ret_route is untouched unless it matches. */
bool ferry_route_match(const char *pattern, const char *path, struct ferry_route *ret_route);
/* "" when there is none of that name. */
const char *ferry_route_parameter(const struct ferry_route *route, const char *name);

#endif
