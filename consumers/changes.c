#include "consumers/changes.h"

#include "consumers/dispatcher.h"
#include "consumers/inspection.h"
#include "consumers/recall.h"
#include "consumers/tables.h"
#include "core/base/clock.h"
#include "core/io/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct ferry_changes {
    struct ferry_changes_options options;
    struct ferry_run *run;
    struct ferry_tables tables;
    struct ferry_inspection *inspection;
    struct ferry_holding *holding;
    struct ferry_dispatcher *dispatcher;
    struct ferry_recall *recall;
};

/* --- the destination's metadata --- */

static void on_inspected(void *context, struct ferry_table *table, const struct ferry_error *error,
                         int64_t retry_at)
{
    struct ferry_changes *changes = context;
    ferry_table_compared(table, error, ferry_boot_ms());
    const struct ferry_table *stopped = ferry_tables_stopped(&changes->tables);
    bool human = error && error->status == FERRY_INVALID;
    ferry_run_trouble(changes->run, FERRY_TROUBLE_MISFIT,
                      stopped ? &stopped->why
                      : human ? error
                              : NULL,
                      retry_at);
    ferry_run_trouble(changes->run, FERRY_TROUBLE_REMOTE, human ? NULL : error, retry_at);
    ferry_run_changed(changes->run);
    ferry_run_poke(changes->run);
}

static void on_doubt(void *context, struct ferry_table *table)
{
    struct ferry_changes *changes = context;
    table->doubted = true;
    ferry_inspection_repeat(changes->inspection, table);
}

static void on_misfit(void *context, struct ferry_table *table, const struct ferry_error *error,
                      bool passing)
{
    struct ferry_changes *changes = context;
    table->stopped = true;
    table->why = *error;
    ferry_run_trouble(changes->run, FERRY_TROUBLE_MISFIT, error, 0);
    if (passing)
        ferry_inspection_postpone(changes->inspection, table);
}

static void on_warning(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_changes *changes = context;
    bool human = error && error->status == FERRY_INVALID;
    ferry_run_trouble(changes->run, FERRY_TROUBLE_REFUSED, human ? error : NULL, retry_at);
    ferry_run_trouble(changes->run, FERRY_TROUBLE_REMOTE, human ? NULL : error, retry_at);
}

/* --- what else the parts tell --- */

static void on_kafka_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_changes *changes = context;
    ferry_run_trouble(changes->run, FERRY_TROUBLE_CLUSTER, error, 0);
}

static void on_born(void *context, const struct ferry_table *table, const char *key)
{
    const struct ferry_changes *changes = context;
    changes->options.on_born(changes->options.context, table->mapping->table,
                             table->mapping->resource, key);
}

static void on_broken(void *context, const struct ferry_error *error)
{
    struct ferry_changes *changes = context;
    ferry_run_trouble(changes->run, FERRY_TROUBLE_BROKEN, error, 0);
}

static void on_holding_ready(void *context)
{
    struct ferry_changes *changes = context;
    ferry_run_accept(changes->run);
}

static bool may_send(void *context)
{
    struct ferry_changes *changes = context;
    return ferry_run_may_send(changes->run);
}

static void on_progress(void *context)
{
    struct ferry_changes *changes = context;
    ferry_run_progress(changes->run);
}

static void on_orphan(void *context)
{
    struct ferry_changes *changes = context;
    ferry_recall_doubt(changes->recall);
}

static void on_woken(void *context)
{
    struct ferry_changes *changes = context;
    ferry_run_poke(changes->run);
}

/* --- partitions --- */

static enum ferry_status assign(void *cargo, const struct ferry_group_part *parts, size_t count,
                                struct ferry_error *error)
{
    struct ferry_changes *changes = cargo;
    return ferry_holding_open(changes->holding, parts, count, error);
}

static void drop(void *cargo)
{
    struct ferry_changes *changes = cargo;
    ferry_recall_drop(changes->recall);
    ferry_dispatcher_drop(changes->dispatcher);
    ferry_holding_drop(changes->holding);
}

static enum ferry_status take(void *cargo, const rd_kafka_message_t *message)
{
    struct ferry_changes *changes = cargo;
    char trace[FERRY_TRACE_SIZE];
    size_t size;
    const void *parent = ferry_kafka_header(message, FERRY_TRACE_HEADER, &size);
    ferry_trace_read(parent, size, trace);
    struct ferry_share *share =
        ferry_holding_find(changes->holding, rd_kafka_topic_name(message->rkt), message->partition);
    return share ? ferry_share_take(share, message, trace) : FERRY_OK;
}

static void reach(void *cargo, const char *topic, int partition, int64_t offset)
{
    struct ferry_changes *changes = cargo;
    struct ferry_share *share = ferry_holding_find(changes->holding, topic, partition);
    if (share)
        ferry_share_reach(share, offset);
}

static bool has_room(void *cargo)
{
    struct ferry_changes *changes = cargo;
    return ferry_holding_has_room(changes->holding);
}

/* A first load or a replay writes parents first. */
static bool parents_load(const struct ferry_changes *changes, const struct ferry_mapping *mapping)
{
    for (size_t i = 0; i < mapping->field_count; i++) {
        const struct ferry_mapping_field *field = &mapping->fields[i];
        if (field->link_table && !field->mutual &&
            ferry_holding_loads(changes->holding, field->link_table))
            return true;
    }
    return false;
}

static bool takes(const void *cargo, const char *topic, int partition)
{
    (void)partition;
    const struct ferry_changes *changes = cargo;
    const struct ferry_table *table = ferry_tables_find(&changes->tables, topic);
    return !table || (!table->stopped && !parents_load(changes, table->mapping));
}

/* --- work --- */

static bool is_ready(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    return ferry_tables_inspected(&changes->tables) && ferry_holding_ready(changes->holding);
}

static void let(void *cargo, bool open)
{
    struct ferry_changes *changes = cargo;
    ferry_dispatcher_open(changes->dispatcher, open);
}

/* The number of held deletes changes all the time: that is worth a look at the status, but no line
 * of the log. */
static void work(void *cargo)
{
    struct ferry_changes *changes = cargo;
    ferry_recall_look(changes->recall);
    ferry_run_trouble_quietly(changes->run, FERRY_TROUBLE_HELD, ferry_recall_held(changes->recall));
}

static int in_flight(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    return ferry_dispatcher_in_flight(changes->dispatcher);
}

static void abandon(void *cargo)
{
    struct ferry_changes *changes = cargo;
    ferry_dispatcher_drop(changes->dispatcher);
}

static bool finish(void *cargo)
{
    (void)cargo;
    return true;
}

/* --- commits --- */

static rd_kafka_topic_partition_list_t *offsets_of(const void *cargo, bool all)
{
    const struct ferry_changes *changes = cargo;
    return ferry_holding_offsets(changes->holding, all);
}

static enum ferry_status commit(void *cargo, const rd_kafka_topic_partition_list_t *offsets,
                                struct ferry_error *error)
{
    struct ferry_changes *changes = cargo;
    return ferry_holding_commit(changes->holding, offsets, error);
}

static struct ferry_position *position(void *cargo, const char *topic, int partition)
{
    struct ferry_changes *changes = cargo;
    struct ferry_share *share = ferry_holding_find(changes->holding, topic, partition);
    return share ? &share->position : NULL;
}

static bool has_untold(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    const struct ferry_share *share;
    DL_FOREACH (ferry_holding_shares(changes->holding), share)
        if (share->position.told != ferry_window_prefix(&share->window))
            return true;
    return false;
}

/* --- what it looks like --- */

static json_t *partitions(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    return ferry_holding_ready(changes->holding) ? ferry_holding_document(changes->holding)
                                                 : json_object();
}

static void set_count(json_t *counters, const char *name, uint64_t count)
{
    json_object_set_new(counters, name, json_integer((json_int_t)count));
}

static void add_table(json_t *counts, const struct ferry_table *table, size_t count)
{
    if (count > 0)
        json_object_set_new(counts, table->mapping->table, json_integer((json_int_t)count));
}

/* {"new_purchase":12}: children that wait for their parent. */
static json_t *count_children(const struct ferry_changes *changes)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < changes->tables.count; i++)
        add_table(
            counts, changes->tables.list[i],
            ferry_holding_waiting(changes->holding, changes->tables.list[i], FERRY_WAIT_PARENT));
    return counts;
}

/* Where each partition stands: all that is set aside of what came before is known. */
static json_t *list_prefixes(const struct ferry_changes *changes, const struct ferry_table *table)
{
    json_t *prefixes = json_object();
    const struct ferry_share *share;
    DL_FOREACH (ferry_holding_shares(changes->holding), share) {
        char partition[12];
        if (share->table != table)
            continue;
        snprintf(partition, sizeof partition, "%d", share->partition);
        json_object_set_new(prefixes, partition, json_integer(ferry_window_prefix(&share->window)));
    }
    return prefixes;
}

/* Deletes that wait for a person, and not only for the end of the backlog; and of which offsets, so
 * that he decides about nothing that he has not seen. */
static void add_held(json_t *counters, const struct ferry_changes *changes)
{
    json_t *counts = json_object();
    json_t *below = json_object();
    for (size_t i = 0; i < changes->tables.count; i++) {
        const struct ferry_table *table = changes->tables.list[i];
        if (!table->brake.on)
            continue;
        add_table(counts, table, ferry_holding_brake_view(changes->holding, table).deletes);
        json_object_set_new(below, table->mapping->table, list_prefixes(changes, table));
    }
    json_object_set_new(counters, "deletesHeld", counts);
    json_object_set_new(counters, "deletesHeldBelow", below);
}

static json_t *counters_of(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    json_t *counters = json_object();
    ferry_tables_tell(&changes->tables, counters);
    if (!changes->holding)
        return counters;
    json_object_set_new(counters, "waiting", count_children(changes));
    add_held(counters, changes);
    set_count(counters, "queued", ferry_holding_open_count(changes->holding));
    set_count(counters, "retried", ferry_dispatcher_retries(changes->dispatcher));
    set_count(counters, "inFlight", (uint64_t)ferry_dispatcher_in_flight(changes->dispatcher));
    set_count(counters, "concurrency", (uint64_t)ferry_dispatcher_limit(changes->dispatcher));
    set_count(counters, "oldestWaitingAt", (uint64_t)ferry_holding_oldest(changes->holding));
    return counters;
}

/* --- the parts --- */

static enum ferry_status make_holding(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_holding_options options = {.memory = changes->options.memory,
                                                  .tables = changes->tables.list,
                                                  .table_count = changes->tables.count,
                                                  .on_ready = on_holding_ready,
                                                  .on_trouble = on_kafka_trouble,
                                                  .context = changes};
    return ferry_holding_new(ferry_run_loop(changes->run), changes->options.common, &options,
                             &changes->holding, error);
}

static enum ferry_status make_dispatcher(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_dispatcher_options options = {.instance = changes->options.common->instance,
                                                     .workflow = ferry_run_workflow(changes->run),
                                                     .campaign = changes->options.campaign,
                                                     .ledger = ferry_run_ledger(changes->run),
                                                     .holding = changes->holding,
                                                     .metrics = changes->options.metrics,
                                                     .concurrency = changes->options.concurrency,
                                                     .pair = changes->options.pair,
                                                     .retry_ms = changes->options.retry_ms,
                                                     .patience_ms = changes->options.patience_ms,
                                                     .on_born = on_born,
                                                     .on_orphan = on_orphan,
                                                     .may_send = may_send,
                                                     .on_progress = on_progress,
                                                     .on_warning = on_warning,
                                                     .on_doubt = on_doubt,
                                                     .on_misfit = on_misfit,
                                                     .on_broken = on_broken,
                                                     .context = changes};
    return ferry_dispatcher_new(ferry_run_loop(changes->run), &options, &changes->dispatcher,
                                error);
}

static enum ferry_status make_recall(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_recall_options options = {.holding = changes->holding,
                                                 .tables = changes->tables.list,
                                                 .table_count = changes->tables.count,
                                                 .on_woken = on_woken,
                                                 .on_trouble = on_kafka_trouble,
                                                 .context = changes};
    return ferry_recall_new(ferry_run_loop(changes->run), changes->options.common, &options,
                            &changes->recall, error);
}

static enum ferry_status make_inspection(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_inspection_options options = {.campaign = changes->options.campaign,
                                                     .tables = changes->tables.list,
                                                     .table_count = changes->tables.count,
                                                     .retry_ms = changes->options.retry_ms,
                                                     .on_result = on_inspected,
                                                     .context = changes};
    return ferry_inspection_new(ferry_run_loop(changes->run), &options, &changes->inspection,
                                error);
}

static void close_parts(void *cargo)
{
    struct ferry_changes *changes = cargo;
    ferry_inspection_free(changes->inspection);
    ferry_recall_free(changes->recall);
    ferry_dispatcher_free(changes->dispatcher);
    ferry_holding_free(changes->holding);
    changes->inspection = NULL;
    changes->recall = NULL;
    changes->dispatcher = NULL;
    changes->holding = NULL;
}

static enum ferry_status open_parts(void *cargo, struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_changes *changes = cargo;
    changes->run = run;
    enum ferry_status status = make_holding(changes, error);
    if (status == FERRY_OK)
        status = make_dispatcher(changes, error);
    if (status == FERRY_OK)
        status = make_recall(changes, error);
    if (status == FERRY_OK)
        status = make_inspection(changes, error);
    if (status != FERRY_OK)
        close_parts(changes);
    return status;
}

/* --- life --- */

static const char *const *topics_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_changes *changes = cargo;
    *ret_count = changes->tables.count;
    return changes->tables.topics;
}

static const struct ferry_registration_entry *schemas_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_changes *changes = cargo;
    *ret_count = 2 * changes->tables.count;
    return changes->tables.schemas;
}

static void free_changes(void *cargo)
{
    struct ferry_changes *changes = cargo;
    ferry_tables_done(&changes->tables);
    free(changes);
}

enum ferry_status ferry_changes_new(const struct ferry_changes_options *options, json_t *mappings,
                                    struct ferry_changes **ret_changes, struct ferry_error *error)
{
    struct ferry_changes *changes = calloc(1, sizeof *changes);
    if (!changes)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    changes->options = *options;
    const struct ferry_tables_options tables = {.instance = options->common->instance,
                                                .metrics = options->metrics,
                                                .brake = options->brake};
    enum ferry_status status = ferry_tables_init(&changes->tables, &tables, mappings, error);
    if (status != FERRY_OK) {
        free(changes);
        return status;
    }
    *ret_changes = changes;
    return FERRY_OK;
}

void ferry_changes_decide(struct ferry_changes *changes, const char *table,
                          const struct ferry_deletion *deletion)
{
    ferry_tables_decide(&changes->tables, table, deletion);
    if (changes->run)
        ferry_run_poke(changes->run);
}

const struct ferry_cargo ferry_changes_cargo = {
    .open = open_parts,
    .close = close_parts,
    .free = free_changes,
    .topics = topics_of,
    .schemas = schemas_of,
    .assign = assign,
    .drop = drop,
    .take = take,
    .reach = reach,
    .has_room = has_room,
    .takes = takes,
    .ready = is_ready,
    .let = let,
    .work = work,
    .in_flight = in_flight,
    .abandon = abandon,
    .finish = finish,
    .offsets = offsets_of,
    .commit = commit,
    .position = position,
    .has_untold = has_untold,
    .partitions = partitions,
    .counters = counters_of,
};
