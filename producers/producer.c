#include "producers/producer.h"

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/io/kafka.h"
#include "producers/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STEP_MS       5000  /* one blocking call */
#define AGAIN_MS      100   /* until a call that may be repeated is */
#define PATIENCE_MS   60000 /* then its result counts as unknown */
#define HEARD_MS      1000  /* for the broker to hear of a transaction that is aborted */
#define ROOM_AFTER_MS 5     /* until a full queue is tried again */
#define NAME_SIZE     256

/* A transaction that the broker gives up costs its page, and a dead reader's holds up who reads
 * committed records. */
#define TRANSACTION_TIMEOUT_MS "120000"

enum step { STEP_INIT, STEP_IDLE, STEP_BEGUN, STEP_FLUSHING, STEP_COMMITTING, STEP_ABORTING };

/* The blocking call of a step, and its name in a message. */
static const struct {
    rd_kafka_error_t *(*call)(rd_kafka_t *client, int timeout_ms);
    const char *name;
} calls_of[] = {
    [STEP_INIT] = {rd_kafka_init_transactions, "init_transactions"},
    [STEP_COMMITTING] = {rd_kafka_commit_transaction, "commit"},
    [STEP_ABORTING] = {rd_kafka_abort_transaction, "abort"},
};

struct waiting { /* a record that found the queue full */
    struct waiting *prev, *next;
    struct ferry_producer_record record;
    char bytes[];
};

struct ferry_producer {
    uv_loop_t *loop;
    rd_kafka_t *client;
    const struct ferry_producer_calls *calls;
    void *context;
    char id[NAME_SIZE];
    enum step step;
    struct waiting *waiting;
    const char *topic; /* whose handle is kept: nearly all records go to one */
    rd_kafka_topic_t *handle;
    struct ferry_error why; /* it is aborted */
    struct ferry_alarm *alarm;
    uv_work_t work;
    rd_kafka_error_t *result;
    int64_t since; /* the first call of this step, boot ms */
    bool working, freed, hurry;
};

/* ---- life ---- */

static void drop_waiting(struct ferry_producer *producer)
{
    struct waiting *waiting;
    struct waiting *next;
    DL_FOREACH_SAFE (producer->waiting, waiting, next) {
        if (waiting->record.headers)
            rd_kafka_headers_destroy(waiting->record.headers);
        free(waiting);
    }
    producer->waiting = NULL;
}

static void drop_handle(struct ferry_producer *producer)
{
    if (producer->handle)
        rd_kafka_topic_destroy(producer->handle);
    producer->handle = NULL;
    producer->topic = NULL;
}

static void release(struct ferry_producer *producer)
{
    drop_handle(producer);
    ferry_kafka_destroy(producer->client);
    free(producer);
}

void ferry_producer_free(struct ferry_producer *producer)
{
    if (!producer)
        return;
    producer->freed = true;
    drop_waiting(producer);
    ferry_alarm_free(producer->alarm);
    if (!producer->working)
        release(producer);
}

/* ---- calls that block ---- */

static void queue_call(struct ferry_producer *producer);
static void on_alarm(void *context);

static void run_call(uv_work_t *work)
{
    struct ferry_producer *producer = work->data;
    /* The broker refuses to abort what it has not heard of yet (librdkafka #4849). */
    if (producer->step == STEP_ABORTING)
        rd_kafka_flush(producer->client, HEARD_MS);
    producer->result = calls_of[producer->step].call(producer->client, STEP_MS);
    if (!producer->result && producer->step == STEP_COMMITTING)
        ferry_crashpoint("after-commit");
}

static void break_off(struct ferry_producer *producer, const struct ferry_error *error, bool fenced)
{
    producer->calls->on_broken(producer->context, error, fenced);
}

static void finish_commit(struct ferry_producer *producer)
{
    struct ferry_error error;
    drop_handle(producer);
    if (ferry_crashpoint_reached("unknown-result")) {
        ferry_fail(&error, FERRY_FATAL, FERRY_CLASS_NETWORK,
                   "Kafka: it is not known whether a transaction of %s was committed",
                   producer->id);
        break_off(producer, &error, false);
        return;
    }
    producer->calls->on_committed(producer->context);
}

static void on_success(struct ferry_producer *producer)
{
    enum step step = producer->step;
    producer->step = STEP_IDLE;
    if (step == STEP_INIT)
        producer->calls->on_ready(producer->context);
    else if (step == STEP_COMMITTING)
        finish_commit(producer);
    else
        producer->calls->on_aborted(producer->context, &producer->why);
}

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* The abort failed, but what it was for interests more. */
static void name_both(struct ferry_error *error, const struct ferry_error *why)
{
    struct ferry_error abort = *error;
    ferry_fail(error, FERRY_FATAL, why->class, "%.300s (and then: %.180s)", why->message,
               abort.message);
    ferry_advise(error, "%s", why->action);
}

static void on_failure(struct ferry_producer *producer)
{
    bool fenced = is_fenced(rd_kafka_error_code(producer->result));
    bool again = rd_kafka_error_is_retriable(producer->result) && !producer->hurry &&
                 ferry_boot_ms() - producer->since < PATIENCE_MS;
    bool wants_abort = false;
    struct ferry_error error;
    if (ferry_kafka_take_error(&error, calls_of[producer->step].name, producer->result,
                               &wants_abort) == FERRY_OK)
        return;
    if (fenced)
        ferry_fail(&error, FERRY_FATAL, FERRY_CLASS_NETWORK,
                   "Another process has taken over the transactional id %s.", producer->id);
    if (producer->step == STEP_ABORTING)
        name_both(&error, &producer->why);
    if (wants_abort && !fenced && producer->step == STEP_COMMITTING)
        ferry_producer_abort(producer, &error);
    else if (again)
        ferry_alarm_set(producer->alarm, AGAIN_MS);
    else
        break_off(producer, &error, fenced);
}

static void after_call(uv_work_t *work, int cancelled)
{
    struct ferry_producer *producer = work->data;
    (void)cancelled; /* nobody cancels */
    producer->working = false;
    if (producer->freed) {
        if (producer->result)
            rd_kafka_error_destroy(producer->result);
        release(producer);
        return;
    }
    rd_kafka_poll(producer->client, 0); /* errors that nobody waits for */
    if (producer->result)
        on_failure(producer);
    else
        on_success(producer);
}

static void queue_call(struct ferry_producer *producer)
{
    producer->work.data = producer;
    producer->working = true;
    uv_queue_work(producer->loop, &producer->work, run_call, after_call);
}

static void enter(struct ferry_producer *producer, enum step step)
{
    producer->step = step;
    producer->since = ferry_boot_ms();
    queue_call(producer);
}

enum ferry_status ferry_producer_new(uv_loop_t *loop, const struct ferry_common *common,
                                     const char *name, const struct ferry_producer_calls *calls,
                                     void *context, struct ferry_producer **ret_producer,
                                     struct ferry_error *error)
{
    struct ferry_producer *producer = calloc(1, sizeof *producer);
    if (!producer || ferry_alarm_new(loop, on_alarm, producer, &producer->alarm) != FERRY_OK) {
        free(producer);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    producer->loop = loop;
    producer->calls = calls;
    producer->context = context;
    snprintf(producer->id, sizeof producer->id, "%s.%s", common->instance, name);
    const struct ferry_kafka_option extras[] = {
        {"transactional.id", producer->id},
        {"transaction.timeout.ms", TRANSACTION_TIMEOUT_MS},
        {NULL, NULL},
    };
    enum ferry_status status = ferry_kafka_new(common, FERRY_KAFKA_TRANSACTIONAL, name, extras,
                                               NULL, NULL, &producer->client, error);
    if (status != FERRY_OK) {
        ferry_producer_free(producer);
        return status;
    }
    enter(producer, STEP_INIT);
    *ret_producer = producer;
    return FERRY_OK;
}

/* ---- records ---- */

static enum ferry_status begin(struct ferry_producer *producer, struct ferry_error *error)
{
    if (producer->step == STEP_BEGUN)
        return FERRY_OK;
    /* Only now, with a record in hand: an empty transaction may refuse its abort (librdkafka
     * #4849). */
    enum ferry_status status =
        ferry_kafka_take_error(error, "begin", rd_kafka_begin_transaction(producer->client), NULL);
    if (status != FERRY_OK)
        return status;
    producer->step = STEP_BEGUN;
    ferry_crashpoint("begun");
    return FERRY_OK;
}

static rd_kafka_topic_t *handle_of(struct ferry_producer *producer, const char *topic)
{
    if (producer->topic != topic) {
        drop_handle(producer);
        producer->handle = rd_kafka_topic_new(producer->client, topic, NULL);
        producer->topic = producer->handle ? topic : NULL;
    }
    return producer->handle;
}

/* With F_COPY the payload is only read, whatever the prototypes say. */
static void *payload_of(const struct ferry_producer_record *record)
{
    union {
        const char *ours;
        void *theirs;
    } payload = {.ours = record->value.data};
    return payload.theirs;
}

static rd_kafka_resp_err_t produce_plain(rd_kafka_topic_t *handle,
                                         const struct ferry_producer_record *record)
{
    int result =
        rd_kafka_produce(handle, record->partition, RD_KAFKA_MSG_F_COPY, payload_of(record),
                         record->value.length, record->key.data, record->key.length, NULL);
    return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

/* The headers are gone on success. */
static rd_kafka_resp_err_t produce(struct ferry_producer *producer,
                                   struct ferry_producer_record *record)
{
    rd_kafka_topic_t *handle = handle_of(producer, record->topic);
    if (!handle)
        return rd_kafka_last_error();
    if (!record->headers)
        return produce_plain(handle, record);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer->client, RD_KAFKA_V_RKT(handle), RD_KAFKA_V_PARTITION(record->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(record->key.data, record->key.length),
        RD_KAFKA_V_VALUE(payload_of(record), record->value.length),
        RD_KAFKA_V_HEADERS(record->headers), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        record->headers = NULL;
    return code;
}

static enum ferry_status keep_waiting(struct ferry_producer *producer,
                                      struct ferry_producer_record *record,
                                      struct ferry_error *error)
{
    size_t length = record->key.length + record->value.length;
    struct waiting *waiting = malloc(sizeof *waiting + length);
    if (!waiting)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    memcpy(waiting->bytes, record->key.data, record->key.length);
    waiting->record = *record;
    waiting->record.key.data = waiting->bytes;
    if (record->value.data) { /* else it is a tombstone */
        memcpy(waiting->bytes + record->key.length, record->value.data, record->value.length);
        waiting->record.value.data = waiting->bytes + record->key.length;
    }
    record->headers = NULL;
    DL_APPEND(producer->waiting, waiting);
    ferry_alarm_set(producer->alarm, ROOM_AFTER_MS);
    return FERRY_FULL;
}

static enum ferry_status refuse(const char *topic, rd_kafka_resp_err_t code,
                                struct ferry_error *error)
{
    enum ferry_status status =
        code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? FERRY_BAD_RECORD : FERRY_RETRY;
    return ferry_fail(error, status, FERRY_CLASS_NETWORK, "Kafka: cannot produce to %s: %s", topic,
                      rd_kafka_err2str(code));
}

static enum ferry_status send_record(struct ferry_producer *producer,
                                     struct ferry_producer_record *record,
                                     struct ferry_error *error)
{
    enum ferry_status status = begin(producer, error);
    if (status != FERRY_OK)
        return status;
    if (producer->waiting)
        return keep_waiting(producer, record, error);
    rd_kafka_resp_err_t code = produce(producer, record);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return keep_waiting(producer, record, error);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(record->topic, code, error);
    ferry_crashpoint("produced");
    return FERRY_OK;
}

enum ferry_status ferry_producer_send(struct ferry_producer *producer,
                                      struct ferry_producer_record *record,
                                      struct ferry_error *error)
{
    enum ferry_status status = send_record(producer, record, error);
    if (record->headers)
        rd_kafka_headers_destroy(record->headers);
    record->headers = NULL;
    return status;
}

bool ferry_producer_full(const struct ferry_producer *producer)
{
    return producer->waiting != NULL;
}

bool ferry_producer_begun(const struct ferry_producer *producer)
{
    return producer->step > STEP_IDLE;
}

/* ---- ends ---- */

static void commit_now(struct ferry_producer *producer)
{
    ferry_crashpoint("before-commit");
    enter(producer, STEP_COMMITTING);
}

void ferry_producer_commit(struct ferry_producer *producer)
{
    if (producer->waiting)
        producer->step = STEP_FLUSHING;
    else
        commit_now(producer);
}

void ferry_producer_abort(struct ferry_producer *producer, const struct ferry_error *why)
{
    producer->why = *why;
    drop_waiting(producer);
    drop_handle(producer);
    ferry_alarm_stop(producer->alarm);
    enter(producer, STEP_ABORTING);
}

void ferry_producer_hurry(struct ferry_producer *producer)
{
    producer->hurry = true;
}

static void try_room(struct ferry_producer *producer)
{
    struct ferry_error error;
    struct waiting *first;
    while ((first = producer->waiting)) {
        rd_kafka_resp_err_t code = produce(producer, &first->record);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            ferry_alarm_set(producer->alarm, ROOM_AFTER_MS);
            return;
        }
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            refuse(first->record.topic, code, &error);
            ferry_producer_abort(producer, &error);
            return;
        }
        DL_DELETE(producer->waiting, first);
        free(first);
    }
    if (producer->step == STEP_FLUSHING)
        commit_now(producer);
    else
        producer->calls->on_room(producer->context);
}

static void on_alarm(void *context)
{
    struct ferry_producer *producer = context;
    if (producer->step == STEP_BEGUN || producer->step == STEP_FLUSHING)
        try_room(producer);
    else if (!producer->working)
        queue_call(producer); /* again */
}
