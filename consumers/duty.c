#include "consumers/duty.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>

struct ferry_duty {
    struct ferry_duty_options options;
    struct ferry_report *report;
    struct ferry_subscription *subscription;
    struct ferry_run *run;     /* NULL: nothing is to be done */
    struct ferry_order wanted; /* the latest, without what it points to */
    json_t *content;           /* of the latest order */
    struct ferry_error trouble;
    struct ferry_error failure;
    bool troubled; /* by the orders */
    bool failed;   /* a run that is wanted cannot be made */
    bool stopping;
};

/* --- reports --- */

static enum ferry_task_state state_of(const struct ferry_duty *duty)
{
    const struct ferry_run *run = duty->run;
    if (!run)
        return duty->failed ? FERRY_TASK_FAILED : FERRY_TASK_STOPPED;
    if (ferry_run_error(run))
        return FERRY_TASK_FAILED;
    if (ferry_run_going(run))
        return FERRY_TASK_RUNNING;
    return ferry_run_ready(run) ? FERRY_TASK_READY : FERRY_TASK_PREPARING;
}

static const struct ferry_error *error_of(const struct ferry_duty *duty)
{
    if (duty->run)
        return ferry_run_error(duty->run);
    return duty->failed ? &duty->failure : NULL;
}

static void publish(struct ferry_duty *duty)
{
    struct ferry_run *run = duty->run;
    int64_t retry_at = 0;
    const struct ferry_error *warning = run ? ferry_run_warning(run, &retry_at) : NULL;
    if (!warning && duty->troubled)
        warning = &duty->trouble;
    ferry_report_error(duty->report, error_of(duty));
    ferry_report_warning(duty->report, warning, retry_at);
    ferry_report_partitions(duty->report, run ? ferry_run_partitions(run) : json_object());
    if (run)
        ferry_report_counters(duty->report, ferry_run_counters(run));
    ferry_report_state(duty->report, run ? ferry_run_generation(run) : duty->wanted.generation,
                       state_of(duty));
}

static void on_run_change(void *context)
{
    struct ferry_duty *duty = context;
    if (duty->run)
        publish(duty);
}

/* --- obeying --- */

static void look(struct ferry_duty *duty);

static void on_run_stopped(void *context)
{
    struct ferry_duty *duty = context;
    ferry_log(FERRY_LOG_INFO, "stopped", FERRY_STR("workflow", duty->options.workflow),
              FERRY_INT("generation", ferry_run_generation(duty->run)));
    ferry_report_counters(duty->report, ferry_run_counters(duty->run));
    ferry_run_free(duty->run);
    duty->run = NULL;
    publish(duty);
    look(duty);
}

static bool wants_run(const struct ferry_duty *duty)
{
    return !duty->stopping &&
           (duty->wanted.phase == FERRY_PHASE_PREPARE || duty->wanted.phase == FERRY_PHASE_GO);
}

static enum ferry_status make_run(struct ferry_duty *duty, struct ferry_error *error)
{
    const struct ferry_duty_options *options = &duty->options;
    const struct ferry_run_options made = {.loop = options->loop,
                                           .common = options->common,
                                           .registry = options->registry,
                                           .metrics = options->metrics,
                                           .workflow = options->workflow,
                                           .transactional_id = options->transactional_id,
                                           .generation = duty->wanted.generation,
                                           .request_timeout_ms = options->request_timeout_ms,
                                           .on_change = on_run_change,
                                           .on_stopped = on_run_stopped,
                                           .context = duty};
    void *cargo = NULL;
    enum ferry_status status = options->load(options->context, duty->content, &cargo, error);
    return status == FERRY_OK ? ferry_run_new(&made, options->kind, cargo, &duty->run, error)
                              : status;
}

static void start_run(struct ferry_duty *duty)
{
    bool again = duty->failed;
    duty->failed = make_run(duty, &duty->failure) != FERRY_OK;
    if (duty->failed && !again)
        ferry_log(FERRY_LOG_ERROR, "cannot_prepare", FERRY_STR("workflow", duty->options.workflow),
                  FERRY_STR("text", duty->failure.message));
    else if (!duty->failed)
        ferry_log(FERRY_LOG_INFO, "preparing", FERRY_STR("workflow", duty->options.workflow),
                  FERRY_INT("generation", duty->wanted.generation));
    publish(duty);
}

/* Compares what is wanted with what is, and makes one step towards it. */
static void look(struct ferry_duty *duty)
{
    struct ferry_run *run = duty->run;
    bool wanted = wants_run(duty);
    duty->failed = duty->failed && wanted;
    if (!run && wanted)
        start_run(duty);
    else if (run && (!wanted || ferry_run_generation(run) != duty->wanted.generation))
        ferry_run_stop(run);
    if (duty->run && wanted && duty->wanted.phase == FERRY_PHASE_GO)
        ferry_run_go(duty->run);
}

static void on_order(void *context, const struct ferry_order *order)
{
    struct ferry_duty *duty = context;
    ferry_log(FERRY_LOG_INFO, "order", FERRY_STR("workflow", order->workflow),
              FERRY_INT("generation", order->generation),
              FERRY_STR("phase", ferry_phase_name(order->phase)));
    duty->wanted.generation = order->generation;
    duty->wanted.phase = order->phase;
    duty->troubled = false;
    json_decref(duty->content);
    duty->content = duty->options.content(order);
    look(duty);
    publish(duty);
}

static void on_decision(void *context, const char *table, json_t *decision)
{
    struct ferry_duty *duty = context;
    if (duty->options.on_decision)
        duty->options.on_decision(duty->options.context, table, decision);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_duty *duty = context;
    ferry_log(FERRY_LOG_WARN, "orders", FERRY_STR("workflow", duty->options.workflow),
              FERRY_STR("text", error->message));
    duty->trouble = *error;
    duty->troubled = true;
    publish(duty);
}

void ferry_duty_look(struct ferry_duty *duty)
{
    look(duty);
    publish(duty);
}

void ferry_duty_stop(struct ferry_duty *duty)
{
    duty->stopping = true;
    look(duty);
}

bool ferry_duty_over(const struct ferry_duty *duty)
{
    return duty->stopping && !duty->run;
}

bool ferry_duty_joining(const struct ferry_duty *duty)
{
    const struct ferry_run *run = duty->run;
    return run && wants_run(duty) && !ferry_run_error(run) && !ferry_run_joined(run);
}

void *ferry_duty_cargo(const struct ferry_duty *duty)
{
    return duty->run ? ferry_run_cargo(duty->run) : NULL;
}

/* --- life --- */

static enum ferry_status open_control(struct ferry_duty *duty, struct ferry_error *error)
{
    const struct ferry_duty_options *options = &duty->options;
    const struct ferry_subscription_options subscription = {.workflow = options->workflow,
                                                            .on_order = on_order,
                                                            .on_decision = on_decision,
                                                            .on_trouble = on_trouble,
                                                            .context = duty};
    char task[256];
    snprintf(task, sizeof task, "%s/writer/%s", options->workflow, options->common->worker_name);
    enum ferry_status status = ferry_report_new(options->reporter, options->workflow, "writer",
                                                task, &duty->report, error);
    if (status == FERRY_OK)
        status = ferry_orders_subscribe(options->orders, &subscription, &duty->subscription, error);
    return status;
}

enum ferry_status ferry_duty_new(const struct ferry_duty_options *options,
                                 struct ferry_duty **ret_duty, struct ferry_error *error)
{
    struct ferry_duty *duty = calloc(1, sizeof *duty);
    if (!duty)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    duty->options = *options;
    enum ferry_status status = open_control(duty, error);
    if (status != FERRY_OK) {
        ferry_duty_free(duty);
        return status;
    }
    *ret_duty = duty;
    return FERRY_OK;
}

void ferry_duty_free(struct ferry_duty *duty)
{
    if (!duty)
        return;
    ferry_subscription_free(duty->subscription);
    ferry_report_free(duty->report);
    json_decref(duty->content);
    free(duty);
}
