#include "consumers/run_private.h"

#include "consumers/position.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define COMMIT_MS    INT64_C(300)
#define COMMIT_COUNT ((size_t)1000)
#define REVOKE_MS    INT64_C(10000) /* of the 30 s that a rebalance waits for us */

void ferry_run_poke(struct ferry_run *run)
{
    if (!run->stopped)
        uv_async_send(&run->poke);
}

void ferry_run_changed(struct ferry_run *run)
{
    run->options.on_change(run->options.context);
}

static void set_trouble(struct ferry_run *run, struct ferry_run_trouble *trouble,
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
    ferry_run_changed(run);
}

static void on_kafka_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_run *run = context;
    set_trouble(run, &run->cluster, error, 0);
}

void ferry_run_break(struct ferry_run *run, const struct ferry_error *error)
{
    set_trouble(run, &run->broken, error, 0);
}

static void on_broken(void *context, const struct ferry_error *error)
{
    ferry_run_break(context, error);
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
    /* While there is no answer, a doubt stays a doubt. */
    if (!error || human)
        table->doubted = false;
    if (!error)
        ferry_table_clear(table, ferry_boot_ms());
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
    ferry_run_changed(run);
    ferry_run_poke(run);
}

static void on_doubt(void *context, struct ferry_table *table)
{
    struct ferry_run *run = context;
    table->doubted = true;
    ferry_inspection_repeat(run->inspection, table);
}

static void on_misfit(void *context, struct ferry_table *table, const struct ferry_error *error,
                      bool passing)
{
    struct ferry_run *run = context;
    table->stopped = true;
    table->why = *error;
    set_trouble(run, &run->misfit, error, 0);
    if (passing)
        ferry_inspection_postpone(run->inspection, table);
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
        ferry_run_break(run, &error);
}

static void on_holding_ready(void *context)
{
    struct ferry_run *run = context;
    set_trouble(run, &run->cluster, NULL, 0);
    ferry_group_accept(run->group);
    ferry_run_changed(run);
    ferry_run_poke(run);
}

void ferry_run_begin_ending(struct ferry_run *run, int64_t patience_ms)
{
    if (run->ending != FERRY_ENDING_NONE)
        return;
    run->ending = FERRY_ENDING_FLIGHT;
    run->ending_until = ferry_boot_ms() + patience_ms;
}

void ferry_run_drop(struct ferry_run *run)
{
    ferry_recall_drop(run->recall);
    ferry_dispatcher_drop(run->dispatcher);
    ferry_holding_drop(run->holding);
    ferry_ledger_drop(run->ledger);
    ferry_run_changed(run);
}

static void on_revoked(void *context, bool lost)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_INFO, lost ? "lost" : "revoked", FERRY_STR("workflow", run->workflow));
    run->revoking = true;
    ferry_dispatcher_open(run->dispatcher, false);
    if (lost)
        ferry_run_drop(run);
    ferry_run_begin_ending(run, REVOKE_MS);
    ferry_run_changed(run);
    ferry_run_poke(run);
}

static void on_expired(void *context)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_WARN, "stood_still", FERRY_STR("workflow", run->workflow),
              FERRY_STR("goes_on", "dropping what is queued and joining the group again"));
    ferry_run_drop(run);
    ferry_group_rejoin(run->group);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_run *run = context;
    char trace[FERRY_TRACE_SIZE];
    size_t size;
    const void *parent = ferry_kafka_header(message, FERRY_TRACE_HEADER, &size);
    ferry_trace_read(parent, size, trace);
    struct ferry_share *share =
        ferry_holding_find(run->holding, rd_kafka_topic_name(message->rkt), message->partition);
    if (share && ferry_share_take(share, message, trace) != FERRY_OK) {
        struct ferry_error error;
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        ferry_run_break(run, &error);
    }
    ferry_run_poke(run);
}

static void on_end(void *context, const char *topic, int partition, int64_t offset)
{
    struct ferry_run *run = context;
    struct ferry_share *share = ferry_holding_find(run->holding, topic, partition);
    if (share)
        ferry_share_reach(share, offset);
    ferry_run_poke(run);
}

static bool has_room(void *context)
{
    struct ferry_run *run = context;
    return ferry_holding_has_room(run->holding);
}

/* A first load or a replay writes parents first. */
static bool parents_load(const struct ferry_run *run, const struct ferry_mapping *mapping)
{
    for (size_t i = 0; i < mapping->field_count; i++) {
        const struct ferry_mapping_field *field = &mapping->fields[i];
        if (field->link_table && !field->mutual &&
            ferry_holding_loads(run->holding, field->link_table))
            return true;
    }
    return false;
}

static bool takes(void *context, const char *topic)
{
    const struct ferry_run *run = context;
    for (size_t i = 0; i < run->table_count; i++)
        if (strcmp(run->tables[i]->changes, topic) == 0)
            return !run->tables[i]->stopped && !parents_load(run, run->tables[i]->mapping);
    return true;
}

enum ferry_status ferry_run_join(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_group_options options = {.group_id = run->group_id,
                                                .workflow = run->workflow,
                                                .topics = run->topics,
                                                .topic_count = run->table_count,
                                                .on_assigned = on_assigned,
                                                .on_revoked = on_revoked,
                                                .on_record = on_record,
                                                .on_end = on_end,
                                                .has_room = has_room,
                                                .takes = takes,
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
    return run->ending != FERRY_ENDING_NONE || count >= COMMIT_COUNT ||
           ferry_dispatcher_in_flight(run->dispatcher) == 0 ||
           ferry_boot_ms() - run->committed_at >= COMMIT_MS;
}

/* After a clean stop the positions are exact. */
static bool is_last(const struct ferry_run *run)
{
    return run->stopping && run->going && run->was_ready;
}

static bool has_untold(const struct ferry_run *run)
{
    const struct ferry_share *share;
    DL_FOREACH (ferry_holding_shares(run->holding), share)
        if (share->told != ferry_window_prefix(&share->window))
            return true;
    return false;
}

static enum ferry_status tell_positions(struct ferry_run *run,
                                        const rd_kafka_topic_partition_list_t *offsets)
{
    enum ferry_status status = FERRY_OK;
    for (int i = 0; i < offsets->cnt && status == FERRY_OK; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        struct ferry_share *share = ferry_holding_find(run->holding, part->topic, part->partition);
        if (share)
            status = ferry_position_tell(run->ledger, run->checkpoints, run->workflow, share,
                                         part->offset, is_last(run));
    }
    return status;
}

static void start_commit(struct ferry_run *run, rd_kafka_topic_partition_list_t *offsets)
{
    struct ferry_error error;
    if (tell_positions(run, offsets) == FERRY_OK) {
        ferry_ledger_commit(run->ledger, ferry_group_consumer(run->group), offsets);
        return;
    }
    rd_kafka_topic_partition_list_destroy(offsets);
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_run_break(run, &error);
}

bool ferry_run_commit(struct ferry_run *run)
{
    /* We were away: what we know is dropped before anything else. */
    if (!ferry_ledger_idle(run->ledger) || !ferry_group_alive(run->group))
        return true;
    size_t count = ferry_ledger_count(run->ledger);
    /* Only offsets tell the broker whether we are still the owner, so messages never go alone. */
    rd_kafka_topic_partition_list_t *offsets =
        ferry_holding_offsets(run->holding, count > 0 || (is_last(run) && has_untold(run)));
    if ((count == 0 && offsets->cnt == 0) || !is_due(run, count)) {
        bool more = count > 0 || offsets->cnt > 0;
        rd_kafka_topic_partition_list_destroy(offsets);
        return more;
    }
    start_commit(run, offsets);
    return true;
}

static void on_ledger_ready(void *context)
{
    struct ferry_run *run = context;
    run->fenced = true;
    set_trouble(run, &run->cluster, NULL, 0);
    ferry_run_poke(run);
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
            ferry_run_break(run, &error);
    } else if (result == FERRY_LEDGER_LOST && run->ending == FERRY_ENDING_NONE) {
        on_expired(run);
    } else if (result == FERRY_LEDGER_LOST) {
        ferry_run_drop(run); /* the offsets without the messages would be a lie */
    }
    rd_kafka_topic_partition_list_destroy(offsets);
    ferry_run_poke(run);
}

/* A step makes progress of its own: it must not call for the next one when there is nothing to do.
 */
static void on_progress(void *context)
{
    struct ferry_run *run = context;
    size_t count = ferry_ledger_count(run->ledger);
    bool at_rest = count > 0 && ferry_dispatcher_in_flight(run->dispatcher) == 0;
    if (run->ending != FERRY_ENDING_NONE ||
        (ferry_ledger_idle(run->ledger) && (count >= COMMIT_COUNT || at_rest)))
        ferry_run_poke(run);
}

/* --- what was set aside --- */

static void on_orphan(void *context)
{
    struct ferry_run *run = context;
    ferry_recall_doubt(run->recall);
}

static void on_woken(void *context)
{
    ferry_run_poke(context);
}

/* Its number changes all the time: that is worth a look at the status, but no line of the log. */
void ferry_run_recall(struct ferry_run *run)
{
    ferry_recall_look(run->recall);
    const struct ferry_error *held = ferry_recall_held(run->recall);
    if (held && run->held.set)
        run->held.error = *held;
    else
        set_trouble(run, &run->held, held, 0);
}

/* --- the schemas of the topics --- */

static void on_registered(void *context)
{
    struct ferry_run *run = context;
    run->registered = true;
    set_trouble(run, &run->registry, NULL, 0);
    ferry_run_poke(run);
}

static void on_unregistered(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_run *run = context;
    if (error->status == FERRY_INVALID)
        ferry_run_break(run, error);
    else
        set_trouble(run, &run->registry, error, retry_at);
}

static enum ferry_status make_registration(struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_registration_entry *entries = calloc(2 * run->table_count + 1, sizeof *entries);
    if (!entries)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    for (size_t i = 0; i < run->table_count; i++) {
        struct ferry_table *table = run->tables[i];
        entries[2 * i] =
            (struct ferry_registration_entry){table->changes, FERRY_SCHEMA_CHANGE, NULL};
        entries[2 * i + 1] =
            (struct ferry_registration_entry){table->written, FERRY_SCHEMA_WRITTEN, &table->wire};
    }
    const struct ferry_registration_options options = {.loop = run->options.loop,
                                                       .registry = run->options.registry,
                                                       .entries = entries,
                                                       .count = 2 * run->table_count,
                                                       .on_done = on_registered,
                                                       .on_trouble = on_unregistered,
                                                       .context = run};
    enum ferry_status status = ferry_registration_new(&options, &run->registration, error);
    free(entries);
    return status;
}

/* --- the parts --- */

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
                                                     .patience_ms = run->options.patience_ms,
                                                     .on_orphan = on_orphan,
                                                     .may_send = may_send,
                                                     .on_progress = on_progress,
                                                     .on_warning = on_warning,
                                                     .on_doubt = on_doubt,
                                                     .on_misfit = on_misfit,
                                                     .on_broken = on_broken,
                                                     .context = run};
    return ferry_dispatcher_new(run->options.loop, &options, &run->dispatcher, error);
}

static enum ferry_status make_recall(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_recall_options options = {.holding = run->holding,
                                                 .tables = run->tables,
                                                 .table_count = run->table_count,
                                                 .on_woken = on_woken,
                                                 .on_trouble = on_kafka_trouble,
                                                 .context = run};
    return ferry_recall_new(run->options.loop, run->options.common, &options, &run->recall, error);
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

enum ferry_status ferry_run_open_parts(struct ferry_run *run, struct ferry_error *error)
{
    enum ferry_status status = make_holding(run, error);
    if (status == FERRY_OK)
        status = make_ledger(run, error);
    if (status == FERRY_OK)
        status = make_registration(run, error);
    if (status == FERRY_OK)
        status = make_dispatcher(run, error);
    if (status == FERRY_OK)
        status = make_recall(run, error);
    return status == FERRY_OK ? make_inspection(run, error) : status;
}
