/* What the sources of view share. */
#ifndef FERRY_VIEW_PRIVATE_H
#define FERRY_VIEW_PRIVATE_H

#include "controller/backlog.h"
#include "controller/task.h"
#include "controller/workflow.h"

struct ferry_view {
    const struct ferry_workflow *workflow;
    const json_t *order;
    const json_t *replays;
    const struct ferry_task *tasks;
    const struct ferry_backlog *backlog;
    int64_t now;
};

/* What is summed up over the streams; a part that is unknown makes the sum unknown. */
struct ferry_view_sums {
    bool known;
    int64_t records;
    int64_t oldest_at; /* wall ms; 0: nothing waits, or it is not known since when */
    int64_t waiting;
    int64_t held; /* deletes, for a person */
    double written_per_second;
};

/* Adds a stream's backlog to the sums, and "backlog" and "writtenPerSecond" to its JSON. */
void ferry_view_backlog(const struct ferry_view *view, const char *stream, json_t *json,
                        struct ferry_view_sums *sums);
/* A task or null; a list of tasks. New references. */
json_t *ferry_view_reader(const struct ferry_view *view, const char *reader);
json_t *ferry_view_writers(const struct ferry_view *view, const char *stream);
/* A new reference to the value; null when there is none. */
json_t *ferry_view_or_null(json_t *value);

/* The views of the kinds (kind.h). */
void ferry_view_mappings(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums);
void ferry_view_events(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums);
void ferry_view_optinout(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums);

#endif
