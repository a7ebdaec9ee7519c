/* What a task of a worker last said about itself (ADR 1, task status). Loop thread only. */
#ifndef FERRY_TASK_H
#define FERRY_TASK_H

#include "core/control/report.h"

#include <jansson.h>

#define FERRY_TASK_SILENT_MS 15000 /* a task silent for longer counts as gone */

struct ferry_task {
    struct ferry_task *next; /* utlist */
    json_t *document;        /* owns every string here */
    const char *id;
    const char *workflow;
    const char *worker;
    bool writes; /* role writer; else it reads */
    int64_t generation;
    enum ferry_task_state state;
    int64_t seen_at; /* by our clock (ferry_roster_heard_ms): the worker's may differ */
};

/* FERRY_INVALID when the bytes are no task status. */
enum ferry_status ferry_task_parse(const char *text, size_t length, int64_t seen_at,
                                   struct ferry_task **ret_task,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_task_free(struct ferry_task *task);

bool ferry_task_is_live(const struct ferry_task *task, int64_t now);
/* Live, of this generation, and READY or RUNNING. */
bool ferry_task_is_ready(const struct ferry_task *task, int64_t generation, int64_t now);
/* The sum of a counter that the writers keep for each table, over the live ones. */
int64_t ferry_task_sum(const struct ferry_task *tasks, const char *workflow, const char *counter,
                       const char *table, int64_t now);
/* Up to which offset of each partition of the table the writers have told what they hold back, for
 * the decision about it (core/control/deletion.h): {"0": 4711}, new reference. NULL: none says. */
json_t *ferry_task_below(const struct ferry_task *tasks, const char *workflow, const char *table,
                         int64_t now);
/* A bit for each partition of `table` that a writer holds. */
unsigned ferry_task_partitions(const struct ferry_task *task, const char *table);

#endif
