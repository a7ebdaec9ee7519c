#include "controller/waiters.h"

#include <stdlib.h>
#include <utlist.h>

struct ferry_waiter {
    struct ferry_waiter *next;
    ferry_launch_callback callback;
    void *context;
};

bool ferry_waiters_add(struct ferry_waiters *waiters, ferry_launch_callback callback, void *context)
{
    struct ferry_waiter *waiter = calloc(1, sizeof *waiter);
    struct ferry_launch_answer answer = {.status = FERRY_RETRY};

    if (!waiter) {
        ferry_fail(&answer.error, FERRY_RETRY, FERRY_CLASS_BUG, "out of memory");
        callback(context, &answer);
        return false;
    }
    waiter->callback = callback;
    waiter->context = context;
    LL_APPEND(waiters->first, waiter);
    return true;
}

void ferry_waiters_answer(struct ferry_waiters *waiters, const struct ferry_launch_answer *answer)
{
    struct ferry_waiter *waiter;

    while ((waiter = waiters->first)) {
        LL_DELETE(waiters->first, waiter);
        waiter->callback(waiter->context, answer);
        free(waiter);
    }
}

void ferry_waiters_drop(struct ferry_waiters *waiters)
{
    struct ferry_waiter *waiter;
    struct ferry_waiter *next;

    LL_FOREACH_SAFE (waiters->first, waiter, next)
        free(waiter);
    waiters->first = NULL;
}
