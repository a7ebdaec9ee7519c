#include "producers/task.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/topics.h"
#include "producers/alarm.h"
#include "producers/topiccheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     1000
#define RETRY_CAP_MS 30000
#define REFUSALS     2 /* in a row: then it is no accident */
#define TOPIC_TRIES  5 /* the controller may be making the topic just now */
#define DAY_SECONDS  86400

/* What must be there before a task is ready. */
enum {
    PREPARED_TABLE = 1,
    PREPARED_TOPICS = 2,
    PREPARED_SEAT = 4,
    PREPARED_SCHEMA = 8,
    PREPARED_ALL = 15
};

struct ferry_task {
    struct ferry_task_options options;
    char id[FERRY_TASK_ID_SIZE];
    struct ferry_mapping *mapping;
    struct ferry_report *report;
    struct ferry_reading *reading;
    struct ferry_dataverse_read *check;
    struct ferry_topiccheck *topics;
    struct ferry_registration *registration;
    char changes[FERRY_TOPIC_SIZE];
    struct ferry_wire wire;    /* of changes */
    struct ferry_alarm *alarm; /* asks about the table again */
    enum ferry_task_state state;
    unsigned prepared;
    bool go, stopping, failing;
    bool warned; /* by a fault; the next progress takes it back */
    unsigned tries, topic_tries, refusals;
    struct ferry_error error;   /* why it fails */
    struct ferry_error refusal; /* what a page was answered with */
    bool refused, refused_link;
};

static void check_table(struct ferry_task *task);
static void check_topics(struct ferry_task *task);

void ferry_task_name(const char *workflow, const char *mapping_id, char out[FERRY_TASK_ID_SIZE])
{
    snprintf(out, FERRY_TASK_ID_SIZE, "%s/reader/%s", workflow, mapping_id);
}

static void enter(struct ferry_task *task, enum ferry_task_state state)
{
    task->state = state;
    ferry_report_state(task->report, task->options.generation, state);
    ferry_log(FERRY_LOG_INFO, "task_state", FERRY_STR("task", task->id),
              FERRY_STR("state", ferry_task_state_name(state)),
              FERRY_INT("generation", task->options.generation));
}

static void warn(struct ferry_task *task, const struct ferry_error *error, int64_t retry_at)
{
    task->warned = true;
    ferry_report_warning(task->report, error, retry_at);
    ferry_log(FERRY_LOG_WARN, "task_waits", FERRY_STR("task", task->id),
              FERRY_STR("class", ferry_class_name(error->class)),
              FERRY_STR("message", error->message),
              FERRY_INT("retry_in_ms", retry_at ? retry_at - ferry_wall_ms() : 0));
}

static void calm(struct ferry_task *task)
{
    if (task->warned)
        ferry_report_warning(task->report, NULL, 0);
    task->warned = false;
}

/* Only a person can help; what is in flight ends first. */
static void give_up(struct ferry_task *task, const struct ferry_error *error)
{
    if (task->stopping || task->failing || task->state == FERRY_TASK_FAILED)
        return;
    task->failing = true;
    task->error = *error;
    ferry_log(FERRY_LOG_ERROR, "task_failed", FERRY_STR("task", task->id),
              FERRY_STR("class", ferry_class_name(error->class)),
              FERRY_STR("message", error->message));
    ferry_reading_stop(task->reading);
}

/* ---- preparing ---- */

static void advance(struct ferry_task *task)
{
    if (task->state == FERRY_TASK_PREPARING && task->prepared == PREPARED_ALL) {
        calm(task);
        enter(task, FERRY_TASK_READY);
    }
    if (task->state == FERRY_TASK_READY && task->go) {
        enter(task, FERRY_TASK_RUNNING);
        ferry_reading_go(task->reading);
    }
}

static void try_table_again(struct ferry_task *task, const struct ferry_error *error)
{
    int64_t delay = ferry_backoff_ms(task->tries++, RETRY_MS, RETRY_CAP_MS);
    int64_t patience = ferry_dataverse_source_wait(task->options.source);
    delay = delay > patience ? delay : patience;
    ferry_alarm_set(task->alarm, delay);
    warn(task, error, ferry_wall_ms() + delay);
}

/* The table still fits, but a page was refused. Once may be an accident; a link that is refused
 * twice is good for nothing; a request of our own that is refused twice is wrong. */
static void answer_refusal(struct ferry_task *task)
{
    task->refused = false;
    if (++task->refusals < REFUSALS) {
        task->refused_link = false;
        try_table_again(task, &task->refusal); /* asks again, then reads */
        return;
    }
    if (task->refused_link)
        ferry_reading_again(task->reading);
    else
        give_up(task, &task->refusal);
}

static void on_checked(void *context, enum ferry_status status, struct ferry_row_column *columns,
                       const struct ferry_error *error)
{
    struct ferry_task *task = context;
    task->check = NULL;
    if (status == FERRY_INVALID) {
        give_up(task, error);
    } else if (status != FERRY_OK) {
        try_table_again(task, error);
    } else {
        task->tries = 0;
        ferry_reading_columns(task->reading, columns);
        task->prepared |= PREPARED_TABLE;
        if (task->refused)
            answer_refusal(task);
        else if (task->state == FERRY_TASK_RUNNING)
            ferry_reading_go(task->reading);
        else
            advance(task);
    }
}

static void check_table(struct ferry_task *task)
{
    struct ferry_error error;
    if (ferry_dataverse_source_check(task->options.source, task->mapping, on_checked, task,
                                     &task->check, &error) != FERRY_OK)
        try_table_again(task, &error);
}

static void on_alarm(void *context)
{
    struct ferry_task *task = context;
    if (!task->check && (!(task->prepared & PREPARED_TABLE) || task->state == FERRY_TASK_RUNNING))
        check_table(task);
}

static void on_topics(void *context, enum ferry_status status, const struct ferry_error *error)
{
    struct ferry_task *task = context;
    task->topics = NULL;
    if (status == FERRY_OK) {
        task->prepared |= PREPARED_TOPICS;
        advance(task);
    } else if (status == FERRY_INVALID && ++task->topic_tries >= TOPIC_TRIES) {
        give_up(task, error);
    } else {
        warn(task, error, ferry_wall_ms() + RETRY_MS);
        check_topics(task);
    }
}

static void check_topics(struct ferry_task *task)
{
    struct ferry_error error;
    const struct ferry_topiccheck_options options = {
        .loop = task->options.loop,
        .common = task->options.common,
        .asker = task->options.asker,
        .topics = {{FERRY_TOPIC_CHANGES, task->mapping->table},
                   {FERRY_TOPIC_REJECTS, task->options.workflow}},
        .count = 2,
        .delay_ms = task->topic_tries ? RETRY_MS : 0,
        .on_done = on_topics,
        .context = task,
    };
    if (ferry_topiccheck_new(&options, &task->topics, &error) != FERRY_OK)
        give_up(task, &error);
}

static void on_registered(void *context)
{
    struct ferry_task *task = context;
    ferry_reading_wire(task->reading, task->wire);
    task->prepared |= PREPARED_SCHEMA;
    advance(task);
}

static void on_unregistered(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_task *task = context;
    if (error->status == FERRY_INVALID)
        give_up(task, error);
    else
        warn(task, error, retry_at);
}

static enum ferry_status register_schema(struct ferry_task *task, struct ferry_error *error)
{
    const struct ferry_registration_entry entry = {task->changes, FERRY_SCHEMA_CHANGE, &task->wire};
    const struct ferry_registration_options options = {
        .loop = task->options.loop,
        .registry = task->options.registry,
        .entries = &entry,
        .count = 1,
        .on_done = on_registered,
        .on_trouble = on_unregistered,
        .context = task,
    };
    ferry_topic_name(task->options.common->instance,
                     (struct ferry_topic){FERRY_TOPIC_CHANGES, task->mapping->table},
                     task->changes);
    return ferry_registration_new(&options, &task->registration, error);
}

/* ---- what the reading says ---- */

static void on_seat(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_task *task = context;
    if (!error) {
        task->prepared |= PREPARED_SEAT;
        calm(task);
        advance(task);
        return;
    }
    task->prepared &= ~(unsigned)PREPARED_SEAT;
    if (error->status == FERRY_INVALID)
        give_up(task, error);
    else if (task->state <= FERRY_TASK_RUNNING && !task->stopping && !task->failing)
        warn(task, error, retry_at);
}

static void on_progress(void *context)
{
    struct ferry_task *task = context;
    task->refusals = 0;
    calm(task);
    ferry_task_tick(task);
}

static void on_fault(void *context, const struct ferry_error *error, int64_t retry_at)
{
    warn(context, error, retry_at);
}

static void on_refused(void *context, const struct ferry_remote_answer *answer, bool linked)
{
    struct ferry_task *task = context;
    if (answer->verdict == FERRY_VERDICT_CREDENTIALS ||
        answer->verdict == FERRY_VERDICT_PERMISSION) {
        give_up(task, &answer->error);
        return;
    }
    /* Was the schema published? The metadata knows which column or table it is about. */
    task->refused = true;
    task->refused_link = linked;
    task->refusal = answer->error;
    check_table(task);
}

static void on_stopped(void *context)
{
    struct ferry_task *task = context;
    ferry_dataverse_source_cancel(task->check);
    task->check = NULL;
    ferry_registration_free(task->registration);
    task->registration = NULL;
    ferry_alarm_stop(task->alarm);
    calm(task);
    if (task->failing && !task->stopping) {
        ferry_report_error(task->report, &task->error);
        enter(task, FERRY_TASK_FAILED);
    } else {
        ferry_report_error(task->report, NULL);
        enter(task, FERRY_TASK_STOPPED);
    }
    task->stopping = task->failing = false;
}

static const struct ferry_reading_calls reading_calls = {
    .on_seat = on_seat,
    .on_progress = on_progress,
    .on_fault = on_fault,
    .on_refused = on_refused,
    .on_stopped = on_stopped,
};

/* ---- life ---- */

static enum ferry_status assemble(struct ferry_task *task, struct ferry_error *error)
{
    const struct ferry_task_options *options = &task->options;
    enum ferry_status status = ferry_mapping_new(options->mapping->json, &task->mapping, error);
    task->options.mapping = NULL;
    if (status == FERRY_OK)
        status = ferry_report_new(options->reporter, options->workflow, "reader", task->id,
                                  &task->report, error);
    if (status == FERRY_OK &&
        ferry_alarm_new(options->loop, on_alarm, task, &task->alarm) != FERRY_OK)
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK)
        return status;
    enter(task, FERRY_TASK_PREPARING);
    const struct ferry_reading_options reading = {
        .loop = options->loop,
        .common = options->common,
        .source = options->source,
        .seat = options->seat,
        .mapping = task->mapping,
        .workflow = options->workflow,
        .task = task->id,
        .calls = &reading_calls,
        .context = task,
        .metrics = options->metrics,
    };
    status = ferry_reading_new(&reading, &task->reading, error);
    return status == FERRY_OK ? register_schema(task, error) : status;
}

enum ferry_status ferry_task_new(const struct ferry_task_options *options,
                                 struct ferry_task **ret_task, struct ferry_error *error)
{
    struct ferry_task *task = calloc(1, sizeof *task);
    if (!task)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    task->options = *options;
    ferry_task_name(options->workflow, options->mapping->id, task->id);
    enum ferry_status status = assemble(task, error);
    if (status != FERRY_OK) {
        ferry_task_free(task);
        return status;
    }
    check_table(task);
    check_topics(task);
    *ret_task = task;
    return FERRY_OK;
}

void ferry_task_free(struct ferry_task *task)
{
    if (!task)
        return;
    ferry_dataverse_source_cancel(task->check);
    ferry_topiccheck_free(task->topics);
    ferry_registration_free(task->registration);
    ferry_reading_free(task->reading);
    ferry_alarm_free(task->alarm);
    ferry_report_free(task->report);
    ferry_mapping_free(task->mapping);
    free(task);
}

const char *ferry_task_id(const struct ferry_task *task)
{
    return task->id;
}

bool ferry_task_serves(const struct ferry_task *task, int64_t generation)
{
    return task->options.generation == generation && !task->stopping &&
           task->state != FERRY_TASK_STOPPED;
}

void ferry_task_go(struct ferry_task *task)
{
    task->go = true;
    advance(task);
}

void ferry_task_stop(struct ferry_task *task)
{
    if (task->stopping || task->state == FERRY_TASK_STOPPED)
        return;
    task->stopping = true;
    ferry_topiccheck_free(task->topics);
    task->topics = NULL;
    if (!task->failing)
        ferry_reading_stop(task->reading);
}

/* ---- counters ---- */

static double link_age(const struct ferry_checkpoint *at)
{
    return at->delta_link_at ? (double)(ferry_wall_ms() - at->delta_link_at) / 1000 : 0;
}

static void warn_of_expiry(struct ferry_task *task, double age, int64_t days)
{
    struct ferry_error error;
    if (days <= 0 || age < (double)(days * DAY_SECONDS) / 2 || task->warned)
        return;
    ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "The change-tracking link of table %s is %.1f days old and expires after %lld.",
               task->mapping->table, age / DAY_SECONDS, (long long)days);
    ferry_advise(&error, "Changing any record of the table renews it; after its end the whole "
                         "table is read again.");
    ferry_report_warning(task->report, &error, 0);
}

void ferry_task_tick(struct ferry_task *task)
{
    const struct ferry_checkpoint *at = ferry_reading_checkpoint(task->reading);
    int64_t days = ferry_dataverse_source_retention(task->options.source);
    double age = link_age(at);
    if (!at->task)
        return;
    json_t *counters =
        json_pack("{sI sI sI sI ss sI}", "recordsRead", (json_int_t)at->records_read, "pagesRead",
                  (json_int_t)at->pages_read, "recordsRejected",
                  (json_int_t)ferry_reading_rejects(task->reading), "readNumber",
                  (json_int_t)at->read_number, "phase", ferry_checkpoint_phase_name(at->phase),
                  "fullReadStartedAt", (json_int_t)at->full_read_started_at);
    if (at->replay)
        json_object_set_new(counters, "replay", json_integer(at->replay));
    if (at->replaying || at->pick_where)
        json_object_set_new(counters, "replaying", json_integer(1));
    if (at->delta_link_at)
        json_object_set_new(counters, "deltaLinkAgeSeconds", json_integer((json_int_t)age));
    if (days >= 0)
        json_object_set_new(counters, "changeTrackingExpiresAfterDays", json_integer(days));
    ferry_report_counters(task->report, counters);
    ferry_reading_age(task->reading, age);
    if (task->state == FERRY_TASK_RUNNING)
        warn_of_expiry(task, age, days);
}
