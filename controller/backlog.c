#include "controller/backlog.h"

#include "controller/backlog_age.h"
#include "controller/workflow.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define EVERY_MS     1000
#define TIMEOUT_MS   5000
#define AGE_EVERY_MS 5000 /* looked at less often: it takes a message of each partition */
#define AGE_MS       1000
#define STALE_MS     10000 /* an older answer is no answer */
#define SMOOTHING    0.1   /* of the rate: what a new second counts */

struct table {
    struct table *next;
    const char *workflow; /* of ferry_workflows */
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
    rd_kafka_t *client; /* asks read_uncommitted: the end includes what is still open */
    struct table *tables;
    uv_work_t work;
    uv_timer_t timer;
    struct ferry_error error;
    bool busy;
    bool freed;
    bool timer_open;
    bool silent; /* the last question was not answered, and that was logged */
};

/* It consumes a message here and there, to see how old it is. */
static const struct ferry_kafka_option uncommitted[] = {{"isolation.level", "read_uncommitted"},
                                                        {"fetch.message.max.bytes", "16384"},
                                                        {"queued.min.messages", "1"},
                                                        {NULL, NULL}};

/* --- in a thread --- */

/* Committed offsets of all 8 partitions; -1001 (INVALID) where the group has none. */
static rd_kafka_topic_partition_list_t *ask_committed(struct ferry_backlog *backlog,
                                                      const struct table *table)
{
    char group[FERRY_TOPIC_SIZE];
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);
    rd_kafka_topic_partition_list_t *found = NULL;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(backlog->client);
    rd_kafka_ListConsumerGroupOffsets_t *request;
    rd_kafka_event_t *event;
    size_t count = 0;

    snprintf(group, sizeof group, "%s.%s", backlog->common->instance, table->workflow);
    rd_kafka_topic_partition_list_add_range(list, table->topic, 0, FERRY_DATA_PARTITIONS - 1);
    request = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_ListConsumerGroupOffsets(backlog->client, &request, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event && !rd_kafka_event_error(event)) {
        const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);

        if (count == 1 && !rd_kafka_group_result_error(groups[0]))
            found = rd_kafka_topic_partition_list_copy(rd_kafka_group_result_partitions(groups[0]));
    }
    if (!found)
        ferry_fail(&backlog->error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "Kafka: cannot ask for the offsets of group %s", group);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return found;
}

/* Where a partition begins or ends: `which` is RD_KAFKA_OFFSET_BEGINNING or _END, which the
 * protocol takes in place of a time. */
static rd_kafka_topic_partition_list_t *ask_edge(struct ferry_backlog *backlog,
                                                 const struct table *table, int64_t which)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);
    rd_kafka_resp_err_t code;

    rd_kafka_topic_partition_list_add_range(list, table->topic, 0, FERRY_DATA_PARTITIONS - 1);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    code = rd_kafka_offsets_for_times(backlog->client, list, TIMEOUT_MS);
    for (int i = 0; i < list->cnt && !code; i++)
        code = list->elems[i].err;
    if (!code)
        return list;
    (void)ferry_kafka_fail(&backlog->error, table->topic, code);
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

/* A partition in which nothing was ever committed waits from its beginning. Adds where each
 * partition that has a backlog begins to wait. */
static bool count_up(struct ferry_backlog *backlog, struct table *table,
                     const rd_kafka_topic_partition_list_t *committed,
                     const rd_kafka_topic_partition_list_t *ends,
                     rd_kafka_topic_partition_list_t *waiting)
{
    rd_kafka_topic_partition_list_t *begins = NULL;

    table->new_lag = 0;
    table->new_committed = 0;
    for (int i = 0; i < ends->cnt; i++) {
        int partition = ends->elems[i].partition;
        const rd_kafka_topic_partition_list_t *from = committed;
        const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
            (rd_kafka_topic_partition_list_t *)(uintptr_t)from, table->topic, partition);

        if (!at || at->offset < 0) {
            if (!begins && !(begins = ask_edge(backlog, table, RD_KAFKA_OFFSET_BEGINNING)))
                return false;
            at = rd_kafka_topic_partition_list_find(begins, table->topic, partition);
        }
        if (at && ends->elems[i].offset > at->offset) {
            table->new_lag += ends->elems[i].offset - at->offset;
            rd_kafka_topic_partition_list_add(waiting, table->topic, partition)->offset =
                at->offset;
        }
        table->new_committed += at ? at->offset : 0;
    }
    if (begins)
        rd_kafka_topic_partition_list_destroy(begins);
    return true;
}

static void look_at_age(struct ferry_backlog *backlog, struct table *table,
                        const rd_kafka_topic_partition_list_t *waiting)
{
    if (waiting->cnt == 0) {
        table->new_oldest_at = 0;
        table->aged_at = 0;
    } else if (table->aged_at == 0 || ferry_boot_ms() - table->aged_at >= AGE_EVERY_MS) {
        table->new_oldest_at = ferry_backlog_age(backlog->client, waiting, AGE_MS);
        table->aged_at = ferry_boot_ms();
    }
}

static void ask_table(struct ferry_backlog *backlog, struct table *table)
{
    /* First what is committed, then the ends: a backlog may be overstated for a moment, never
     * understated. */
    rd_kafka_topic_partition_list_t *committed = ask_committed(backlog, table);
    rd_kafka_topic_partition_list_t *ends =
        committed ? ask_edge(backlog, table, RD_KAFKA_OFFSET_END) : NULL;

    rd_kafka_topic_partition_list_t *waiting =
        rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);

    table->answered = ends && count_up(backlog, table, committed, ends, waiting);
    if (table->answered)
        look_at_age(backlog, table, waiting);
    rd_kafka_topic_partition_list_destroy(waiting);
    if (ends)
        rd_kafka_topic_partition_list_destroy(ends);
    if (committed)
        rd_kafka_topic_partition_list_destroy(committed);
}

/* What the library tells of lost brokers would pile up. */
static void drain(rd_kafka_t *client)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(client, 0)))
        rd_kafka_message_destroy(message);
}

static void ask_in_thread(uv_work_t *work)
{
    struct ferry_backlog *backlog = work->data;
    struct table *table;

    drain(backlog->client);
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
    ferry_kafka_destroy(backlog->client);
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
        if (strcmp(table->workflow, workflow) == 0 && strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static void want(struct ferry_backlog *backlog, const char *workflow,
                 const struct ferry_stream *stream)
{
    struct table *table = find(backlog, workflow, stream->name);

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
        want(backlog, workflow->id, &stream);
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
    enum ferry_status status;

    if (!backlog)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the backlog");
    backlog->loop = loop;
    backlog->common = common;
    backlog->options = *options;
    backlog->work.data = backlog;
    /* A consumer also because ListConsumerGroupOffsets crashes a client without a
     * group when the coordinator has moved (librdkafka #5040). */
    status = ferry_kafka_new(common, FERRY_KAFKA_LOG_CONSUMER, "backlog", uncommitted, NULL, NULL,
                             &backlog->client, error);
    if (status != FERRY_OK) {
        free(backlog);
        return status;
    }
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
