#include "controller/replay.h"

#include "controller/lineage.h"
#include "controller/selection.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TASK_ID_SIZE 300

struct request {
    struct request *prev;
    struct request *next;
    struct ferry_replays *replays;
    const struct ferry_workflow *workflow;
    struct ferry_server_exchange *exchange;
    struct ferry_selection *selection; /* being asked for */
    json_t *body;                      /* what was asked for */
    const char *table;                 /* of the body */
    json_t *document;                  /* what is being stored */
    int done;                          /* the status to answer when it is */
};

struct ferry_replays {
    const struct ferry_launch_parts *parts;
    struct request *first;
};

/* --- a request's life --- */

static struct request *make_request(struct ferry_replays *replays,
                                    const struct ferry_workflow *workflow,
                                    struct ferry_server_exchange *exchange, json_t *body)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return NULL;
    }
    request->replays = replays;
    request->workflow = workflow;
    request->exchange = exchange;
    request->body = json_incref(body);
    request->table = json_string_value(json_object_get(body, "table"));
    DL_APPEND(replays->first, request);
    return request;
}

static void finish(struct request *request)
{
    DL_DELETE(request->replays->first, request);
    json_decref(request->body);
    json_decref(request->document);
    free(request);
}

static void answer(struct request *request, int status, const json_t *document)
{
    json_t *json =
        json_pack("{s:s, s:s}", "workflow", request->workflow->id, "table", request->table);

    json_object_update(json, (json_t *)(uintptr_t)document);
    json_object_del(json, "before");
    json_object_del(json, "where");
    ferry_reply_json(request->exchange, status, json);
    finish(request);
}

static void refuse(struct request *request, int status, const struct ferry_error *error)
{
    ferry_reply_problem(request->exchange, status, error, NULL);
    finish(request);
}

FERRY_PRINTF(2, 3) static void conflict(struct request *request, const char *format, ...)
{
    struct ferry_error error = {.status = FERRY_INVALID};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    refuse(request, 409, &error);
}

static void on_stored(void *context, const struct ferry_error *error)
{
    struct request *request = context;

    if (error) {
        refuse(request, error->status == FERRY_INVALID ? 409 : 503, error);
        return;
    }
    ferry_log(FERRY_LOG_INFO, request->done == 202 ? "replay_requested" : "replay_cancelled",
              FERRY_STR("workflow", request->workflow->id), FERRY_STR("table", request->table));
    answer(request, request->done, request->document);
}

/* Takes the document. */
static void store(struct request *request, json_t *document, int done)
{
    request->document = document;
    request->done = done;
    ferry_store_replay(request->replays->parts->store, request->workflow->id, request->table,
                       document, on_stored, request);
}

/* --- what is known --- */

static const struct ferry_documents *documents_of(const struct request *request)
{
    return ferry_store_documents(request->replays->parts->store);
}

static const json_t *asked_for(const struct request *request)
{
    return ferry_documents_replays(documents_of(request), request->workflow->id);
}

/* What the present order says about the table; NULL: nothing. */
static const json_t *carried_by_order(const struct request *request)
{
    const json_t *order = ferry_documents_order(documents_of(request), request->workflow->id);

    return ferry_lineage_mapping(json_object_get(order, "mappings"), request->table);
}

static int64_t number_of(const json_t *json)
{
    return json_integer_value(json_object_get(json, "replay"));
}

/* A counter of the task that reads this mapping of the order; 0: it did not say. */
static int64_t told_by_reader(const struct request *request, const json_t *carried,
                              const char *counter)
{
    const char *id = json_string_value(json_object_get(carried, "id"));
    const struct ferry_task *task;
    char name[TASK_ID_SIZE];

    snprintf(name, sizeof name, "%s/reader/%s", request->workflow->id, id ? id : "");
    for (task = ferry_store_tasks(request->replays->parts->store); task; task = task->next)
        if (strcmp(task->id, name) == 0)
            return json_integer_value(
                json_object_get(json_object_get(task->document, "counters"), counter));
    return 0;
}

/* --- asking for one --- */

static json_t *make_document(const struct request *request,
                             const struct ferry_selection_result *selected)
{
    static const char *const copied[] = {"ids", "filter", "since"};
    const json_t *asked = asked_for(request);
    json_t *wanted = ferry_replay_wanted(asked, request->table);
    json_t *document =
        json_pack("{s:I, s:I, s:s, s:s*}", "replay",
                  (json_int_t)ferry_replay_number(asked, request->table) + 1, "requestedAt",
                  (json_int_t)ferry_wall_ms(), "requestedBy", ferry_reply_user(request->exchange),
                  "where", selected ? selected->where : NULL);

    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
        json_object_set(document, copied[i], json_object_get(request->body, copied[i]));
    if (selected) {
        json_object_set_new(document, "records", json_integer(selected->records));
        json_object_set_new(document, "more", json_boolean(selected->more));
    }
    if (wanted) /* what holds again if this one is cancelled */
        json_object_set_new(document, "before",
                            json_pack("{s:O, s:O*}", "replay", json_object_get(wanted, "replay"),
                                      "where", json_object_get(wanted, "where")));
    return document;
}

static bool is_same(const json_t *wanted, const char *where)
{
    const char *other = json_string_value(json_object_get(wanted, "where"));

    return where && other ? strcmp(where, other) == 0 : !where && !other;
}

/* It is carried by the order until the reader has noted it, and an order carries one: the next one
 * would be read in its place. */
static bool is_not_begun(const struct request *request, const json_t *carried)
{
    return told_by_reader(request, carried, "replay") < number_of(carried);
}

static bool reads_all(const struct request *request, const json_t *carried)
{
    return !json_object_get(carried, "replayWhere") &&
           told_by_reader(request, carried, "replaying") > 0;
}

static void ask_for(struct request *request, const struct ferry_selection_result *selected)
{
    const char *where = selected ? selected->where : NULL;
    const json_t *carried = carried_by_order(request);
    const json_t *wanted = ferry_replay_wanted(asked_for(request), request->table);

    /* One that no start has carried yet reads what a second one would. Of a table that the order
     * leaves out nobody knows whether an earlier start carried it. */
    bool pending = carried && number_of(wanted) > number_of(carried);
    if (pending && is_same(wanted, where))
        answer(request, 200, wanted);
    else if (pending)
        conflict(request,
                 "another replay of %s is pending already: start %s, or cancel that one first",
                 request->table, request->workflow->id);
    else if (where && carried && is_not_begun(request, carried))
        conflict(request, "the last replay of %s has not begun yet: try again when %s runs",
                 request->table, request->workflow->id);
    else if (where && carried && reads_all(request, carried))
        conflict(request,
                 "all of %s is being read again already: try again when that is through, or cancel "
                 "it first",
                 request->table);
    else
        store(request, make_document(request, selected), 202);
}

static void on_selected(void *context, const struct ferry_selection_result *result)
{
    struct request *request = context;
    json_t *preview;

    request->selection = NULL;
    if (result->status != FERRY_OK) {
        refuse(request, result->status == FERRY_INVALID ? 422 : 503, &result->error);
    } else if (json_is_true(json_object_get(request->body, "dryRun"))) {
        preview =
            json_pack("{s:I, s:b}", "records", (json_int_t)result->records, "more", result->more);
        answer(request, 200, preview);
        json_decref(preview);
    } else {
        ask_for(request, result);
    }
}

static void look(struct request *request)
{
    struct ferry_error error;
    bool counts = json_is_true(json_object_get(request->body, "dryRun"));

    if (ferry_selection_check(request->body, &error) != FERRY_OK)
        refuse(request, 422, &error);
    else if (!counts && !ferry_selection_is_part(request->body))
        ask_for(request, NULL);
    else if (ferry_selection_start(request->replays->parts->dataverse, request->body, on_selected,
                                   request, &request->selection, &error) != FERRY_OK)
        refuse(request, 503, &error);
}

/* --- taking one back --- */

static void take_back(struct request *request)
{
    json_t *latest = json_object_get(asked_for(request), request->table);
    const json_t *carried = carried_by_order(request);
    bool cancelled = json_is_true(json_object_get(latest, "cancelled"));
    bool pending = number_of(latest) > number_of(carried);
    bool running =
        is_not_begun(request, carried) || told_by_reader(request, carried, "replaying") > 0;
    json_t *document;

    if (!latest || cancelled || (!pending && !running)) {
        conflict(request, "no replay of %s is pending", request->table);
        return;
    }
    document = json_copy(latest);
    json_object_set_new(document, "cancelled", json_true());
    store(request, document, 200);
}

/* --- the requests --- */

/* Whether there is anything to read again; false: it has been answered. */
static bool is_mapped(const struct ferry_replays *replays, const struct ferry_workflow *workflow,
                      struct ferry_server_exchange *exchange, const char *table)
{
    const json_t *saved =
        ferry_documents_saved(ferry_store_documents(replays->parts->store), workflow->id, 0);
    json_t *mappings = json_object_get(json_object_get(saved, "configuration"), "mappings");

    if (!saved)
        ferry_reply_refuse(exchange, 409, "%s has no configuration yet", workflow->id);
    else if (!ferry_lineage_mapping(mappings, table))
        ferry_reply_refuse(exchange, 422, "%s has no mapping of table '%.100s'", workflow->id,
                           table);
    else
        return true;
    return false;
}

static void post(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                 struct ferry_server_exchange *exchange, void (*go_on)(struct request *request))
{
    struct ferry_error error;
    struct request *request;
    const char *table;
    json_t *body;

    if (workflow->kind->no_replay) {
        ferry_reply_refuse(exchange, 409, "%s", workflow->kind->no_replay);
        return;
    }
    if (ferry_store_claim(replays->parts->store, &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    body = ferry_reply_body(exchange);
    table = json_string_value(json_object_get(body, "table"));
    if (body && !table)
        ferry_reply_refuse(exchange, 400, "the body must be {\"table\": \"...\"}");
    else if (body && is_mapped(replays, workflow, exchange, table) &&
             (request = make_request(replays, workflow, exchange, body)))
        go_on(request);
    json_decref(body);
}

void ferry_replays_post(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange)
{
    post(replays, workflow, exchange, look);
}

void ferry_replays_cancel(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                          struct ferry_server_exchange *exchange)
{
    post(replays, workflow, exchange, take_back);
}

/* --- life --- */

struct ferry_replays *ferry_replays_new(const struct ferry_launch_parts *parts)
{
    struct ferry_replays *replays = calloc(1, sizeof *replays);

    if (replays)
        replays->parts = parts;
    return replays;
}

void ferry_replays_free(struct ferry_replays *replays)
{
    struct request *request;
    struct request *next;

    if (!replays)
        return;
    DL_FOREACH_SAFE (replays->first, request, next) {
        ferry_selection_cancel(request->selection);
        ferry_store_forget(replays->parts->store, request);
        finish(request);
    }
    free(replays);
}
