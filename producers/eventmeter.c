#include "producers/eventmeter.h"

#include <stdio.h>

static const struct ferry_metric_row rows[] = {
    {offsetof(struct ferry_eventmeter, events), FERRY_COUNTER, "ferry_reader_events_total",
     "E-mail events committed to events.email."},
    {offsetof(struct ferry_eventmeter, rejects), FERRY_COUNTER, "ferry_reader_event_rejects_total",
     "Rows of exports that could not be understood, committed to rejects.<workflow>."},
    {offsetof(struct ferry_eventmeter, files), FERRY_COUNTER, "ferry_reader_files_total",
     "Exported files read to their end."},
    {offsetof(struct ferry_eventmeter, bytes), FERRY_COUNTER, "ferry_reader_file_bytes_total",
     "Bytes of the exported files that were read to their end, as they lie on the server."},
    {offsetof(struct ferry_eventmeter, transactions), FERRY_COUNTER,
     "ferry_reader_event_transactions_total", "Transactions with events committed."},
    {offsetof(struct ferry_eventmeter, aborted), FERRY_COUNTER,
     "ferry_reader_event_transactions_aborted_total", "Transactions with events aborted."},
    {offsetof(struct ferry_eventmeter, waiting), FERRY_GAUGE, "ferry_reader_files_waiting",
     "Exported files that are not yet read."},
};

void ferry_eventmeter_init(struct ferry_eventmeter *meter, struct ferry_metrics *metrics)
{
    char label[64];
    ferry_metrics_fill(metrics, rows, sizeof rows / sizeof rows[0], "", meter);
    for (int i = 0; i < FERRY_SKIPS; i++) {
        snprintf(label, sizeof label, "reason=\"%s\"", ferry_skip_name((enum ferry_skip)i));
        meter->skipped[i] =
            ferry_metric(metrics, FERRY_COUNTER, "ferry_reader_rows_skipped_total",
                         "Rows of exports that are no events of ours, by reason.", label);
    }
}
