#include "core/control/report.h"

#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HEARTBEAT_MS 2000
#define LAST_WORD_MS 1000

static const char *const state_names[] = {"PREPARING", "READY", "RUNNING", "STOPPED", "FAILED"};

struct ferry_report {
    struct ferry_reporter *reporter;
    struct ferry_report *next;
    char *task;
    json_t *document;
    enum ferry_task_state state;
    int64_t generation;
    int64_t sent_at; /* boot ms */
    bool changed;
};

struct ferry_reporter {
    rd_kafka_t *producer;
    struct ferry_kafka_wake *wake;
    char topic[FERRY_TOPIC_SIZE];
    char *worker;
    struct ferry_report *reports;
    uv_timer_t timer;      /* heartbeats */
    uv_prepare_t turn_end; /* before the loop waits: one message for all changes of a turn */
    int open_handles;
};

const char *ferry_task_state_name(enum ferry_task_state state)
{
    return (size_t)state < sizeof state_names / sizeof state_names[0] ? state_names[state] : "?";
}

static void publish(struct ferry_report *report)
{
    struct ferry_reporter *reporter = report->reporter;
    json_object_set_new(report->document, "heartbeatAt", json_integer(ferry_wall_ms()));
    char *text = json_dumps(report->document, JSON_COMPACT);
    if (!text)
        return; /* the next heartbeat tries again */
    rd_kafka_resp_err_t code = rd_kafka_producev(
        reporter->producer, RD_KAFKA_V_TOPIC(reporter->topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_KEY(report->task, strlen(report->task)), RD_KAFKA_V_VALUE(text, strlen(text)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    free(text);
    report->sent_at = ferry_boot_ms();
    report->changed = code != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_turn_end(uv_prepare_t *prepare)
{
    struct ferry_reporter *reporter = prepare->data;
    struct ferry_report *report;
    LL_FOREACH (reporter->reports, report) {
        if (report->changed)
            publish(report);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_reporter *reporter = timer->data;
    struct ferry_report *report;
    LL_FOREACH (reporter->reports, report) {
        /* What has no state yet has nothing to repeat. */
        if (report->sent_at != 0 && ferry_boot_ms() - report->sent_at >= HEARTBEAT_MS)
            publish(report);
    }
}

static void on_wake(void *context)
{
    rd_kafka_poll(((struct ferry_reporter *)context)->producer, 0);
}

static enum ferry_status open_producer(struct ferry_reporter *reporter, uv_loop_t *loop,
                                       const struct ferry_common *common, struct ferry_error *error)
{
    /* A state that could not be sent for 10 s is stale: the next heartbeat says it better. */
    static const struct ferry_kafka_option extras[] = {
        {"message.timeout.ms", "10000"}, {"queue.buffering.max.kbytes", "1024"}, {NULL, NULL}};
    enum ferry_status status = ferry_kafka_new(common, FERRY_KAFKA_PLAIN, "status", extras, NULL,
                                               NULL, &reporter->producer, error);
    if (status == FERRY_OK)
        status = ferry_kafka_wake_new(loop, reporter->producer, 1000, on_wake, reporter,
                                      &reporter->wake, error);
    return status;
}

enum ferry_status ferry_reporter_new(uv_loop_t *loop, const struct ferry_common *common,
                                     struct ferry_reporter **ret_reporter,
                                     struct ferry_error *error)
{
    struct ferry_reporter *reporter = calloc(1, sizeof *reporter);
    if (!reporter || !(reporter->worker = strdup(common->worker_name))) {
        free(reporter);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_STATUS, NULL},
                     reporter->topic);
    enum ferry_status status = open_producer(reporter, loop, common, error);
    if (status != FERRY_OK) {
        ferry_kafka_destroy(reporter->producer);
        free(reporter->worker);
        free(reporter);
        return status;
    }
    uv_timer_init(loop, &reporter->timer);
    uv_prepare_init(loop, &reporter->turn_end);
    reporter->timer.data = reporter;
    reporter->turn_end.data = reporter;
    reporter->open_handles = 2;
    uv_timer_start(&reporter->timer, on_timer, HEARTBEAT_MS / 4, HEARTBEAT_MS / 4);
    uv_prepare_start(&reporter->turn_end, on_turn_end);
    *ret_reporter = reporter;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_reporter *reporter = handle->data;
    if (--reporter->open_handles == 0) {
        free(reporter->worker);
        free(reporter);
    }
}

void ferry_reporter_free(struct ferry_reporter *reporter)
{
    if (!reporter)
        return;
    on_turn_end(&reporter->turn_end);
    while (reporter->reports)
        ferry_report_free(reporter->reports);
    ferry_kafka_wake_free(reporter->wake);
    rd_kafka_flush(reporter->producer, LAST_WORD_MS);
    ferry_kafka_destroy(reporter->producer);
    uv_close((uv_handle_t *)&reporter->timer, on_closed);
    uv_close((uv_handle_t *)&reporter->turn_end, on_closed);
}

enum ferry_status ferry_report_new(struct ferry_reporter *reporter, const char *workflow,
                                   const char *role, const char *task,
                                   struct ferry_report **ret_report, struct ferry_error *error)
{
    struct ferry_report *report = calloc(1, sizeof *report);
    if (report) {
        report->task = strdup(task);
        report->document = json_pack("{ss ss ss ss sn sn}", "task", task, "workflow", workflow,
                                     "role", role, "worker", reporter->worker, "error", "warning");
    }
    if (!report || !report->task || !report->document) {
        ferry_report_free(report);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    report->reporter = reporter;
    LL_PREPEND(reporter->reports, report);
    *ret_report = report;
    return FERRY_OK;
}

void ferry_report_free(struct ferry_report *report)
{
    if (!report)
        return;
    if (report->reporter)
        LL_DELETE(report->reporter->reports, report);
    free(report->task);
    json_decref(report->document);
    free(report);
}

static void change(struct ferry_report *report, const char *key, json_t *value)
{
    json_t *before = json_object_get(report->document, key);
    if (!json_equal(before, value))
        report->changed = true;
    json_object_set_new(report->document, key, value);
}

void ferry_report_state(struct ferry_report *report, int64_t generation,
                        enum ferry_task_state state)
{
    report->state = state;
    report->generation = generation;
    change(report, "generation", json_integer(generation));
    change(report, "state", json_string(ferry_task_state_name(state)));
}

enum ferry_task_state ferry_report_current(const struct ferry_report *report)
{
    return report->state;
}

static json_t *error_document(const struct ferry_error *error)
{
    if (!error)
        return json_null();
    return json_pack("{ss ss ss}", "class", ferry_class_name(error->class), "message",
                     error->message, "action", error->action);
}

void ferry_report_error(struct ferry_report *report, const struct ferry_error *error)
{
    change(report, "error", error_document(error));
}

void ferry_report_warning(struct ferry_report *report, const struct ferry_error *error,
                          int64_t retry_at)
{
    json_t *document = error_document(error);
    if (error && retry_at > 0)
        json_object_set_new(document, "retryAt", json_integer(retry_at));
    change(report, "warning", document);
}

void ferry_report_partitions(struct ferry_report *report, json_t *partitions)
{
    change(report, "partitions", partitions);
}

void ferry_report_counters(struct ferry_report *report, json_t *counters)
{
    json_object_set_new(report->document, "counters", counters);
}
