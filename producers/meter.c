#include "producers/meter.h"

#include <stdio.h>

static const struct ferry_metric_row rows[] = {
    {offsetof(struct ferry_meter, records), FERRY_COUNTER, "ferry_reader_records_total",
     "Records committed to changes.<table>."},
    {offsetof(struct ferry_meter, rejects), FERRY_COUNTER, "ferry_reader_rejects_total",
     "Records that could not be carried, committed to rejects.<workflow>."},
    {offsetof(struct ferry_meter, unchanged), FERRY_COUNTER, "ferry_reader_unchanged_total",
     "Rows that told nothing, because they say of opt-outs what they said before."},
    {offsetof(struct ferry_meter, pages), FERRY_COUNTER, "ferry_reader_pages_total",
     "Pages committed."},
    {offsetof(struct ferry_meter, bytes), FERRY_COUNTER, "ferry_reader_bytes_total",
     "Bytes of the pages committed."},
    {offsetof(struct ferry_meter, transactions), FERRY_COUNTER, "ferry_reader_transactions_total",
     "Transactions committed."},
    {offsetof(struct ferry_meter, aborted), FERRY_COUNTER,
     "ferry_reader_transactions_aborted_total", "Transactions aborted."},
    {offsetof(struct ferry_meter, delta_link_age), FERRY_GAUGE,
     "ferry_reader_delta_link_age_seconds", "Age of the link that the next delta starts from."},
    {offsetof(struct ferry_meter, last_page_at), FERRY_GAUGE,
     "ferry_reader_last_page_timestamp_seconds", "When the last page arrived, Unix time."},
};

void ferry_meter_init(struct ferry_meter *meter, struct ferry_metrics *metrics, const char *table)
{
    char labels[160];
    snprintf(labels, sizeof labels, "table=\"%.128s\"", table);
    ferry_metrics_fill(metrics, rows, sizeof rows / sizeof rows[0], labels, meter);
}
