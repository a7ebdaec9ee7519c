#include "producers/tablework.h"

#include "core/base/clock.h"
#include "producers/consentform.h"

#include <stdlib.h>

#define REFUSALS    2 /* in a row: then it is no accident */
#define DAY_SECONDS 86400

struct table_work {
    struct ferry_task *task;
    struct ferry_dataverse_source *source;
    struct ferry_mapping *mapping;
    struct ferry_consent *consent; /* NULL: it is about the mapping's table itself */
    struct ferry_consentform form;
    struct ferry_sayings *sayings; /* NULL: there is no state.dir */
    struct ferry_reading *reading;
    struct ferry_dataverse_read *check;
    unsigned refusals;
    struct ferry_error refusal; /* what a page was answered with */
    bool refused, refused_link;
};

/* ---- the table ---- */

/* The table still fits, but a page was refused. Once may be an accident; a link that is refused
 * twice is good for nothing; a request of our own that is refused twice is wrong. */
static void answer_refusal(struct table_work *work)
{
    work->refused = false;
    if (++work->refusals < REFUSALS) {
        work->refused_link = false;
        ferry_task_recheck(work->task, &work->refusal); /* asks again, then reads */
        return;
    }
    if (work->refused_link)
        ferry_reading_again(work->reading);
    else
        ferry_task_fail(work->task, &work->refusal);
}

static void on_checked(void *context, enum ferry_status status, struct ferry_row_column *columns,
                       const struct ferry_error *error)
{
    struct table_work *work = context;
    struct ferry_error fault;
    work->check = NULL;
    if (status == FERRY_OK && work->consent) {
        status = ferry_consentform_check(work->consent, work->mapping, columns, &fault);
        error = status == FERRY_OK ? error : &fault;
        if (status != FERRY_OK)
            free(columns);
    }
    if (status == FERRY_OK)
        ferry_reading_columns(work->reading, columns);
    if (status == FERRY_OK && work->refused)
        answer_refusal(work);
    else
        ferry_task_checked(work->task, status, error);
}

static void check(void *context)
{
    struct table_work *work = context;
    struct ferry_error error;
    if (!work->check && ferry_dataverse_source_check(work->source, work->mapping, on_checked, work,
                                                     &work->check, &error) != FERRY_OK)
        ferry_task_recheck(work->task, &error);
}

static void cancel(void *context)
{
    struct table_work *work = context;
    ferry_dataverse_source_cancel(work->check);
    work->check = NULL;
}

/* ---- what the reading says ---- */

static void on_seat(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct table_work *work = context;
    ferry_task_seated(work->task, error, retry_at);
}

static void on_progress(void *context)
{
    struct table_work *work = context;
    work->refusals = 0;
    ferry_task_progress(work->task);
}

static void on_fault(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct table_work *work = context;
    ferry_task_fault(work->task, error, retry_at);
}

static void on_refused(void *context, const struct ferry_remote_answer *answer, bool linked)
{
    struct table_work *work = context;
    if (answer->verdict == FERRY_VERDICT_CREDENTIALS ||
        answer->verdict == FERRY_VERDICT_PERMISSION) {
        ferry_task_fail(work->task, &answer->error);
        return;
    }
    /* Was the schema published? The metadata knows which column or table it is about. */
    work->refused = true;
    work->refused_link = linked;
    work->refusal = answer->error;
    check(work);
}

static void on_stopped(void *context)
{
    struct table_work *work = context;
    ferry_task_stopped(work->task);
}

static const struct ferry_reading_calls reading_calls = {
    .on_seat = on_seat,
    .on_progress = on_progress,
    .on_fault = on_fault,
    .on_refused = on_refused,
    .on_stopped = on_stopped,
};

/* ---- life ---- */

/* What the orders hold may go while the task lives. */
static enum ferry_status take_subject(struct table_work *work,
                                      const struct ferry_table_subject *subject,
                                      struct ferry_error *error)
{
    work->source = subject->source;
    if (!subject->consent)
        return ferry_mapping_new(subject->mapping->json, &work->mapping, error);
    enum ferry_status status = ferry_consent_new(subject->consent->json, &work->consent, error);
    return status == FERRY_OK ? ferry_consentform_mapping(work->consent, &work->mapping, error)
                              : status;
}

static enum ferry_status make_form(struct table_work *work, const char *state_dir,
                                   struct ferry_error *error)
{
    if (!work->consent)
        return FERRY_OK;
    if (state_dir && !(work->sayings = ferry_sayings_new(state_dir, ferry_task_id(work->task))))
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    work->form = (struct ferry_consentform){work->consent, work->sayings};
    return FERRY_OK;
}

static enum ferry_status create(struct ferry_task *task, const struct ferry_task_options *options,
                                void **ret_work, struct ferry_error *error)
{
    const struct ferry_table_subject *subject = options->subject;
    struct table_work *work = calloc(1, sizeof *work);
    if (!work)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    *ret_work = work;
    work->task = task;
    enum ferry_status status = take_subject(work, subject, error);
    if (status == FERRY_OK)
        status = make_form(work, subject->state_dir, error);
    if (status != FERRY_OK)
        return status;
    const struct ferry_reading_options reading = {
        .loop = options->loop,
        .common = options->common,
        .source = work->source,
        .seat = options->seat,
        .mapping = work->mapping,
        .form = work->consent ? ferry_consentform(&work->form)
                              : ferry_outlet_changes(work->mapping->table),
        .sayings = work->sayings,
        .urgent = work->consent != NULL,
        .workflow = options->workflow,
        .task = ferry_task_id(task),
        .calls = &reading_calls,
        .context = work,
        .metrics = options->metrics,
    };
    return ferry_reading_new(&reading, &work->reading, error);
}

static void release(void *context)
{
    struct table_work *work = context;
    if (!work)
        return;
    cancel(work);
    ferry_reading_free(work->reading);
    ferry_sayings_free(work->sayings);
    ferry_mapping_free(work->mapping);
    ferry_consent_free(work->consent);
    free(work);
}

/* The first topic is that of full reads; a table that has one topic has one for both. */
static void set_wire(void *context, const struct ferry_wire wires[FERRY_TASK_TOPICS])
{
    struct table_work *work = context;
    ferry_reading_wire(work->reading, wires[0], wires[work->consent ? 1 : 0]);
}

static void go(void *context)
{
    struct table_work *work = context;
    ferry_reading_go(work->reading);
}

static void stop(void *context)
{
    struct table_work *work = context;
    ferry_reading_stop(work->reading);
}

static int64_t wait_ms(void *context)
{
    struct table_work *work = context;
    return ferry_dataverse_source_wait(work->source);
}

/* ---- counters ---- */

static double link_age(const struct ferry_checkpoint *at)
{
    return at->delta_link_at ? (double)(ferry_wall_ms() - at->delta_link_at) / 1000 : 0;
}

static void warn_of_expiry(struct table_work *work, double age, int64_t days)
{
    struct ferry_error error;
    if (days <= 0 || age < (double)(days * DAY_SECONDS) / 2 || ferry_task_warned(work->task))
        return;
    ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "The change-tracking link of table %s is %.1f days old and expires after %lld.",
               work->mapping->table, age / DAY_SECONDS, (long long)days);
    ferry_advise(&error, "Changing any record of the table renews it; after its end the whole "
                         "table is read again.");
    ferry_report_warning(ferry_task_report(work->task), &error, 0);
}

/* Every row is told then, which costs the writer a look at each. */
static void warn_of_memory(struct table_work *work)
{
    const struct ferry_error *trouble = ferry_sayings_trouble(work->sayings);
    if (trouble && !ferry_task_warned(work->task))
        ferry_report_warning(ferry_task_report(work->task), trouble, 0);
}

static void count_tally(const struct table_work *work, json_t *counters)
{
    struct ferry_outlet_tally tally = ferry_reading_tally(work->reading);
    json_object_set_new(counters, "deleted", json_integer(tally.dropped));
    json_object_set_new(counters, "unchanged", json_integer(tally.unchanged));
    json_object_set_new(counters, "badTimes", json_integer(tally.undated));
}

static void tick(void *context)
{
    struct table_work *work = context;
    const struct ferry_checkpoint *at = ferry_reading_checkpoint(work->reading);
    int64_t days = ferry_dataverse_source_retention(work->source);
    double age = link_age(at);
    if (!at->task)
        return;
    json_t *counters =
        json_pack("{sI sI sI sI ss sI}", "recordsRead", (json_int_t)at->records_read, "pagesRead",
                  (json_int_t)at->pages_read, "recordsRejected",
                  (json_int_t)ferry_reading_rejects(work->reading), "readNumber",
                  (json_int_t)at->read_number, "phase", ferry_checkpoint_phase_name(at->phase),
                  "fullReadStartedAt", (json_int_t)at->full_read_started_at);
    if (at->replay)
        json_object_set_new(counters, "replay", json_integer(at->replay));
    if (at->replaying || at->pick_where)
        json_object_set_new(counters, "replaying", json_integer(1));
    if (at->delta_link_at)
        json_object_set_new(counters, "deltaLinkAgeSeconds", json_integer((json_int_t)age));
    if (work->consent)
        count_tally(work, counters);
    if (days >= 0)
        json_object_set_new(counters, "changeTrackingExpiresAfterDays", json_integer(days));
    ferry_report_counters(ferry_task_report(work->task), counters);
    ferry_reading_age(work->reading, age);
    if (!ferry_task_running(work->task))
        return;
    warn_of_memory(work);
    warn_of_expiry(work, age, days);
}

const struct ferry_work_type ferry_table_work = {
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
