/* A mapped table at work: its mapping, its topics, what became of its records, and whether the
 * destination still takes them. Transparent to the writer's own modules; loop thread only. */
#ifndef FERRY_TABLE_H
#define FERRY_TABLE_H

#include "consumers/brake.h"
#include "consumers/lane.h"
#include "consumers/outline.h"
#include "core/base/metrics.h"
#include "core/control/mapping.h"
#include "core/io/topics.h"

struct ferry_table {
    struct ferry_mapping *mapping; /* ours: it outlives the order that brought it */
    struct ferry_outline *outline;
    char changes[FERRY_TOPIC_SIZE];
    char written[FERRY_TOPIC_SIZE];
    char waiting[FERRY_TOPIC_SIZE];
    struct ferry_brake brake;
    struct ferry_wire wire; /* of written */
    uint64_t counts[FERRY_FATES];
    struct ferry_metric *records[FERRY_FATES];
    struct ferry_metric *waiting_records;
    struct ferry_metric *deletes_held;
    uint64_t successes;  /* answers that did what was asked */
    unsigned rejects;    /* on the destination's word, since the metadata was last compared */
    int64_t compared_at; /* when that found no fault, ferry_boot_ms; 0: never */
    unsigned absences;   /* 404 in a row on keys that we had written */
    bool doubted;        /* the metadata is being read again */
    bool inspected;      /* the metadata was compared with the mapping */
    bool stopped;        /* the mapping does not fit any more: nothing is sent */
    struct ferry_error why;
};

enum ferry_status ferry_table_new(const char *instance, json_t *mapping,
                                  struct ferry_metrics *metrics, struct ferry_table **ret_table,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_table_free(struct ferry_table *table);

void ferry_table_count(struct ferry_table *table, enum ferry_fate fate);
/* Children that wait for their parent, deletes that wait for a person. */
void ferry_table_show_waiting(struct ferry_table *table, size_t children, size_t deletes);
void ferry_table_succeed(struct ferry_table *table);

/* An answer that names nobody. Neighbours that succeeded since the change was last sent put the
 * blame on the record. */
enum ferry_blame {
    FERRY_BLAME_NOBODY,      /* none succeeded: the destination is ill; nothing is rejected */
    FERRY_BLAME_RECORD,      /* park it and try again */
    FERRY_BLAME_RECORD_ENDS, /* it had its tries: reject it */
};
enum ferry_blame ferry_table_blame(struct ferry_table *table, struct ferry_lane *lane, int64_t now);

/* What came of comparing the metadata; NULL: it fits. A table that does not fit stands still alone;
 * without credentials nothing can start. */
void ferry_table_compared(struct ferry_table *table, const struct ferry_error *error, int64_t now);
/* The metadata was compared and fits. */
void ferry_table_clear(struct ferry_table *table, int64_t now);
/* Before a record is rejected on the destination's word, the metadata must have been compared a
 * short while and few rejects ago: otherwise a field that was published away would cost record
 * after record. */
bool ferry_table_is_clear(const struct ferry_table *table, int64_t now);
/* A key that we had written is not there. True: so many in a row that the metadata should be
 * compared. */
bool ferry_table_note_absence(struct ferry_table *table);
/* Nothing may be sent now: it does not fit, or that is being found out. */
bool ferry_table_stands(const struct ferry_table *table);

#endif
