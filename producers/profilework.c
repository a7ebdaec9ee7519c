#include "producers/profilework.h"

#include "core/base/clock.h"

#include <stdlib.h>

#define REFUSALS 2 /* in a row: then it is no accident */

struct profile_work {
    struct ferry_task *task;
    struct ferry_campaign_source *source;
    struct ferry_consent *consent;
    struct ferry_profiles *profiles;
    struct ferry_campaign_inquiry *check;
    unsigned refusals;
    struct ferry_error refusal; /* what a page was answered with */
    bool refused;
};

/* ---- the instance ---- */

/* The instance is as the order says, but a page was refused: once may be an accident. */
static void answer_refusal(struct profile_work *work)
{
    work->refused = false;
    if (++work->refusals < REFUSALS)
        ferry_task_recheck(work->task, &work->refusal); /* asks again, then reads */
    else
        ferry_task_fail(work->task, &work->refusal);
}

static void on_checked(void *context, enum ferry_status status, const struct ferry_error *error)
{
    struct profile_work *work = context;
    work->check = NULL;
    if (status == FERRY_OK && work->refused)
        answer_refusal(work);
    else
        ferry_task_checked(work->task, status, error);
}

static void refuse_settings(struct profile_work *work)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_MAPPING,
               "Campaign's opt-outs cannot be read: the reader's setting campaign.url is not set");
    ferry_advise(&error, "set it in the reader's configuration and start the reader again");
    ferry_task_checked(work->task, FERRY_INVALID, &error);
}

static void check(void *context)
{
    struct profile_work *work = context;
    struct ferry_error error;
    ferry_error_clear(&error);
    if (!work->consent->filter)
        ferry_task_checked(work->task, FERRY_OK, &error);
    else if (!work->source)
        refuse_settings(work);
    else if (!work->check && ferry_campaign_source_check(work->source, work->consent, on_checked,
                                                         work, &work->check, &error) != FERRY_OK)
        ferry_task_recheck(work->task, &error);
}

static void cancel(void *context)
{
    struct profile_work *work = context;
    ferry_campaign_source_cancel(work->check);
    work->check = NULL;
}

/* ---- what the reading says ---- */

static void on_seat(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct profile_work *work = context;
    ferry_task_seated(work->task, error, retry_at);
}

static void on_progress(void *context)
{
    struct profile_work *work = context;
    work->refusals = 0;
    ferry_task_progress(work->task);
}

static void on_fault(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct profile_work *work = context;
    ferry_task_fault(work->task, error, retry_at);
}

static void on_refused(void *context, const struct ferry_remote_answer *answer)
{
    struct profile_work *work = context;
    if (answer->verdict == FERRY_VERDICT_CREDENTIALS ||
        answer->verdict == FERRY_VERDICT_PERMISSION) {
        ferry_task_fail(work->task, &answer->error);
        return;
    }
    /* Was something published? The metadata knows which field it is about. */
    work->refused = true;
    work->refusal = answer->error;
    check(work);
}

static void on_stopped(void *context)
{
    struct profile_work *work = context;
    ferry_task_stopped(work->task);
}

static const struct ferry_profiles_calls profiles_calls = {
    .on_seat = on_seat,
    .on_progress = on_progress,
    .on_fault = on_fault,
    .on_refused = on_refused,
    .on_stopped = on_stopped,
};

/* ---- life ---- */

static enum ferry_status create(struct ferry_task *task, const struct ferry_task_options *options,
                                void **ret_work, struct ferry_error *error)
{
    const struct ferry_profile_subject *subject = options->subject;
    struct profile_work *work = calloc(1, sizeof *work);
    if (!work)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    *ret_work = work;
    work->task = task;
    work->source = subject->source;
    enum ferry_status status = ferry_consent_new(subject->consent->json, &work->consent, error);
    if (status != FERRY_OK)
        return status;
    const struct ferry_profiles_options profiles = {
        .loop = options->loop,
        .common = options->common,
        .source = work->source,
        .seat = options->seat,
        .consent = work->consent,
        .workflow = options->workflow,
        .task = ferry_task_id(task),
        .calls = &profiles_calls,
        .context = work,
        .metrics = options->metrics,
    };
    return ferry_profiles_new(&profiles, &work->profiles, error);
}

static void release(void *context)
{
    struct profile_work *work = context;
    if (!work)
        return;
    cancel(work);
    ferry_profiles_free(work->profiles);
    ferry_consent_free(work->consent);
    free(work);
}

static void set_wire(void *context, const struct ferry_wire wires[FERRY_TASK_TOPICS])
{
    struct profile_work *work = context;
    ferry_profiles_wire(work->profiles, wires[0], wires[1]);
}

static void go(void *context)
{
    struct profile_work *work = context;
    if (work->consent->filter)
        ferry_profiles_go(work->profiles);
}

static void stop(void *context)
{
    struct profile_work *work = context;
    ferry_profiles_stop(work->profiles);
}

static int64_t wait_ms(void *context)
{
    struct profile_work *work = context;
    return work->source ? ferry_campaign_source_wait(work->source) : 0;
}

/* ---- counters ---- */

static void warn_of_files(struct profile_work *work)
{
    struct ferry_error error;
    if (work->consent->exported)
        ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_MAPPING,
                   "Campaign's opt-outs come from export files only, which are as old as the "
                   "export: the instance has no custom filter on their times.");
    else
        ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_MAPPING,
                   "Nobody hears of opt-outs in Campaign: the instance has no custom filter on "
                   "their times, and no export is configured.");
    ferry_advise(&error, "Publish such a filter in Adobe Campaign, name it in the configuration of "
                         "opt-in-out and start the workflow again.");
    ferry_task_fault(work->task, &error, 0);
}

/* How old news can be at worst, when the next look has come to its end: that of the last one. */
static json_t *count(const struct profile_work *work)
{
    struct ferry_profiles_tally tally = ferry_profiles_tally(work->profiles);
    int64_t looked_at = ferry_profiles_looked_at(work->profiles);
    json_t *counters =
        json_pack("{ss ss sI sI sI sI sI}", "source", work->consent->filter ? "API" : "FILE",
                  "phase", ferry_profiles_loaded(work->profiles) ? "DELTA" : "FULL", "recordsRead",
                  (json_int_t)tally.records, "pagesRead", (json_int_t)tally.pages, "withoutContact",
                  (json_int_t)tally.without_contact, "badTimes", (json_int_t)tally.bad_times,
                  "since", (json_int_t)ferry_profiles_since(work->profiles));
    if (looked_at)
        json_object_set_new(counters, "newsAgeSeconds",
                            json_integer((ferry_wall_ms() - looked_at) / 1000));
    return counters;
}

static void tick(void *context)
{
    struct profile_work *work = context;
    ferry_report_counters(ferry_task_report(work->task), count(work));
    if (!work->consent->filter && ferry_task_running(work->task) && !ferry_task_warned(work->task))
        warn_of_files(work);
}

const struct ferry_work_type ferry_profile_work = {
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
