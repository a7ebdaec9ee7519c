/* Campaign's codes in exported rows, as number, name or label. Values; any thread. */
#ifndef FERRY_CODE_H
#define FERRY_CODE_H

#include "core/record/change.h"

#define FERRY_CODE_UNKNOWN (-1)

enum { FERRY_STATUS_SENT = 1, FERRY_STATUS_FAILED = 2 };
enum { FERRY_FAILURE_SOFT = 1, FERRY_FAILURE_HARD = 2 };
enum {
    FERRY_TRACKED_CLICK = 1,
    FERRY_TRACKED_OPEN = 2,
    FERRY_TRACKED_CLICK_10 = 10,
    FERRY_TRACKED_CLICK_11 = 11,
};

/* Each gives the number, or FERRY_CODE_UNKNOWN for what is none of those documented. */
int ferry_code_status(struct ferry_slice text);
int ferry_code_failure(struct ferry_slice text);
int ferry_code_tracked(struct ferry_slice text);

#endif
