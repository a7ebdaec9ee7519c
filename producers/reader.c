#include "producers/reader.h"

#include "core/base/log.h"
#include "core/control/orders.h"
#include "core/io/health.h"
#include "core/io/kafka.h"
#include "core/io/registry.h"
#include "core/io/topics.h"
#include "producers/alarm.h"
#include "producers/membership.h"
#include "producers/seat.h"
#include "producers/task.h"
#include "producers/topiccheck.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define WORKFLOW     "dynamics-to-campaign"
#define TICK_MS      1000
#define TOPICS_MS    1000  /* between two looks for the control topics */
#define LAST_WORD_MS 15000 /* of an orderly end */

struct held { /* a task and its place in the list */
    struct held *next;
    struct ferry_task *task;
};

struct ferry_reader {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_metrics *metrics;
    struct ferry_health *health;
    struct ferry_http *http;
    struct ferry_registry *registry; /* NULL: none is set */
    struct ferry_dataverse_source *source;
    rd_kafka_t *asker;
    struct ferry_topiccheck *topics;
    struct ferry_reporter *reporter;
    struct ferry_orders *orders;
    struct ferry_membership *membership;
    struct ferry_alarm *ticker;
    struct ferry_alarm *watchdog;

    const struct ferry_order *order; /* the orders own it */
    enum ferry_phase phase;          /* as it was told: STOP also when we are cut off */
    struct ferry_seat *seats[FERRY_CHECKPOINT_PARTITIONS]; /* NULL: not ours */
    struct held *tasks;
    int closing; /* seats on their way out */
    bool stopping;
};

/* ---- tasks ---- */

static void drop_task(struct ferry_reader *reader, struct held *held)
{
    LL_DELETE(reader->tasks, held);
    ferry_task_free(held->task);
    free(held);
}

static void drop_tasks(struct ferry_reader *reader)
{
    struct held *held;
    struct held *next;
    LL_FOREACH_SAFE (reader->tasks, held, next) {
        ferry_task_free(held->task);
        free(held);
    }
    reader->tasks = NULL;
}

static struct held *find_task(struct ferry_reader *reader, const char *id)
{
    struct held *held;
    LL_FOREACH (reader->tasks, held) {
        if (strcmp(ferry_task_id(held->task), id) == 0)
            return held;
    }
    return NULL;
}

static struct held *make_task(struct ferry_reader *reader, const struct ferry_mapping *mapping,
                              int partition)
{
    const struct ferry_task_options options = {
        .loop = reader->loop,
        .common = reader->common,
        .source = reader->source,
        .seat = reader->seats[partition],
        .reporter = reader->reporter,
        .metrics = reader->metrics,
        .registry = reader->registry,
        .asker = reader->asker,
        .workflow = WORKFLOW,
        .mapping = mapping,
        .generation = reader->order->generation,
    };
    struct ferry_error error;
    struct held *held = calloc(1, sizeof *held);
    if (!held || ferry_task_new(&options, &held->task, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "task_not_made", FERRY_STR("mapping", mapping->id),
                  FERRY_STR("message", held ? error.message : "out of memory"));
        free(held);
        return NULL;
    }
    LL_PREPEND(reader->tasks, held);
    return held;
}

static void carry_out(struct ferry_reader *reader, const struct ferry_mapping *mapping)
{
    char id[FERRY_TASK_ID_SIZE];
    ferry_task_name(WORKFLOW, mapping->id, id);
    int partition = ferry_kafka_partition(id, strlen(id), FERRY_CHECKPOINT_PARTITIONS);
    if (!reader->seats[partition])
        return;
    struct held *held = find_task(reader, id);
    if (held && !ferry_task_serves(held->task, reader->order->generation)) {
        drop_task(reader, held);
        held = NULL;
    }
    if (!held)
        held = make_task(reader, mapping, partition);
    if (held && reader->phase == FERRY_PHASE_GO)
        ferry_task_go(held->task);
}

static bool is_ordered(const struct ferry_reader *reader, const struct ferry_task *task)
{
    char id[FERRY_TASK_ID_SIZE];
    for (size_t i = 0; i < reader->order->mapping_count; i++) {
        ferry_task_name(WORKFLOW, reader->order->mappings[i]->id, id);
        if (strcmp(id, ferry_task_id(task)) == 0)
            return true;
    }
    return false;
}

/* Makes the tasks what the order says, as far as they are ours. */
static void obey(struct ferry_reader *reader)
{
    struct held *held;
    struct held *next;
    if (!reader->order || reader->stopping)
        return;
    LL_FOREACH_SAFE (reader->tasks, held, next) {
        if (!is_ordered(reader, held->task))
            drop_task(reader, held);
        else if (reader->phase == FERRY_PHASE_STOP)
            ferry_task_stop(held->task);
    }
    if (reader->phase != FERRY_PHASE_PREPARE && reader->phase != FERRY_PHASE_GO)
        return;
    for (size_t i = 0; i < reader->order->mapping_count; i++)
        carry_out(reader, reader->order->mappings[i]);
}

static void on_order(void *context, const struct ferry_order *order)
{
    struct ferry_reader *reader = context;
    reader->order = order;
    reader->phase = order->phase;
    ferry_log(FERRY_LOG_INFO, "order", FERRY_STR("workflow", order->workflow),
              FERRY_STR("phase", ferry_phase_name(order->phase)),
              FERRY_INT("generation", order->generation),
              FERRY_INT("mappings", (int64_t)order->mapping_count));
    obey(reader);
}

static void on_order_trouble(void *context, const struct ferry_error *error)
{
    (void)context;
    ferry_log(FERRY_LOG_WARN, "orders_unreadable", FERRY_STR("message", error->message),
              FERRY_STR("then", "retrying"));
}

/* ---- the group ---- */

static void on_assigned(void *context, int partition)
{
    struct ferry_reader *reader = context;
    struct ferry_error error;
    if (partition < 0 || partition >= FERRY_CHECKPOINT_PARTITIONS || reader->seats[partition])
        return;
    if (ferry_seat_new(reader->loop, reader->common, partition, &reader->seats[partition],
                       &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "seat_not_made", FERRY_INT("partition", partition),
                  FERRY_STR("message", error.message));
        return;
    }
    obey(reader);
}

static void on_seat_closed(void *context)
{
    struct ferry_reader *reader = context;
    if (--reader->closing == 0)
        ferry_membership_released(reader->membership);
}

static void on_revoked(void *context)
{
    struct ferry_reader *reader = context;
    drop_tasks(reader);
    reader->closing++; /* this call itself, so that the last one is seen once */
    for (int i = 0; i < FERRY_CHECKPOINT_PARTITIONS; i++) {
        struct ferry_seat *seat = reader->seats[i];
        reader->seats[i] = NULL;
        if (!seat)
            continue;
        reader->closing++;
        ferry_seat_close(seat, on_seat_closed, reader);
    }
    on_seat_closed(reader);
}

static void end_loop(struct ferry_reader *reader);

static void on_left(void *context)
{
    end_loop(context);
}

static const struct ferry_membership_calls membership_calls = {
    .on_assigned = on_assigned,
    .on_revoked = on_revoked,
    .on_left = on_left,
};

/* ---- beginning ---- */

static enum ferry_status begin_work(struct ferry_reader *reader, struct ferry_error *error)
{
    const struct ferry_orders_options orders = {
        .workflow = WORKFLOW,
        .on_order = on_order,
        .on_trouble = on_order_trouble,
        .context = reader,
    };
    enum ferry_status status =
        ferry_reporter_new(reader->loop, reader->common, &reader->reporter, error);
    if (status == FERRY_OK)
        status = ferry_orders_new(reader->loop, reader->common, &orders, &reader->orders, error);
    if (status == FERRY_OK)
        status = ferry_membership_new(reader->loop, reader->common, &membership_calls, reader,
                                      &reader->membership, error);
    return status;
}

static void look_for_topics(struct ferry_reader *reader, int64_t delay_ms);

static void on_topics(void *context, enum ferry_status status, const struct ferry_error *error)
{
    struct ferry_reader *reader = context;
    struct ferry_error trouble;
    reader->topics = NULL;
    if (status != FERRY_OK) {
        ferry_log(FERRY_LOG_WARN, "control_topics_missing", FERRY_STR("message", error->message),
                  FERRY_INT("retry_in_ms", TOPICS_MS));
        look_for_topics(reader, TOPICS_MS);
        return;
    }
    if (begin_work(reader, &trouble) == FERRY_OK) {
        ferry_health_ready(reader->health, true);
        ferry_log(FERRY_LOG_INFO, "ready", FERRY_STR("worker", reader->common->worker_name));
        return;
    }
    ferry_log(FERRY_LOG_ERROR, "cannot_begin", FERRY_STR("message", trouble.message));
    ferry_reader_stop(reader);
}

static void look_for_topics(struct ferry_reader *reader, int64_t delay_ms)
{
    const struct ferry_topiccheck_options options = {
        .loop = reader->loop,
        .common = reader->common,
        .asker = reader->asker,
        .topics = {{FERRY_TOPIC_CHECKPOINTS, NULL},
                   {FERRY_TOPIC_WORKFLOWS, NULL},
                   {FERRY_TOPIC_STATUS, NULL}},
        .count = 3,
        .delay_ms = delay_ms,
        .on_done = on_topics,
        .context = reader,
    };
    struct ferry_error error;
    if (ferry_topiccheck_new(&options, &reader->topics, &error) != FERRY_OK)
        ferry_log(FERRY_LOG_ERROR, "cannot_begin", FERRY_STR("message", error.message));
}

static void on_tick(void *context)
{
    struct ferry_reader *reader = context;
    struct held *held;
    ferry_health_beat(reader->health);
    LL_FOREACH (reader->tasks, held) {
        ferry_task_tick(held->task);
    }
    ferry_alarm_set(reader->ticker, TICK_MS);
}

static void on_watchdog(void *context)
{
    struct ferry_reader *reader = context;
    ferry_log(FERRY_LOG_WARN, "end_forced", FERRY_INT("after_ms", LAST_WORD_MS));
    uv_stop(reader->loop);
}

enum ferry_status ferry_reader_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_dynamics_settings *dynamics,
                                   struct ferry_reader **ret_reader, struct ferry_error *error)
{
    struct ferry_reader *reader = calloc(1, sizeof *reader);
    if (!reader || !(reader->metrics = ferry_metrics_new()) ||
        ferry_alarm_new(loop, on_tick, reader, &reader->ticker) != FERRY_OK ||
        ferry_alarm_new(loop, on_watchdog, reader, &reader->watchdog) != FERRY_OK) {
        ferry_reader_free(reader);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    reader->loop = loop;
    reader->common = common;
    const struct ferry_http_options http = {0};
    enum ferry_status status =
        ferry_health_new(loop, common->health_listen, reader->metrics, &reader->health, error);
    if (status == FERRY_OK)
        status = ferry_http_new(loop, &http, &reader->http, error);
    if (status == FERRY_OK)
        status = ferry_registry_new(reader->http, common, &reader->registry, error);
    if (status == FERRY_OK)
        status = ferry_dataverse_source_new(reader->http, dynamics, reader->metrics,
                                            &reader->source, error);
    if (status == FERRY_OK)
        status = ferry_kafka_new(common, FERRY_KAFKA_PLAIN, "topics", NULL, NULL, NULL,
                                 &reader->asker, error);
    if (status != FERRY_OK) {
        ferry_reader_free(reader);
        return status;
    }
    on_tick(reader);
    look_for_topics(reader, 0);
    *ret_reader = reader;
    return FERRY_OK;
}

/* ---- the end ---- */

/* Everything that keeps the loop going; the memory goes when it has ended. */
static void end_loop(struct ferry_reader *reader)
{
    ferry_membership_free(reader->membership);
    reader->membership = NULL;
    ferry_reporter_free(reader->reporter);
    reader->reporter = NULL;
    ferry_dataverse_source_free(reader->source);
    reader->source = NULL;
    ferry_registry_free(reader->registry);
    reader->registry = NULL;
    ferry_http_free(reader->http);
    reader->http = NULL;
    ferry_health_free(reader->health);
    reader->health = NULL;
    ferry_alarm_free(reader->ticker);
    ferry_alarm_free(reader->watchdog);
    reader->ticker = reader->watchdog = NULL;
}

void ferry_reader_stop(struct ferry_reader *reader)
{
    if (reader->stopping)
        return;
    reader->stopping = true;
    ferry_log(FERRY_LOG_INFO, "stopping", FERRY_STR("worker", reader->common->worker_name));
    ferry_health_ready(reader->health, false);
    ferry_alarm_set(reader->watchdog, LAST_WORD_MS);
    ferry_topiccheck_free(reader->topics);
    reader->topics = NULL;
    ferry_orders_free(reader->orders);
    reader->orders = NULL;
    reader->order = NULL;
    if (reader->membership)
        ferry_membership_leave(reader->membership); /* revokes, and then on_left */
    else
        end_loop(reader);
}

void ferry_reader_free(struct ferry_reader *reader)
{
    if (!reader)
        return;
    drop_tasks(reader);
    end_loop(reader);
    ferry_kafka_destroy(reader->asker);
    ferry_metrics_free(reader->metrics);
    free(reader);
}
