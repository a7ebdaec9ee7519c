#include "controller/deletes.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct request {
    struct request *prev;
    struct request *next;
    struct ferry_deletes *deletes;
    const struct ferry_workflow *workflow;
    struct ferry_server_exchange *exchange;
    char *table;
    json_t *document; /* deletion.h */
    int64_t held;
};

struct ferry_deletes {
    struct ferry_store *store;
    struct request *first;
};

static void free_request(struct request *request)
{
    free(request->table);
    json_decref(request->document);
    free(request);
}

static json_t *view(const struct request *request)
{
    json_t *json = json_pack("{s:s, s:s, s:I}", "workflow", request->workflow->id, "table",
                             request->table, "deletes", (json_int_t)request->held);

    json_object_update(json, request->document);
    json_object_del(json, "below");
    return json;
}

static void on_stored(void *context, const struct ferry_error *error)
{
    struct request *request = context;

    if (error) {
        ferry_reply_problem(request->exchange, error->status == FERRY_INVALID ? 409 : 503, error,
                            NULL);
    } else {
        ferry_log(
            FERRY_LOG_INFO, "deletes_decided", FERRY_STR("workflow", request->workflow->id),
            FERRY_STR("table", request->table),
            FERRY_STR("verdict", json_string_value(json_object_get(request->document, "verdict"))),
            FERRY_INT("deletes", request->held));
        ferry_reply_json(request->exchange, 202, view(request));
    }
    DL_DELETE(request->deletes->first, request);
    free_request(request);
}

/* What is held back from now on was not seen by whoever decides. */
static json_t *below_of(const struct ferry_deletes *deletes, const struct ferry_workflow *workflow,
                        const char *table)
{
    return ferry_task_below(ferry_store_tasks(deletes->store), workflow->id, table,
                            ferry_store_heard_ms(deletes->store));
}

/* NULL: out of memory. */
static struct request *make(struct ferry_deletes *deletes, const struct ferry_workflow *workflow,
                            struct ferry_server_exchange *exchange, const char *table,
                            const char *verdict)
{
    const json_t *decided =
        ferry_documents_decisions(ferry_store_documents(deletes->store), workflow->id);
    struct request *request = calloc(1, sizeof *request);
    json_int_t number = ferry_decision_number(decided, table);

    if (!request)
        return NULL;
    request->deletes = deletes;
    request->workflow = workflow;
    request->exchange = exchange;
    request->table = strdup(table);
    request->document =
        json_pack("{s:I, s:s, s:I, s:s, s:o*}", "decision", number + 1, "verdict", verdict,
                  "decidedAt", (json_int_t)ferry_wall_ms(), "decidedBy", ferry_reply_user(exchange),
                  "below", below_of(deletes, workflow, table));
    if (request->table && request->document)
        return request;
    free_request(request);
    return NULL;
}

/* False, and answered: it is not what whoever decides has seen. expected 0: he does not say. */
static bool is_expected(struct ferry_server_exchange *exchange, const char *table, int64_t held,
                        int64_t expected)
{
    if (held == 0)
        ferry_reply_refuse(exchange, 409, "no deletes of table '%.100s' wait for a decision",
                           table);
    else if (expected != 0 && expected != held)
        ferry_reply_refuse(exchange, 409,
                           "%lld deletes of table '%.100s' wait now, not %lld: look again before "
                           "you decide; nothing was decided",
                           (long long)held, table, (long long)expected);
    else
        return true;
    return false;
}

static void decide(struct ferry_deletes *deletes, const struct ferry_workflow *workflow,
                   struct ferry_server_exchange *exchange, const json_t *body, const char *verdict)
{
    const char *table = json_string_value(json_object_get(body, "table"));
    int64_t held = ferry_task_sum(ferry_store_tasks(deletes->store), workflow->id, "deletesHeld",
                                  table, ferry_store_heard_ms(deletes->store));
    struct request *request;

    if (!is_expected(exchange, table, held, json_integer_value(json_object_get(body, "expect"))))
        return;
    request = make(deletes, workflow, exchange, table, verdict);
    if (!request) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    request->held = held;
    DL_APPEND(deletes->first, request);
    ferry_store_decide(deletes->store, workflow->id, table, request->document, on_stored, request);
}

static bool is_wish(const json_t *body)
{
    const json_t *expect = json_object_get(body, "expect");

    return json_is_string(json_object_get(body, "table")) &&
           (!expect || (json_is_integer(expect) && json_integer_value(expect) > 0));
}

void ferry_deletes_post(struct ferry_deletes *deletes, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange, bool approve)
{
    json_t *body;
    struct ferry_error error;

    if (workflow->kind->no_deletes) {
        ferry_reply_refuse(exchange, 409, "%s", workflow->kind->no_deletes);
        return;
    }
    if (ferry_store_claim(deletes->store, &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    body = ferry_reply_body(exchange);
    if (body && !is_wish(body))
        ferry_reply_refuse(exchange, 400,
                           "the body must be {\"table\": \"...\"}, and may say how many deletes "
                           "you saw: \"expect\": 300");
    else if (body)
        decide(deletes, workflow, exchange, body, approve ? "approve" : "drop");
    json_decref(body);
}

struct ferry_deletes *ferry_deletes_new(struct ferry_store *store)
{
    struct ferry_deletes *deletes = calloc(1, sizeof *deletes);

    if (deletes)
        deletes->store = store;
    return deletes;
}

void ferry_deletes_free(struct ferry_deletes *deletes)
{
    struct request *request;
    struct request *next;

    if (!deletes)
        return;
    DL_FOREACH_SAFE (deletes->first, request, next) {
        ferry_store_forget(deletes->store, request);
        free_request(request);
    }
    free(deletes);
}
