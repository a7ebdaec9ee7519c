#include "controller/rejects.h"

#include "controller/reply.h"
#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STANDARD_LIMIT 20
#define ASK_TIMEOUT_MS 5000
#define DEADLINE_MS    15000
#define POLL_MS        200
#define WIDER          8 /* offsets are not records: markers and compaction leave holes */

struct question {
    struct question *prev;
    struct question *next;
    struct ferry_rejects *rejects;
    struct ferry_server_exchange *exchange; /* NULL: nobody waits any more */
    uv_work_t work;
    char topic[FERRY_TOPIC_SIZE];
    long limit;
    bool values;
    json_t *items; /* oldest first while reading */
    enum ferry_status status;
    struct ferry_error error;
};

struct ferry_rejects {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct question *first;
    bool freed;
};

/* --- in a thread --- */

static void keep(struct question *question, const rd_kafka_message_t *message)
{
    if (!message->payload)
        return; /* a tombstone: it was sent again */
    json_array_append_new(question->items, ferry_reject_view(message, question->values));
    if (json_array_size(question->items) > (size_t)question->limit)
        json_array_remove(question->items, 0);
}

static enum ferry_status read_from(struct question *question, rd_kafka_t *client, int64_t start)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t deadline = ferry_boot_ms() + DEADLINE_MS;
    rd_kafka_resp_err_t code;

    json_array_clear(question->items);
    rd_kafka_topic_partition_list_add(list, question->topic, 0)->offset = start;
    code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    while (!code && ferry_boot_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        rd_kafka_resp_err_t end = message ? message->err : RD_KAFKA_RESP_ERR_NO_ERROR;

        if (message && !end)
            keep(question, message);
        if (message)
            rd_kafka_message_destroy(message);
        if (end == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            return FERRY_OK;
    }
    return ferry_kafka_fail(&question->error, question->topic,
                            code ? code : RD_KAFKA_RESP_ERR__TIMED_OUT);
}

static bool is_unknown_topic(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* From ever further back, until enough was found or there is no more. */
static enum ferry_status read_newest(struct question *question, rd_kafka_t *client)
{
    int64_t span = 2 * (int64_t)question->limit + 16;
    enum ferry_status status;
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t code = ferry_kafka_edge(client, question->topic, 0,
                                                RD_KAFKA_OFFSET_BEGINNING, &low, ASK_TIMEOUT_MS);

    if (!code)
        code = ferry_kafka_edge(client, question->topic, 0, RD_KAFKA_OFFSET_END, &high,
                                ASK_TIMEOUT_MS);
    if (is_unknown_topic(code) || (!code && low >= high))
        return FERRY_OK; /* the workflow was never started, or nothing was ever rejected */
    if (code)
        return ferry_kafka_fail(&question->error, question->topic, code);
    for (;; span *= WIDER) {
        int64_t start = high - span > low ? high - span : low;

        status = read_from(question, client, start);
        if (status != FERRY_OK || start == low ||
            json_array_size(question->items) >= (size_t)question->limit)
            return status;
    }
}

static void read_in_thread(uv_work_t *work)
{
    struct question *question = work->data;
    rd_kafka_t *client = NULL;

    question->status = ferry_kafka_new(question->rejects->common, FERRY_KAFKA_LOG_CONSUMER,
                                       "rejects", NULL, NULL, NULL, &client, &question->error);
    if (question->status == FERRY_OK)
        question->status = read_newest(question, client);
    ferry_kafka_destroy(client);
}

/* --- on the loop --- */

static void release(struct ferry_rejects *rejects)
{
    if (rejects->freed && !rejects->first)
        free(rejects);
}

static void answer(const struct question *question)
{
    json_t *items = json_array();

    if (question->status != FERRY_OK) {
        json_decref(items);
        ferry_reply_problem(question->exchange, 503, &question->error, NULL);
        return;
    }
    for (size_t i = json_array_size(question->items); i > 0; i--)
        json_array_append(items, json_array_get(question->items, i - 1));
    ferry_reply_json(question->exchange, 200, json_pack("{s:o}", "items", items));
}

static void on_read(uv_work_t *work, int status)
{
    struct question *question = work->data;
    struct ferry_rejects *rejects = question->rejects;

    (void)status;
    if (question->exchange)
        answer(question);
    DL_DELETE(rejects->first, question);
    json_decref(question->items);
    free(question);
    release(rejects);
}

static bool parse_limit(const char *text, long *ret_limit)
{
    char *end;
    long limit = text ? strtol(text, &end, 10) : STANDARD_LIMIT;

    if (text && (*text == '\0' || *end != '\0'))
        return false;
    *ret_limit = limit;
    return limit >= 1 && limit <= FERRY_REJECTS_MAX;
}

void ferry_rejects_get(struct ferry_rejects *rejects, const struct ferry_workflow *workflow,
                       struct ferry_server_exchange *exchange)
{
    const char *values = ferry_server_query(exchange, "values");
    struct question *question;
    long limit;

    if (!parse_limit(ferry_server_query(exchange, "limit"), &limit)) {
        ferry_reply_refuse(exchange, 400, "limit must be a number from 1 to %d", FERRY_REJECTS_MAX);
        return;
    }
    question = calloc(1, sizeof *question);
    if (!question || !(question->items = json_array())) {
        free(question);
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    question->rejects = rejects;
    question->exchange = exchange;
    question->limit = limit;
    question->values = values && strcmp(values, "true") == 0;
    question->work.data = question;
    ferry_topic_name(rejects->common->instance,
                     (struct ferry_topic){FERRY_TOPIC_REJECTS, workflow->id}, question->topic);
    DL_APPEND(rejects->first, question);
    uv_queue_work(rejects->loop, &question->work, read_in_thread, on_read);
}

struct ferry_rejects *ferry_rejects_new(uv_loop_t *loop, const struct ferry_common *common)
{
    struct ferry_rejects *rejects = calloc(1, sizeof *rejects);

    if (rejects) {
        rejects->loop = loop;
        rejects->common = common;
    }
    return rejects;
}

void ferry_rejects_free(struct ferry_rejects *rejects)
{
    struct question *question;

    if (!rejects)
        return;
    DL_FOREACH (rejects->first, question)
        question->exchange = NULL;
    rejects->freed = true;
    release(rejects);
}
