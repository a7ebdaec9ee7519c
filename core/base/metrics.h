/* Counters and gauges in Prometheus' text format. One registry a process; loop thread only. */
#ifndef FERRY_METRICS_H
#define FERRY_METRICS_H

#include "core/base/buffer.h"

#include <stdint.h>

enum ferry_metric_type { FERRY_COUNTER, FERRY_GAUGE };

struct ferry_metric; /* one series */
struct ferry_metrics;

struct ferry_metrics *ferry_metrics_new(void);
void ferry_metrics_free(struct ferry_metrics *metrics);

/* The series `name{labels}`; made at first use, the same one later. `labels` is `table="contact"`
 * or NULL. NULL when out of memory; the calls below accept NULL. Name by Prometheus' rules:
 * ferry_reader_records_total, ..._seconds, ..._bytes. */
struct ferry_metric *ferry_metric(struct ferry_metrics *metrics, enum ferry_metric_type type,
                                  const char *name, const char *help, const char *labels);
void ferry_metric_add(struct ferry_metric *metric, int64_t amount);
void ferry_metric_set(struct ferry_metric *metric, double value);
double ferry_metric_value(const struct ferry_metric *metric);
enum ferry_status ferry_metrics_render(const struct ferry_metrics *metrics,
                                       struct ferry_buffer *out) FERRY_MUST_CHECK;

#endif
