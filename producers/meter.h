/* The metrics of one table's reading. Loop thread only. */
#ifndef FERRY_METER_H
#define FERRY_METER_H

#include "core/base/metrics.h"

struct ferry_meter {
    struct ferry_metric *records, *rejects, *unchanged, *pages, *bytes, *transactions, *aborted;
    struct ferry_metric *delta_link_age, *last_page_at;
};

void ferry_meter_init(struct ferry_meter *meter, struct ferry_metrics *metrics, const char *table);

#endif
