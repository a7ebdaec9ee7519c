/* What a task tells the world about itself: one message in `status` at each change and every 2 s
 * (ADR 1). Loop thread only. */
#ifndef FERRY_REPORT_H
#define FERRY_REPORT_H

#include "core/base/settings.h"

#include <jansson.h>
#include <uv.h>

enum ferry_task_state {
    FERRY_TASK_PREPARING,
    FERRY_TASK_READY,
    FERRY_TASK_RUNNING,
    FERRY_TASK_STOPPED,
    FERRY_TASK_FAILED,
};

struct ferry_reporter; /* one a process: owns the producer */
struct ferry_report;   /* one a task */

enum ferry_status ferry_reporter_new(uv_loop_t *loop, const struct ferry_common *common,
                                     struct ferry_reporter **ret_reporter,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Sends what is pending for at most one second. */
void ferry_reporter_free(struct ferry_reporter *reporter);

/* task: "<workflow>/reader/contact". role: "reader" or "writer". */
enum ferry_status ferry_report_new(struct ferry_reporter *reporter, const char *workflow,
                                   const char *role, const char *task,
                                   struct ferry_report **ret_report,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_report_free(struct ferry_report *report); /* it falls silent */

/* Each of these publishes at the end of the loop's turn if something changed. */
void ferry_report_state(struct ferry_report *report, int64_t generation,
                        enum ferry_task_state state);
enum ferry_task_state ferry_report_current(const struct ferry_report *report);
void ferry_report_error(struct ferry_report *report,
                        const struct ferry_error *error); /* NULL clears; FAILED is set by state */
/* retry_at: wall ms of the next try, 0 when unknown; error NULL clears. */
void ferry_report_warning(struct ferry_report *report, const struct ferry_error *error,
                          int64_t retry_at);
/* Whole documents: "partitions" and "counters". The reference is taken. Counters are published with
 * the next heartbeat. */
void ferry_report_partitions(struct ferry_report *report, json_t *partitions);
void ferry_report_counters(struct ferry_report *report, json_t *counters);

const char *ferry_task_state_name(enum ferry_task_state state);

#endif
