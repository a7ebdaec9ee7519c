#include "consumers/run_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

#define COMMIT_MS    INT64_C(300)
#define COMMIT_COUNT ((size_t)2000)
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

/* --- trouble --- */

static void log_trouble(const struct ferry_run *run, const struct ferry_run_trouble *trouble)
{
    if (trouble->set)
        ferry_log(FERRY_LOG_WARN, "trouble", FERRY_STR("workflow", run->options.workflow),
                  FERRY_STR("class", ferry_class_name(trouble->error.class)),
                  FERRY_STR("text", trouble->error.message),
                  FERRY_INT("retry_at", trouble->retry_at));
    else
        ferry_log(FERRY_LOG_INFO, "trouble_over", FERRY_STR("workflow", run->options.workflow),
                  FERRY_STR("text", trouble->error.message));
}

void ferry_run_trouble(struct ferry_run *run, enum ferry_trouble which,
                       const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_run_trouble *trouble = &run->troubles[which];
    if (!error && !trouble->set)
        return;
    bool news = !error || strcmp(trouble->error.message, error->message) != 0;
    trouble->set = error != NULL;
    trouble->retry_at = retry_at;
    if (error)
        trouble->error = *error;
    if (news)
        log_trouble(run, trouble);
    if (!error)
        ferry_error_clear(&trouble->error);
    ferry_run_changed(run);
}

void ferry_run_trouble_quietly(struct ferry_run *run, enum ferry_trouble which,
                               const struct ferry_error *error)
{
    struct ferry_run_trouble *trouble = &run->troubles[which];
    if (error && trouble->set)
        trouble->error = *error;
    else
        ferry_run_trouble(run, which, error, 0);
}

bool ferry_run_broken(const struct ferry_run *run)
{
    return run->troubles[FERRY_TROUBLE_BROKEN].set;
}

static void on_kafka_trouble(void *context, const struct ferry_error *error)
{
    ferry_run_trouble(context, FERRY_TROUBLE_CLUSTER, error, 0);
}

/* What the group finds missing in Kafka is not found by waiting. */
static void on_group_trouble(void *context, const struct ferry_error *error)
{
    bool lost = error->status == FERRY_INVALID;
    ferry_run_trouble(context, lost ? FERRY_TROUBLE_BROKEN : FERRY_TROUBLE_CLUSTER, error, 0);
}

static void run_out_of_memory(struct ferry_run *run)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_run_trouble(run, FERRY_TROUBLE_BROKEN, &error, 0);
}

/* --- partitions --- */

static void on_assigned(void *context, const struct ferry_group_part *parts, size_t count)
{
    struct ferry_run *run = context;
    struct ferry_error error;
    ferry_log(FERRY_LOG_INFO, "assigned", FERRY_STR("workflow", run->options.workflow),
              FERRY_INT("partitions", count));
    if (run->kind->assign(run->cargo, parts, count, &error) != FERRY_OK)
        ferry_run_trouble(run, FERRY_TROUBLE_BROKEN, &error, 0);
}

void ferry_run_accept(struct ferry_run *run)
{
    ferry_run_trouble(run, FERRY_TROUBLE_CLUSTER, NULL, 0);
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
    run->kind->drop(run->cargo);
    ferry_ledger_drop(run->ledger);
    ferry_run_changed(run);
}

static void on_revoked(void *context, bool lost)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_INFO, lost ? "lost" : "revoked",
              FERRY_STR("workflow", run->options.workflow));
    run->revoking = true;
    run->kind->let(run->cargo, false);
    if (lost)
        ferry_run_drop(run);
    ferry_run_begin_ending(run, REVOKE_MS);
    ferry_run_changed(run);
    ferry_run_poke(run);
}

static void on_expired(void *context)
{
    struct ferry_run *run = context;
    ferry_log(FERRY_LOG_WARN, "stood_still", FERRY_STR("workflow", run->options.workflow),
              FERRY_STR("goes_on", "dropping what is queued and joining the group again"));
    ferry_run_drop(run);
    ferry_group_rejoin(run->group);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_run *run = context;
    if (run->kind->take(run->cargo, message) != FERRY_OK)
        run_out_of_memory(run);
    ferry_run_poke(run);
}

static void on_end(void *context, const char *topic, int partition, int64_t offset)
{
    struct ferry_run *run = context;
    run->kind->reach(run->cargo, topic, partition, offset);
    ferry_run_poke(run);
}

static bool has_room(void *context)
{
    struct ferry_run *run = context;
    return run->kind->has_room(run->cargo);
}

static bool takes(void *context, const char *topic, int partition)
{
    const struct ferry_run *run = context;
    return run->kind->takes(run->cargo, topic, partition);
}

enum ferry_status ferry_run_join(struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_group_options options = {.group_id = run->group_id,
                                          .workflow = run->options.workflow,
                                          .on_assigned = on_assigned,
                                          .on_revoked = on_revoked,
                                          .on_record = on_record,
                                          .on_end = on_end,
                                          .has_room = has_room,
                                          .takes = takes,
                                          .on_expired = on_expired,
                                          .on_trouble = on_group_trouble,
                                          .context = run};
    options.topics = run->kind->topics(run->cargo, &options.topic_count);
    return ferry_group_new(run->options.loop, run->options.common, &options, &run->group, error);
}

/* --- commits --- */

bool ferry_run_may_send(const struct ferry_run *run)
{
    return ferry_group_alive(run->group);
}

static bool is_due(struct ferry_run *run, size_t count)
{
    return run->ending != FERRY_ENDING_NONE || count >= COMMIT_COUNT ||
           run->kind->in_flight(run->cargo) == 0 ||
           ferry_boot_ms() - run->committed_at >= COMMIT_MS;
}

/* After a clean stop the positions are exact. */
static bool is_last(const struct ferry_run *run)
{
    return run->stopping && run->going && run->was_ready;
}

static enum ferry_status tell_positions(struct ferry_run *run,
                                        const rd_kafka_topic_partition_list_t *offsets)
{
    enum ferry_status status = FERRY_OK;
    for (int i = 0; i < offsets->cnt && status == FERRY_OK; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        struct ferry_position *position =
            run->kind->position(run->cargo, part->topic, part->partition);
        if (position)
            status = ferry_position_tell(run->ledger, run->checkpoints, run->options.workflow,
                                         position, part->offset, is_last(run));
    }
    return status;
}

static void start_commit(struct ferry_run *run, rd_kafka_topic_partition_list_t *offsets)
{
    if (tell_positions(run, offsets) == FERRY_OK) {
        ferry_ledger_commit(run->ledger, ferry_group_consumer(run->group), offsets);
        return;
    }
    rd_kafka_topic_partition_list_destroy(offsets);
    run_out_of_memory(run);
}

bool ferry_run_commit(struct ferry_run *run)
{
    /* We were away: what we know is dropped before anything else. */
    if (!ferry_ledger_idle(run->ledger) || !ferry_group_alive(run->group))
        return true;
    size_t count = ferry_ledger_count(run->ledger);
    /* Only offsets tell the broker whether we are still the owner, so messages never go alone. */
    bool all = count > 0 || (is_last(run) && run->kind->has_untold(run->cargo));
    rd_kafka_topic_partition_list_t *offsets = run->kind->offsets(run->cargo, all);
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
    ferry_run_trouble(run, FERRY_TROUBLE_CLUSTER, NULL, 0);
    ferry_run_poke(run);
}

static void take_commit(struct ferry_run *run, const rd_kafka_topic_partition_list_t *offsets,
                        int64_t took_ms)
{
    struct ferry_error error;
    ferry_metric_add(run->commits, 1);
    ferry_metric_set(run->commit_seconds, (double)took_ms / 1000);
    ferry_run_trouble(run, FERRY_TROUBLE_CLUSTER, NULL, 0);
    if (run->kind->commit(run->cargo, offsets, &error) != FERRY_OK)
        ferry_run_trouble(run, FERRY_TROUBLE_BROKEN, &error, 0);
}

static void on_committed(void *context, enum ferry_ledger_result result,
                         rd_kafka_topic_partition_list_t *offsets, int64_t took_ms)
{
    struct ferry_run *run = context;
    run->committed_at = ferry_boot_ms();
    if (result == FERRY_LEDGER_COMMITTED)
        take_commit(run, offsets, took_ms);
    else if (result == FERRY_LEDGER_LOST && run->ending == FERRY_ENDING_NONE)
        on_expired(run);
    else if (result == FERRY_LEDGER_LOST)
        ferry_run_drop(run); /* the offsets without the messages would be a lie */
    rd_kafka_topic_partition_list_destroy(offsets);
    ferry_run_poke(run);
}

/* A step makes progress of its own: it must not call for the next one when there is nothing to do.
 */
void ferry_run_progress(struct ferry_run *run)
{
    size_t count = ferry_ledger_count(run->ledger);
    bool at_rest = count > 0 && run->kind->in_flight(run->cargo) == 0;
    if (run->ending != FERRY_ENDING_NONE ||
        (ferry_ledger_idle(run->ledger) && (count >= COMMIT_COUNT || at_rest)))
        ferry_run_poke(run);
}

/* --- the schemas of the topics --- */

static void on_registered(void *context)
{
    struct ferry_run *run = context;
    run->registered = true;
    ferry_run_trouble(run, FERRY_TROUBLE_REGISTRY, NULL, 0);
    ferry_run_poke(run);
}

static void on_unregistered(void *context, const struct ferry_error *error, int64_t retry_at)
{
    bool refused = error->status == FERRY_INVALID;
    ferry_run_trouble(context, refused ? FERRY_TROUBLE_BROKEN : FERRY_TROUBLE_REGISTRY, error,
                      refused ? 0 : retry_at);
}

static enum ferry_status make_registration(struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_registration_options options = {.loop = run->options.loop,
                                                 .registry = run->options.registry,
                                                 .on_done = on_registered,
                                                 .on_trouble = on_unregistered,
                                                 .context = run};
    options.entries = run->kind->schemas(run->cargo, &options.count);
    return ferry_registration_new(&options, &run->registration, error);
}

/* --- the parts --- */

enum ferry_status ferry_run_open_parts(struct ferry_run *run, struct ferry_error *error)
{
    const struct ferry_ledger_options options = {.transactional_id = run->transactional_id,
                                                 .on_ready = on_ledger_ready,
                                                 .on_done = on_committed,
                                                 .on_trouble = on_kafka_trouble,
                                                 .context = run};
    enum ferry_status status =
        ferry_ledger_new(run->options.loop, run->options.common, &options, &run->ledger, error);
    return status == FERRY_OK ? make_registration(run, error) : status;
}
