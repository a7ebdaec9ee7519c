#include "controller/launch.h"

#include "controller/compile.h"
#include "controller/provision.h"
#include "controller/waiters.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BY_SIZE         80
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS  60000
#define ORDER_AGAIN_MS  1000

enum step {
    IDLE,
    COMPILING,
    CREATING, /* topics, in a thread */
    WAITING,  /* to compile again */
    ORDERING, /* a run order is being written */
};

struct ferry_launch {
    struct ferry_launch_parts parts;
    const struct ferry_workflow *workflow;
    enum step step;
    struct ferry_waiters starters;
    struct ferry_waiters stoppers;
    char start_by[BY_SIZE];
    char stop_by[BY_SIZE];
    struct ferry_compile *compile;
    int64_t revision; /* being compiled */
    int64_t beside;   /* revision of the configuration beside it; 0: none */
    json_t *compiled; /* what the order will say of the configuration; NULL: not yet known */
    bool failed;
    struct ferry_error failure;
    json_t *faults;
    bool warned;
    struct ferry_error warning;
    int64_t retry_at; /* wall ms */
    unsigned attempts;
    int64_t order_again_at; /* boot ms */
    uv_timer_t timer;
    struct ferry_provision *provision;
};

static void compile(struct ferry_launch *launch);
static void order_stop(struct ferry_launch *launch);

/* --- who waits for an answer --- */

static void answer_ok(struct ferry_waiters *waiters, bool changed)
{
    const struct ferry_launch_answer answer = {.status = FERRY_OK, .changed = changed};

    ferry_waiters_answer(waiters, &answer);
}

static void answer_error(struct ferry_waiters *waiters, const struct ferry_error *error,
                         const json_t *faults)
{
    const struct ferry_launch_answer answer = {
        .status = error->status == FERRY_INVALID ? FERRY_INVALID : FERRY_RETRY,
        .error = *error,
        .faults = faults};

    ferry_waiters_answer(waiters, &answer);
}

/* --- the ends of a start --- */

static void forget_compiled(struct ferry_launch *launch)
{
    json_decref(launch->compiled);
    launch->compiled = NULL;
}

static void settle(struct ferry_launch *launch)
{
    launch->step = IDLE;
    forget_compiled(launch);
    launch->warned = false;
    if (launch->stoppers.first)
        order_stop(launch);
}

static void fail(struct ferry_launch *launch, const struct ferry_error *error, json_t *faults)
{
    ferry_log(FERRY_LOG_WARN, "start_failed", FERRY_STR("workflow", launch->workflow->id),
              FERRY_STR("class", ferry_class_name(error->class)),
              FERRY_STR("message", error->message));
    launch->failed = true;
    launch->failure = *error;
    launch->failure.status = FERRY_INVALID;
    json_decref(launch->faults);
    launch->faults = json_incref(faults);
    answer_error(&launch->starters, &launch->failure, launch->faults);
    settle(launch);
}

static void on_retry(uv_timer_t *timer)
{
    compile(timer->data);
}

/* It goes on by itself: whoever started is told so, and sees the warning. */
static void try_again(struct ferry_launch *launch, const struct ferry_error *error)
{
    int64_t delay = ferry_backoff_ms(launch->attempts++, BACKOFF_BASE_MS, BACKOFF_CAP_MS);

    if (launch->stoppers.first) {
        settle(launch);
        return;
    }
    ferry_log(FERRY_LOG_WARN, "start_delayed", FERRY_STR("workflow", launch->workflow->id),
              FERRY_STR("message", error->message), FERRY_INT("retry_ms", delay));
    launch->step = WAITING;
    forget_compiled(launch);
    launch->warned = true;
    launch->warning = *error;
    launch->retry_at = ferry_wall_ms() + delay;
    uv_timer_start(&launch->timer, on_retry, (uint64_t)delay, 0);
    answer_ok(&launch->starters, true);
}

static void end_start(struct ferry_launch *launch, const struct ferry_error *error)
{
    if (error->status == FERRY_RETRY || error->status == FERRY_NOMEM)
        try_again(launch, error);
    else
        fail(launch, error, NULL);
}

/* --- run orders --- */

static const struct ferry_documents *documents(const struct ferry_launch *launch)
{
    return ferry_store_documents(launch->parts.store);
}

static json_t *current_order(const struct ferry_launch *launch)
{
    return ferry_documents_order(documents(launch), launch->workflow->id);
}

static void write_order(struct ferry_launch *launch, json_t *order, ferry_store_callback callback)
{
    launch->step = ORDERING;
    ferry_store_order(launch->parts.store, launch->workflow->id, order, callback, launch);
    json_decref(order);
}

static void log_order(const struct ferry_launch *launch, const char *phase)
{
    ferry_log(FERRY_LOG_INFO, "ordered", FERRY_STR("workflow", launch->workflow->id),
              FERRY_STR("phase", phase),
              FERRY_INT("generation", ferry_order_generation(current_order(launch))));
}

static void on_prepared(void *context, const struct ferry_error *error)
{
    struct ferry_launch *launch = context;

    if (!error) {
        log_order(launch, "PREPARE");
        launch->attempts = 0;
        settle(launch);
        answer_ok(&launch->starters, true);
    } else if (launch->starters.first) {
        settle(launch);
        answer_error(&launch->starters, error, NULL);
    } else {
        end_start(launch, error);
    }
}

static void order_prepare(struct ferry_launch *launch)
{
    const char *id = launch->workflow->id;
    json_t *before = current_order(launch);
    json_t *order = json_pack("{s:I, s:s, s:I, s:I, s:s}", "generation",
                              (json_int_t)ferry_order_generation(before) + 1, "phase", "PREPARE",
                              "revision", (json_int_t)launch->revision, "orderedAt",
                              (json_int_t)ferry_wall_ms(), "orderedBy", launch->start_by);

    json_object_update(order, launch->compiled);
    launch->workflow->kind->follow(order, before, ferry_documents_replays(documents(launch), id));
    write_order(launch, order, on_prepared);
}

static void on_gone(void *context, const struct ferry_error *error)
{
    struct ferry_launch *launch = context;

    if (error)
        launch->order_again_at = ferry_boot_ms() + ORDER_AGAIN_MS;
    else
        log_order(launch, "GO");
    settle(launch);
}

static json_t *same_order(const struct ferry_launch *launch, const char *phase)
{
    json_t *order = json_copy(current_order(launch));

    json_object_set_new(order, "phase", json_string(phase));
    return order;
}

static void on_stopped(void *context, const struct ferry_error *error)
{
    struct ferry_launch *launch = context;

    launch->step = IDLE;
    if (!error)
        log_order(launch, "STOP");
    if (error)
        answer_error(&launch->stoppers, error, NULL);
    else
        answer_ok(&launch->stoppers, true);
}

static void order_stop(struct ferry_launch *launch)
{
    enum ferry_phase phase = ferry_order_phase(current_order(launch));
    bool was_failed = launch->failed;
    json_t *order;

    launch->failed = false;
    if (phase != FERRY_PHASE_PREPARE && phase != FERRY_PHASE_GO) {
        answer_ok(&launch->stoppers, was_failed);
        return;
    }
    order = same_order(launch, "STOP");
    json_object_set_new(order, "orderedAt", json_integer(ferry_wall_ms()));
    json_object_set_new(order, "orderedBy", json_string(launch->stop_by));
    write_order(launch, order, on_stopped);
}

/* --- beside another workflow --- */

static int64_t beside_revision(const struct ferry_launch *launch)
{
    const char *beside = launch->workflow->kind->beside;

    return beside ? ferry_documents_revision(documents(launch), beside) : 0;
}

/* A writer that was told to stop, or cannot be told, may still write. */
static bool still_writes(const struct ferry_launch *launch, const char *workflow)
{
    int64_t now = ferry_store_heard_ms(launch->parts.store);
    const struct ferry_task *task;

    LL_FOREACH (ferry_store_tasks(launch->parts.store), task)
        if (task->writes && strcmp(task->workflow, workflow) == 0 &&
            ferry_task_is_live(task, now) && task->state != FERRY_TASK_STOPPED)
            return true;
    return false;
}

static enum ferry_status admit(const struct ferry_launch *launch, struct ferry_error *error)
{
    const struct ferry_kind *kind = launch->workflow->kind;
    const json_t *configuration =
        ferry_documents_configuration(documents(launch), launch->workflow->id);
    const json_t *order;
    enum ferry_phase phase;

    if (!kind->admit)
        return FERRY_OK;
    order = ferry_documents_order(documents(launch), kind->beside);
    phase = ferry_order_phase(order);
    if (phase != FERRY_PHASE_PREPARE && phase != FERRY_PHASE_GO &&
        !still_writes(launch, kind->beside))
        order = NULL;
    return kind->admit(configuration, order, error);
}

/* --- topics --- */

/* It was saved while we were busy, and neither workflow may run without the other's word. */
static void compile_again(struct ferry_launch *launch)
{
    forget_compiled(launch);
    compile(launch);
}

static void on_created(void *context, const struct ferry_error *error)
{
    struct ferry_launch *launch = context;
    struct ferry_error refused;

    launch->provision = NULL;
    ferry_crashpoint("launch-topics");
    if (launch->stoppers.first)
        settle(launch);
    else if (error)
        end_start(launch, error);
    else if (launch->beside != beside_revision(launch))
        compile_again(launch);
    else if (admit(launch, &refused) != FERRY_OK)
        end_start(launch, &refused);
    else
        order_prepare(launch);
}

static void create_topics(struct ferry_launch *launch, json_t *compiled)
{
    const struct ferry_launch_parts *parts = &launch->parts;
    struct ferry_error error;

    launch->step = CREATING;
    launch->compiled = json_incref(compiled);
    if (ferry_provision_start(parts->loop, parts->common, launch->workflow, compiled, on_created,
                              launch, &launch->provision, &error) != FERRY_OK)
        end_start(launch, &error);
}

/* --- compiling --- */

static bool needs_a_person(const struct ferry_error *error)
{
    return error->class == FERRY_CLASS_CREDENTIALS || error->class == FERRY_CLASS_PERMISSION;
}

static void fail_with_faults(struct ferry_launch *launch, json_t *faults)
{
    const json_t *first = json_array_get(faults, 0);
    const char *class = json_string_value(json_object_get(first, "class"));
    const char *path = json_string_value(json_object_get(first, "path"));
    const char *reason = json_string_value(json_object_get(first, "reason"));
    size_t more = json_array_size(faults) > 0 ? json_array_size(faults) - 1 : 0;
    struct ferry_error error;

    ferry_fail(&error, FERRY_INVALID, class ? ferry_class_from_name(class) : FERRY_CLASS_MAPPING,
               more ? "%s%s%s (and %zu more)" : "%s%s%s", path ? path : "",
               path && *path ? ": " : "", reason ? reason : "the configuration is refused", more);
    if (error.class == FERRY_CLASS_MAPPING || error.class == FERRY_CLASS_SCHEMA)
        ferry_advise(&error, "mend the configuration and start again");
    fail(launch, &error, faults);
}

static void on_compiled(void *context, const struct ferry_compile_result *result)
{
    struct ferry_launch *launch = context;

    launch->compile = NULL;
    ferry_crashpoint("launch-compiled");
    if (result->status == FERRY_OK)
        create_topics(launch, result->order);
    else if (result->status == FERRY_INVALID && json_array_size(result->faults) > 0)
        fail_with_faults(launch, result->faults);
    else if (result->status == FERRY_RETRY && !needs_a_person(&result->error))
        try_again(launch, &result->error);
    else
        fail(launch, &result->error, result->faults);
}

static void compile(struct ferry_launch *launch)
{
    json_t *saved = ferry_documents_saved(documents(launch), launch->workflow->id, 0);
    struct ferry_compile_options options = {
        .kind = launch->workflow->kind,
        .configuration = json_object_get(saved, "configuration"),
        .dataverse = launch->parts.dataverse,
        .campaign = launch->parts.campaign,
        .before = current_order(launch),
        .beside = ferry_documents_configuration(documents(launch), launch->workflow->kind->beside),
        .on_done = on_compiled,
        .context = launch};
    struct ferry_error error;

    launch->step = COMPILING;
    launch->beside = beside_revision(launch);
    launch->revision = json_integer_value(json_object_get(saved, "revision"));
    if (ferry_compile_start(launch->parts.loop, &options, &launch->compile, &error) != FERRY_OK)
        end_start(launch, &error);
}

/* --- asked from outside --- */

void ferry_launch_state(const struct ferry_launch *launch, struct ferry_state *ret_state)
{
    const char *id = launch->workflow->id;
    const json_t *order = current_order(launch);
    int64_t revision = json_integer_value(json_object_get(order, "revision"));
    struct ferry_state_input input = {
        .workflow = launch->workflow,
        .order = order,
        .saved = ferry_documents_saved(documents(launch), id, 0),
        .running = revision > 0 ? ferry_documents_saved(documents(launch), id, revision) : NULL,
        .beside = ferry_documents_configuration(documents(launch), launch->workflow->kind->beside),
        .replays = ferry_documents_replays(documents(launch), id),
        .tasks = ferry_store_tasks(launch->parts.store),
        .start = {.under_way = launch->step == COMPILING || launch->step == CREATING ||
                               launch->step == WAITING ||
                               (launch->step == ORDERING && launch->compiled),
                  .error = launch->failed ? &launch->failure : NULL,
                  .warning = launch->warned ? &launch->warning : NULL,
                  .retry_at = launch->warned ? launch->retry_at : 0},
        .now = ferry_store_heard_ms(launch->parts.store),
        .wall_now = ferry_wall_ms()};

    ferry_state_derive(&input, ret_state);
}

const json_t *ferry_launch_faults(const struct ferry_launch *launch)
{
    return launch->failed ? launch->faults : NULL;
}

const struct ferry_workflow *ferry_launch_workflow(const struct ferry_launch *launch)
{
    return launch->workflow;
}

/* FERRY_OK: *ret_needed says whether there is anything to do. */
static enum ferry_status may_start(const struct ferry_launch *launch, bool *ret_needed,
                                   struct ferry_error *error)
{
    struct ferry_state state;
    enum ferry_status status = FERRY_OK;

    *ret_needed = false;
    status = ferry_store_readable(launch->parts.store, error);
    if (status != FERRY_OK)
        return status;
    ferry_launch_state(launch, &state);
    if (state.stopping || launch->stoppers.first)
        status =
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                       "%s is still stopping; start it when it is STOPPED", launch->workflow->id);
    else if (state.status == FERRY_WORKFLOW_STOPPED || state.status == FERRY_WORKFLOW_FAILED)
        *ret_needed = true;
    ferry_state_done(&state);
    if (!*ret_needed)
        return status;
    if (ferry_documents_revision(documents(launch), launch->workflow->id) == 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                          "%s has no configuration yet; apply one first", launch->workflow->id);
    status = admit(launch, error);
    if (status != FERRY_OK)
        return status;
    return ferry_store_claim(launch->parts.store, error);
}

void ferry_launch_start(struct ferry_launch *launch, const char *by, ferry_launch_callback callback,
                        void *context)
{
    struct ferry_launch_answer answer = {.status = FERRY_OK};
    bool needed;

    answer.status = may_start(launch, &needed, &answer.error);
    if (answer.status != FERRY_OK || !needed) {
        callback(context, &answer);
        return;
    }
    if (!ferry_waiters_add(&launch->starters, callback, context))
        return;
    snprintf(launch->start_by, sizeof launch->start_by, "%s", by);
    launch->failed = false;
    launch->attempts = 0;
    compile(launch);
}

static void break_off(struct ferry_launch *launch)
{
    struct ferry_error error;

    if (launch->step == COMPILING)
        ferry_compile_cancel(launch->compile);
    launch->compile = NULL;
    uv_timer_stop(&launch->timer);
    ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_NONE, "%s was stopped before it had started",
               launch->workflow->id);
    answer_error(&launch->starters, &error, NULL);
    settle(launch);
}

void ferry_launch_stop(struct ferry_launch *launch, const char *by, ferry_launch_callback callback,
                       void *context)
{
    struct ferry_launch_answer answer = {.status = FERRY_OK};

    answer.status = ferry_store_readable(launch->parts.store, &answer.error);
    if (answer.status != FERRY_OK) {
        callback(context, &answer);
        return;
    }
    if (!ferry_waiters_add(&launch->stoppers, callback, context))
        return;
    snprintf(launch->stop_by, sizeof launch->stop_by, "%s", by);
    if (launch->step == COMPILING || launch->step == WAITING)
        break_off(launch);
    else if (launch->step == IDLE)
        order_stop(launch);
    /* Else the step under way ends first, and then sees who waits. */
}

void ferry_launch_tick(struct ferry_launch *launch)
{
    struct ferry_state state;

    if (launch->step != IDLE || ferry_boot_ms() < launch->order_again_at ||
        ferry_order_phase(current_order(launch)) != FERRY_PHASE_PREPARE)
        return;
    ferry_launch_state(launch, &state);
    if (state.ready) {
        ferry_crashpoint("launch-ready");
        write_order(launch, same_order(launch, "GO"), on_gone);
    }
    ferry_state_done(&state);
}

/* --- life --- */

enum ferry_status ferry_launch_new(const struct ferry_launch_parts *parts,
                                   const struct ferry_workflow *workflow,
                                   struct ferry_launch **ret_launch, struct ferry_error *error)
{
    struct ferry_launch *launch = calloc(1, sizeof *launch);

    if (!launch)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for a workflow");
    launch->parts = *parts;
    launch->workflow = workflow;
    uv_timer_init(parts->loop, &launch->timer);
    launch->timer.data = launch;
    *ret_launch = launch;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_launch *launch = handle->data;

    json_decref(launch->compiled);
    json_decref(launch->faults);
    free(launch);
}

void ferry_launch_free(struct ferry_launch *launch)
{
    if (!launch)
        return;
    ferry_waiters_drop(&launch->starters);
    ferry_waiters_drop(&launch->stoppers);
    if (launch->step == COMPILING)
        ferry_compile_cancel(launch->compile);
    ferry_provision_cancel(launch->provision);
    ferry_store_forget(launch->parts.store, launch);
    uv_close((uv_handle_t *)&launch->timer, on_closed);
}
