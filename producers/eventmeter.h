/* The metrics of reading Campaign's exports. Loop thread only. */
#ifndef FERRY_EVENTMETER_H
#define FERRY_EVENTMETER_H

#include "core/base/metrics.h"
#include "producers/filemark.h"

struct ferry_eventmeter {
    struct ferry_metric *events, *rejects, *files, *bytes, *transactions, *aborted, *waiting;
    struct ferry_metric *skipped[FERRY_SKIPS];
};

void ferry_eventmeter_init(struct ferry_eventmeter *meter, struct ferry_metrics *metrics);

#endif
