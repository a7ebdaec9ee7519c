#include "consumers/run.h"

#include "consumers/inspection.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS        100
#define COMMIT_MS      INT64_C(300)
#define COMMIT_COUNT   ((size_t)1000)
#define REVOKE_MS      INT64_C(10000) /* of the 30 s that a rebalance waits for us */
#define LAST_COMMIT_MS INT64_C(15000)

/* How a run, or the ownership of its partitions, comes to its end. */
enum ending {
    ENDING_NONE,
    ENDING_FLIGHT, /* waits for answers */
    ENDING_COMMIT, /* waits for the last commit */
    ENDING_OVER,
};

struct trouble {
    struct ferry_error error;
    int64_t retry_at;
    bool set;
};

struct ferry_run {
    struct ferry_run_options options;
    int64_t generation;
    char *workflow;
    char *group_id;
    char *transactional_id;
    struct ferry_table **tables;
    const char **topics;
    size_t table_count;
    struct ferry_inspection *inspection;
    struct ferry_ledger *ledger;
    struct ferry_holding *holding;
    struct ferry_dispatcher *dispatcher;
    struct ferry_group *group;
    uv_async_t poke; /* work that must not be done inside the parts' own callbacks */
    uv_timer_t tick;
    int handles;
    size_t inspected; /* tables whose metadata was compared */
    bool going;
    bool was_ready;
    bool fenced; /* the ledger is ready */
    bool stopping;
    bool revoking;
    bool left;
    bool stopped;
    enum ending ending;
    int64_t ending_until;
    int64_t committed_at;
    struct trouble broken;  /* needs a human */
    struct trouble misfit;  /* of a table, or of the credentials */
    struct trouble refused; /* credentials or rights, while running */
    struct trouble remote;  /* the destination */
    struct trouble cluster; /* Kafka */
    struct ferry_metric *commit_seconds;
    struct ferry_metric *commits;
};

static void poke(struct ferry_run *run)
{
    if (!run->stopped)
        uv_async_send(&run->poke);
}

static void changed(struct ferry_run *run)
{
    run->options.on_change(run->options.context);
}

static void set_trouble(struct ferry_run *run, struct trouble *trouble,
                        const struct ferry_error *error, int64_t retry_at)
{
    if (!error && !trouble->set)
        return;
    trouble->set = error != NULL;
    trouble->retry_at = retry_at;
    if (error) {
        if (strcmp(trouble->error.message, error->message) != 0)
            ferry_log(FERRY_LOG_WARN, "trouble", FERRY_STR("workflow", run->workflow),
                      FERRY_STR("class", ferry_class_name(error->class)),
                      FERRY_STR("text", error->message), FERRY_INT("retry_at", retry_at));
        trouble->error = *error;
    } else {
        ferry_log(FERRY_LOG_INFO, "trouble_over", FERRY_STR("workflow", run->workflow),
                  FERRY_STR("text", trouble->error.message));
        ferry_error_clear(&trouble->error);
    }
    changed(run);
}

static void on_kafka_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_run *run = context;
    set_trouble(run, &run->cluster, error, 0);
}

static void on_broken(void *context, const struct ferry_error *error)
{
    struct ferry_run *run = context;
    set_trouble(run, &run->broken, error, 0);
}

bool ferry_run_going(const struct ferry_run *run)
{
    return run->going && run->was_ready;
}

bool ferry_run_ready(const struct ferry_run *run)
{
    return !run->stopping && run->inspected == run->table_count &&
           ferry_holding_ready(run->holding) && !run->revoking && !run->broken.set;
}

/* --- the destination's metadata --- */

static const struct ferry_table *stopped_table(const struct ferry_run *run)
{
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i]->stopped)
            return run->tables[i];
    return NULL;
}

/* A table that does not fit stands still alone; without credentials nothing can start. */
static void take_result(struct ferry_run *run, struct ferry_table *table,
                        const struct ferry_error *error)
{
    bool human = error && error->status == FERRY_INVALID;
    bool schema =
        human && (error->class == FERRY_CLASS_SCHEMA || error->class == FERRY_CLASS_MAPPING);
    table->doubted = false;
    if (!error || schema) {
        table->inspected = true;
        table->stopped = schema;
    }
    if (human)
        table->why = *error;
    run->inspected = 0;
    for (size_t i = 0; i < run->table_count; i++)
        run->inspected += run->tables[i]->inspected;
}

static void on_inspected(void *context, struct ferry_table *table, const struct ferry_error *error,
                         int64_t retry_at)
{
    struct ferry_run *run = context;
    take_result(run, table, error);
    const struct ferry_table *stopped = stopped_table(run);
    bool human = error && error->status == FERRY_INVALID;
    set_trouble(run, &run->misfit, stopped ? &stopped->why : human ? error : NULL, retry_at);
    set_trouble(run, &run->remote, human ? NULL : error, retry_at);
    changed(run);
    poke(run);
}

static void on_doubt(void *context, struct ferry_table *table)
{
    struct ferry_run *run = context;
    table->doubted = true;
    ferry_inspection_repeat(run->inspection, table);
}

static void on_warning(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_run *run = context;
    bool human = error && error->status == FERRY_INVALID;
    set_trouble(run, &run->refused, human ? error : NULL, retry_at);
    set_trouble(run, &run->remote, human ? NULL : error, retry_at);
}

/* --- partitions --- */

static void on_assigned(void *context, const struct ferry_group_part *parts, size_t count)
{
    struct ferry_run *run = context;
    struct ferry_error error;
    ferry_log(FERRY_LOG_INFO, "assigned", FERRY_STR("workflow", run->workflow),
              FERRY_INT("partitions", count));
    if (ferry_holding_open(run->holding, parts, count, &error) != FERRY_OK)
        on_broken(run, &error);
}

static void on_holding_ready(void *context)
{
    struct ferry_run *run = context;
    set_trouble(run, &run->cluster, NULL, 0);
    ferry_group_accept(run->group);
    changed(run);
    poke(run);
}

static void begin_ending(struct ferry_run *run, int64_t patience_ms)
{
    if (run->ending != ENDING_NONE)
        return;
    run->ending = ENDING_FLIGHT;
    run->ending_until = ferry_boot_ms() + patience_ms;
}

/* Whatever is queued or known here is not ours to act on any more. */
static void drop_all(struct ferry_run *run)
{
    ferry_dispatcher_drop(run->dispatcher);
    ferry_holding_drop(run->holding);
    ferry_ledger_drop(run->ledger);
    changed(run);
}

static void on_revoked(void *context, bool lost)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_INFO, lost ? "lost" : "revoked", FERRY_STR("workflow", run->workflow));
    run->revoking = true;
    ferry_dispatcher_open(run->dispatcher, false);
    if (lost)
        drop_all(run);
    begin_ending(run, REVOKE_MS);
    changed(run);
    poke(run);
}

static void on_expired(void *context)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_WARN, "stood_still", FERRY_STR("workflow", run->workflow),
              FERRY_STR("goes_on", "dropping what is queued and joining the group again"));
    drop_all(run);
    ferry_group_rejoin(run->group);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_run *run = context;
    struct ferry_share *share =
        ferry_holding_find(run->holding, rd_kafka_topic_name(message->rkt), message->partition);
    if (share && ferry_share_take(share, message) != FERRY_OK) {
        struct ferry_error error;
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        on_broken(run, &error);
    }
    poke(run);
}

static void on_end(void *context, const char *topic, int partition, int64_t offset)
{
    struct ferry_run *run = context;
    struct ferry_share *share = ferry_holding_find(run->holding, topic, partition);
    if (share)
        ferry_share_reach(share, offset);
    poke(run);
}

static bool has_room(void *context)
{
    struct ferry_run *run = context;
    return ferry_holding_has_room(run->holding);
}

static enum ferry_status join(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_group_options options = {.group_id = run->group_id,
                                                .topics = run->topics,
                                                .topic_count = run->table_count,
                                                .on_assigned = on_assigned,
                                                .on_revoked = on_revoked,
                                                .on_record = on_record,
                                                .on_end = on_end,
                                                .has_room = has_room,
                                                .on_expired = on_expired,
                                                .on_trouble = on_kafka_trouble,
                                                .context = run};
    return ferry_group_new(run->options.loop, run->options.common, &options, &run->group, error);
}

/* --- commits --- */

static bool may_send(void *context)
{
    struct ferry_run *run = context;
    return ferry_group_alive(run->group);
}

static bool is_due(struct ferry_run *run, size_t count)
{
    return run->ending != ENDING_NONE || count >= COMMIT_COUNT ||
           ferry_dispatcher_in_flight(run->dispatcher) == 0 ||
           ferry_boot_ms() - run->committed_at >= COMMIT_MS;
}

/* True: there is something to commit, now or soon. */
static bool commit(struct ferry_run *run)
{
    if (!ferry_ledger_idle(run->ledger))
        return true;
    size_t count = ferry_ledger_count(run->ledger);
    rd_kafka_topic_partition_list_t *offsets = ferry_holding_offsets(run->holding);
    if ((count == 0 && offsets->cnt == 0) || !is_due(run, count)) {
        bool more = count > 0 || offsets->cnt > 0;
        rd_kafka_topic_partition_list_destroy(offsets);
        return more;
    }
    ferry_ledger_commit(run->ledger, ferry_group_consumer(run->group), offsets);
    return true;
}

static void on_ledger_ready(void *context)
{
    struct ferry_run *run = context;
    run->fenced = true;
    set_trouble(run, &run->cluster, NULL, 0);
    poke(run);
}

static void on_committed(void *context, enum ferry_ledger_result result,
                         rd_kafka_topic_partition_list_t *offsets, int64_t took_ms)
{
    struct ferry_run *run = context;
    struct ferry_error error;
    run->committed_at = ferry_boot_ms();
    if (result == FERRY_LEDGER_COMMITTED) {
        ferry_metric_add(run->commits, 1);
        ferry_metric_set(run->commit_seconds, (double)took_ms / 1000);
        set_trouble(run, &run->cluster, NULL, 0);
        if (ferry_holding_commit(run->holding, offsets, &error) != FERRY_OK)
            on_broken(run, &error);
    } else if (result == FERRY_LEDGER_LOST && run->ending == ENDING_NONE) {
        on_expired(run);
    }
    rd_kafka_topic_partition_list_destroy(offsets);
    poke(run);
}

/* --- the steps --- */

/* Moves towards ENDING_OVER; true when there. */
static bool end_work(struct ferry_run *run)
{
    int64_t now = ferry_boot_ms();
    if (run->ending == ENDING_FLIGHT) {
        if (ferry_dispatcher_in_flight(run->dispatcher) > 0 && now < run->ending_until)
            return false;
        ferry_dispatcher_drop(run->dispatcher);
        run->ending = ENDING_COMMIT;
        run->ending_until = now + LAST_COMMIT_MS;
    }
    if (run->ending == ENDING_COMMIT) {
        if (now < run->ending_until && commit(run))
            return false;
        run->ending = ENDING_OVER;
    }
    return true;
}

static void on_left(void *context)
{
    struct ferry_run *run = context;
    run->left = true;
    poke(run);
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
    ferry_inspection_free(run->inspection);
    ferry_dispatcher_free(run->dispatcher);
    ferry_holding_free(run->holding);
    ferry_ledger_free(run->ledger);
    run->inspection = NULL;
    run->dispatcher = NULL;
    run->holding = NULL;
    run->ledger = NULL;
    uv_close((uv_handle_t *)&run->poke, on_handle_closed);
    uv_close((uv_handle_t *)&run->tick, on_handle_closed);
}

static void step_stop(struct ferry_run *run)
{
    if (run->left) {
        close_parts(run);
        return;
    }
    if (!run->group) {
        run->left = true;
        close_parts(run);
        return;
    }
    if (run->ending == ENDING_OVER || !end_work(run))
        return;
    drop_all(run);
    ferry_group_free(run->group, on_left, run);
    run->group = NULL;
}

static void step_revoke(struct ferry_run *run)
{
    if (!end_work(run))
        return;
    drop_all(run);
    run->ending = ENDING_NONE;
    run->revoking = false;
    ferry_group_release(run->group);
}

static void step_run(struct ferry_run *run)
{
    struct ferry_error error;
    if (!run->group && run->fenced && join(run, &error) != FERRY_OK) {
        on_broken(run, &error);
        return;
    }
    bool ready = ferry_run_ready(run);
    if (ready && !run->was_ready) {
        run->was_ready = true;
        changed(run);
    }
    bool open = run->going && ready;
    ferry_dispatcher_open(run->dispatcher, open);
    if (!open)
        return;
    commit(run);
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

static void on_progress(void *context)
{
    struct ferry_run *run = context;
    if (run->ending != ENDING_NONE || ferry_ledger_count(run->ledger) >= COMMIT_COUNT ||
        ferry_dispatcher_in_flight(run->dispatcher) == 0)
        poke(run);
}

/* --- life --- */

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
        run->table_count++;
    }
    return FERRY_OK;
}

static enum ferry_status name_parts(struct ferry_run *run, const char *workflow,
                                    struct ferry_error *error)
{
    const struct ferry_common *common = run->options.common;
    run->workflow = strdup(workflow);
    if (!run->workflow || asprintf(&run->group_id, "%s.%s", common->instance, run->workflow) < 0 ||
        asprintf(&run->transactional_id, "%s.writer.%s", common->instance, common->worker_name) < 0)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return FERRY_OK;
}

static enum ferry_status make_holding(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_holding_options options = {.memory = run->options.memory,
                                                  .tables = run->tables,
                                                  .table_count = run->table_count,
                                                  .on_ready = on_holding_ready,
                                                  .on_trouble = on_kafka_trouble,
                                                  .context = run};
    return ferry_holding_new(run->options.loop, run->options.common, &options, &run->holding,
                             error);
}

static enum ferry_status make_ledger(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_ledger_options options = {.transactional_id = run->transactional_id,
                                                 .on_ready = on_ledger_ready,
                                                 .on_done = on_committed,
                                                 .on_trouble = on_kafka_trouble,
                                                 .context = run};
    return ferry_ledger_new(run->options.loop, run->options.common, &options, &run->ledger, error);
}

static enum ferry_status make_dispatcher(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_dispatcher_options options = {.instance = run->options.common->instance,
                                                     .workflow = run->workflow,
                                                     .campaign = run->options.campaign,
                                                     .ledger = run->ledger,
                                                     .holding = run->holding,
                                                     .metrics = run->options.metrics,
                                                     .concurrency = run->options.concurrency,
                                                     .retry_ms = run->options.retry_ms,
                                                     .may_send = may_send,
                                                     .on_progress = on_progress,
                                                     .on_warning = on_warning,
                                                     .on_doubt = on_doubt,
                                                     .on_broken = on_broken,
                                                     .context = run};
    return ferry_dispatcher_new(run->options.loop, &options, &run->dispatcher, error);
}

static enum ferry_status make_inspection(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_inspection_options options = {.campaign = run->options.campaign,
                                                     .tables = run->tables,
                                                     .table_count = run->table_count,
                                                     .retry_ms = run->options.retry_ms,
                                                     .on_result = on_inspected,
                                                     .context = run};
    return ferry_inspection_new(run->options.loop, &options, &run->inspection, error);
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
    enum ferry_status (*const makers[])(struct ferry_run *, struct ferry_error *) = {
        make_holding, make_ledger, make_dispatcher, make_inspection};
    enum ferry_status status = name_parts(run, workflow, error);
    if (status == FERRY_OK)
        status = make_tables(run, mappings, error);
    for (size_t i = 0; status == FERRY_OK && i < sizeof makers / sizeof makers[0]; i++)
        status = makers[i](run, error);
    if (status != FERRY_OK) {
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

void ferry_run_go(struct ferry_run *run)
{
    run->going = true;
    poke(run);
}

void ferry_run_stop(struct ferry_run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    ferry_dispatcher_open(run->dispatcher, false);
    begin_ending(run, run->options.request_timeout_ms);
    poke(run);
}

/* --- what it looks like --- */

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
    const struct trouble *trouble = run->cluster.set ? &run->cluster : &run->remote;
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

json_t *ferry_run_counters(const struct ferry_run *run)
{
    json_t *counters = json_object();
    for (size_t i = 0; i < run->table_count; i++)
        add_fates(counters, run->tables[i]);
    if (run->stopped)
        return counters;
    add_count(counters, "waiting", 0); /* children come with linked tables */
    add_count(counters, "queued", ferry_holding_open_count(run->holding));
    add_count(counters, "retried", ferry_dispatcher_retries(run->dispatcher));
    add_count(counters, "inFlight", (uint64_t)ferry_dispatcher_in_flight(run->dispatcher));
    add_count(counters, "concurrency", (uint64_t)ferry_dispatcher_limit(run->dispatcher));
    add_count(counters, "oldestWaitingAt", (uint64_t)ferry_holding_oldest(run->holding));
    return counters;
}
