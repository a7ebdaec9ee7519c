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
        if (ferry_dispatcher_in_flight(run->dispatcher) > 0 && now < run->ending_until)
            return false;
        ferry_dispatcher_drop(run->dispatcher);
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

static void close_parts(struct ferry_run *run)
{
    run->stopped = true;
    ferry_registration_free(run->registration);
    ferry_inspection_free(run->inspection);
    ferry_recall_free(run->recall);
    ferry_dispatcher_free(run->dispatcher);
    ferry_holding_free(run->holding);
    ferry_ledger_free(run->ledger);
    run->registration = NULL;
    run->inspection = NULL;
    run->recall = NULL;
    run->dispatcher = NULL;
    run->holding = NULL;
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
    if (run->leaving || !end_work(run) || ferry_ledger_working(run->ledger))
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
    if (!run->group && run->fenced && run->registered && !run->broken.set &&
        ferry_run_join(run, &error) != FERRY_OK) {
        ferry_run_break(run, &error);
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
    ferry_dispatcher_open(run->dispatcher, open);
    if (!open)
        return;
    ferry_run_recall(run);
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

static enum ferry_status relate_tables(struct ferry_table *const *tables, size_t count,
                                       struct ferry_error *error)
{
    struct ferry_mapping **mappings = calloc(count + 1, sizeof *mappings);
    if (!mappings)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    for (size_t i = 0; i < count; i++)
        mappings[i] = tables[i]->mapping;
    ferry_mapping_relate(mappings, count);
    free(mappings);
    return FERRY_OK;
}

static enum ferry_status make_tables(struct ferry_run *run, json_t *mappings,
                                     struct ferry_error *error)
{
    size_t count = json_array_size(mappings);
    run->tables = calloc(count + 1, sizeof *run->tables);
    run->topics = calloc(count + 1, sizeof *run->topics);
    if (!run->tables || !run->topics)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    for (size_t i = 0; i < count; i++) {
        enum ferry_status status =
            ferry_table_new(run->options.common->instance, json_array_get(mappings, i),
                            run->options.metrics, &run->tables[i], error);
        if (status != FERRY_OK)
            return status;
        run->topics[i] = run->tables[i]->changes;
        run->tables[i]->brake.limits = run->options.brake;
        run->table_count++;
    }
    return relate_tables(run->tables, count, error);
}

static enum ferry_status name_parts(struct ferry_run *run, const char *workflow,
                                    struct ferry_error *error)
{
    const struct ferry_common *common = run->options.common;
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_CHECKPOINTS, NULL},
                     run->checkpoints);
    run->workflow = strdup(workflow);
    if (!run->workflow || asprintf(&run->group_id, "%s.%s", common->instance, run->workflow) < 0 ||
        asprintf(&run->transactional_id, "%s.writer.%s", common->instance, common->worker_name) < 0)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return FERRY_OK;
}

static void free_memory(struct ferry_run *run)
{
    for (size_t i = 0; i < run->table_count; i++)
        ferry_table_free(run->tables[i]);
    free(run->tables);
    free(run->topics);
    free(run->workflow);
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

enum ferry_status ferry_run_new(const struct ferry_run_options *options, const char *workflow,
                                int64_t generation, json_t *mappings, struct ferry_run **ret_run,
                                struct ferry_error *error)
{
    struct ferry_run *run = calloc(1, sizeof *run);
    if (!run)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    run->options = *options;
    run->generation = generation;
    run->commit_seconds = ferry_metric(options->metrics, FERRY_GAUGE, "ferry_writer_commit_seconds",
                                       "Wall clock of the last transaction", NULL);
    run->commits = ferry_metric(options->metrics, FERRY_COUNTER, "ferry_writer_commits_total",
                                "Transactions committed", NULL);
    enum ferry_status status = name_parts(run, workflow, error);
    if (status == FERRY_OK)
        status = make_tables(run, mappings, error);
    if (status == FERRY_OK)
        status = ferry_run_open_parts(run, error);
    if (status != FERRY_OK) {
        ferry_recall_free(run->recall);
        ferry_registration_free(run->registration);
        ferry_dispatcher_free(run->dispatcher);
        ferry_ledger_free(run->ledger);
        ferry_holding_free(run->holding);
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

void ferry_run_decide(struct ferry_run *run, const char *table, int64_t decision, bool approved)
{
    for (size_t i = 0; i < run->table_count; i++)
        if (strcmp(run->tables[i]->mapping->table, table) == 0)
            ferry_brake_decide(&run->tables[i]->brake, decision, approved);
    ferry_run_poke(run);
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
    ferry_dispatcher_open(run->dispatcher, false);
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
    return !run->stopping && run->inspected == run->table_count &&
           ferry_holding_ready(run->holding) && !run->revoking && !run->broken.set;
}

int64_t ferry_run_generation(const struct ferry_run *run)
{
    return run->generation;
}

const struct ferry_error *ferry_run_error(const struct ferry_run *run)
{
    if (run->broken.set)
        return &run->broken.error;
    if (run->refused.set)
        return &run->refused.error;
    return run->misfit.set ? &run->misfit.error : NULL;
}

const struct ferry_error *ferry_run_warning(const struct ferry_run *run, int64_t *ret_retry_at)
{
    const struct ferry_run_trouble *const ranks[] = {&run->cluster, &run->registry, &run->remote};
    const struct ferry_run_trouble *trouble = &run->held;
    for (size_t i = sizeof ranks / sizeof ranks[0]; i > 0; i--)
        trouble = ranks[i - 1]->set ? ranks[i - 1] : trouble;
    *ret_retry_at = trouble->retry_at;
    return trouble->set ? &trouble->error : NULL;
}

json_t *ferry_run_partitions(const struct ferry_run *run)
{
    if (!run->holding || !ferry_holding_ready(run->holding))
        return json_object();
    return ferry_holding_document(run->holding);
}

static void add_count(json_t *counters, const char *name, uint64_t count)
{
    json_int_t before = json_integer_value(json_object_get(counters, name));
    json_object_set_new(counters, name, json_integer(before + (json_int_t)count));
}

static void add_fates(json_t *counters, const struct ferry_table *table)
{
    for (int fate = FERRY_FATE_INSERTED; fate < FERRY_FATES; fate++)
        add_count(counters, ferry_fate_row((enum ferry_fate)fate)->outcome, table->counts[fate]);
    add_count(counters, "written",
              table->counts[FERRY_FATE_INSERTED] + table->counts[FERRY_FATE_UPDATED] +
                  table->counts[FERRY_FATE_DELETED]);
}

static void add_table(json_t *counts, const struct ferry_table *table, size_t count)
{
    if (count > 0)
        json_object_set_new(counts, table->mapping->table, json_integer((json_int_t)count));
}

/* {"new_purchase":12}: children that wait for their parent. */
static json_t *count_children(const struct ferry_run *run)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < run->table_count; i++)
        add_table(counts, run->tables[i],
                  ferry_holding_waiting(run->holding, run->tables[i], FERRY_WAIT_PARENT));
    return counts;
}

/* Deletes that wait for a person, and not only for the end of the backlog. */
static json_t *count_held(const struct ferry_run *run)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i]->brake.on)
            add_table(counts, run->tables[i],
                      ferry_holding_waiting(run->holding, run->tables[i], FERRY_WAIT_DELETE));
    return counts;
}

json_t *ferry_run_counters(const struct ferry_run *run)
{
    json_t *counters = json_object();
    for (size_t i = 0; i < run->table_count; i++)
        add_fates(counters, run->tables[i]);
    if (run->stopped)
        return counters;
    json_object_set_new(counters, "waiting", count_children(run));
    json_object_set_new(counters, "deletesHeld", count_held(run));
    add_count(counters, "queued", ferry_holding_open_count(run->holding));
    add_count(counters, "retried", ferry_dispatcher_retries(run->dispatcher));
    add_count(counters, "inFlight", (uint64_t)ferry_dispatcher_in_flight(run->dispatcher));
    add_count(counters, "concurrency", (uint64_t)ferry_dispatcher_limit(run->dispatcher));
    add_count(counters, "oldestWaitingAt", (uint64_t)ferry_holding_oldest(run->holding));
    return counters;
}
