#include "consumers/table.h"

#include <stdio.h>
#include <stdlib.h>

#define BLAMES_TO_REJECT  8
#define BLAME_TIME_MS     INT64_C(600000)
#define ABSENCES_IN_A_ROW 20
#define CLEAR_MS          INT64_C(60000)
#define CLEAR_REJECTS     10

static void register_metrics(struct ferry_table *table, struct ferry_metrics *metrics)
{
    char labels[FERRY_TOPIC_SIZE + 64];
    for (int fate = FERRY_FATE_INSERTED; fate < FERRY_FATES; fate++) {
        snprintf(labels, sizeof labels, "table=\"%s\",outcome=\"%s\"", table->mapping->table,
                 ferry_fate_row((enum ferry_fate)fate)->outcome);
        table->records[fate] =
            ferry_metric(metrics, FERRY_COUNTER, "ferry_writer_records_total",
                         "Records whose fate is known, by table and outcome", labels);
    }
    snprintf(labels, sizeof labels, "table=\"%s\"", table->mapping->table);
    table->waiting_records =
        ferry_metric(metrics, FERRY_GAUGE, "ferry_writer_records_waiting",
                     "Children that wait for their parent, of the partitions owned", labels);
    table->deletes_held =
        ferry_metric(metrics, FERRY_GAUGE, "ferry_writer_deletes_held",
                     "Deletes that wait for a decision, of the partitions owned", labels);
}

enum ferry_status ferry_table_new(const char *instance, json_t *mapping,
                                  struct ferry_metrics *metrics, struct ferry_table **ret_table,
                                  struct ferry_error *error)
{
    struct ferry_table *table = calloc(1, sizeof *table);
    if (!table)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_mapping_new(mapping, &table->mapping, error);
    if (status == FERRY_OK && ferry_outline_new(table->mapping, &table->outline) != FERRY_OK)
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK) {
        ferry_table_free(table);
        return status;
    }
    const char *name = table->mapping->table;
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_CHANGES, name}, table->changes);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_WRITTEN, name}, table->written);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_WAITING, name}, table->waiting);
    register_metrics(table, metrics);
    *ret_table = table;
    return FERRY_OK;
}

void ferry_table_free(struct ferry_table *table)
{
    if (!table)
        return;
    ferry_outline_free(table->outline);
    ferry_mapping_free(table->mapping);
    free(table);
}

void ferry_table_count(struct ferry_table *table, enum ferry_fate fate)
{
    table->counts[fate]++;
    ferry_metric_add(table->records[fate], 1);
}

void ferry_table_show_waiting(struct ferry_table *table, size_t children, size_t deletes)
{
    ferry_metric_set(table->waiting_records, (double)children);
    ferry_metric_set(table->deletes_held, (double)deletes);
}

void ferry_table_succeed(struct ferry_table *table)
{
    table->successes++;
    table->absences = 0;
}

enum ferry_blame ferry_table_blame(struct ferry_table *table, struct ferry_lane *lane, int64_t now)
{
    bool alone = table->successes == lane->neighbours;
    lane->neighbours = table->successes;
    if (alone)
        return FERRY_BLAME_NOBODY;
    if (lane->blamed++ == 0)
        lane->blamed_at = now;
    bool ends = lane->blamed >= BLAMES_TO_REJECT || now - lane->blamed_at > BLAME_TIME_MS;
    return ends ? FERRY_BLAME_RECORD_ENDS : FERRY_BLAME_RECORD;
}

void ferry_table_clear(struct ferry_table *table, int64_t now)
{
    table->compared_at = now;
    table->rejects = 0;
    table->absences = 0;
}

void ferry_table_compared(struct ferry_table *table, const struct ferry_error *error, int64_t now)
{
    bool human = error && error->status == FERRY_INVALID;
    bool schema =
        human && (error->class == FERRY_CLASS_SCHEMA || error->class == FERRY_CLASS_MAPPING);
    /* While there is no answer, a doubt stays a doubt. */
    if (!error || human)
        table->doubted = false;
    if (!error)
        ferry_table_clear(table, now);
    if (!error || schema) {
        table->inspected = true;
        table->stopped = schema;
    }
    if (human)
        table->why = *error;
}

bool ferry_table_is_clear(const struct ferry_table *table, int64_t now)
{
    return table->compared_at != 0 && now - table->compared_at < CLEAR_MS &&
           table->rejects < CLEAR_REJECTS;
}

bool ferry_table_note_absence(struct ferry_table *table)
{
    return ++table->absences >= ABSENCES_IN_A_ROW;
}

bool ferry_table_stands(const struct ferry_table *table)
{
    return table->stopped || table->doubted;
}
