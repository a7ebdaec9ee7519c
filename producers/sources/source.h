/* What a source makes of a remote system's answers, whichever system it is. Loop thread only. */
#ifndef FERRY_SOURCE_H
#define FERRY_SOURCE_H

#include "core/base/metrics.h"
#include "core/remote/remote.h"

/* What its answers tell of the system as a whole. */
struct ferry_source_system {
    struct ferry_metrics *metrics;
    const char *series; /* a counter of answers by verdict, and its help; not copied */
    const char *help;
    int64_t not_before; /* boot ms; 0: nobody asked us to wait */
};

void ferry_source_learn(struct ferry_source_system *system,
                        const struct ferry_remote_answer *answer);
int64_t ferry_source_wait_ms(const struct ferry_source_system *system); /* 0: none */
/* Of a question about metadata that was not answered: FERRY_RETRY, or FERRY_INVALID for what will
 * not change by itself. */
enum ferry_status ferry_source_status(const struct ferry_remote_answer *answer);

#endif
