#include "producers/reader.h"

#include "core/base/log.h"
#include "core/control/orders.h"
#include "core/io/health.h"
#include "core/io/kafka.h"
#include "core/io/registry.h"
#include "core/io/topics.h"
#include "producers/alarm.h"
#include "producers/exportwork.h"
#include "producers/membership.h"
#include "producers/profilework.h"
#include "producers/seat.h"
#include "producers/tablework.h"
#include "producers/task.h"
#include "producers/topiccheck.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define INGRESS      "dynamics-to-campaign"
#define EGRESS       "campaign-to-dynamics"
#define CONSENT      "opt-in-out"
#define WORKFLOWS    3
#define EXPORTS      "exports"  /* the one task of EGRESS, and one of CONSENT */
#define PROFILES     "profiles" /* beside contact, another one of CONSENT */
#define TICK_MS      1000
#define TOPICS_MS    1000  /* between two looks for the control topics */
#define LAST_WORD_MS 15000 /* of an orderly end */

struct held { /* a task and its place in the list */
    struct held *next;
    struct ferry_task *task;
};

struct workflow { /* one whose run orders are followed */
    struct ferry_reader *reader;
    const char *name;
    struct ferry_subscription *subscription;
    const struct ferry_order *order; /* the subscription owns it */
    enum ferry_phase phase;          /* as it was told: STOP also when we are cut off */
    struct held *tasks;
};

struct ferry_reader {
    uv_loop_t *loop;
    const struct ferry_reader_settings *settings;
    const struct ferry_common *common;
    struct ferry_metrics *metrics;
    struct ferry_health *health;
    struct ferry_http *http;
    struct ferry_registry *registry; /* NULL: none is set */
    struct ferry_dataverse_source *source;
    struct ferry_campaign_source *campaign; /* NULL: none is set */
    struct ferry_topiccheck *topics;
    struct ferry_reporter *reporter;
    struct ferry_orders *orders;
    struct ferry_membership *membership;
    struct ferry_alarm *ticker;
    struct ferry_alarm *watchdog;

    struct workflow workflows[WORKFLOWS];
    struct ferry_seat *seats[FERRY_CHECKPOINT_PARTITIONS]; /* NULL: not ours */
    int closing;                                           /* seats on their way out */
    bool stopping;
};

/* ---- tasks ---- */

static void drop_task(struct workflow *workflow, struct held *held)
{
    LL_DELETE(workflow->tasks, held);
    ferry_task_free(held->task);
    free(held);
}

static void drop_tasks(struct ferry_reader *reader)
{
    struct held *held;
    struct held *next;
    for (int i = 0; i < WORKFLOWS; i++)
        LL_FOREACH_SAFE (reader->workflows[i].tasks, held, next) {
            drop_task(&reader->workflows[i], held);
        }
}

static struct held *find_task(struct workflow *workflow, const char *id)
{
    struct held *held;
    LL_FOREACH (workflow->tasks, held) {
        if (strcmp(ferry_task_id(held->task), id) == 0)
            return held;
    }
    return NULL;
}

/* A task of Opt-In/Out, by what it reads. */
enum consent_task { CONTACTS_READ, PROFILES_READ, FILES_READ, CONSENT_TASKS };

static bool is_read(const struct ferry_consent *consent, enum consent_task task)
{
    switch (task) {
    case CONTACTS_READ:
        return ferry_consent_reads(consent, FERRY_SIDE_DYNAMICS);
    case PROFILES_READ:
        return ferry_consent_reads(consent, FERRY_SIDE_CAMPAIGN);
    case FILES_READ:
        return ferry_consent_reads_files(consent);
    case CONSENT_TASKS:
        break;
    }
    return false;
}

/* The i-th one; CONSENT_TASKS: there are not so many. */
static enum consent_task consent_task(const struct ferry_consent *consent, size_t i)
{
    int task = CONTACTS_READ;
    while (task < CONSENT_TASKS && (!is_read(consent, (enum consent_task)task) || i-- > 0))
        task++;
    return (enum consent_task)task;
}

static size_t count_consent_tasks(const struct ferry_consent *consent)
{
    size_t count = 0;
    for (int task = CONTACTS_READ; task < CONSENT_TASKS; task++)
        count += is_read(consent, (enum consent_task)task);
    return count;
}

/* An order is for the tables that it maps, for Campaign's exports, or for the opt-outs of one or
 * both sides. */
static size_t count_tasks(const struct ferry_order *order)
{
    if (order->consent)
        return count_consent_tasks(order->consent);
    return order->events ? 1 : order->mapping_count;
}

static const char *consent_task_name(const struct ferry_consent *consent, size_t i)
{
    switch (consent_task(consent, i)) {
    case CONTACTS_READ:
        return consent->table;
    case PROFILES_READ:
        return PROFILES;
    case FILES_READ:
    case CONSENT_TASKS:
        break;
    }
    return EXPORTS;
}

static const char *task_name(const struct ferry_order *order, size_t i)
{
    if (order->consent)
        return consent_task_name(order->consent, i);
    return order->events ? EXPORTS : order->mappings[i]->id;
}

static struct held *hold_task(struct workflow *workflow, const struct ferry_task_options *options)
{
    struct ferry_error error;
    struct held *held = calloc(1, sizeof *held);
    if (!held || ferry_task_new(options, &held->task, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "task_not_made", FERRY_STR("workflow", workflow->name),
                  FERRY_STR("task", options->name),
                  FERRY_STR("message", held ? error.message : "out of memory"));
        free(held);
        return NULL;
    }
    LL_PREPEND(workflow->tasks, held);
    return held;
}

static struct held *make_exports(struct workflow *workflow, const struct ferry_crop_type *crop,
                                 json_t *json, struct ferry_task_options options)
{
    const struct ferry_reader_settings *settings = workflow->reader->settings;
    const struct ferry_export_subject exports = {settings->sftp, settings->state_dir, crop, json};
    options.type = &ferry_export_work;
    options.subject = &exports;
    options.topics[0] = crop->topic;
    options.topic_count = 1;
    options.schema = crop->schema;
    return hold_task(workflow, &options);
}

static struct held *make_table(struct workflow *workflow, const struct ferry_mapping *mapping,
                               struct ferry_task_options options)
{
    const struct ferry_table_subject table = {.source = workflow->reader->source,
                                              .mapping = mapping};
    options.type = &ferry_table_work;
    options.subject = &table;
    options.topics[0] = (struct ferry_topic){FERRY_TOPIC_CHANGES, mapping->table};
    options.topic_count = 1;
    options.schema = FERRY_SCHEMA_CHANGE;
    return hold_task(workflow, &options);
}

/* The first reading has a topic of its own, which everybody else's news overtake. */
static struct held *make_consent(struct workflow *workflow, enum consent_task task,
                                 struct ferry_task_options options)
{
    const struct ferry_reader *reader = workflow->reader;
    const struct ferry_consent *consent = workflow->order->consent;
    if (task == FILES_READ)
        return make_exports(workflow, &ferry_crop_optouts, consent->json, options);
    const struct ferry_table_subject contact = {
        .source = reader->source, .consent = consent, .state_dir = reader->settings->state_dir};
    const struct ferry_profile_subject profile = {reader->campaign, consent};
    bool dynamics = task == CONTACTS_READ;
    options.type = dynamics ? &ferry_table_work : &ferry_profile_work;
    options.subject = dynamics ? (const void *)&contact : &profile;
    options.topics[0] = (struct ferry_topic){FERRY_TOPIC_OPTOUTS, "load"};
    options.topics[1] =
        (struct ferry_topic){FERRY_TOPIC_OPTOUTS, dynamics ? "dynamics" : "campaign"};
    options.topic_count = 2;
    options.schema = FERRY_SCHEMA_OPTOUT;
    return hold_task(workflow, &options);
}

static struct held *make_task(struct workflow *workflow, size_t i, int partition)
{
    const struct ferry_reader *reader = workflow->reader;
    const struct ferry_order *order = workflow->order;
    struct ferry_task_options options = {
        .loop = reader->loop,
        .common = reader->common,
        .seat = reader->seats[partition],
        .reporter = reader->reporter,
        .metrics = reader->metrics,
        .registry = reader->registry,
        .workflow = workflow->name,
        .generation = order->generation,
        .name = task_name(order, i),
    };
    if (order->events)
        return make_exports(workflow, &ferry_crop_events, order->events->json, options);
    if (order->consent)
        return make_consent(workflow, consent_task(order->consent, i), options);
    return make_table(workflow, order->mappings[i], options);
}

static void carry_out(struct workflow *workflow, size_t i)
{
    char id[FERRY_TASK_ID_SIZE];
    ferry_task_name(workflow->name, task_name(workflow->order, i), id);
    int partition = ferry_kafka_partition(id, strlen(id), FERRY_CHECKPOINT_PARTITIONS);
    if (!workflow->reader->seats[partition])
        return;
    struct held *held = find_task(workflow, id);
    if (held && !ferry_task_serves(held->task, workflow->order->generation)) {
        drop_task(workflow, held);
        held = NULL;
    }
    if (!held)
        held = make_task(workflow, i, partition);
    if (held && workflow->phase == FERRY_PHASE_GO)
        ferry_task_go(held->task);
}

static bool is_ordered(const struct workflow *workflow, const struct ferry_task *task)
{
    char id[FERRY_TASK_ID_SIZE];
    for (size_t i = 0; i < count_tasks(workflow->order); i++) {
        ferry_task_name(workflow->name, task_name(workflow->order, i), id);
        if (strcmp(id, ferry_task_id(task)) == 0)
            return true;
    }
    return false;
}

/* Makes the tasks what the order says, as far as they are ours. */
static void obey(struct workflow *workflow)
{
    struct held *held;
    struct held *next;
    if (!workflow->order || workflow->reader->stopping)
        return;
    LL_FOREACH_SAFE (workflow->tasks, held, next) {
        if (!is_ordered(workflow, held->task))
            drop_task(workflow, held);
        else if (workflow->phase == FERRY_PHASE_STOP)
            ferry_task_stop(held->task);
    }
    if (workflow->phase != FERRY_PHASE_PREPARE && workflow->phase != FERRY_PHASE_GO)
        return;
    for (size_t i = 0; i < count_tasks(workflow->order); i++)
        carry_out(workflow, i);
}

static void on_order(void *context, const struct ferry_order *order)
{
    struct workflow *workflow = context;
    workflow->order = order;
    workflow->phase = order->phase;
    ferry_log(FERRY_LOG_INFO, "order", FERRY_STR("workflow", order->workflow),
              FERRY_STR("phase", ferry_phase_name(order->phase)),
              FERRY_INT("generation", order->generation),
              FERRY_INT("tasks", (int64_t)count_tasks(order)));
    obey(workflow);
}

static void on_order_trouble(void *context, const struct ferry_error *error)
{
    const struct workflow *workflow = context;
    ferry_log(FERRY_LOG_WARN, "orders_unreadable", FERRY_STR("workflow", workflow->name),
              FERRY_STR("message", error->message), FERRY_STR("then", "retrying"));
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
    for (int i = 0; i < WORKFLOWS; i++)
        obey(&reader->workflows[i]);
}

static void on_seat_closed(void *context)
{
    struct ferry_reader *reader = context;
    /* With the brokers away the group may be left before a commit has given up. */
    if (--reader->closing == 0 && reader->membership)
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

static enum ferry_status subscribe(struct workflow *workflow, struct ferry_error *error)
{
    const struct ferry_subscription_options options = {
        .workflow = workflow->name,
        .on_order = on_order,
        .on_trouble = on_order_trouble,
        .context = workflow,
    };
    return ferry_orders_subscribe(workflow->reader->orders, &options, &workflow->subscription,
                                  error);
}

static enum ferry_status begin_work(struct ferry_reader *reader, struct ferry_error *error)
{
    enum ferry_status status =
        ferry_orders_new(reader->loop, reader->common, &reader->orders, error);
    for (int i = 0; status == FERRY_OK && i < WORKFLOWS; i++)
        status = subscribe(&reader->workflows[i], error);
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

static const char *why_not_ready(const void *context)
{
    const struct ferry_reader *reader = context;
    if (reader->stopping)
        return "it is stopping";
    return reader->orders ? ferry_orders_deaf(reader->orders)
                          : "its topics have not been found in Kafka yet";
}

static void on_tick(void *context)
{
    struct ferry_reader *reader = context;
    struct held *held;
    ferry_health_beat(reader->health);
    for (int i = 0; i < WORKFLOWS; i++)
        LL_FOREACH (reader->workflows[i].tasks, held) {
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

static enum ferry_status make_parts(struct ferry_reader *reader, struct ferry_error *error)
{
    const struct ferry_common *common = reader->common;
    const struct ferry_http_options http = {0};
    enum ferry_status status = ferry_health_new(reader->loop, common->health_listen,
                                                reader->metrics, &reader->health, error);
    if (status == FERRY_OK)
        status = ferry_http_new(reader->loop, &http, &reader->http, error);
    if (status == FERRY_OK)
        status = ferry_registry_new(reader->http, common, &reader->registry, error);
    if (status == FERRY_OK)
        status = ferry_dataverse_source_new(reader->http, reader->settings->dynamics,
                                            reader->metrics, &reader->source, error);
    if (status == FERRY_OK && reader->settings->campaign->url)
        status = ferry_campaign_source_new(reader->http, reader->settings->campaign,
                                           reader->metrics, &reader->campaign, error);
    if (status == FERRY_OK)
        status = ferry_reporter_new(reader->loop, common, &reader->reporter, error);
    return status;
}

enum ferry_status ferry_reader_new(uv_loop_t *loop, const struct ferry_reader_settings *settings,
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
    reader->settings = settings;
    reader->common = settings->common;
    reader->workflows[0] = (struct workflow){.reader = reader, .name = INGRESS};
    reader->workflows[1] = (struct workflow){.reader = reader, .name = EGRESS};
    reader->workflows[2] = (struct workflow){.reader = reader, .name = CONSENT};
    enum ferry_status status = make_parts(reader, error);
    if (status != FERRY_OK) {
        ferry_reader_free(reader);
        return status;
    }
    ferry_health_ask(reader->health, why_not_ready, reader);
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
    ferry_campaign_source_free(reader->campaign);
    reader->campaign = NULL;
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
    ferry_alarm_set(reader->watchdog, LAST_WORD_MS);
    ferry_topiccheck_free(reader->topics);
    reader->topics = NULL;
    for (int i = 0; i < WORKFLOWS; i++) {
        ferry_subscription_free(reader->workflows[i].subscription);
        reader->workflows[i].subscription = NULL;
        reader->workflows[i].order = NULL;
    }
    ferry_orders_free(reader->orders);
    reader->orders = NULL;
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
    ferry_metrics_free(reader->metrics);
    free(reader);
}
