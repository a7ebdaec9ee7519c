#include "producers/exportwork.h"

#include <stdlib.h>

struct export_work {
    struct ferry_task *task;
    const struct ferry_sftp_settings *settings;
    const char *state_dir;
    struct ferry_crop crop;
    struct ferry_intake *intake;
};

/* ---- what the intake says ---- */

static void on_checked(void *context, enum ferry_status status, const struct ferry_error *error)
{
    struct export_work *work = context;
    ferry_task_checked(work->task, status, error);
}

static void on_seat(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct export_work *work = context;
    ferry_task_seated(work->task, error, retry_at);
}

static void on_progress(void *context)
{
    struct export_work *work = context;
    ferry_task_progress(work->task);
}

static void on_fault(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct export_work *work = context;
    ferry_task_fault(work->task, error, retry_at);
}

static void on_failed(void *context, const struct ferry_error *error)
{
    struct export_work *work = context;
    ferry_task_fail(work->task, error);
}

static void on_stopped(void *context)
{
    struct export_work *work = context;
    ferry_task_stopped(work->task);
}

static const struct ferry_intake_calls intake_calls = {
    .on_checked = on_checked,
    .on_seat = on_seat,
    .on_progress = on_progress,
    .on_fault = on_fault,
    .on_failed = on_failed,
    .on_stopped = on_stopped,
};

/* ---- life ---- */

static enum ferry_status create(struct ferry_task *task, const struct ferry_task_options *options,
                                void **ret_work, struct ferry_error *error)
{
    const struct ferry_export_subject *subject = options->subject;
    struct export_work *work = calloc(1, sizeof *work);
    if (!work)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    *ret_work = work;
    work->task = task;
    work->settings = subject->settings;
    work->state_dir = subject->state_dir;
    enum ferry_status status = ferry_crop_init(&work->crop, subject->crop, subject->json, error);
    if (status != FERRY_OK)
        return status;
    const struct ferry_intake_options intake = {
        .loop = options->loop,
        .common = options->common,
        .settings = work->settings,
        .state_dir = work->state_dir,
        .crop = &work->crop,
        .seat = options->seat,
        .workflow = options->workflow,
        .task = ferry_task_id(task),
        .metrics = options->metrics,
        .calls = &intake_calls,
        .context = work,
    };
    return ferry_intake_new(&intake, &work->intake, error);
}

static void release(void *context)
{
    struct export_work *work = context;
    if (!work)
        return;
    ferry_intake_free(work->intake);
    ferry_crop_done(&work->crop);
    free(work);
}

static void check(void *context)
{
    struct export_work *work = context;
    struct ferry_error error;
    const char *missing = NULL;
    if (!work->settings->host)
        missing = "sftp.host";
    else if (!work->state_dir)
        missing = "state.dir";
    if (!missing) {
        ferry_intake_check(work->intake);
        return;
    }
    ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_MAPPING,
               "Campaign's exports cannot be read: the reader's setting %s is not set", missing);
    ferry_advise(&error, "set it in the reader's configuration and start the reader again");
    ferry_task_checked(work->task, FERRY_INVALID, &error);
}

static void cancel(void *context)
{
    struct export_work *work = context;
    ferry_intake_cancel_check(work->intake);
}

static void set_wire(void *context, const struct ferry_wire wires[FERRY_TASK_TOPICS])
{
    struct export_work *work = context;
    ferry_intake_wire(work->intake, wires[0]);
}

static void go(void *context)
{
    struct export_work *work = context;
    ferry_intake_go(work->intake);
}

static void stop(void *context)
{
    struct export_work *work = context;
    ferry_intake_stop(work->intake);
}

static void tick(void *context)
{
    struct export_work *work = context;
    ferry_report_counters(ferry_task_report(work->task), ferry_intake_counters(work->intake));
}

static int64_t wait_ms(void *context)
{
    (void)context;
    return 0; /* an SFTP server never says how long */
}

const struct ferry_work_type ferry_export_work = {
    .create = create,
    .free = release,
    .check = check,
    .cancel = cancel,
    .wire = set_wire,
    .go = go,
    .stop = stop,
    .tick = tick,
    .wait = wait_ms,
};
