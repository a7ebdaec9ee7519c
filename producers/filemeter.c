#include "producers/filemeter.h"

#include <stdio.h>

void ferry_filetally_add(struct ferry_filetally *tally, const struct ferry_filemark *mark, int sign)
{
    tally->records += sign * mark->records;
    tally->rejected += sign * mark->rejected;
    tally->bad_times += sign * mark->bad_times;
    for (int i = 0; i < FERRY_SKIPS; i++)
        tally->skipped[i] += sign * mark->skipped[i];
    if (!mark->done)
        return;
    tally->files += sign;
    tally->bytes += sign * mark->size;
    if (mark->modified_at > tally->modified_at)
        tally->modified_at = mark->modified_at; /* it was read once, whatever comes of it now */
}

void ferry_filemeter_init(struct ferry_filemeter *meter, struct ferry_metrics *metrics,
                          const struct ferry_filemeter_names *names)
{
    char label[64];
    ferry_metrics_fill(metrics, names->rows, names->count, "", meter);
    for (int i = 0; i < FERRY_SKIPS; i++) {
        if (!ferry_skip_happens((enum ferry_skip)i, names->optouts))
            continue;
        snprintf(label, sizeof label, "reason=\"%s\"", ferry_skip_name((enum ferry_skip)i));
        meter->skipped[i] =
            ferry_metric(metrics, FERRY_COUNTER, names->skipped, names->skipped_help, label);
    }
}

void ferry_filemeter_add(struct ferry_filemeter *meter, const struct ferry_filemark *before,
                         const struct ferry_filemark *now)
{
    ferry_metric_add(meter->records, now->records - before->records);
    ferry_metric_add(meter->rejects, now->rejected - before->rejected);
    ferry_metric_add(meter->transactions, 1);
    for (int i = 0; i < FERRY_SKIPS; i++)
        ferry_metric_add(meter->skipped[i], now->skipped[i] - before->skipped[i]);
    if (!now->done)
        return;
    ferry_metric_add(meter->files, 1);
    ferry_metric_add(meter->bytes, now->size);
}
