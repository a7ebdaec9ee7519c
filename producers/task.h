/* One mapping of a run order, carried out: prepares, reads when told to go, tells the world how it
 * is. Loop thread only. */
#ifndef FERRY_TASK_H
#define FERRY_TASK_H

#include "core/control/registration.h"
#include "core/control/report.h"
#include "producers/reading.h"

struct ferry_task;

struct ferry_task_options { /* all borrowed while the task lives */
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_dataverse_source *source;
    struct ferry_seat *seat;
    struct ferry_reporter *reporter;
    struct ferry_metrics *metrics;
    struct ferry_registry *registry; /* of schemas; NULL: none */
    rd_kafka_t *asker; /* for questions about topics, in threads: must outlive the loop */
    const char *workflow;
    const struct ferry_mapping *mapping; /* only during new */
    int64_t generation;
};

/* "<workflow>/reader/<mapping id>", which also says to which seat it belongs. */
#define FERRY_TASK_ID_SIZE 300
void ferry_task_name(const char *workflow, const char *mapping_id, char out[FERRY_TASK_ID_SIZE]);

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

#endif
