#include "controller/journal.h"

#include "core/base/crashpoint.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPICS_TIMEOUT_MS 10000
#define INIT_TIMEOUT_MS   20000
#define COMMIT_TIMEOUT_MS 10000

struct ferry_journal {
    uv_loop_t *loop;
    const struct ferry_common *common;
    rd_kafka_t *producer; /* NULL: not open */
    char topic[FERRY_TOPIC_SIZE];
    char transactional_id[FERRY_TOPIC_SIZE];
    uv_work_t work;
    bool busy;
    bool freed;
    /* of the job: */
    char *key;
    char *text;
    enum ferry_journal_outcome outcome;
    struct ferry_error error;
    ferry_journal_callback callback;
    void *context;
};

static const struct ferry_topic control_topics[] = {
    {FERRY_TOPIC_WORKFLOWS, NULL},
    {FERRY_TOPIC_STATUS, NULL},
    {FERRY_TOPIC_CHECKPOINTS, NULL},
};

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for a document");
}

static void release(struct ferry_journal *journal)
{
    if (!journal->freed || journal->busy)
        return;
    ferry_kafka_destroy(journal->producer);
    free(journal->key);
    free(journal->text);
    free(journal);
}

static void on_worked(uv_work_t *work, int status)
{
    struct ferry_journal *journal = work->data;
    struct ferry_error error = journal->error;

    (void)status;
    journal->busy = false;
    free(journal->key);
    free(journal->text);
    journal->key = NULL;
    journal->text = NULL;
    if (journal->outcome != FERRY_JOURNAL_DONE && journal->outcome != FERRY_JOURNAL_NOT_DONE) {
        ferry_kafka_destroy(journal->producer);
        journal->producer = NULL;
    }
    if (journal->freed)
        release(journal);
    else
        journal->callback(journal->context, journal->outcome, &error);
}

static void queue(struct ferry_journal *journal, uv_work_cb job, ferry_journal_callback callback,
                  void *context)
{
    journal->busy = true;
    journal->callback = callback;
    journal->context = context;
    journal->outcome = FERRY_JOURNAL_NOT_DONE;
    ferry_error_clear(&journal->error);
    uv_queue_work(journal->loop, &journal->work, job, on_worked);
}

/* --- opening, in a thread --- */

static enum ferry_status ensure_topics(struct ferry_journal *journal)
{
    rd_kafka_t *client = NULL;
    enum ferry_status status = ferry_kafka_new(journal->common, FERRY_KAFKA_PLAIN, "topics", NULL,
                                               NULL, NULL, &client, &journal->error);

    if (status == FERRY_OK)
        status =
            ferry_topics_ensure(client, journal->common, control_topics,
                                sizeof control_topics / sizeof control_topics[0],
                                journal->common->topics_manage, TOPICS_TIMEOUT_MS, &journal->error);
    ferry_kafka_destroy(client);
    return status;
}

static enum ferry_status become_writer(struct ferry_journal *journal)
{
    const struct ferry_kafka_option extras[] = {{"transactional.id", journal->transactional_id},
                                                {NULL, NULL}};
    enum ferry_status status =
        ferry_kafka_new(journal->common, FERRY_KAFKA_TRANSACTIONAL, "controller", extras, NULL,
                        NULL, &journal->producer, &journal->error);

    if (status != FERRY_OK)
        return status;
    status = ferry_kafka_take_error(&journal->error, "become the controller that writes",
                                    rd_kafka_init_transactions(journal->producer, INIT_TIMEOUT_MS),
                                    NULL);
    if (status == FERRY_OK)
        return FERRY_OK;
    ferry_kafka_destroy(journal->producer);
    journal->producer = NULL;
    return FERRY_RETRY;
}

static void open_in_thread(uv_work_t *work)
{
    struct ferry_journal *journal = work->data;
    enum ferry_status status;

    ferry_kafka_destroy(journal->producer);
    journal->producer = NULL;
    status = ensure_topics(journal);
    if (status == FERRY_OK)
        status = become_writer(journal);
    if (status == FERRY_OK)
        journal->outcome = FERRY_JOURNAL_DONE;
    else if (status == FERRY_INVALID)
        journal->outcome = FERRY_JOURNAL_REFUSED;
}

/* --- writing, in a thread --- */

static bool is_fenced(rd_kafka_t *producer, rd_kafka_resp_err_t code)
{
    char text[1];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer, text, sizeof text);

    return code == RD_KAFKA_RESP_ERR__FENCED || fatal == RD_KAFKA_RESP_ERR__FENCED ||
           fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* What a failed step means for the document. *ret_abort: the transaction is still open. */
static enum ferry_journal_outcome judge(struct ferry_journal *journal, const char *what,
                                        rd_kafka_error_t *kafka_error, bool *ret_abort)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(kafka_error);
    bool fenced = is_fenced(journal->producer, code);
    enum ferry_status status =
        ferry_kafka_take_error(&journal->error, what, kafka_error, ret_abort);

    if (fenced) {
        ferry_fail(&journal->error, FERRY_FATAL, FERRY_CLASS_NONE,
                   "another controller of this instance has taken over; this one only reads");
        ferry_advise(&journal->error, "use the other one, or end it and repeat this after 30 s");
        return FERRY_JOURNAL_FENCED;
    }
    if (code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING) {
        *ret_abort = false; /* the broker knows of no transaction */
        return FERRY_JOURNAL_FORGOTTEN;
    }
    if (status == FERRY_RETRY && *ret_abort)
        return FERRY_JOURNAL_NOT_DONE;
    return FERRY_JOURNAL_UNKNOWN;
}

/* An abort that does not succeed leaves the transaction to the next open. */
static void abort_transaction(struct ferry_journal *journal)
{
    rd_kafka_error_t *kafka_error =
        rd_kafka_abort_transaction(journal->producer, COMMIT_TIMEOUT_MS);

    if (!kafka_error)
        return;
    rd_kafka_error_destroy(kafka_error);
    journal->outcome = FERRY_JOURNAL_UNKNOWN;
}

static rd_kafka_error_t *produce(struct ferry_journal *journal)
{
    rd_kafka_resp_err_t code = rd_kafka_producev(
        journal->producer, RD_KAFKA_V_TOPIC(journal->topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_KEY(journal->key, strlen(journal->key)),
        RD_KAFKA_V_VALUE(journal->text, strlen(journal->text)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

    return code ? rd_kafka_error_new(code, "%s", rd_kafka_err2str(code)) : NULL;
}

static void put_in_thread(uv_work_t *work)
{
    struct ferry_journal *journal = work->data;
    bool abort_it = false;
    const char *what = "begin a transaction";
    rd_kafka_error_t *kafka_error = rd_kafka_begin_transaction(journal->producer);

    ferry_crashpoint("journal-begun");
    if (!kafka_error) {
        what = "write a document";
        kafka_error = produce(journal);
    }
    ferry_crashpoint("journal-produced");
    if (!kafka_error) {
        what = "commit a document";
        kafka_error = rd_kafka_commit_transaction(journal->producer, COMMIT_TIMEOUT_MS);
    }
    ferry_crashpoint("journal-committed");
    if (!kafka_error) {
        journal->outcome = FERRY_JOURNAL_DONE;
        return;
    }
    journal->outcome = judge(journal, what, kafka_error, &abort_it);
    if (abort_it)
        abort_transaction(journal);
}

/* --- the loop's side --- */

enum ferry_status ferry_journal_new(uv_loop_t *loop, const struct ferry_common *common,
                                    struct ferry_journal **ret_journal, struct ferry_error *error)
{
    struct ferry_journal *journal = calloc(1, sizeof *journal);

    if (!journal)
        return out_of_memory(error);
    journal->loop = loop;
    journal->common = common;
    journal->work.data = journal;
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_WORKFLOWS, NULL},
                     journal->topic);
    snprintf(journal->transactional_id, sizeof journal->transactional_id, "%s.controller",
             common->instance);
    *ret_journal = journal;
    return FERRY_OK;
}

void ferry_journal_free(struct ferry_journal *journal)
{
    if (!journal)
        return;
    journal->freed = true;
    release(journal);
}

void ferry_journal_open(struct ferry_journal *journal, ferry_journal_callback callback,
                        void *context)
{
    queue(journal, open_in_thread, callback, context);
}

/* Without memory the job is queued all the same and fails in its thread, so that the callback
 * always comes later. */
static void fail_in_thread(uv_work_t *work)
{
    struct ferry_journal *journal = work->data;

    (void)out_of_memory(&journal->error);
}

void ferry_journal_put(struct ferry_journal *journal, const char *key, const char *text,
                       ferry_journal_callback callback, void *context)
{
    journal->key = strdup(key);
    journal->text = strdup(text);
    queue(journal, journal->key && journal->text ? put_in_thread : fail_in_thread, callback,
          context);
}

bool ferry_journal_is_busy(const struct ferry_journal *journal)
{
    return journal->busy;
}
