/* Reads Campaign's exports into the topic of their crop: looks into the folder, copies what stands
 * still, reads it in steps, each with the file's checkpoint in one transaction of the seat, and
 * moves it away. While a step is committed the next one is already read. Loop thread only. */
#ifndef FERRY_INTAKE_H
#define FERRY_INTAKE_H

#include "core/base/metrics.h"
#include "producers/seat.h"
#include "producers/sources/exports.h"

#include <jansson.h>

struct ferry_intake;

struct ferry_intake_calls {
    /* The folder was looked into, because of ferry_intake_check. */
    void (*on_checked)(void *context, enum ferry_status status, const struct ferry_error *error);
    /* NULL: the seat is open. Else it is lost until about retry_at, and reading goes on then. */
    void (*on_seat)(void *context, const struct ferry_error *error, int64_t retry_at);
    void (*on_progress)(void *context); /* no fault is left */
    /* Goes on by itself; retry_at 0: a file waits for somebody, the others are read. */
    void (*on_fault)(void *context, const struct ferry_error *error, int64_t retry_at);
    void (*on_failed)(void *context, const struct ferry_error *error); /* only a person can help */
    void (*on_stopped)(void *context); /* nothing is in flight any more */
};

struct ferry_intake_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    const struct ferry_sftp_settings *settings;
    const char *state_dir;
    const struct ferry_crop *crop;
    struct ferry_seat *seat;
    const char *workflow;
    const char *task; /* id; borrowed like all pointers here */
    struct ferry_metrics *metrics;
    const struct ferry_intake_calls *calls;
    void *context;
};

/* Joins the seat, so on_seat may come from inside. Nothing else happens before check or go. */
enum ferry_status ferry_intake_new(const struct ferry_intake_options *options,
                                   struct ferry_intake **ret_intake,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment, in its callbacks too; an open transaction is aborted. */
void ferry_intake_free(struct ferry_intake *intake);

void ferry_intake_wire(struct ferry_intake *intake, struct ferry_wire wire);
void ferry_intake_check(struct ferry_intake *intake);
void ferry_intake_cancel_check(struct ferry_intake *intake);
void ferry_intake_go(struct ferry_intake *intake);
/* For good. A commit finishes, an open transaction is aborted; then on_stopped, perhaps at once. */
void ferry_intake_stop(struct ferry_intake *intake);
/* What the checkpoints of the last 30 days tell, as the crop counts it; a new reference. */
json_t *ferry_intake_counters(const struct ferry_intake *intake);

#endif
