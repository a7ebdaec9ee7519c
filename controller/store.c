#include "controller/store.h"

#include "controller/draft.h"
#include "controller/journal.h"
#include "controller/roster.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/tail.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BACKOFF_BASE_MS 500
#define BACKOFF_CAP_MS  10000
#define TAKE_OVER_MS    30000

enum mode {
    OPENING, /* becoming the writer, or waiting to try again */
    READING, /* the writer, but not yet at the end of what others wrote */
    ACTIVE,
    READ_ONLY /* fenced; followed all the same */
};

struct put {
    struct put *next;
    struct ferry_draft *draft;
    bool repeated;
    ferry_store_callback callback; /* NULL: forgotten */
    void *context;
};

struct ferry_store {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_store_options options;
    struct ferry_documents *documents;
    struct ferry_journal *journal;
    struct ferry_tail *workflows;
    struct ferry_roster *roster; /* NULL: not yet opened */
    struct put *puts;            /* the first is under way when the journal is busy with it */
    enum mode mode;
    bool writing;
    bool reopening; /* the put under way is tried once more afterwards */
    bool readable;
    bool workflows_read;
    bool roster_read;
    int64_t fenced_at;
    unsigned attempts;
    struct ferry_error trouble; /* why it is not ACTIVE */
    uv_timer_t timer;
    bool timer_open;
};

static void open_journal(struct ferry_store *store);
static void next_put(struct ferry_store *store);

static void changed(struct ferry_store *store)
{
    store->options.on_change(store->options.context);
}

/* --- what the topics say --- */

static void on_document(void *context, const rd_kafka_message_t *message)
{
    struct ferry_store *store = context;
    struct ferry_error error;

    if (ferry_documents_apply(store->documents, message->key, message->key_len, message->payload,
                              message->len, &error) != FERRY_OK)
        ferry_log(FERRY_LOG_WARN, "document_ignored", FERRY_STR("message", error.message),
                  FERRY_INT("offset", message->offset));
    changed(store);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    (void)context;
    ferry_log(FERRY_LOG_WARN, "kafka_trouble", FERRY_STR("message", error->message),
              FERRY_STR("then", "retrying"));
}

static void check_read(struct ferry_store *store)
{
    if (!store->workflows_read || !store->roster_read)
        return;
    if (!store->readable)
        ferry_log(FERRY_LOG_INFO, "store_read", FERRY_STR("instance", store->common->instance));
    store->readable = true;
    if (store->mode == READING) {
        store->mode = ACTIVE;
        store->attempts = 0;
        if (store->reopening)
            store->writing = store->reopening = false;
    }
    next_put(store);
    changed(store);
}

static void on_workflows_read(void *context)
{
    struct ferry_store *store = context;

    store->workflows_read = true;
    check_read(store);
}

static void on_roster_read(void *context)
{
    struct ferry_store *store = context;

    store->roster_read = true;
    check_read(store);
}

static void on_roster_change(void *context)
{
    changed(context);
}

static enum ferry_status follow_documents(struct ferry_store *store)
{
    const struct ferry_tail_options options = {.name = "workflows",
                                               .on_record = on_document,
                                               .on_caught_up = on_workflows_read,
                                               .on_trouble = on_trouble,
                                               .context = store};

    return ferry_tail_follow(store->loop, store->common, FERRY_TOPIC_WORKFLOWS, &options,
                             &store->workflows, &store->trouble);
}

static enum ferry_status open_roster(struct ferry_store *store)
{
    struct ferry_roster_options options = {on_roster_read, on_roster_change, on_trouble, store};

    return ferry_roster_new(store->loop, store->common, &options, &store->roster, &store->trouble);
}

/* --- becoming the one that writes --- */

static void on_timer(uv_timer_t *timer)
{
    open_journal(timer->data);
}

static void finish_put(struct ferry_store *store, const struct ferry_error *error);

static void try_again_later(struct ferry_store *store)
{
    int64_t delay = ferry_backoff_ms(store->attempts++, BACKOFF_BASE_MS, BACKOFF_CAP_MS);

    ferry_log(FERRY_LOG_WARN, "store_not_writable", FERRY_STR("message", store->trouble.message),
              FERRY_STR("action", store->trouble.action), FERRY_INT("retry_ms", delay));
    uv_timer_start(&store->timer, on_timer, (uint64_t)delay, 0);
    if (store->reopening)
        finish_put(store, &store->trouble);
    changed(store);
}

/* A fresh tail: only what is read after the journal was opened is known to be all. */
static void on_opened(void *context, enum ferry_journal_outcome outcome,
                      const struct ferry_error *error)
{
    struct ferry_store *store = context;
    enum ferry_status status = FERRY_OK;

    if (outcome != FERRY_JOURNAL_DONE) {
        store->trouble = *error;
        try_again_later(store);
        return;
    }
    ferry_tail_free(store->workflows);
    store->workflows = NULL;
    store->workflows_read = false;
    status = follow_documents(store);
    if (status == FERRY_OK && !store->roster)
        status = open_roster(store);
    if (status != FERRY_OK) {
        try_again_later(store);
        return;
    }
    store->mode = READING;
    ferry_log(FERRY_LOG_INFO, "journal_open", FERRY_STR("instance", store->common->instance));
}

static void open_journal(struct ferry_store *store)
{
    store->mode = OPENING;
    if (!ferry_journal_is_busy(store->journal))
        ferry_journal_open(store->journal, on_opened, store);
}

/* --- writing --- */

static void free_put(struct put *put)
{
    ferry_draft_free(put->draft);
    free(put);
}

static void finish_put(struct ferry_store *store, const struct ferry_error *error)
{
    struct put *put = store->puts;

    LL_DELETE(store->puts, put);
    store->writing = store->reopening = false;
    if (put->callback)
        put->callback(put->context, error);
    free_put(put);
}

static void take_written(struct ferry_store *store, const struct ferry_draft *draft)
{
    char *text = json_dumps(draft->document, JSON_COMPACT);
    struct ferry_error error;

    if (!text || ferry_documents_apply(store->documents, draft->key, strlen(draft->key), text,
                                       strlen(text), &error) != FERRY_OK)
        ferry_log(FERRY_LOG_WARN, "document_ignored",
                  FERRY_STR("key", draft->key)); /* the tail brings it */
    free(text);
}

static void on_put(void *context, enum ferry_journal_outcome outcome,
                   const struct ferry_error *error)
{
    struct ferry_store *store = context;

    if (outcome == FERRY_JOURNAL_DONE) {
        take_written(store, store->puts->draft);
        finish_put(store, NULL);
        next_put(store);
        changed(store);
        return;
    }
    if (outcome == FERRY_JOURNAL_FORGOTTEN && !store->puts->repeated) {
        store->puts->repeated = store->reopening = true;
        open_journal(store);
        return;
    }
    store->trouble = *error;
    ferry_log(FERRY_LOG_WARN, "document_not_written", FERRY_STR("message", error->message));
    if (outcome == FERRY_JOURNAL_FENCED) {
        store->mode = READ_ONLY;
        store->fenced_at = ferry_boot_ms();
    } else if (outcome != FERRY_JOURNAL_NOT_DONE) {
        ferry_fail(&store->trouble, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "Kafka did not confirm the change, it may or may not have been made: %.300s",
                   error->message);
        open_journal(store);
    }
    finish_put(store, &store->trouble);
    next_put(store);
    changed(store);
}

static void start_put(struct ferry_store *store, const struct ferry_draft *draft)
{
    struct ferry_error error;
    char *text = json_dumps(draft->document, JSON_COMPACT);

    store->writing = true;
    if (text) {
        ferry_journal_put(store->journal, draft->key, text, on_put, store);
    } else {
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for a document");
        finish_put(store, &error);
    }
    free(text);
}

/* The world may have moved since it was asked for. A callback may put again: each turn looks at the
 * list anew. */
static void next_put(struct ferry_store *store)
{
    struct ferry_error error;

    while (store->puts && !store->writing) {
        if (ferry_store_claim(store, &error) != FERRY_OK ||
            ferry_draft_fits(store->puts->draft, store->documents, &error) != FERRY_OK)
            finish_put(store, &error);
        else
            start_put(store, store->puts->draft);
    }
}

/* Takes the draft; NULL: there is no memory. */
static void add_put(struct ferry_store *store, struct ferry_draft *draft,
                    ferry_store_callback callback, void *context)
{
    struct put *put = draft ? calloc(1, sizeof *put) : NULL;
    struct ferry_error error;

    if (!put) {
        ferry_draft_free(draft);
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for a document");
        callback(context, &error);
        return;
    }
    *put = (struct put){.draft = draft, .callback = callback, .context = context};
    LL_APPEND(store->puts, put);
    next_put(store);
}

void ferry_store_save(struct ferry_store *store, const char *workflow, json_t *document,
                      ferry_store_callback callback, void *context)
{
    add_put(store, ferry_draft_new(FERRY_DRAFT_SAVED, workflow, "", document), callback, context);
}

void ferry_store_order(struct ferry_store *store, const char *workflow, json_t *order,
                       ferry_store_callback callback, void *context)
{
    add_put(store, ferry_draft_new(FERRY_DRAFT_ORDER, workflow, "", order), callback, context);
}

void ferry_store_replay(struct ferry_store *store, const char *workflow, const char *table,
                        json_t *document, ferry_store_callback callback, void *context)
{
    add_put(store, ferry_draft_new(FERRY_DRAFT_REPLAY, workflow, table, document), callback,
            context);
}

void ferry_store_decide(struct ferry_store *store, const char *workflow, const char *table,
                        json_t *document, ferry_store_callback callback, void *context)
{
    add_put(store, ferry_draft_new(FERRY_DRAFT_DECISION, workflow, table, document), callback,
            context);
}

void ferry_store_forget(struct ferry_store *store, const void *context)
{
    struct put *put;

    LL_FOREACH (store->puts, put)
        if (put->context == context)
            put->callback = NULL;
}

/* --- asking --- */

enum ferry_status ferry_store_readable(const struct ferry_store *store, struct ferry_error *error)
{
    if (store->readable)
        return FERRY_OK;
    return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                      "the controller is still reading its documents from Kafka%s%.400s",
                      store->trouble.message[0] ? ": " : "", store->trouble.message);
}

enum ferry_status ferry_store_writable(const struct ferry_store *store, struct ferry_error *error)
{
    if (store->mode == ACTIVE)
        return FERRY_OK;
    if (store->mode == READING)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                          "the controller is still reading its documents from Kafka");
    *error = store->trouble;
    if (store->mode == OPENING && !error->message[0])
        ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "the controller is not yet connected to Kafka");
    error->status = FERRY_RETRY;
    return FERRY_RETRY;
}

enum ferry_status ferry_store_claim(struct ferry_store *store, struct ferry_error *error)
{
    if (store->mode == READ_ONLY && ferry_boot_ms() - store->fenced_at >= TAKE_OVER_MS) {
        ferry_fail(&store->trouble, FERRY_RETRY, FERRY_CLASS_NONE,
                   "this controller is taking over again; repeat it in a moment");
        open_journal(store);
    }
    return ferry_store_writable(store, error);
}

bool ferry_store_is_read_only(const struct ferry_store *store)
{
    return store->mode == READ_ONLY;
}

const struct ferry_documents *ferry_store_documents(const struct ferry_store *store)
{
    return store->documents;
}

const struct ferry_task *ferry_store_tasks(const struct ferry_store *store)
{
    return store->roster ? ferry_roster_tasks(store->roster) : NULL;
}

int64_t ferry_store_heard_ms(const struct ferry_store *store)
{
    return store->roster ? ferry_roster_heard_ms(store->roster) : ferry_boot_ms();
}

int64_t ferry_store_silence_ms(const struct ferry_store *store)
{
    return store->roster ? ferry_roster_silence_ms(store->roster) : 0;
}

/* --- life --- */

enum ferry_status ferry_store_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_store_options *options,
                                  struct ferry_store **ret_store, struct ferry_error *error)
{
    struct ferry_store *store = calloc(1, sizeof *store);
    enum ferry_status status = FERRY_NOMEM;

    if (store) {
        store->loop = loop;
        store->common = common;
        store->options = *options;
        store->documents = ferry_documents_new();
        if (store->documents)
            status = ferry_journal_new(loop, common, &store->journal, error);
    }
    if (status != FERRY_OK) {
        ferry_store_free(store);
        return ferry_fail(error, status, FERRY_CLASS_BUG, "out of memory for the store");
    }
    uv_timer_init(loop, &store->timer);
    store->timer.data = store;
    store->timer_open = true;
    open_journal(store);
    *ret_store = store;
    return FERRY_OK;
}

static void free_all(struct ferry_store *store)
{
    struct put *put;
    struct put *next_put;

    LL_FOREACH_SAFE (store->puts, put, next_put)
        free_put(put);
    ferry_documents_free(store->documents);
    free(store);
}

static void on_closed(uv_handle_t *handle)
{
    free_all(handle->data);
}

void ferry_store_free(struct ferry_store *store)
{
    if (!store)
        return;
    ferry_tail_free(store->workflows);
    ferry_roster_free(store->roster);
    ferry_journal_free(store->journal);
    if (store->timer_open)
        uv_close((uv_handle_t *)&store->timer, on_closed);
    else
        free_all(store);
}
