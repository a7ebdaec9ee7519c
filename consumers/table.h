/* A mapped table at work: its mapping, its topics, what became of its records, and whether the
 * destination still takes them. Transparent to the writer's own modules; loop thread only. */
#ifndef FERRY_TABLE_H
#define FERRY_TABLE_H

#include "consumers/lane.h"
#include "core/base/metrics.h"
#include "core/control/mapping.h"
#include "core/io/topics.h"

struct ferry_table {
    struct ferry_mapping *mapping; /* ours: it outlives the order that brought it */
    char changes[FERRY_TOPIC_SIZE];
    char written[FERRY_TOPIC_SIZE];
    uint64_t counts[FERRY_FATES];
    struct ferry_metric *records[FERRY_FATES];
    uint64_t successes; /* answers that did what was asked */
    unsigned ills;      /* answers in a row that named nobody */
    unsigned rejects;   /* in a row, of reject_class */
    enum ferry_class reject_class;
    unsigned absences; /* 404 in a row on keys that we had written */
    bool doubted;      /* the metadata is being read again */
    bool inspected;    /* the metadata was compared with the mapping */
    bool stopped;      /* the mapping does not fit any more: nothing is sent */
    struct ferry_error why;
};

enum ferry_status ferry_table_new(const char *instance, json_t *mapping,
                                  struct ferry_metrics *metrics, struct ferry_table **ret_table,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_table_free(struct ferry_table *table);

void ferry_table_count(struct ferry_table *table, enum ferry_fate fate);
void ferry_table_succeed(struct ferry_table *table);

/* An answer that names nobody. Neighbours that succeeded since the change was last sent put the
 * blame on the record. */
enum ferry_blame {
    FERRY_BLAME_NOBODY,      /* none succeeded: the destination is ill; nothing is rejected */
    FERRY_BLAME_RECORD,      /* park it and try again */
    FERRY_BLAME_RECORD_ENDS, /* it had its tries: reject it */
};
enum ferry_blame ferry_table_blame(struct ferry_table *table, struct ferry_lane *lane, int64_t now);

/* Both tell whether it is time to read the metadata again. */
bool ferry_table_note_reject(struct ferry_table *table, enum ferry_class class);
bool ferry_table_note_absence(struct ferry_table *table);

#endif
