#include "consumers/writer.h"

#include "consumers/run.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/control/report.h"
#include "core/io/health.h"
#include "core/io/registry.h"

#include <stdio.h>
#include <stdlib.h>

#define WORKFLOW      "dynamics-to-campaign"
#define TICK_MS       500
#define HTTP_GRACE_MS 5000 /* beyond the time-out of a request */

struct ferry_writer {
    uv_loop_t *loop;
    const struct ferry_writer_settings *settings;
    struct ferry_metrics *metrics;
    struct ferry_health *health;
    struct ferry_http *http;
    struct ferry_registry *registry; /* NULL: none is set */
    struct ferry_campaign *campaign;
    struct ferry_memory *memory;
    struct ferry_reporter *reporter;
    struct ferry_report *report;
    struct ferry_orders *orders;
    struct ferry_run *run;     /* NULL: nothing is to be done */
    struct ferry_order wanted; /* the latest, without its strings */
    json_t *mappings;          /* of the latest order */
    json_t *decisions;         /* about deletes: {"contact": [number, approved]} */
    uv_timer_t tick;
    struct ferry_error trouble; /* of orders, or of starting a run */
    bool troubled;
    bool stopping;
    bool closed;
};

static void look(struct ferry_writer *writer);

/* --- reports --- */

static enum ferry_task_state state_of(const struct ferry_writer *writer)
{
    const struct ferry_run *run = writer->run;
    if (!run)
        return FERRY_TASK_STOPPED;
    if (ferry_run_error(run))
        return FERRY_TASK_FAILED;
    if (ferry_run_going(run))
        return FERRY_TASK_RUNNING;
    return ferry_run_ready(run) ? FERRY_TASK_READY : FERRY_TASK_PREPARING;
}

static void publish(struct ferry_writer *writer)
{
    struct ferry_run *run = writer->run;
    int64_t retry_at = 0;
    const struct ferry_error *warning = run ? ferry_run_warning(run, &retry_at) : NULL;
    if (!warning && writer->troubled)
        warning = &writer->trouble;
    int64_t generation = run ? ferry_run_generation(run) : writer->wanted.generation;
    ferry_report_error(writer->report, run ? ferry_run_error(run) : NULL);
    ferry_report_warning(writer->report, warning, retry_at);
    ferry_report_partitions(writer->report, run ? ferry_run_partitions(run) : json_object());
    if (run)
        ferry_report_counters(writer->report, ferry_run_counters(run));
    ferry_report_state(writer->report, generation, state_of(writer));
    ferry_health_ready(writer->health, !writer->stopping);
}

static void on_run_change(void *context)
{
    struct ferry_writer *writer = context;
    if (writer->run)
        publish(writer);
}

/* --- obeying --- */

static void on_run_stopped(void *context)
{
    struct ferry_writer *writer = context;
    ferry_log(FERRY_LOG_INFO, "stopped", FERRY_STR("workflow", WORKFLOW),
              FERRY_INT("generation", ferry_run_generation(writer->run)));
    ferry_report_counters(writer->report, ferry_run_counters(writer->run));
    ferry_run_free(writer->run);
    writer->run = NULL;
    publish(writer);
    look(writer);
}

static void decide(struct ferry_writer *writer, const char *table, const json_t *decision)
{
    ferry_run_decide(writer->run, table, json_integer_value(json_array_get(decision, 0)),
                     json_is_true(json_array_get(decision, 1)));
}

static void decide_all(struct ferry_writer *writer)
{
    const char *table;
    json_t *decision;
    json_object_foreach (writer->decisions, table, decision)
        decide(writer, table, decision);
}

static bool wants_run(const struct ferry_writer *writer)
{
    return !writer->stopping &&
           (writer->wanted.phase == FERRY_PHASE_PREPARE || writer->wanted.phase == FERRY_PHASE_GO);
}

static void start_run(struct ferry_writer *writer)
{
    const struct ferry_writer_settings *settings = writer->settings;
    const struct ferry_run_options options = {
        .loop = writer->loop,
        .common = &settings->common,
        .campaign = writer->campaign,
        .memory = writer->memory,
        .registry = writer->registry,
        .metrics = writer->metrics,
        .concurrency = (int)settings->campaign.concurrency_max,
        .retry_ms = settings->retry_ms,
        .request_timeout_ms = settings->campaign.timeout_ms + HTTP_GRACE_MS,
        .patience_ms = settings->waiting_timeout_s * 1000,
        .brake = {.records = settings->brake_records, .percent = settings->brake_percent},
        .on_change = on_run_change,
        .on_stopped = on_run_stopped,
        .context = writer,
    };
    ferry_log(FERRY_LOG_INFO, "preparing", FERRY_STR("workflow", WORKFLOW),
              FERRY_INT("generation", writer->wanted.generation));
    writer->troubled = ferry_run_new(&options, WORKFLOW, writer->wanted.generation,
                                     writer->mappings, &writer->run, &writer->trouble) != FERRY_OK;
    if (writer->troubled)
        ferry_log(FERRY_LOG_ERROR, "cannot_prepare", FERRY_STR("text", writer->trouble.message));
    else
        decide_all(writer);
    publish(writer);
}

/* Compares what is wanted with what is, and makes one step towards it. */
static void look(struct ferry_writer *writer)
{
    struct ferry_run *run = writer->run;
    if (!run && wants_run(writer))
        start_run(writer);
    else if (run && (!wants_run(writer) || ferry_run_generation(run) != writer->wanted.generation))
        ferry_run_stop(run);
    if (writer->run && wants_run(writer) && writer->wanted.phase == FERRY_PHASE_GO)
        ferry_run_go(writer->run);
}

static void copy_mappings(struct ferry_writer *writer, const struct ferry_order *order)
{
    json_decref(writer->mappings);
    writer->mappings = json_array();
    for (size_t i = 0; i < order->mapping_count; i++)
        json_array_append(writer->mappings, order->mappings[i]->json);
}

static void on_order(void *context, const struct ferry_order *order)
{
    struct ferry_writer *writer = context;
    ferry_log(FERRY_LOG_INFO, "order", FERRY_STR("workflow", order->workflow),
              FERRY_INT("generation", order->generation),
              FERRY_STR("phase", ferry_phase_name(order->phase)));
    writer->wanted.generation = order->generation;
    writer->wanted.phase = order->phase;
    writer->troubled = false;
    copy_mappings(writer, order);
    look(writer);
    publish(writer);
}

static void on_decision(void *context, const char *table, int64_t number, bool approved)
{
    struct ferry_writer *writer = context;
    json_t *decision = json_pack("[I, b]", (json_int_t)number, approved);
    ferry_log(FERRY_LOG_INFO, "deletes_decided", FERRY_STR("table", table),
              FERRY_STR("verdict", approved ? "approve" : "drop"), FERRY_INT("decision", number));
    json_object_set_new(writer->decisions, table, decision);
    if (writer->run)
        decide(writer, table, decision);
}

static void on_orders_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_writer *writer = context;
    ferry_log(FERRY_LOG_WARN, "orders", FERRY_STR("text", error->message));
    writer->trouble = *error;
    writer->troubled = true;
    publish(writer);
}

/* --- life --- */

static void close_all(struct ferry_writer *writer)
{
    writer->closed = true;
    ferry_orders_free(writer->orders);
    ferry_report_free(writer->report);
    ferry_reporter_free(writer->reporter);
    ferry_campaign_free(writer->campaign);
    ferry_registry_free(writer->registry);
    ferry_http_free(writer->http);
    ferry_health_free(writer->health);
    ferry_memory_free(writer->memory);
    uv_close((uv_handle_t *)&writer->tick, NULL);
}

static void on_tick(uv_timer_t *timer)
{
    struct ferry_writer *writer = timer->data;
    ferry_health_beat(writer->health);
    look(writer);
    if (writer->stopping && !writer->run) {
        close_all(writer);
        return;
    }
    publish(writer);
}

void ferry_writer_stop(struct ferry_writer *writer)
{
    if (writer->stopping)
        return;
    writer->stopping = true;
    look(writer);
    uv_timer_start(&writer->tick, on_tick, 0, 50);
}

static enum ferry_status open_parts(struct ferry_writer *writer, struct ferry_error *error)
{
    const struct ferry_writer_settings *settings = writer->settings;
    const struct ferry_http_options http = {.max_connections =
                                                (size_t)settings->campaign.concurrency_max};
    enum ferry_status status = ferry_memory_new(settings->state_dir, &writer->memory, error);
    if (status == FERRY_OK)
        status = ferry_health_new(writer->loop, settings->common.health_listen, writer->metrics,
                                  &writer->health, error);
    if (status == FERRY_OK)
        status = ferry_http_new(writer->loop, &http, &writer->http, error);
    if (status == FERRY_OK)
        status = ferry_registry_new(writer->http, &settings->common, &writer->registry, error);
    if (status == FERRY_OK)
        status = ferry_campaign_new(writer->http, &settings->campaign, &writer->campaign, error);
    return status;
}

static enum ferry_status open_control(struct ferry_writer *writer, struct ferry_error *error)
{
    const struct ferry_common *common = &writer->settings->common;
    const struct ferry_orders_options options = {
        .workflow = WORKFLOW,
        .on_order = on_order,
        .on_decision = on_decision,
        .on_trouble = on_orders_trouble,
        .context = writer,
    };
    char task[256];
    snprintf(task, sizeof task, "%s/writer/%s", WORKFLOW, common->worker_name);
    enum ferry_status status = ferry_reporter_new(writer->loop, common, &writer->reporter, error);
    if (status == FERRY_OK)
        status =
            ferry_report_new(writer->reporter, WORKFLOW, "writer", task, &writer->report, error);
    if (status == FERRY_OK)
        status = ferry_orders_new(writer->loop, common, &options, &writer->orders, error);
    return status;
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
    enum ferry_status status = open_parts(writer, error);
    if (status == FERRY_OK)
        status = open_control(writer, error);
    if (status != FERRY_OK) {
        close_all(writer);
        uv_run(loop, UV_RUN_DEFAULT);
        ferry_writer_free(writer);
        return status;
    }
    uv_timer_start(&writer->tick, on_tick, TICK_MS, TICK_MS);
    *ret_writer = writer;
    return FERRY_OK;
}

void ferry_writer_free(struct ferry_writer *writer)
{
    if (!writer)
        return;
    json_decref(writer->mappings);
    json_decref(writer->decisions);
    ferry_metrics_free(writer->metrics);
    free(writer);
}
