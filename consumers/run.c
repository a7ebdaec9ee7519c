#include "consumers/run_private.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS        100
#define LAST_COMMIT_MS INT64_C(15000)

/* --- the steps --- */

/* Moves towards FERRY_ENDING_OVER; true when there. */
static bool end_work(struct ferry_run *run)
{
    int64_t now = ferry_boot_ms();
    if (run->ending == FERRY_ENDING_FLIGHT) {
        if (run->kind->in_flight(run->cargo) > 0 && now < run->ending_until)
            return false;
        run->kind->abandon(run->cargo);
        run->ending = FERRY_ENDING_COMMIT;
        run->ending_until = now + LAST_COMMIT_MS;
    }
    if (run->ending == FERRY_ENDING_COMMIT) {
        if (now < run->ending_until && ferry_run_commit(run))
            return false;
        run->ending = FERRY_ENDING_OVER;
    }
    return true;
}

static void on_left(void *context)
{
    struct ferry_run *run = context;
    run->left = true;
    ferry_run_poke(run);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ferry_run *run = handle->data;
    if (--run->handles == 0)
        run->options.on_stopped(run->options.context);
}

static void close_cargo(struct ferry_run *run)
{
    if (run->open)
        run->kind->close(run->cargo);
    run->open = false;
}

static void close_parts(struct ferry_run *run)
{
    run->stopped = true;
    ferry_registration_free(run->registration);
    close_cargo(run);
    ferry_ledger_free(run->ledger);
    run->registration = NULL;
    run->ledger = NULL;
    uv_close((uv_handle_t *)&run->poke, on_handle_closed);
    uv_close((uv_handle_t *)&run->tick, on_handle_closed);
}

static void step_stop(struct ferry_run *run)
{
    if (run->left || (!run->group && !run->leaving)) {
        close_parts(run);
        return;
    }
    /* A transaction under way uses the consumer. */
    if (run->leaving || !end_work(run) || ferry_ledger_working(run->ledger) ||
        !run->kind->finish(run->cargo))
        return;
    ferry_run_drop(run);
    run->leaving = true;
    ferry_group_free(run->group, on_left, run);
    run->group = NULL;
}

static void step_revoke(struct ferry_run *run)
{
    if (!end_work(run))
        return;
    ferry_run_drop(run);
    run->ending = FERRY_ENDING_NONE;
    run->revoking = false;
    ferry_group_release(run->group);
}

static void step_run(struct ferry_run *run)
{
    struct ferry_error error;
    if (!run->group && run->fenced && run->registered && !ferry_run_broken(run) &&
        ferry_run_join(run, &error) != FERRY_OK) {
        ferry_run_trouble(run, FERRY_TROUBLE_BROKEN, &error, 0);
        return;
    }
    if (!run->group)
        return;
    bool ready = ferry_run_ready(run);
    if (ready && !run->was_ready) {
        run->was_ready = true;
        ferry_run_changed(run);
    }
    bool open = run->going && ready;
    run->kind->let(run->cargo, open);
    if (!open)
        return;
    run->kind->work(run->cargo);
    ferry_run_commit(run);
    ferry_group_resume(run->group);
}

static void step(struct ferry_run *run)
{
    if (run->stopped)
        return;
    if (run->stopping)
        step_stop(run);
    else if (run->revoking)
        step_revoke(run);
    else
        step_run(run);
}

static void on_poke(uv_async_t *handle)
{
    step(handle->data);
}

static void on_tick(uv_timer_t *timer)
{
    step(timer->data);
}

/* --- life --- */

static enum ferry_status name_parts(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_run_options *options = &run->options;
    ferry_topic_name(options->common->instance, (struct ferry_topic){FERRY_TOPIC_CHECKPOINTS, NULL},
                     run->checkpoints);
    run->transactional_id = strdup(options->transactional_id);
    if (!run->transactional_id ||
        asprintf(&run->group_id, "%s.%s", options->common->instance, options->workflow) < 0)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return FERRY_OK;
}

static void free_memory(struct ferry_run *run)
{
    run->kind->free(run->cargo);
    free(run->group_id);
    free(run->transactional_id);
    free(run);
}

static void start_handles(struct ferry_run *run)
{
    uv_async_init(run->options.loop, &run->poke, on_poke);
    uv_timer_init(run->options.loop, &run->tick);
    run->poke.data = run;
    run->tick.data = run;
    run->handles = 2;
    uv_timer_start(&run->tick, on_tick, TICK_MS, TICK_MS);
}

static enum ferry_status fill_run(struct ferry_run *run, struct ferry_error *error)
{
    enum ferry_status status = name_parts(run, error);
    if (status == FERRY_OK)
        status = ferry_run_open_parts(run, error);
    if (status == FERRY_OK)
        status = run->kind->open(run->cargo, run, error);
    run->open = status == FERRY_OK;
    return status;
}

/* Two workflows may run in one process. */
static void register_metrics(struct ferry_run *run)
{
    char labels[64];
    snprintf(labels, sizeof labels, "workflow=\"%s\"", run->options.workflow);
    run->commit_seconds =
        ferry_metric(run->options.metrics, FERRY_GAUGE, "ferry_writer_commit_seconds",
                     "Wall clock of the last transaction, by workflow", labels);
    run->commits = ferry_metric(run->options.metrics, FERRY_COUNTER, "ferry_writer_commits_total",
                                "Transactions committed, by workflow", labels);
}

enum ferry_status ferry_run_new(const struct ferry_run_options *options,
                                const struct ferry_cargo *kind, void *cargo,
                                struct ferry_run **ret_run, struct ferry_error *error)
{
    struct ferry_run *run = calloc(1, sizeof *run);
    if (!run) {
        kind->free(cargo);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    run->options = *options;
    run->kind = kind;
    run->cargo = cargo;
    register_metrics(run);
    enum ferry_status status = fill_run(run, error);
    if (status != FERRY_OK) {
        ferry_registration_free(run->registration);
        ferry_ledger_free(run->ledger);
        free_memory(run);
        return status;
    }
    start_handles(run);
    *ret_run = run;
    return FERRY_OK;
}

void ferry_run_free(struct ferry_run *run)
{
    if (run)
        free_memory(run);
}

void ferry_run_go(struct ferry_run *run)
{
    run->going = true;
    ferry_run_poke(run);
}

void ferry_run_stop(struct ferry_run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    run->kind->let(run->cargo, false);
    ferry_run_begin_ending(run, run->options.request_timeout_ms);
    ferry_run_poke(run);
}

/* --- what it looks like --- */

bool ferry_run_going(const struct ferry_run *run)
{
    return run->going && run->was_ready;
}

bool ferry_run_ready(const struct ferry_run *run)
{
    return !run->stopping && !run->revoking && !ferry_run_broken(run) &&
           run->kind->ready(run->cargo);
}

bool ferry_run_joined(const struct ferry_run *run)
{
    return run->group && ferry_group_member(run->group);
}

int64_t ferry_run_generation(const struct ferry_run *run)
{
    return run->options.generation;
}

static const struct ferry_run_trouble *first_trouble(const struct ferry_run *run, int from, int to)
{
    for (int i = from; i < to; i++)
        if (run->troubles[i].set)
            return &run->troubles[i];
    return NULL;
}

const struct ferry_error *ferry_run_error(const struct ferry_run *run)
{
    const struct ferry_run_trouble *trouble = first_trouble(run, 0, FERRY_TROUBLE_ERRORS);
    return trouble ? &trouble->error : NULL;
}

const struct ferry_error *ferry_run_warning(const struct ferry_run *run, int64_t *ret_retry_at)
{
    const struct ferry_run_trouble *trouble =
        first_trouble(run, FERRY_TROUBLE_ERRORS, FERRY_TROUBLES);
    *ret_retry_at = trouble ? trouble->retry_at : 0;
    return trouble ? &trouble->error : NULL;
}

json_t *ferry_run_partitions(const struct ferry_run *run)
{
    return run->stopped ? json_object() : run->kind->partitions(run->cargo);
}

json_t *ferry_run_counters(const struct ferry_run *run)
{
    return run->kind->counters(run->cargo);
}

void *ferry_run_cargo(const struct ferry_run *run)
{
    return run->cargo;
}

uv_loop_t *ferry_run_loop(const struct ferry_run *run)
{
    return run->options.loop;
}

const struct ferry_common *ferry_run_common(const struct ferry_run *run)
{
    return run->options.common;
}

const char *ferry_run_workflow(const struct ferry_run *run)
{
    return run->options.workflow;
}

struct ferry_metrics *ferry_run_metrics(const struct ferry_run *run)
{
    return run->options.metrics;
}

struct ferry_ledger *ferry_run_ledger(const struct ferry_run *run)
{
    return run->ledger;
}
