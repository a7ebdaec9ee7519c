#include "producers/task.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "producers/alarm.h"
#include "producers/topiccheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     1000
#define RETRY_CAP_MS 30000
#define TOPIC_TRIES  5 /* the controller may be making the topic just now */

/* What must be there before a task is ready. */
enum {
    PREPARED_SOURCE = 1,
    PREPARED_TOPICS = 2,
    PREPARED_SEAT = 4,
    PREPARED_SCHEMA = 8,
    PREPARED_ALL = 15
};

struct ferry_task {
    struct ferry_task_options options;
    char id[FERRY_TASK_ID_SIZE];
    char suffixes[FERRY_TASK_TOPICS][FERRY_TOPIC_SIZE];
    char topic_names[FERRY_TASK_TOPICS][FERRY_TOPIC_SIZE];
    void *work;
    struct ferry_report *report;
    struct ferry_topiccheck *topics;
    struct ferry_registration *registration;
    struct ferry_wire wires[FERRY_TASK_TOPICS];
    struct ferry_alarm *alarm; /* asks about the source again */
    enum ferry_task_state state;
    unsigned prepared;
    bool go, stopping, failing;
    bool warned; /* by a fault; the next progress takes it back */
    unsigned tries, topic_tries;
    struct ferry_error error; /* why it fails */
};

static void check_topics(struct ferry_task *task);

void ferry_task_name(const char *workflow, const char *name, char out[FERRY_TASK_ID_SIZE])
{
    snprintf(out, FERRY_TASK_ID_SIZE, "%s/reader/%s", workflow, name);
}

static void enter(struct ferry_task *task, enum ferry_task_state state)
{
    task->state = state;
    ferry_report_state(task->report, task->options.generation, state);
    ferry_log(FERRY_LOG_INFO, "task_state", FERRY_STR("task", task->id),
              FERRY_STR("state", ferry_task_state_name(state)),
              FERRY_INT("generation", task->options.generation));
}

void ferry_task_fault(struct ferry_task *task, const struct ferry_error *error, int64_t retry_at)
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

/* What is in flight ends first. */
void ferry_task_fail(struct ferry_task *task, const struct ferry_error *error)
{
    if (task->stopping || task->failing || task->state == FERRY_TASK_FAILED)
        return;
    task->failing = true;
    task->error = *error;
    ferry_log(FERRY_LOG_ERROR, "task_failed", FERRY_STR("task", task->id),
              FERRY_STR("class", ferry_class_name(error->class)),
              FERRY_STR("message", error->message));
    task->options.type->stop(task->work);
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
        task->options.type->go(task->work);
    }
}

void ferry_task_recheck(struct ferry_task *task, const struct ferry_error *error)
{
    int64_t delay = ferry_backoff_ms(task->tries++, RETRY_MS, RETRY_CAP_MS);
    int64_t patience = task->options.type->wait(task->work);
    delay = delay > patience ? delay : patience;
    ferry_alarm_set(task->alarm, delay);
    ferry_task_fault(task, error, ferry_wall_ms() + delay);
}

void ferry_task_checked(struct ferry_task *task, enum ferry_status status,
                        const struct ferry_error *error)
{
    if (status == FERRY_INVALID) {
        ferry_task_fail(task, error);
    } else if (status != FERRY_OK) {
        ferry_task_recheck(task, error);
    } else {
        task->tries = 0;
        task->prepared |= PREPARED_SOURCE;
        if (task->state == FERRY_TASK_RUNNING)
            task->options.type->go(task->work);
        else
            advance(task);
    }
}

static void on_alarm(void *context)
{
    struct ferry_task *task = context;
    if (!(task->prepared & PREPARED_SOURCE) || task->state == FERRY_TASK_RUNNING)
        task->options.type->check(task->work);
}

static void on_topics(void *context, enum ferry_status status, const struct ferry_error *error)
{
    struct ferry_task *task = context;
    task->topics = NULL;
    if (status == FERRY_OK) {
        task->prepared |= PREPARED_TOPICS;
        advance(task);
    } else if (status == FERRY_INVALID && ++task->topic_tries >= TOPIC_TRIES) {
        ferry_task_fail(task, error);
    } else {
        ferry_task_fault(task, error, ferry_wall_ms() + RETRY_MS);
        check_topics(task);
    }
}

static void check_topics(struct ferry_task *task)
{
    struct ferry_error error;
    struct ferry_topiccheck_options options = {
        .loop = task->options.loop,
        .common = task->options.common,
        .topics = {{FERRY_TOPIC_REJECTS, task->options.workflow}},
        .count = 1,
        .delay_ms = task->topic_tries ? RETRY_MS : 0,
        .on_done = on_topics,
        .context = task,
    };
    for (size_t i = 0; i < task->options.topic_count; i++)
        options.topics[options.count++] = task->options.topics[i];
    if (ferry_topiccheck_new(&options, &task->topics, &error) != FERRY_OK)
        ferry_task_fail(task, &error);
}

static void on_registered(void *context)
{
    struct ferry_task *task = context;
    task->options.type->wire(task->work, task->wires);
    task->prepared |= PREPARED_SCHEMA;
    advance(task);
}

static void on_unregistered(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_task *task = context;
    if (error->status == FERRY_INVALID)
        ferry_task_fail(task, error);
    else
        ferry_task_fault(task, error, retry_at);
}

static enum ferry_status register_schema(struct ferry_task *task, struct ferry_error *error)
{
    struct ferry_registration_entry entries[FERRY_TASK_TOPICS];
    const struct ferry_registration_options options = {
        .loop = task->options.loop,
        .registry = task->options.registry,
        .entries = entries,
        .count = task->options.topic_count,
        .on_done = on_registered,
        .on_trouble = on_unregistered,
        .context = task,
    };
    for (size_t i = 0; i < task->options.topic_count; i++) {
        ferry_topic_name(task->options.common->instance, task->options.topics[i],
                         task->topic_names[i]);
        entries[i] = (struct ferry_registration_entry){task->topic_names[i], task->options.schema,
                                                       &task->wires[i]};
    }
    return ferry_registration_new(&options, &task->registration, error);
}

/* ---- what the work says ---- */

void ferry_task_seated(struct ferry_task *task, const struct ferry_error *error, int64_t retry_at)
{
    if (!error) {
        task->prepared |= PREPARED_SEAT;
        calm(task);
        advance(task);
        return;
    }
    task->prepared &= ~(unsigned)PREPARED_SEAT;
    if (error->status == FERRY_INVALID)
        ferry_task_fail(task, error);
    else if (task->state <= FERRY_TASK_RUNNING && !task->stopping && !task->failing)
        ferry_task_fault(task, error, retry_at);
}

void ferry_task_progress(struct ferry_task *task)
{
    calm(task);
    ferry_task_tick(task);
}

void ferry_task_stopped(struct ferry_task *task)
{
    task->options.type->cancel(task->work);
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

struct ferry_report *ferry_task_report(struct ferry_task *task)
{
    return task->report;
}

bool ferry_task_running(const struct ferry_task *task)
{
    return task->state == FERRY_TASK_RUNNING;
}

bool ferry_task_warned(const struct ferry_task *task)
{
    return task->warned;
}

/* ---- life ---- */

static enum ferry_status assemble(struct ferry_task *task, struct ferry_error *error)
{
    const struct ferry_task_options *options = &task->options;
    enum ferry_status status = ferry_report_new(options->reporter, options->workflow, "reader",
                                                task->id, &task->report, error);
    if (status == FERRY_OK &&
        ferry_alarm_new(options->loop, on_alarm, task, &task->alarm) != FERRY_OK)
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK)
        return status;
    enter(task, FERRY_TASK_PREPARING);
    status = options->type->create(task, options, &task->work, error);
    task->options.subject = NULL;
    return status == FERRY_OK ? register_schema(task, error) : status;
}

enum ferry_status ferry_task_new(const struct ferry_task_options *options,
                                 struct ferry_task **ret_task, struct ferry_error *error)
{
    struct ferry_task *task = calloc(1, sizeof *task);
    if (!task)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    task->options = *options;
    ferry_task_name(options->workflow, options->name, task->id);
    for (size_t i = 0; i < options->topic_count; i++) {
        snprintf(task->suffixes[i], FERRY_TOPIC_SIZE, "%s", options->topics[i].suffix);
        task->options.topics[i].suffix = task->suffixes[i];
    }
    task->options.name = NULL;
    enum ferry_status status = assemble(task, error);
    if (status != FERRY_OK) {
        ferry_task_free(task);
        return status;
    }
    options->type->check(task->work);
    check_topics(task);
    *ret_task = task;
    return FERRY_OK;
}

void ferry_task_free(struct ferry_task *task)
{
    if (!task)
        return;
    ferry_topiccheck_free(task->topics);
    ferry_registration_free(task->registration);
    task->options.type->free(task->work);
    ferry_alarm_free(task->alarm);
    ferry_report_free(task->report);
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
        task->options.type->stop(task->work);
}

void ferry_task_tick(struct ferry_task *task)
{
    task->options.type->tick(task->work);
}
