/* One reader task of a run order: prepares, reads when told to go, tells the world how it is. What
 * it reads is its work, of one type or another; this is the life that all of them share. Loop
 * thread only. */
#ifndef FERRY_TASK_H
#define FERRY_TASK_H

#include "core/control/registration.h"
#include "core/control/report.h"
#include "core/io/topics.h"
#include "producers/seat.h"

struct ferry_task;
struct ferry_task_options;

#define FERRY_TASK_TOPICS 2 /* most that a task writes records to */

/* What a type of work does; `work` is its own. */
struct ferry_work_type {
    /* Joins the seat, so *ret_work is set before anything is told to the task. */
    enum ferry_status (*create)(struct ferry_task *task, const struct ferry_task_options *options,
                                void **ret_work, struct ferry_error *error);
    void (*free)(void *work); /* at any moment */
    /* Looks whether the source has what is to be read; ferry_task_checked follows, unless
     * cancelled. Does nothing while it looks already. */
    void (*check)(void *work);
    void (*cancel)(void *work);
    /* How the records of each topic are framed. */
    void (*wire)(void *work, const struct ferry_wire wires[FERRY_TASK_TOPICS]);
    void (*go)(void *work);      /* may come twice */
    void (*stop)(void *work);    /* ferry_task_stopped follows, perhaps at once */
    void (*tick)(void *work);    /* every second */
    int64_t (*wait)(void *work); /* ms that the source wants to be left alone */
};

struct ferry_task_options { /* all borrowed while the task lives */
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_seat *seat;
    struct ferry_reporter *reporter;
    struct ferry_metrics *metrics;
    struct ferry_registry *registry; /* of schemas; NULL: none */
    const char *workflow;
    int64_t generation;
    const struct ferry_work_type *type;
    const void *subject;                          /* what the work is about; only during new */
    const char *name;                             /* copied, as the topics' suffixes */
    struct ferry_topic topics[FERRY_TASK_TOPICS]; /* where the records go */
    size_t topic_count;
    enum ferry_schema schema; /* and of which kind they are */
};

/* "<workflow>/reader/<name>", which also says to which seat it belongs. */
#define FERRY_TASK_ID_SIZE 300
void ferry_task_name(const char *workflow, const char *name, char out[FERRY_TASK_ID_SIZE]);

/* Begins to prepare. */
enum ferry_status ferry_task_new(const struct ferry_task_options *options,
                                 struct ferry_task **ret_task,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment; its status falls silent. */
void ferry_task_free(struct ferry_task *task);
const char *ferry_task_id(const struct ferry_task *task);
/* Carries out this generation, from PREPARING to FAILED; a task that was stopped or is of another
 * one is to be made anew. */
bool ferry_task_serves(const struct ferry_task *task, int64_t generation);
void ferry_task_go(struct ferry_task *task);
void ferry_task_stop(struct ferry_task *task);
/* Every second: counters, ages, what grows old by itself. */
void ferry_task_tick(struct ferry_task *task);

/* ---- for its work ---- */

/* NULL: the seat is open, the checkpoints known. Else it is lost until about retry_at. */
void ferry_task_seated(struct ferry_task *task, const struct ferry_error *error, int64_t retry_at);
/* FERRY_INVALID: only a person can help. Any other failure: it looks again later. */
void ferry_task_checked(struct ferry_task *task, enum ferry_status status,
                        const struct ferry_error *error);
/* A check is wanted, not before the next try. */
void ferry_task_recheck(struct ferry_task *task, const struct ferry_error *error);
void ferry_task_progress(struct ferry_task *task); /* no fault is left */
/* It goes on by itself, at retry_at (wall ms; 0: when something changes). */
void ferry_task_fault(struct ferry_task *task, const struct ferry_error *error, int64_t retry_at);
/* It does not: the work is stopped, and the task has failed. */
void ferry_task_fail(struct ferry_task *task, const struct ferry_error *error);
void ferry_task_stopped(struct ferry_task *task); /* nothing is in flight any more */
struct ferry_report *ferry_task_report(struct ferry_task *task);
bool ferry_task_running(const struct ferry_task *task);
bool ferry_task_warned(const struct ferry_task *task);

#endif
