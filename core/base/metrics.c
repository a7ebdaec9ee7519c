#include "core/base/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct ferry_metric {
    double value;
    char *labels;
    struct ferry_metric *next;
};

/* All series of one name. */
struct family {
    char *name;
    char *help;
    enum ferry_metric_type type;
    struct ferry_metric *series;
    struct family *next;
};

struct ferry_metrics {
    struct family *families;
};

struct ferry_metrics *ferry_metrics_new(void)
{
    return calloc(1, sizeof(struct ferry_metrics));
}

static void family_free(struct family *family)
{
    struct ferry_metric *metric;
    struct ferry_metric *next;
    LL_FOREACH_SAFE (family->series, metric, next) {
        free(metric->labels);
        free(metric);
    }
    free(family->name);
    free(family->help);
    free(family);
}

void ferry_metrics_free(struct ferry_metrics *metrics)
{
    if (!metrics)
        return;
    struct family *family;
    struct family *next;
    LL_FOREACH_SAFE (metrics->families, family, next)
        family_free(family);
    free(metrics);
}

static struct family *family_get(struct ferry_metrics *metrics, enum ferry_metric_type type,
                                 const char *name, const char *help)
{
    struct family *family;
    LL_FOREACH (metrics->families, family)
        if (strcmp(family->name, name) == 0)
            return family;
    family = calloc(1, sizeof *family);
    if (!family)
        return NULL;
    family->type = type;
    family->name = strdup(name);
    family->help = strdup(help);
    if (!family->name || !family->help) {
        family_free(family);
        return NULL;
    }
    LL_APPEND(metrics->families, family);
    return family;
}

struct ferry_metric *ferry_metric(struct ferry_metrics *metrics, enum ferry_metric_type type,
                                  const char *name, const char *help, const char *labels)
{
    struct family *family = metrics ? family_get(metrics, type, name, help) : NULL;
    if (!family)
        return NULL;
    struct ferry_metric *metric;
    LL_FOREACH (family->series, metric)
        if (strcmp(metric->labels, labels ? labels : "") == 0)
            return metric;
    metric = calloc(1, sizeof *metric);
    if (!metric)
        return NULL;
    metric->labels = strdup(labels ? labels : "");
    if (!metric->labels) {
        free(metric);
        return NULL;
    }
    LL_APPEND(family->series, metric);
    return metric;
}

void ferry_metrics_fill(struct ferry_metrics *metrics, const struct ferry_metric_row *rows,
                        size_t count, const char *labels, void *target)
{
    for (size_t i = 0; i < count; i++) {
        struct ferry_metric **slot =
            (struct ferry_metric **)(void *)((char *)target + rows[i].offset);
        *slot = ferry_metric(metrics, rows[i].type, rows[i].name, rows[i].help, labels);
    }
}

void ferry_metric_add(struct ferry_metric *metric, int64_t amount)
{
    if (metric)
        metric->value += (double)amount;
}

void ferry_metric_set(struct ferry_metric *metric, double value)
{
    if (metric)
        metric->value = value;
}

double ferry_metric_value(const struct ferry_metric *metric)
{
    return metric ? metric->value : 0.0;
}

static enum ferry_status render_series(const struct family *family,
                                       const struct ferry_metric *metric, struct ferry_buffer *out)
{
    const char *open = metric->labels[0] ? "{" : "";
    const char *close = metric->labels[0] ? "}" : "";
    return ferry_buffer_printf(out, "%s%s%s%s %.17g\n", family->name, open, metric->labels, close,
                               metric->value);
}

enum ferry_status ferry_metrics_render(const struct ferry_metrics *metrics,
                                       struct ferry_buffer *out)
{
    const struct family *family;
    LL_FOREACH (metrics->families, family) {
        const char *type = family->type == FERRY_COUNTER ? "counter" : "gauge";
        enum ferry_status status = ferry_buffer_printf(
            out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, type);
        const struct ferry_metric *metric;
        for (metric = family->series; metric && status == FERRY_OK; metric = metric->next)
            status = render_series(family, metric, out);
        if (status != FERRY_OK)
            return status;
    }
    return FERRY_OK;
}
