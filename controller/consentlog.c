#include "controller/consentlog.h"

#include "controller/reply.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"
#include "core/record/guid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The whole topic is read: a decision's key says whose it is, and nothing but reading finds it. */
#define ASK_TIMEOUT_MS 5000
#define DEADLINE_MS    45000
#define POLL_MS        200

struct question {
    struct question *prev;
    struct question *next;
    struct ferry_consentlog *log;
    struct ferry_server_exchange *exchange; /* NULL: nobody waits any more */
    uv_work_t work;
    char topic[FERRY_TOPIC_SIZE];
    char contact[FERRY_GUID_SIZE];
    json_t *found; /* by the key of the message: the latest of each */
    enum ferry_status status;
    struct ferry_error error;
};

struct ferry_consentlog {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct question *first;
    bool freed;
};

/* --- in a thread --- */

static bool is_about(const struct question *question, const rd_kafka_message_t *message)
{
    size_t length = strlen(question->contact);

    return message->key_len > length && memcmp(message->key, question->contact, length) == 0 &&
           ((const char *)message->key)[length] == '/';
}

static void keep(struct question *question, const rd_kafka_message_t *message)
{
    struct ferry_decision decision;
    struct ferry_error error;
    char key[128];

    if (!is_about(question, message) || message->key_len >= sizeof key)
        return;
    memcpy(key, message->key, message->key_len);
    key[message->key_len] = '\0';
    if (!message->payload)
        json_object_del(question->found, key); /* the person was erased */
    else if (ferry_decision_decode(message->payload, message->len, &decision, &error) == FERRY_OK)
        json_object_set_new(question->found, key, ferry_consentlog_view(&decision));
    else
        ferry_log(FERRY_LOG_WARN, "decision_unreadable", FERRY_STR("key", key),
                  FERRY_INT("partition", message->partition), FERRY_INT("offset", message->offset),
                  FERRY_STR("message", error.message));
}

/* Until each partition has been read to its end. */
static enum ferry_status read_partitions(struct question *question, rd_kafka_t *client)
{
    int64_t deadline = ferry_boot_ms() + DEADLINE_MS;
    unsigned open = (1u << FERRY_DATA_PARTITIONS) - 1;

    while (open && ferry_boot_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        rd_kafka_resp_err_t said = message ? message->err : RD_KAFKA_RESP_ERR_NO_ERROR;

        if (message && !said)
            keep(question, message);
        if (said == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open &= ~(1u << message->partition);
        if (message)
            rd_kafka_message_destroy(message);
    }
    return open ? ferry_kafka_fail(&question->error, question->topic, RD_KAFKA_RESP_ERR__TIMED_OUT)
                : FERRY_OK;
}

static bool is_unknown_topic(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static enum ferry_status read_all(struct question *question, rd_kafka_t *client)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);
    rd_kafka_resp_err_t code;

    rd_kafka_topic_partition_list_add_range(list, question->topic, 0, FERRY_DATA_PARTITIONS - 1);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return ferry_kafka_fail(&question->error, question->topic, code);
    return read_partitions(question, client);
}

static enum ferry_status read_if_there(struct question *question, rd_kafka_t *client)
{
    int64_t end;
    rd_kafka_resp_err_t code =
        ferry_kafka_edge(client, question->topic, 0, RD_KAFKA_OFFSET_END, &end, ASK_TIMEOUT_MS);

    if (is_unknown_topic(code))
        return FERRY_OK; /* the workflow was never started */
    if (code)
        return ferry_kafka_fail(&question->error, question->topic, code);
    return read_all(question, client);
}

static void read_in_thread(uv_work_t *work)
{
    struct question *question = work->data;
    rd_kafka_t *client = NULL;

    question->status = ferry_kafka_new(question->log->common, FERRY_KAFKA_LOG_CONSUMER, "decisions",
                                       NULL, NULL, NULL, &client, &question->error);
    if (question->status == FERRY_OK)
        question->status = read_if_there(question, client);
    ferry_kafka_destroy(client);
}

/* --- on the loop --- */

static void release(struct ferry_consentlog *log)
{
    if (log->freed && !log->first)
        free(log);
}

static json_int_t number_of(const json_t *item, const char *name)
{
    return json_integer_value(json_object_get(item, name));
}

/* Newest first; of one instant, the attribute that was decided more often. */
static bool is_newer(const json_t *item, const json_t *other)
{
    json_int_t at = number_of(item, "decidedAt");
    json_int_t other_at = number_of(other, "decidedAt");

    return at != other_at ? at > other_at : number_of(item, "number") > number_of(other, "number");
}

static json_t *sorted(json_t *found)
{
    json_t *items = json_array();
    const char *key;
    json_t *item;

    json_object_foreach (found, key, item) {
        size_t at = 0;

        while (at < json_array_size(items) && !is_newer(item, json_array_get(items, at)))
            at++;
        json_array_insert(items, at, item);
    }
    return items;
}

static void on_read(uv_work_t *work, int status)
{
    struct question *question = work->data;
    struct ferry_consentlog *log = question->log;

    (void)status;
    if (question->exchange && question->status == FERRY_OK)
        ferry_reply_json(question->exchange, 200,
                         json_pack("{s:o}", "items", sorted(question->found)));
    else if (question->exchange)
        ferry_reply_problem(question->exchange, 503, &question->error, NULL);
    DL_DELETE(log->first, question);
    json_decref(question->found);
    free(question);
    release(log);
}

/* In lower case, as the keys of the topic. False: it is no id. */
static bool read_contact(const char *text, char out[FERRY_GUID_SIZE])
{
    if (!text || !ferry_guid_valid(text, strlen(text)))
        return false;
    for (size_t i = 0; i < FERRY_GUID_SIZE; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
    return true;
}

static struct question *make_question(struct ferry_consentlog *log, const char *contact)
{
    struct question *question = calloc(1, sizeof *question);

    if (!question || !(question->found = json_object())) {
        free(question);
        return NULL;
    }
    question->log = log;
    question->work.data = question;
    memcpy(question->contact, contact, FERRY_GUID_SIZE);
    ferry_topic_name(log->common->instance, (struct ferry_topic){FERRY_TOPIC_CONSENT, "decisions"},
                     question->topic);
    return question;
}

void ferry_consentlog_get(struct ferry_consentlog *log, const struct ferry_workflow *workflow,
                          struct ferry_server_exchange *exchange)
{
    struct question *question;
    char contact[FERRY_GUID_SIZE];

    if (strcmp(workflow->id, FERRY_WORKFLOW_OPTINOUT) != 0) {
        ferry_reply_refuse(exchange, 409, "%s decides about nobody's opt-outs: ask opt-in-out",
                           workflow->id);
        return;
    }
    if (!read_contact(ferry_server_query(exchange, "contact"), contact)) {
        ferry_reply_refuse(exchange, 400,
                           "contact must be the id of a contact in Dynamics 365, "
                           "like 345b1280-911c-4d25-858f-d60bbb90578e");
        return;
    }
    question = make_question(log, contact);
    if (!question) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    question->exchange = exchange;
    DL_APPEND(log->first, question);
    uv_queue_work(log->loop, &question->work, read_in_thread, on_read);
}

struct ferry_consentlog *ferry_consentlog_new(uv_loop_t *loop, const struct ferry_common *common)
{
    struct ferry_consentlog *log = calloc(1, sizeof *log);

    if (log) {
        log->loop = loop;
        log->common = common;
    }
    return log;
}

void ferry_consentlog_free(struct ferry_consentlog *log)
{
    struct question *question;

    if (!log)
        return;
    DL_FOREACH (log->first, question)
        question->exchange = NULL;
    log->freed = true;
    release(log);
}
