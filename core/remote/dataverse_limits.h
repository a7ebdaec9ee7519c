/* What Dataverse says of its service protection limits beside an answer. Values only. */
#ifndef FERRY_DATAVERSE_LIMITS_H
#define FERRY_DATAVERSE_LIMITS_H

#include "core/remote/remote.h"

struct ferry_dataverse_limits {
    int64_t parallel; /* x-ms-dop-hint; -1: it did not say, here as below */
    int64_t requests; /* that are left in this window */
    int64_t time_ms;  /* of execution that is left in this window */
};

void ferry_dataverse_limits(const struct ferry_remote_answer *answer,
                            struct ferry_dataverse_limits *ret_limits);
/* "1,199.97" seconds, in whatever form of it -> 1199970; -1 when it is no number. */
int64_t ferry_dataverse_parse_limit(const char *text, int64_t scale);

#endif
