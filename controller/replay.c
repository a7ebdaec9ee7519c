#include "controller/replay.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct request {
    struct request *prev;
    struct request *next;
    struct ferry_replays *replays;
    const struct ferry_workflow *workflow;
    struct ferry_server_exchange *exchange;
    char *table;
    json_t *document;
};

struct ferry_replays {
    struct ferry_store *store;
    struct request *first;
};

static void free_request(struct request *request)
{
    free(request->table);
    json_decref(request->document);
    free(request);
}

static json_t *view(const struct ferry_workflow *workflow, const char *table,
                    const json_t *document)
{
    json_t *json = json_pack("{s:s, s:s}", "workflow", workflow->id, "table", table);

    json_object_update(json, (json_t *)(uintptr_t)document);
    return json;
}

static void on_stored(void *context, const struct ferry_error *error)
{
    struct request *request = context;

    if (error) {
        ferry_reply_problem(request->exchange, error->status == FERRY_INVALID ? 409 : 503, error,
                            NULL);
    } else {
        ferry_log(FERRY_LOG_INFO, "replay_requested", FERRY_STR("workflow", request->workflow->id),
                  FERRY_STR("table", request->table));
        ferry_reply_json(request->exchange, 202,
                         view(request->workflow, request->table, request->document));
    }
    DL_DELETE(request->replays->first, request);
    free_request(request);
}

/* NULL: out of memory. */
static struct request *make(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                            struct ferry_server_exchange *exchange, const char *table,
                            int64_t number)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        return NULL;
    request->replays = replays;
    request->workflow = workflow;
    request->exchange = exchange;
    request->table = strdup(table);
    request->document =
        json_pack("{s:I, s:I, s:s}", "replay", (json_int_t)number, "requestedAt",
                  (json_int_t)ferry_wall_ms(), "requestedBy", ferry_reply_user(exchange));
    if (request->table && request->document)
        return request;
    free_request(request);
    return NULL;
}

static const json_t *find_mapping(const json_t *mappings, const char *table)
{
    size_t i;
    json_t *mapping;

    json_array_foreach (mappings, i, mapping) {
        const char *name = json_string_value(json_object_get(mapping, "table"));

        if (name && strcmp(name, table) == 0)
            return mapping;
    }
    return NULL;
}

static void ask_for(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                    struct ferry_server_exchange *exchange, const char *table)
{
    const struct ferry_documents *documents = ferry_store_documents(replays->store);
    const json_t *order = ferry_documents_order(documents, workflow->id);
    const json_t *asked = ferry_documents_replays(documents, workflow->id);
    const json_t *carried = find_mapping(json_object_get(order, "mappings"), table);
    int64_t number = ferry_replay_number(asked, table);
    struct request *request;

    /* One that no start has carried yet reads what a second one would. Of a table that the order
     * leaves out nobody knows whether an earlier start carried it. */
    if (carried && ferry_replay_is_pending(asked, carried)) {
        ferry_reply_json(exchange, 200, view(workflow, table, json_object_get(asked, table)));
        return;
    }
    request = make(replays, workflow, exchange, table, number + 1);
    if (!request) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    DL_APPEND(replays->first, request);
    ferry_store_replay(replays->store, workflow->id, table, request->document, on_stored, request);
}

/* Whether there is anything to read again; false: it has been answered. */
static bool is_mapped(const struct ferry_replays *replays, const struct ferry_workflow *workflow,
                      struct ferry_server_exchange *exchange, const char *table)
{
    const json_t *saved =
        ferry_documents_saved(ferry_store_documents(replays->store), workflow->id, 0);
    const json_t *mappings = json_object_get(json_object_get(saved, "configuration"), "mappings");

    if (!saved)
        ferry_reply_refuse(exchange, 409, "%s has no configuration yet", workflow->id);
    else if (!find_mapping(mappings, table))
        ferry_reply_refuse(exchange, 422, "%s has no mapping of table '%.100s'", workflow->id,
                           table);
    else
        return true;
    return false;
}

void ferry_replays_post(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange)
{
    json_t *body = NULL;
    const char *table;
    struct ferry_error error;

    if (!workflow->available) {
        ferry_reply_refuse(exchange, 409, "%s is not available in this version", workflow->name);
        return;
    }
    if (ferry_store_claim(replays->store, &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    body = ferry_reply_body(exchange);
    table = json_string_value(json_object_get(body, "table"));
    if (body && !table)
        ferry_reply_refuse(exchange, 400, "the body must be {\"table\": \"...\"}");
    else if (body && is_mapped(replays, workflow, exchange, table))
        ask_for(replays, workflow, exchange, table);
    json_decref(body);
}

struct ferry_replays *ferry_replays_new(struct ferry_store *store)
{
    struct ferry_replays *replays = calloc(1, sizeof *replays);

    if (replays)
        replays->store = store;
    return replays;
}

void ferry_replays_free(struct ferry_replays *replays)
{
    struct request *request;
    struct request *next;

    if (!replays)
        return;
    DL_FOREACH_SAFE (replays->first, request, next) {
        ferry_store_forget(replays->store, request);
        free_request(request);
    }
    free(replays);
}
