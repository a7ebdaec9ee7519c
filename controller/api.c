#include "controller/api.h"

#include "controller/check.h"
#include "controller/consentlog.h"
#include "controller/deletes.h"
#include "controller/difference.h"
#include "controller/edit.h"
#include "controller/rejects.h"
#include "controller/replay.h"
#include "controller/reply.h"
#include "controller/setup.h"
#include "controller/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A start or a stop whose answer comes later. */
struct pending {
    struct pending *prev;
    struct pending *next;
    struct ferry_api *api;
    struct ferry_launch *launch;
    struct ferry_server_exchange *exchange;
};

struct ferry_api {
    struct ferry_api_options options;
    struct ferry_edits *edits;
    struct ferry_rejects *rejects;
    struct ferry_checks *checks;
    struct ferry_consentlog *consentlog;
    struct ferry_replays *replays;
    struct ferry_deletes *deletes;
    struct ferry_setup *setup;
    struct ferry_server *server;
    struct pending *pending;
};

static const struct ferry_store *store_of(const struct ferry_api *api)
{
    return api->options.parts.store;
}

/* The workflow that the path names; NULL when 404, or 503 while nothing is known yet, has been
 * answered. */
static struct ferry_launch *find_launch(const struct ferry_api *api,
                                        struct ferry_server_exchange *exchange)
{
    const char *id = ferry_server_parameter(exchange, "id");
    const struct ferry_workflow *workflow = ferry_workflow_find(id);
    struct ferry_error error;

    if (!workflow) {
        ferry_reply_refuse(exchange, 404,
                           "there is no workflow '%.60s'; there are dynamics-to-campaign, "
                           "campaign-to-dynamics and opt-in-out",
                           id);
        return NULL;
    }
    if (ferry_store_readable(store_of(api), &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return NULL;
    }
    return api->options.launches[workflow - ferry_workflows];
}

static json_t *view(const struct ferry_api *api, const struct ferry_launch *launch)
{
    return ferry_view_workflow(launch, store_of(api), api->options.backlog);
}

/* --- workflows --- */

static void get_version(void *context, struct ferry_server_exchange *exchange)
{
    const struct ferry_api *api = context;
    struct ferry_error error;
    bool writable = ferry_store_writable(store_of(api), &error) == FERRY_OK;

    ferry_reply_json(exchange, 200,
                     json_pack("{s:s, s:s, s:b, s:s*}", "version", FERRY_VERSION, "instance",
                               api->options.parts.common->instance, "writable", writable, "reason",
                               writable ? NULL : error.message));
}

static void get_workflows(void *context, struct ferry_server_exchange *exchange)
{
    const struct ferry_api *api = context;
    struct ferry_error error;
    json_t *items;

    if (ferry_store_readable(store_of(api), &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    items = json_array();
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        json_array_append_new(items, view(api, api->options.launches[i]));
    ferry_reply_json(exchange, 200,
                     json_pack("{s:o, s:b}", "items", items, "readOnly",
                               ferry_store_is_read_only(store_of(api))));
}

static void get_workflow(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_reply_json(exchange, 200, view(api, launch));
}

/* --- start and stop --- */

static void on_launched(void *context, const struct ferry_launch_answer *answer)
{
    struct pending *pending = context;
    struct ferry_api *api = pending->api;

    if (answer->status == FERRY_OK)
        ferry_reply_json(pending->exchange, answer->changed ? 202 : 200,
                         view(api, pending->launch));
    else
        ferry_reply_problem(pending->exchange, answer->status == FERRY_INVALID ? 409 : 503,
                            &answer->error, answer->faults);
    DL_DELETE(api->pending, pending);
    free(pending);
}

typedef void launch_function(struct ferry_launch *launch, const char *by,
                             ferry_launch_callback callback, void *context);

static void post_launch(struct ferry_api *api, struct ferry_server_exchange *exchange,
                        launch_function *function)
{
    struct ferry_launch *launch = find_launch(api, exchange);
    struct pending *pending;

    if (!launch)
        return;
    pending = calloc(1, sizeof *pending);
    if (!pending) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    pending->api = api;
    pending->launch = launch;
    pending->exchange = exchange;
    DL_APPEND(api->pending, pending);
    function(launch, ferry_reply_user(exchange), on_launched, pending);
}

static void post_start(void *context, struct ferry_server_exchange *exchange)
{
    post_launch(context, exchange, ferry_launch_start);
}

static void post_stop(void *context, struct ferry_server_exchange *exchange)
{
    post_launch(context, exchange, ferry_launch_stop);
}

/* --- configuration --- */

static int64_t running_revision(const struct ferry_documents *documents, const char *id)
{
    const json_t *order = ferry_documents_order(documents, id);
    enum ferry_phase phase = ferry_order_phase(order);

    if (phase != FERRY_PHASE_PREPARE && phase != FERRY_PHASE_GO)
        return 0;
    return json_integer_value(json_object_get(order, "revision"));
}

/* The saved document that is asked for: ?running=true, ?revision=N or the latest. NULL when 404 was
 * answered. */
static json_t *find_saved(const struct ferry_documents *documents, const char *id,
                          struct ferry_server_exchange *exchange)
{
    const char *running = ferry_server_query(exchange, "running");
    const char *wanted = ferry_server_query(exchange, "revision");
    int64_t revision = wanted ? strtoll(wanted, NULL, 10) : 0;
    json_t *document;

    if (running && strcmp(running, "true") == 0) {
        revision = running_revision(documents, id);
        if (revision == 0) {
            ferry_reply_refuse(exchange, 404, "%s is not running", id);
            return NULL;
        }
    }
    document = wanted && revision <= 0 ? NULL : ferry_documents_saved(documents, id, revision);
    if (!document && revision == 0 && !wanted)
        ferry_reply_refuse(exchange, 404, "%s has no configuration yet", id);
    else if (!document)
        ferry_reply_refuse(exchange, 404, "%s has no revision %s", id,
                           wanted ? wanted : "any more");
    return document;
}

static void get_configuration(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);
    const char *id = launch ? ferry_launch_workflow(launch)->id : NULL;
    json_t *document;
    char etag[32];

    if (!launch || !(document = find_saved(ferry_store_documents(store_of(api)), id, exchange)))
        return;
    snprintf(etag, sizeof etag, "\"%" PRId64 "\"",
             (int64_t)json_integer_value(json_object_get(document, "revision")));
    ferry_server_set_header(exchange, "ETag", etag);
    document = json_copy(document);
    json_object_set_new(document, "workflow", json_string(id));
    ferry_reply_json(exchange, 200, document);
}

static void put_configuration(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_edits_put(api->edits, ferry_launch_workflow(launch), exchange);
}

static void get_revisions(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);
    json_t *documents;
    json_t *items;
    size_t i;
    json_t *document;

    if (!launch)
        return;
    items = json_array();
    documents = ferry_documents_revisions(ferry_store_documents(store_of(api)),
                                          ferry_launch_workflow(launch)->id);
    json_array_foreach (documents, i, document) {
        json_t *item = json_copy(document);

        json_object_del(item, "configuration");
        json_array_append_new(items, item);
    }
    json_decref(documents);
    ferry_reply_json(exchange, 200, json_pack("{s:o}", "items", items));
}

/* The saved configuration against the one that runs, or ran last. */
static void get_diff(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);
    const struct ferry_documents *documents = ferry_store_documents(store_of(api));
    const char *id = launch ? ferry_launch_workflow(launch)->id : "";
    int64_t revision =
        json_integer_value(json_object_get(ferry_documents_order(documents, id), "revision"));
    json_t *saved = ferry_documents_saved(documents, id, 0);
    json_t *running = revision > 0 ? ferry_documents_saved(documents, id, revision) : NULL;

    if (!launch)
        return;
    ferry_reply_json(exchange, 200,
                     json_pack("{s:O?, s:O?, s:O?, s:O?, s:o}", "running",
                               json_object_get(running, "revision"), "saved",
                               json_object_get(saved, "revision"), "savedAt",
                               json_object_get(saved, "savedAt"), "savedBy",
                               json_object_get(saved, "savedBy"), "changes",
                               ferry_difference(json_object_get(running, "configuration"),
                                                json_object_get(saved, "configuration"))));
}

/* --- rejects, check, replay --- */

static void get_rejects(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_rejects_get(api->rejects, ferry_launch_workflow(launch), exchange);
}

static void get_decisions(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_consentlog_get(api->consentlog, ferry_launch_workflow(launch), exchange);
}

static void get_check(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;

    ferry_checks_get(api->checks, exchange);
}

static void post_setup(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;

    ferry_setup_post(api->setup, exchange);
}

static void get_setup(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;

    ferry_setup_get(api->setup, exchange);
}

static void post_replay(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_replays_post(api->replays, ferry_launch_workflow(launch), exchange);
}

static void post_replay_cancel(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_replays_cancel(api->replays, ferry_launch_workflow(launch), exchange);
}

static void post_approve(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_deletes_post(api->deletes, ferry_launch_workflow(launch), exchange, true);
}

static void post_drop(void *context, struct ferry_server_exchange *exchange)
{
    struct ferry_api *api = context;
    const struct ferry_launch *launch = find_launch(api, exchange);

    if (launch)
        ferry_deletes_post(api->deletes, ferry_launch_workflow(launch), exchange, false);
}

static const struct ferry_server_route routes[] = {
    {"GET", "/v1/version", get_version},
    {"GET", "/v1/workflows", get_workflows},
    {"GET", "/v1/workflows/{id}", get_workflow},
    {"POST", "/v1/workflows/{id}/start", post_start},
    {"POST", "/v1/workflows/{id}/stop", post_stop},
    {"GET", "/v1/workflows/{id}/configuration", get_configuration},
    {"PUT", "/v1/workflows/{id}/configuration", put_configuration},
    {"GET", "/v1/workflows/{id}/configuration/revisions", get_revisions},
    {"GET", "/v1/workflows/{id}/diff", get_diff},
    {"GET", "/v1/workflows/{id}/rejects", get_rejects},
    {"GET", "/v1/workflows/{id}/decisions", get_decisions},
    {"GET", "/v1/check", get_check},
    {"POST", "/v1/setup/dynamics", post_setup},
    {"GET", "/v1/setup/dynamics", get_setup},
    {"POST", "/v1/workflows/{id}/replay", post_replay},
    {"POST", "/v1/workflows/{id}/replay/cancel", post_replay_cancel},
    {"POST", "/v1/workflows/{id}/deletes/approve", post_approve},
    {"POST", "/v1/workflows/{id}/deletes/drop", post_drop},
};

/* --- life --- */

enum ferry_status ferry_api_new(const struct ferry_api_options *options, struct ferry_api **ret_api,
                                struct ferry_error *error)
{
    struct ferry_server_options server = {.listen = options->listen,
                                          .routes = routes,
                                          .route_count = sizeof routes / sizeof routes[0]};
    struct ferry_api *api = calloc(1, sizeof *api);
    enum ferry_status status;

    if (!api)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the API");
    api->options = *options;
    server.context = api;
    status = ferry_edits_new(&options->parts, &api->edits, error);
    api->rejects = ferry_rejects_new(options->parts.loop, options->parts.common);
    api->checks = ferry_checks_new(&options->parts);
    api->consentlog = ferry_consentlog_new(options->parts.loop, options->parts.common);
    api->replays = ferry_replays_new(&api->options.parts);
    api->deletes = ferry_deletes_new(options->parts.store);
    api->setup = ferry_setup_new(&options->parts);
    if (!api->rejects || !api->checks || !api->consentlog || !api->replays || !api->deletes ||
        !api->setup)
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the API");
    if (status == FERRY_OK)
        status = ferry_server_new(options->parts.loop, &server, false, &api->server, error);
    if (status != FERRY_OK) {
        ferry_api_free(api);
        return status;
    }
    *ret_api = api;
    return FERRY_OK;
}

void ferry_api_free(struct ferry_api *api)
{
    struct pending *pending;
    struct pending *next;

    if (!api)
        return;
    DL_FOREACH_SAFE (api->pending, pending, next)
        free(pending);
    ferry_edits_free(api->edits);
    ferry_rejects_free(api->rejects);
    ferry_checks_free(api->checks);
    ferry_consentlog_free(api->consentlog);
    ferry_replays_free(api->replays);
    ferry_deletes_free(api->deletes);
    ferry_setup_free(api->setup);
    ferry_server_free(api->server);
    free(api);
}

const char *ferry_api_address(const struct ferry_api *api)
{
    return ferry_server_address(api->server);
}
