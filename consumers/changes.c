#include "consumers/changes.h"

#include "consumers/dispatcher.h"
#include "consumers/inspection.h"
#include "consumers/recall.h"
#include "core/base/clock.h"
#include "core/io/kafka.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct ferry_changes {
    struct ferry_changes_options options;
    struct ferry_run *run;
    struct ferry_table **tables;
    const char **topics;
    struct ferry_registration_entry *schemas; /* two a table */
    size_t table_count;
    struct ferry_inspection *inspection;
    struct ferry_holding *holding;
    struct ferry_dispatcher *dispatcher;
    struct ferry_recall *recall;
    size_t inspected; /* tables whose metadata was compared */
};

/* --- the destination's metadata --- */

static const struct ferry_table *stopped_table(const struct ferry_changes *changes)
{
    for (size_t i = 0; i < changes->table_count; i++)
        if (changes->tables[i]->stopped)
            return changes->tables[i];
    return NULL;
}

/* A table that does not fit stands still alone; without credentials nothing can start. */
static void take_result(struct ferry_changes *changes, struct ferry_table *table,
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
    changes->inspected = 0;
    for (size_t i = 0; i < changes->table_count; i++)
        changes->inspected += changes->tables[i]->inspected;
}

static void on_inspected(void *context, struct ferry_table *table, const struct ferry_error *error,
                         int64_t retry_at)
{
    struct ferry_changes *changes = context;
    take_result(changes, table, error);
    const struct ferry_table *stopped = stopped_table(changes);
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
    for (size_t i = 0; i < changes->table_count; i++) {
        const struct ferry_table *table = changes->tables[i];
        if (strcmp(table->changes, topic) == 0)
            return !table->stopped && !parents_load(changes, table->mapping);
    }
    return true;
}

/* --- work --- */

static bool is_ready(const void *cargo)
{
    const struct ferry_changes *changes = cargo;
    return changes->inspected == changes->table_count && ferry_holding_ready(changes->holding);
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
static json_t *count_children(const struct ferry_changes *changes)
{
    json_t *counts = json_object();
    for (size_t i = 0; i < changes->table_count; i++)
        add_table(counts, changes->tables[i],
                  ferry_holding_waiting(changes->holding, changes->tables[i], FERRY_WAIT_PARENT));
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
    for (size_t i = 0; i < changes->table_count; i++) {
        const struct ferry_table *table = changes->tables[i];
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
    for (size_t i = 0; i < changes->table_count; i++)
        add_fates(counters, changes->tables[i]);
    if (!changes->holding)
        return counters;
    json_object_set_new(counters, "waiting", count_children(changes));
    add_held(counters, changes);
    add_count(counters, "queued", ferry_holding_open_count(changes->holding));
    add_count(counters, "retried", ferry_dispatcher_retries(changes->dispatcher));
    add_count(counters, "inFlight", (uint64_t)ferry_dispatcher_in_flight(changes->dispatcher));
    add_count(counters, "concurrency", (uint64_t)ferry_dispatcher_limit(changes->dispatcher));
    add_count(counters, "oldestWaitingAt", (uint64_t)ferry_holding_oldest(changes->holding));
    return counters;
}

/* --- the parts --- */

static enum ferry_status make_holding(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_holding_options options = {.memory = changes->options.memory,
                                                  .tables = changes->tables,
                                                  .table_count = changes->table_count,
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
                                                 .tables = changes->tables,
                                                 .table_count = changes->table_count,
                                                 .on_woken = on_woken,
                                                 .on_trouble = on_kafka_trouble,
                                                 .context = changes};
    return ferry_recall_new(ferry_run_loop(changes->run), changes->options.common, &options,
                            &changes->recall, error);
}

static enum ferry_status make_inspection(struct ferry_changes *changes, struct ferry_error *error)
{
    const struct ferry_inspection_options options = {.campaign = changes->options.campaign,
                                                     .tables = changes->tables,
                                                     .table_count = changes->table_count,
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
    *ret_count = changes->table_count;
    return changes->topics;
}

static const struct ferry_registration_entry *schemas_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_changes *changes = cargo;
    *ret_count = 2 * changes->table_count;
    return changes->schemas;
}

static void free_changes(void *cargo)
{
    struct ferry_changes *changes = cargo;
    for (size_t i = 0; i < changes->table_count; i++)
        ferry_table_free(changes->tables[i]);
    free(changes->tables);
    free(changes->topics);
    free(changes->schemas);
    free(changes);
}

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

static enum ferry_status add_mapping(struct ferry_changes *changes, json_t *mapping,
                                     struct ferry_error *error)
{
    size_t at = changes->table_count;
    struct ferry_table *table;
    enum ferry_status status = ferry_table_new(changes->options.common->instance, mapping,
                                               changes->options.metrics, &table, error);
    if (status != FERRY_OK)
        return status;
    table->brake.limits = changes->options.brake;
    changes->tables[at] = table;
    changes->topics[at] = table->changes;
    changes->schemas[2 * at] =
        (struct ferry_registration_entry){table->changes, FERRY_SCHEMA_CHANGE, NULL};
    changes->schemas[2 * at + 1] =
        (struct ferry_registration_entry){table->written, FERRY_SCHEMA_WRITTEN, &table->wire};
    changes->table_count++;
    return FERRY_OK;
}

static enum ferry_status fill(struct ferry_changes *changes, json_t *mappings,
                              struct ferry_error *error)
{
    size_t count = json_array_size(mappings);
    changes->tables = calloc(count + 1, sizeof *changes->tables);
    changes->topics = calloc(count + 1, sizeof *changes->topics);
    changes->schemas = calloc(2 * count + 1, sizeof *changes->schemas);
    if (!changes->tables || !changes->topics || !changes->schemas)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < count && status == FERRY_OK; i++)
        status = add_mapping(changes, json_array_get(mappings, i), error);
    return status == FERRY_OK ? relate_tables(changes->tables, count, error) : status;
}

enum ferry_status ferry_changes_new(const struct ferry_changes_options *options, json_t *mappings,
                                    struct ferry_changes **ret_changes, struct ferry_error *error)
{
    struct ferry_changes *changes = calloc(1, sizeof *changes);
    if (!changes)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    changes->options = *options;
    enum ferry_status status = fill(changes, mappings, error);
    if (status != FERRY_OK) {
        free_changes(changes);
        return status;
    }
    *ret_changes = changes;
    return FERRY_OK;
}

void ferry_changes_decide(struct ferry_changes *changes, const char *table,
                          const struct ferry_deletion *deletion)
{
    for (size_t i = 0; i < changes->table_count; i++)
        if (strcmp(changes->tables[i]->mapping->table, table) == 0)
            ferry_brake_decide(&changes->tables[i]->brake, deletion);
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
