/* One kind of e-mail event at work: the table of its activities, what became of its events, and
 * whether Dynamics still takes them. Transparent to the writer's own modules; loop thread only. */
#ifndef FERRY_DESK_H
#define FERRY_DESK_H

#include "core/base/metrics.h"
#include "core/control/events.h"

enum ferry_event_fate {
    FERRY_EVENT_WRITTEN,
    FERRY_EVENT_REPEATED, /* its activity was there already */
    FERRY_EVENT_REJECTED,
    FERRY_EVENT_LEFT_OUT, /* its kind was switched off after it was read */
};
#define FERRY_EVENT_FATES (FERRY_EVENT_LEFT_OUT + 1)

struct ferry_desk {
    enum ferry_event_kind kind;
    const struct ferry_activity *activity; /* borrowed from the order */
    bool on;                               /* the kind is written */
    uint64_t counts[FERRY_EVENT_FATES];
    struct ferry_metric *events[FERRY_EVENT_FATES];
    uint64_t taken;      /* the newest request that brought an activity, counted from 1 */
    unsigned denied;     /* events in a row that were refused on their own account */
    unsigned rejects;    /* on Dynamics' word, since the metadata was last compared */
    int64_t compared_at; /* when that found no fault, ferry_boot_ms; 0: never */
    bool inspected;      /* the metadata was compared */
    bool doubted;        /* it is being read again */
    bool stopped;        /* the table does not fit: nothing is sent */
    bool singly;         /* it turned out not to know CreateMultiple */
    struct ferry_error why;
};

void ferry_desk_init(struct ferry_desk *desk, const struct ferry_events *events,
                     enum ferry_event_kind kind, struct ferry_metrics *metrics);
void ferry_desk_count(struct ferry_desk *desk, enum ferry_event_fate fate);
/* The metadata was compared and fits. */
void ferry_desk_clear(struct ferry_desk *desk, int64_t now);
/* It was, a short while and few rejects ago: an event may be rejected on Dynamics' word. */
bool ferry_desk_is_clear(const struct ferry_desk *desk, int64_t now);
/* Events that nobody can have sent may go by CreateMultiple. */
bool ferry_desk_takes_many(const struct ferry_desk *desk);
/* Nothing may be sent now: it does not fit, or that is being found out. */
bool ferry_desk_stands(const struct ferry_desk *desk);
/* A request brought an activity to the table, or found it there; `sequence` counts from 0. */
void ferry_desk_succeed(struct ferry_desk *desk, uint64_t sequence);
/* So many were refused in a row that hardly each of them is at fault. */
bool ferry_desk_denies_all(const struct ferry_desk *desk);
/* The column that the answer speaks of; NULL: none. Borrowed from the order. */
const char *ferry_desk_column_in(const struct ferry_desk *desk, const char *answer);
/* The error, about this table, and about the column, if there is one. */
void ferry_desk_blame_schema(const struct ferry_desk *desk, const char *column, const char *said,
                             struct ferry_error *ret_error);
/* The error, when it denies all. `absent`: the contacts are not there. */
void ferry_desk_blame_mapping(const struct ferry_desk *desk, bool absent, const char *said,
                              struct ferry_error *ret_error);

#endif
