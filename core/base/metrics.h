/* Counters and gauges in Prometheus' text format. One registry a process; loop thread only. */
#ifndef FERRY_METRICS_H
#define FERRY_METRICS_H

#include "core/base/buffer.h"

#include <stddef.h>
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
/* A series that a struct of series has a pointer to. */
struct ferry_metric_row {
    size_t offset; /* of that pointer */
    enum ferry_metric_type type;
    const char *name;
    const char *help;
};
/* Points all of these in `target` to their series, which have the same labels. */
void ferry_metrics_fill(struct ferry_metrics *metrics, const struct ferry_metric_row *rows,
                        size_t count, const char *labels, void *target);
void ferry_metric_add(struct ferry_metric *metric, int64_t amount);
void ferry_metric_set(struct ferry_metric *metric, double value);
double ferry_metric_value(const struct ferry_metric *metric);
enum ferry_status ferry_metrics_render(const struct ferry_metrics *metrics,
                                       struct ferry_buffer *out) FERRY_MUST_CHECK;

#endif
