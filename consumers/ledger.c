#include "consumers/ledger.h"

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/io/kafka.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CALL_TIMEOUT_MS  5000
#define COMMIT_ROUNDS    3
#define RETRY_BASE_MS    100
#define RETRY_CAP_MS     5000
#define PRODUCE_WAIT_MS  1000
#define ABORT_TIMEOUT_MS 10000

struct message {
    struct message *prev, *next;
    const char *topic;
    int partition;
    rd_kafka_headers_t *headers;
    size_t key_length;
    size_t length;
    bool tombstone;
    char data[]; /* key, then value */
};

struct handle {
    struct handle *next;
    rd_kafka_topic_t *topic;
};

enum task { TASK_START, TASK_COMMIT };

struct ferry_ledger {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_ledger_options options;
    char *id;
    rd_kafka_t *producer;   /* NULL: broken, or not yet made */
    struct handle *handles; /* of the producer, for each topic that was written with it */
    struct message *open;   /* learnt, not in a transaction */
    struct message *sent;   /* in the transaction under way */
    size_t count;           /* of open */
    uv_timer_t timer;       /* to start again */
    uv_work_t work;
    unsigned failures;
    bool ready;
    bool working;
    bool dropped; /* during the work */
    bool freed;
    bool timer_open;
    /* of the work: */
    enum task task;
    rd_kafka_consumer_group_metadata_t *group; /* as it was when the offsets were taken */
    rd_kafka_topic_partition_list_t *offsets;
    enum ferry_ledger_result result;
    struct ferry_error error;
    int64_t started_ms;
};

static void begin_work(struct ferry_ledger *ledger, enum task task);

/* --- messages --- */

static void free_message(struct message *message)
{
    if (message->headers)
        rd_kafka_headers_destroy(message->headers);
    free(message);
}

static void free_messages(struct message **list)
{
    struct message *message, *next;
    DL_FOREACH_SAFE (*list, message, next)
        free_message(message);
    *list = NULL;
}

static rd_kafka_headers_t *make_headers(const struct ferry_ledger_header *headers)
{
    rd_kafka_headers_t *made = rd_kafka_headers_new(8);
    for (; headers->name; headers++)
        rd_kafka_header_add(made, headers->name, -1, headers->value, -1);
    return made;
}

enum ferry_status ferry_ledger_add(struct ferry_ledger *ledger, const char *topic, int partition,
                                   const void *key, size_t key_length, const void *value,
                                   size_t length, const struct ferry_ledger_header *headers)
{
    struct message *message = calloc(1, sizeof *message + key_length + length);
    if (!message)
        return FERRY_NOMEM;
    message->topic = topic;
    message->partition = partition;
    message->key_length = key_length;
    message->length = length;
    message->tombstone = !value;
    memcpy(message->data, key, key_length);
    if (value)
        memcpy(message->data + key_length, value, length);
    if (headers)
        message->headers = make_headers(headers);
    DL_APPEND(ledger->open, message);
    ledger->count++;
    return FERRY_OK;
}

size_t ferry_ledger_count(const struct ferry_ledger *ledger)
{
    return ledger->count;
}

void ferry_ledger_drop(struct ferry_ledger *ledger)
{
    free_messages(&ledger->open);
    ledger->count = 0;
    ledger->dropped = ledger->working;
}

/* --- the transaction, in a thread --- */

static enum ferry_status make_producer(struct ferry_ledger *ledger)
{
    /* Offsets that a dead writer left in an open transaction hold up its successor for that long.
     */
    const struct ferry_kafka_option extras[] = {{"transactional.id", ledger->id},
                                                {"transaction.timeout.ms", "10000"},
                                                {"message.timeout.ms", "10000"},
                                                {NULL, NULL}};
    if (ledger->producer)
        return FERRY_OK;
    enum ferry_status status =
        ferry_kafka_new(ledger->common, FERRY_KAFKA_TRANSACTIONAL, "writer", extras, NULL, NULL,
                        &ledger->producer, &ledger->error);
    if (status != FERRY_OK)
        return status;
    return ferry_kafka_take_error(&ledger->error, "cannot start transactions",
                                  rd_kafka_init_transactions(ledger->producer, CALL_TIMEOUT_MS),
                                  NULL);
}

static void drop_handles(struct ferry_ledger *ledger)
{
    struct handle *handle, *next;
    LL_FOREACH_SAFE (ledger->handles, handle, next) {
        rd_kafka_topic_destroy(handle->topic);
        free(handle);
    }
    ledger->handles = NULL;
}

/* Also the way out when it is not known whether a commit succeeded: init_transactions of the next
 * producer settles it, and what is written twice is the same. */
static void discard_producer(struct ferry_ledger *ledger)
{
    drop_handles(ledger);
    ferry_kafka_destroy(ledger->producer);
    ledger->producer = NULL;
}

/* NULL: the ledger's error says why. Making a handle asks for the leader of its topic at once; of a
 * topic that is only named librdkafka 2.0.2 asks when its timer comes, up to a second later
 * (#5032). */
static rd_kafka_topic_t *handle_of(struct ferry_ledger *ledger, const char *topic)
{
    struct handle *handle;
    LL_FOREACH (ledger->handles, handle)
        if (strcmp(rd_kafka_topic_name(handle->topic), topic) == 0)
            return handle->topic;
    handle = calloc(1, sizeof *handle);
    if (!handle) {
        ferry_fail(&ledger->error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        return NULL;
    }
    handle->topic = rd_kafka_topic_new(ledger->producer, topic, NULL);
    if (!handle->topic) {
        ferry_kafka_fail(&ledger->error, topic, rd_kafka_last_error());
        free(handle);
        return NULL;
    }
    LL_PREPEND(ledger->handles, handle);
    return handle->topic;
}

static rd_kafka_resp_err_t produce_once(struct ferry_ledger *ledger, rd_kafka_topic_t *topic,
                                        const struct message *message)
{
    union {
        const char *from;
        void *to;
    } key = {.from = message->data};
    rd_kafka_headers_t *headers = message->headers ? rd_kafka_headers_copy(message->headers) : NULL;
    char *value = (char *)key.to + message->key_length;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        ledger->producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(message->partition),
        RD_KAFKA_V_KEY(key.to, message->key_length),
        RD_KAFKA_V_VALUE(message->tombstone ? NULL : value, message->length),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers)
        rd_kafka_headers_destroy(headers);
    return code;
}

static enum ferry_status produce(struct ferry_ledger *ledger, const struct message *message)
{
    rd_kafka_topic_t *topic = handle_of(ledger, message->topic);
    if (!topic)
        return ledger->error.status;
    rd_kafka_resp_err_t code = produce_once(ledger, topic, message);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_flush(ledger->producer, PRODUCE_WAIT_MS);
        code = produce_once(ledger, topic, message);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return FERRY_OK;
    return ferry_kafka_fail(&ledger->error, message->topic, code);
}

static enum ferry_status produce_all(struct ferry_ledger *ledger)
{
    struct message *message;
    DL_FOREACH (ledger->sent, message) {
        enum ferry_status status = produce(ledger, message);
        if (status != FERRY_OK)
            return status;
    }
    ferry_crashpoint("produced");
    return FERRY_OK;
}

/* The group has another generation: whatever we know about our partitions is not ours to say any
 * more. */
static bool is_lost(const rd_kafka_error_t *error)
{
    switch ((int)rd_kafka_error_code(error)) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
        return true;
    default:
        return false;
    }
}

static enum ferry_status send_offsets(struct ferry_ledger *ledger)
{
    if (ledger->offsets->cnt == 0)
        return FERRY_OK;
    rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(
        ledger->producer, ledger->offsets, ledger->group, CALL_TIMEOUT_MS);
    if (error && is_lost(error))
        ledger->result = FERRY_LEDGER_LOST;
    enum ferry_status status =
        ferry_kafka_take_error(&ledger->error, "cannot send offsets", error, NULL);
    if (status == FERRY_OK)
        ferry_crashpoint("offsets-sent");
    return status;
}

static enum ferry_status commit(struct ferry_ledger *ledger)
{
    rd_kafka_error_t *error = NULL;
    ferry_crashpoint("before-commit");
    for (int round = 0; round < COMMIT_ROUNDS; round++) {
        error = rd_kafka_commit_transaction(ledger->producer, CALL_TIMEOUT_MS);
        if (!error || !rd_kafka_error_is_retriable(error))
            break;
        if (round + 1 < COMMIT_ROUNDS)
            rd_kafka_error_destroy(error);
    }
    if (!error && ferry_crashpoint_reached("unknown-result"))
        return ferry_fail(&ledger->error, FERRY_FATAL, FERRY_CLASS_NETWORK,
                          "Kafka: the result of a commit is unknown (as asked for by a test)");
    enum ferry_status status = ferry_kafka_take_error(&ledger->error, "cannot commit", error, NULL);
    if (status == FERRY_OK)
        ferry_crashpoint("committed");
    return status;
}

static void abort_or_discard(struct ferry_ledger *ledger)
{
    rd_kafka_error_t *error = rd_kafka_abort_transaction(ledger->producer, ABORT_TIMEOUT_MS);
    if (!error)
        return;
    rd_kafka_error_destroy(error);
    discard_producer(ledger);
}

static enum ferry_status transact(struct ferry_ledger *ledger)
{
    enum ferry_status status = make_producer(ledger);
    if (status != FERRY_OK)
        return status;
    rd_kafka_poll(ledger->producer, 0);
    status = ferry_kafka_take_error(&ledger->error, "cannot begin a transaction",
                                    rd_kafka_begin_transaction(ledger->producer), NULL);
    if (status != FERRY_OK)
        return status;
    ferry_crashpoint("begun");
    status = produce_all(ledger);
    if (status == FERRY_OK)
        status = send_offsets(ledger);
    if (status == FERRY_OK)
        return commit(ledger);
    abort_or_discard(ledger);
    return status;
}

static void work_in_thread(uv_work_t *work)
{
    struct ferry_ledger *ledger = work->data;
    ledger->result = FERRY_LEDGER_KEPT;
    ferry_error_clear(&ledger->error);
    bool starting = ledger->task == TASK_START;
    enum ferry_status status = starting ? make_producer(ledger) : transact(ledger);
    if (status == FERRY_OK)
        ledger->result = FERRY_LEDGER_COMMITTED;
    /* A lost generation is the consumer's matter; after all else a fresh producer is the safe way
     * on. */
    else if (ledger->result != FERRY_LEDGER_LOST)
        discard_producer(ledger);
}

/* --- on the loop --- */

static void release(struct ferry_ledger *ledger)
{
    if (!ledger->freed || ledger->working || ledger->timer_open)
        return;
    free_messages(&ledger->open);
    free_messages(&ledger->sent);
    discard_producer(ledger);
    free(ledger->id);
    free(ledger);
}

static void keep_messages(struct ferry_ledger *ledger)
{
    struct message *message;
    size_t count = 0;
    DL_FOREACH (ledger->sent, message)
        count++;
    /* The older ones first: of two messages of a key the last one counts. */
    DL_CONCAT(ledger->sent, ledger->open);
    ledger->open = ledger->sent;
    ledger->sent = NULL;
    ledger->count += count;
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_ledger *ledger = timer->data;
    begin_work(ledger, TASK_START);
}

static void start_again(struct ferry_ledger *ledger)
{
    ledger->ready = false;
    int64_t wait = ferry_backoff_ms(ledger->failures++, RETRY_BASE_MS, RETRY_CAP_MS);
    uv_timer_start(&ledger->timer, on_timer, (uint64_t)wait, 0);
}

static void finish_start(struct ferry_ledger *ledger)
{
    if (ledger->result != FERRY_LEDGER_COMMITTED) {
        start_again(ledger);
        ledger->options.on_trouble(ledger->options.context, &ledger->error);
        return;
    }
    ledger->ready = true;
    ledger->options.on_ready(ledger->options.context);
}

static void finish_commit(struct ferry_ledger *ledger)
{
    rd_kafka_topic_partition_list_t *offsets = ledger->offsets;
    ledger->offsets = NULL;
    if (ledger->result == FERRY_LEDGER_KEPT && !ledger->dropped)
        keep_messages(ledger);
    free_messages(&ledger->sent);
    if (ledger->result == FERRY_LEDGER_KEPT) {
        start_again(ledger);
        ledger->options.on_trouble(ledger->options.context, &ledger->error);
    } else {
        ledger->failures = 0;
    }
    ledger->options.on_done(ledger->options.context, ledger->result, offsets,
                            ferry_boot_ms() - ledger->started_ms);
}

static void after_work(uv_work_t *work, int status)
{
    struct ferry_ledger *ledger = work->data;
    (void)status;
    ledger->working = false;
    if (ledger->group)
        rd_kafka_consumer_group_metadata_destroy(ledger->group);
    ledger->group = NULL;
    if (ledger->freed) {
        if (ledger->offsets)
            rd_kafka_topic_partition_list_destroy(ledger->offsets);
        release(ledger);
    } else if (ledger->task == TASK_START) {
        finish_start(ledger);
    } else {
        finish_commit(ledger);
    }
}

static void begin_work(struct ferry_ledger *ledger, enum task task)
{
    ledger->task = task;
    ledger->working = true;
    ledger->dropped = false;
    ledger->started_ms = ferry_boot_ms();
    ledger->work.data = ledger;
    uv_queue_work(ledger->loop, &ledger->work, work_in_thread, after_work);
}

bool ferry_ledger_idle(const struct ferry_ledger *ledger)
{
    return ledger->ready && !ledger->working;
}

bool ferry_ledger_working(const struct ferry_ledger *ledger)
{
    return ledger->working;
}

void ferry_ledger_commit(struct ferry_ledger *ledger, rd_kafka_t *consumer,
                         rd_kafka_topic_partition_list_t *offsets)
{
    /* Now, not in the thread: a generation that we join meanwhile must not vouch for these. */
    ledger->group = rd_kafka_consumer_group_metadata(consumer);
    ledger->offsets = offsets;
    ledger->sent = ledger->open;
    ledger->open = NULL;
    ledger->count = 0;
    begin_work(ledger, TASK_COMMIT);
}

enum ferry_status ferry_ledger_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_ledger_options *options,
                                   struct ferry_ledger **ret_ledger, struct ferry_error *error)
{
    struct ferry_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger || !(ledger->id = strdup(options->transactional_id))) {
        free(ledger);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    ledger->loop = loop;
    ledger->common = common;
    ledger->options = *options;
    uv_timer_init(loop, &ledger->timer);
    ledger->timer.data = ledger;
    ledger->timer_open = true;
    begin_work(ledger, TASK_START);
    *ret_ledger = ledger;
    return FERRY_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ferry_ledger *ledger = handle->data;
    ledger->timer_open = false;
    release(ledger);
}

void ferry_ledger_free(struct ferry_ledger *ledger)
{
    if (!ledger)
        return;
    ledger->freed = true;
    uv_close((uv_handle_t *)&ledger->timer, on_timer_closed);
}
