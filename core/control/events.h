/* The "events" of a run order of campaign-to-dynamics, compiled by the controller: what the reader
 * looks for and what the writer makes of it (ADR 4). Immutable. */
#ifndef FERRY_EVENTS_H
#define FERRY_EVENTS_H

#include "core/control/export.h"
#include "core/record/event.h"

struct ferry_activity_column {
    const char *name; /* NULL: not written */
    int64_t length;   /* UTF-16 code units; 0: no limit known */
};

/* The table of custom activities that one kind of event is written to. */
struct ferry_activity {
    const char *table; /* NULL: the kind is switched off */
    const char *entity_set;
    const char *regarding; /* navigation property that leads to the contact */
    bool create_multiple;
    int64_t subject_length;
    struct ferry_activity_column campaign, delivery, date, mirror_page, url;
};

struct ferry_events {
    json_t *json;       /* owns every string here */
    const char *source; /* may be empty */
    int64_t since;      /* ms since the epoch: what happened before is skipped */
    bool kinds[FERRY_EVENT_KINDS];
    struct ferry_export export;
    struct ferry_activity activities[FERRY_EVENT_KINDS];
};

/* A reference to `json` is kept. FERRY_INVALID names the path of what is missing or unusable. */
enum ferry_status ferry_events_new(json_t *json, struct ferry_events **ret_events,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_events_free(struct ferry_events *events);

#endif
