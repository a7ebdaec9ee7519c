#include "controller/backlog.h"

#include "controller/backlog_age.h"
#include "controller/lag.h"
#include "controller/workflow.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define EVERY_MS     1000
#define AGE_EVERY_MS 5000 /* looked at less often: it takes a message of each partition */
#define AGE_MS       1000
#define STALE_MS     10000 /* an older answer is no answer */
#define SMOOTHING    0.1   /* of the rate: what a new second counts */

struct table {
    struct table *next;
    const struct ferry_workflow *workflow;
    char name[FERRY_TOPIC_SIZE];
    char topic[FERRY_TOPIC_SIZE];
    int64_t lag;
    int64_t committed; /* over all partitions; -1: never known */
    int64_t asked_at;  /* boot ms */
    int64_t oldest_at; /* wall ms: when the oldest of it was put there; 0: nothing, or not known */
    double rate;
    bool wanted;
    /* of the question under way: */
    int64_t new_lag;
    int64_t new_committed;
    int64_t new_oldest_at;
    int64_t aged_at; /* boot ms: when oldest_at was last looked at */
    bool answered;
};

struct ferry_backlog {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_backlog_options options;
    struct ferry_lag *lags[FERRY_WORKFLOW_COUNT]; /* in their order; NULL: not yet asked */
    struct table *tables;
    uv_work_t work;
    uv_timer_t timer;
    struct ferry_error error;
    bool busy;
    bool freed;
    bool timer_open;
    bool silent; /* the last question was not answered, and that was logged */
};

/* --- in a thread --- */

/* NULL: a client cannot be made. A workflow that has no streams needs none. */
static struct ferry_lag *lag_of(struct ferry_backlog *backlog,
                                const struct ferry_workflow *workflow)
{
    struct ferry_lag **lag = &backlog->lags[workflow - ferry_workflows];

    if (!*lag && ferry_lag_new(backlog->common, workflow->id, lag, &backlog->error) != FERRY_OK)
        return NULL;
    return *lag;
}

static void look_at_age(const struct ferry_lag *lag, struct table *table,
                        const rd_kafka_topic_partition_list_t *waiting)
{
    if (waiting->cnt == 0) {
        table->new_oldest_at = 0;
        table->aged_at = 0;
    } else if (table->aged_at == 0 || ferry_boot_ms() - table->aged_at >= AGE_EVERY_MS) {
        table->new_oldest_at = ferry_backlog_age(ferry_lag_client(lag), waiting, AGE_MS);
        table->aged_at = ferry_boot_ms();
    }
}

static void ask_table(struct ferry_backlog *backlog, struct table *table)
{
    struct ferry_lag *lag = lag_of(backlog, table->workflow);
    struct ferry_lag_view view;

    table->answered = lag && ferry_lag_ask(lag, table->topic, &view, &backlog->error) == FERRY_OK;
    if (!table->answered)
        return;
    table->new_lag = view.records;
    table->new_committed = view.committed;
    look_at_age(lag, table, view.waiting);
    rd_kafka_topic_partition_list_destroy(view.waiting);
}

static void ask_in_thread(uv_work_t *work)
{
    struct ferry_backlog *backlog = work->data;
    struct table *table;

    ferry_error_clear(&backlog->error);
    LL_FOREACH (backlog->tables, table)
        ask_table(backlog, table);
}

/* --- on the loop --- */

static void take_answer(struct table *table, int64_t now)
{
    double seconds = (double)(now - table->asked_at) / 1000;

    if (table->committed >= 0 && seconds > 0) {
        double rate = (double)(table->new_committed - table->committed) / seconds;

        table->rate += SMOOTHING * ((rate > 0 ? rate : 0) - table->rate);
    }
    table->lag = table->new_lag;
    table->committed = table->new_committed;
    table->oldest_at = table->new_oldest_at;
    table->asked_at = now;
}

static void release(struct ferry_backlog *backlog)
{
    struct table *table;
    struct table *next;

    if (!backlog->freed || backlog->busy || backlog->timer_open)
        return;
    LL_FOREACH_SAFE (backlog->tables, table, next)
        free(table);
    for (int w = 0; w < FERRY_WORKFLOW_COUNT; w++)
        ferry_lag_free(backlog->lags[w]);
    free(backlog);
}

static void log_silence(struct ferry_backlog *backlog)
{
    bool silent = backlog->error.message[0] != '\0';

    if (silent && !backlog->silent)
        ferry_log(FERRY_LOG_WARN, "backlog_unknown", FERRY_STR("message", backlog->error.message),
                  FERRY_STR("then", "retrying"));
    backlog->silent = silent;
}

static void on_asked(uv_work_t *work, int status)
{
    struct ferry_backlog *backlog = work->data;
    int64_t now = ferry_boot_ms();
    struct table *table;

    (void)status;
    backlog->busy = false;
    LL_FOREACH (backlog->tables, table)
        if (table->answered)
            take_answer(table, now);
    if (!backlog->freed)
        log_silence(backlog);
    release(backlog);
}

static struct table *find(const struct ferry_backlog *backlog, const char *workflow,
                          const char *name)
{
    struct table *table;

    LL_FOREACH (backlog->tables, table)
        if (strcmp(table->workflow->id, workflow) == 0 && strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static void want(struct ferry_backlog *backlog, const struct ferry_workflow *workflow,
                 const struct ferry_stream *stream)
{
    struct table *table = find(backlog, workflow->id, stream->name);

    if (!table) {
        table = calloc(1, sizeof *table);
        if (!table)
            return;
        table->workflow = workflow;
        table->committed = -1;
        snprintf(table->name, sizeof table->name, "%s", stream->name);
        ferry_topic_name(backlog->common->instance, stream->topics[0], table->topic);
        LL_APPEND(backlog->tables, table);
    }
    table->wanted = true;
}

static void want_streams(struct ferry_backlog *backlog, const struct ferry_workflow *workflow)
{
    const json_t *order = backlog->options.order(backlog->options.context, workflow->id);
    struct ferry_stream stream;

    for (size_t i = 0; ferry_workflow_stream(workflow, order, i, &stream); i++)
        want(backlog, workflow, &stream);
}

static void choose_tables(struct ferry_backlog *backlog)
{
    struct table *table;
    struct table *next;

    LL_FOREACH (backlog->tables, table)
        table->wanted = false;
    for (int w = 0; w < FERRY_WORKFLOW_COUNT; w++)
        want_streams(backlog, &ferry_workflows[w]);
    LL_FOREACH_SAFE (backlog->tables, table, next) {
        if (!table->wanted) {
            LL_DELETE(backlog->tables, table);
            free(table);
        }
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_backlog *backlog = timer->data;

    if (backlog->busy)
        return;
    choose_tables(backlog);
    if (!backlog->tables)
        return;
    backlog->busy = true;
    uv_queue_work(backlog->loop, &backlog->work, ask_in_thread, on_asked);
}

struct ferry_backlog_view ferry_backlog_of(const struct ferry_backlog *backlog,
                                           const char *workflow, const char *stream)
{
    struct ferry_backlog_view view = {.known = false};
    const struct table *found = find(backlog, workflow, stream);

    if (!found || found->committed < 0 || ferry_boot_ms() - found->asked_at > STALE_MS)
        return view;
    return (struct ferry_backlog_view){true, found->lag, found->oldest_at, found->rate};
}

enum ferry_status ferry_backlog_new(uv_loop_t *loop, const struct ferry_common *common,
                                    const struct ferry_backlog_options *options,
                                    struct ferry_backlog **ret_backlog, struct ferry_error *error)
{
    struct ferry_backlog *backlog = calloc(1, sizeof *backlog);

    if (!backlog)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the backlog");
    backlog->loop = loop;
    backlog->common = common;
    backlog->options = *options;
    backlog->work.data = backlog;
    uv_timer_init(loop, &backlog->timer);
    backlog->timer.data = backlog;
    backlog->timer_open = true;
    uv_timer_start(&backlog->timer, on_timer, 0, EVERY_MS);
    *ret_backlog = backlog;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_backlog *backlog = handle->data;

    backlog->timer_open = false;
    release(backlog);
}

void ferry_backlog_free(struct ferry_backlog *backlog)
{
    if (!backlog)
        return;
    backlog->freed = true;
    uv_close((uv_handle_t *)&backlog->timer, on_closed);
}
