#include "consumers/writer.h"

#include "consumers/activities.h"
#include "consumers/changes.h"
#include "consumers/consents.h"
#include "consumers/duty.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/io/health.h"
#include "core/io/registry.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANGES          "dynamics-to-campaign"
#define EVENTS           "campaign-to-dynamics"
#define CONSENTS         "opt-in-out"
#define TICK_MS          500
#define END_TICK_MS      50
#define HTTP_GRACE_MS    5000  /* beyond the time-out of a request */
#define BATCH_GRACE_MS   15000 /* a batch may take minutes; to send one again costs less */
#define TRANSACTION_SIZE 256
#define CONSENT_CALLS    32 /* connections for opt-outs, beside those of bulk */

struct ferry_writer {
    uv_loop_t *loop;
    const struct ferry_writer_settings *settings;
    struct ferry_metrics *metrics;
    struct ferry_health *health;
    struct ferry_http *http;
    struct ferry_registry *registry; /* NULL: none is set */
    struct ferry_campaign *campaign;
    struct ferry_dataverse *dataverse; /* NULL: none is set */
    struct ferry_memory *memory;
    struct ferry_reporter *reporter;
    struct ferry_orders *orders;
    struct ferry_duty *changes;
    struct ferry_duty *events;
    struct ferry_duty *consents;
    struct ferry_pace_pair pairs[FERRY_SIDES]; /* opt-outs go before bulk, in both systems */
    json_t *decisions;                         /* about deletes: {"contact": deletion.h} */
    /* A process may run them all at once, and two producers of one name fence each other. */
    char changes_transactions[TRANSACTION_SIZE];
    char events_transactions[TRANSACTION_SIZE];
    char consents_transactions[TRANSACTION_SIZE];
    uv_timer_t tick;
    bool stopping;
};

/* --- dynamics-to-campaign --- */

/* One that cannot be read is as good as none: the deletes go on waiting, and say so. */
static void on_decision(void *context, const char *table, json_t *decision)
{
    struct ferry_writer *writer = context;
    struct ferry_deletion deletion;
    struct ferry_changes *changes = writer->changes ? ferry_duty_cargo(writer->changes) : NULL;
    if (!ferry_deletion_read(decision, &deletion))
        return;
    ferry_log(FERRY_LOG_INFO, "deletes_decided", FERRY_STR("table", table),
              FERRY_STR("verdict", deletion.approved ? "approve" : "drop"),
              FERRY_INT("decision", deletion.decision));
    json_object_set(writer->decisions, table, decision);
    if (changes)
        ferry_changes_decide(changes, table, &deletion);
}

static json_t *mappings_of(const struct ferry_order *order)
{
    json_t *mappings = json_array();
    for (size_t i = 0; i < order->mapping_count; i++)
        json_array_append(mappings, order->mappings[i]->json);
    return mappings;
}

static void on_born(void *context, const char *table, const char *resource, const char *key)
{
    const struct ferry_writer *writer = context;
    struct ferry_consents *consents = writer->consents ? ferry_duty_cargo(writer->consents) : NULL;
    if (consents)
        ferry_consents_born(consents, table, resource, key);
}

static enum ferry_status load_changes(void *context, json_t *mappings, void **ret_cargo,
                                      struct ferry_error *error)
{
    struct ferry_writer *writer = context;
    const struct ferry_writer_settings *settings = writer->settings;
    const struct ferry_changes_options options = {
        .common = &settings->common,
        .campaign = writer->campaign,
        .memory = writer->memory,
        .metrics = writer->metrics,
        .concurrency = (int)settings->campaign.concurrency_max,
        .pair = writer->dataverse ? &writer->pairs[FERRY_SIDE_CAMPAIGN] : NULL,
        .retry_ms = settings->retry_ms,
        .patience_ms = settings->waiting_timeout_s * 1000,
        .brake = {.records = settings->brake_records, .percent = settings->brake_percent},
        .on_born = on_born,
        .context = writer,
    };
    struct ferry_changes *changes;
    struct ferry_deletion deletion;
    const char *table;
    json_t *decision;
    enum ferry_status status = ferry_changes_new(&options, mappings, &changes, error);
    if (status != FERRY_OK)
        return status;
    json_object_foreach (writer->decisions, table, decision)
        if (ferry_deletion_read(decision, &deletion))
            ferry_changes_decide(changes, table, &deletion);
    *ret_cargo = changes;
    return FERRY_OK;
}

/* --- campaign-to-dynamics --- */

static json_t *events_of(const struct ferry_order *order)
{
    return order->events ? json_incref(order->events->json) : NULL;
}

static enum ferry_status refuse_without_dynamics(const char *workflow, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
               "this writer has no setting dynamics.url, which %s needs", workflow);
    ferry_advise(error, "Set the dynamics.* settings of the writer and start it again.");
    return FERRY_INVALID;
}

static enum ferry_status load_events(void *context, json_t *events, void **ret_cargo,
                                     struct ferry_error *error)
{
    struct ferry_writer *writer = context;
    const struct ferry_writer_settings *settings = writer->settings;
    const struct ferry_activities_options options = {
        .common = &settings->common,
        .dataverse = writer->dataverse,
        .metrics = writer->metrics,
        .concurrency = (int)settings->dynamics.concurrency_max,
        .pair = &writer->pairs[FERRY_SIDE_DYNAMICS],
        .batch_size = (size_t)settings->dynamics.batch_size,
        .retry_ms = settings->retry_ms,
    };
    struct ferry_activities *activities;
    if (!writer->dataverse)
        return refuse_without_dynamics(EVENTS, error);
    enum ferry_status status = ferry_activities_new(&options, events, &activities, error);
    if (status == FERRY_OK)
        *ret_cargo = activities;
    return status;
}

/* --- opt-in-out --- */

static json_t *opt_outs_of(const struct ferry_order *order)
{
    return order->consent ? json_incref(order->consent->json) : NULL;
}

static enum ferry_status load_consents(void *context, json_t *opt_outs, void **ret_cargo,
                                       struct ferry_error *error)
{
    struct ferry_writer *writer = context;
    const struct ferry_consents_options options = {
        .common = &writer->settings->common,
        .campaign = writer->campaign,
        .dataverse = writer->dataverse,
        .pairs = {&writer->pairs[FERRY_SIDE_DYNAMICS], &writer->pairs[FERRY_SIDE_CAMPAIGN]},
        .metrics = writer->metrics,
        .retry_ms = writer->settings->retry_ms,
    };
    struct ferry_consents *consents;
    if (!writer->dataverse)
        return refuse_without_dynamics(CONSENTS, error);
    enum ferry_status status = ferry_consents_new(&options, opt_outs, &consents, error);
    if (status == FERRY_OK)
        *ret_cargo = consents;
    return status;
}

/* --- life --- */

static void close_all(struct ferry_writer *writer)
{
    ferry_duty_free(writer->changes);
    ferry_duty_free(writer->events);
    ferry_duty_free(writer->consents);
    ferry_orders_free(writer->orders);
    ferry_reporter_free(writer->reporter);
    ferry_campaign_free(writer->campaign);
    ferry_dataverse_free(writer->dataverse);
    ferry_registry_free(writer->registry);
    ferry_http_free(writer->http);
    ferry_health_free(writer->health);
    ferry_memory_free(writer->memory);
    uv_close((uv_handle_t *)&writer->tick, NULL);
}

static const char *why_not_ready(const void *context)
{
    const struct ferry_writer *writer = context;
    if (writer->stopping)
        return "it is stopping";
    const char *deaf = ferry_orders_deaf(writer->orders);
    if (deaf)
        return deaf;
    if (ferry_duty_joining(writer->changes))
        return "not yet in the consumer group of " CHANGES;
    if (ferry_duty_joining(writer->events))
        return "not yet in the consumer group of " EVENTS;
    if (ferry_duty_joining(writer->consents))
        return "not yet in the consumer group of " CONSENTS;
    return NULL;
}

static void on_tick(uv_timer_t *timer)
{
    struct ferry_writer *writer = timer->data;
    ferry_health_beat(writer->health);
    if (ferry_duty_over(writer->changes) && ferry_duty_over(writer->events) &&
        ferry_duty_over(writer->consents)) {
        close_all(writer);
        return;
    }
    ferry_duty_look(writer->changes);
    ferry_duty_look(writer->events);
    ferry_duty_look(writer->consents);
}

void ferry_writer_stop(struct ferry_writer *writer)
{
    if (writer->stopping)
        return;
    writer->stopping = true;
    ferry_duty_stop(writer->changes);
    ferry_duty_stop(writer->events);
    ferry_duty_stop(writer->consents);
    uv_timer_start(&writer->tick, on_tick, 0, END_TICK_MS);
}

static enum ferry_status open_remotes(struct ferry_writer *writer, struct ferry_error *error)
{
    const struct ferry_writer_settings *settings = writer->settings;
    bool both = settings->dynamics.url != NULL;
    const struct ferry_http_options http = {
        .max_connections =
            (size_t)(settings->campaign.concurrency_max +
                     (both ? settings->dynamics.concurrency_max + CONSENT_CALLS : 0))};
    enum ferry_status status = ferry_http_new(writer->loop, &http, &writer->http, error);
    if (status == FERRY_OK)
        status = ferry_registry_new(writer->http, &settings->common, &writer->registry, error);
    if (status == FERRY_OK)
        status = ferry_campaign_new(writer->http, &settings->campaign, &writer->campaign, error);
    if (status == FERRY_OK && both)
        status = ferry_dataverse_new(writer->http, &settings->dynamics, &writer->dataverse, error);
    return status;
}

static enum ferry_status open_parts(struct ferry_writer *writer, struct ferry_error *error)
{
    const struct ferry_writer_settings *settings = writer->settings;
    enum ferry_status status = ferry_memory_new(settings->state_dir, &writer->memory, error);
    if (status == FERRY_OK)
        status = ferry_health_new(writer->loop, settings->common.health_listen, writer->metrics,
                                  &writer->health, error);
    if (status == FERRY_OK)
        status = open_remotes(writer, error);
    if (status == FERRY_OK)
        status = ferry_reporter_new(writer->loop, &settings->common, &writer->reporter, error);
    if (status == FERRY_OK)
        status = ferry_orders_new(writer->loop, &settings->common, &writer->orders, error);
    return status;
}

static enum ferry_status take_duties(struct ferry_writer *writer, struct ferry_error *error)
{
    struct ferry_duty_options options = {
        .loop = writer->loop,
        .common = &writer->settings->common,
        .registry = writer->registry,
        .metrics = writer->metrics,
        .reporter = writer->reporter,
        .orders = writer->orders,
        .workflow = CHANGES,
        .transactional_id = writer->changes_transactions,
        .request_timeout_ms = writer->settings->campaign.timeout_ms + HTTP_GRACE_MS,
        .kind = &ferry_changes_cargo,
        .content = mappings_of,
        .load = load_changes,
        .on_decision = on_decision,
        .context = writer,
    };
    enum ferry_status status = ferry_duty_new(&options, &writer->changes, error);
    options.workflow = EVENTS;
    options.transactional_id = writer->events_transactions;
    options.request_timeout_ms = BATCH_GRACE_MS;
    options.kind = &ferry_activities_cargo;
    options.content = events_of;
    options.load = load_events;
    options.on_decision = NULL;
    if (status == FERRY_OK)
        status = ferry_duty_new(&options, &writer->events, error);
    options.workflow = CONSENTS;
    options.transactional_id = writer->consents_transactions;
    options.request_timeout_ms = writer->settings->campaign.timeout_ms + HTTP_GRACE_MS;
    options.kind = &ferry_consents_cargo;
    options.content = opt_outs_of;
    options.load = load_consents;
    return status == FERRY_OK ? ferry_duty_new(&options, &writer->consents, error) : status;
}

static void name_transactions(struct ferry_writer *writer)
{
    const struct ferry_common *common = &writer->settings->common;
    snprintf(writer->changes_transactions, TRANSACTION_SIZE, "%s.writer.%s", common->instance,
             common->worker_name);
    snprintf(writer->events_transactions, TRANSACTION_SIZE, "%s.writer.%s/" EVENTS,
             common->instance, common->worker_name);
    snprintf(writer->consents_transactions, TRANSACTION_SIZE, "%s.writer.%s/" CONSENTS,
             common->instance, common->worker_name);
}

enum ferry_status ferry_writer_new(uv_loop_t *loop, const struct ferry_writer_settings *settings,
                                   struct ferry_writer **ret_writer, struct ferry_error *error)
{
    struct ferry_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    writer->loop = loop;
    writer->settings = settings;
    writer->metrics = ferry_metrics_new();
    writer->decisions = json_object();
    uv_timer_init(loop, &writer->tick);
    writer->tick.data = writer;
    name_transactions(writer);
    enum ferry_status status = open_parts(writer, error);
    if (status == FERRY_OK)
        status = take_duties(writer, error);
    if (status != FERRY_OK) {
        close_all(writer);
        uv_run(loop, UV_RUN_DEFAULT);
        ferry_writer_free(writer);
        return status;
    }
    ferry_health_ask(writer->health, why_not_ready, writer);
    uv_timer_start(&writer->tick, on_tick, TICK_MS, TICK_MS);
    *ret_writer = writer;
    return FERRY_OK;
}

void ferry_writer_free(struct ferry_writer *writer)
{
    if (!writer)
        return;
    json_decref(writer->decisions);
    ferry_metrics_free(writer->metrics);
    free(writer);
}
