/* Who waits for the answer to a start or a stop. Loop thread only. */
#ifndef FERRY_WAITERS_H
#define FERRY_WAITERS_H

#include "controller/launch.h"

struct ferry_waiter;

struct ferry_waiters {
    struct ferry_waiter *first; /* NULL: nobody */
};

/* False: out of memory, and the callback has been told so. */
bool ferry_waiters_add(struct ferry_waiters *waiters, ferry_launch_callback callback,
                       void *context);
/* Tells all, in their order, and forgets them. */
void ferry_waiters_answer(struct ferry_waiters *waiters, const struct ferry_launch_answer *answer);
/* Forgets all without a word. */
void ferry_waiters_drop(struct ferry_waiters *waiters);

#endif
