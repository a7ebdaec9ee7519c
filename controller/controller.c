#include "controller/controller.h"

#include "controller/api.h"
#include "core/base/log.h"
#include "core/io/health.h"

#include <stdlib.h>

#define BEAT_MS 1000

const struct ferry_setting ferry_controller_settings[] = {
    {"api.listen", FERRY_SETTING_TEXT, offsetof(struct ferry_controller_settings, api_listen),
     "127.0.0.1:8080", 0, 0, 0,
     "host:port of the API; a loopback address only, because it asks nobody who he is; port 0 "
     "takes "
     "a free one"},
};
const size_t ferry_controller_settings_count =
    sizeof ferry_controller_settings / sizeof ferry_controller_settings[0];

struct ferry_controller {
    uv_loop_t *loop;
    struct ferry_metrics *metrics;
    struct ferry_health *health;
    struct ferry_http *http;
    struct ferry_http *to_campaign;
    struct ferry_dataverse *dataverse;
    struct ferry_campaign *campaign;
    struct ferry_registry *registry; /* only to say whether it is there */
    struct ferry_store *store;
    struct ferry_backlog *backlog;
    struct ferry_launch *launches[FERRY_WORKFLOW_COUNT];
    struct ferry_api *api;
    uv_timer_t timer;
    uv_idle_t turn; /* active: something changed in this turn of the loop */
    int open_handles;
};

/* --- what drives the launches --- */

static void tick(struct ferry_controller *controller)
{
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        if (controller->launches[i])
            ferry_launch_tick(controller->launches[i]);
}

static void set_metrics(struct ferry_controller *controller)
{
    struct ferry_error error;
    bool writable = ferry_store_writable(controller->store, &error) == FERRY_OK;
    char label[64];

    ferry_metric_set(ferry_metric(controller->metrics, FERRY_GAUGE, "ferry_controller_writable",
                                  "1: this controller may write; 0: it only reads", NULL),
                     writable);
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++) {
        struct ferry_state state;

        snprintf(label, sizeof label, "workflow=\"%s\"", ferry_workflows[i].id);
        ferry_launch_state(controller->launches[i], &state);
        ferry_metric_set(ferry_metric(controller->metrics, FERRY_GAUGE, "ferry_workflow_status",
                                      "0 STOPPED, 1 STARTING, 2 RUNNING, 3 FAILED", label),
                         state.status);
        ferry_state_done(&state);
    }
}

static const char *why_not_ready(const void *context)
{
    const struct ferry_controller *controller = context;
    struct ferry_error error;

    return ferry_store_readable(controller->store, &error) == FERRY_OK
               ? NULL
               : "the documents have not been read from Kafka yet";
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_controller *controller = timer->data;
    struct ferry_error error;
    bool readable = ferry_store_readable(controller->store, &error) == FERRY_OK;

    ferry_health_beat(controller->health);
    if (!readable)
        return;
    set_metrics(controller);
    tick(controller);
}

/* Once a turn, however many messages came in it. */
static void on_turn(uv_idle_t *turn)
{
    struct ferry_controller *controller = turn->data;

    uv_idle_stop(turn);
    tick(controller);
}

static void on_change(void *context)
{
    struct ferry_controller *controller = context;

    if (controller->open_handles > 0)
        uv_idle_start(&controller->turn, on_turn);
}

static const json_t *order_of(void *context, const char *workflow)
{
    const struct ferry_controller *controller = context;
    const struct ferry_documents *documents = ferry_store_documents(controller->store);

    return ferry_documents_order(documents, workflow);
}

/* --- life --- */

static enum ferry_status make_remotes(struct ferry_controller *controller,
                                      const struct ferry_controller_options *options,
                                      struct ferry_error *error)
{
    const struct ferry_http_options http = {.connect_timeout_ms = 0};
    /* One request at a time: the writers leave us no more of what Campaign admits. */
    const struct ferry_http_options narrow = {.max_connections = 1};
    enum ferry_status status = ferry_http_new(controller->loop, &http, &controller->http, error);

    if (status == FERRY_OK)
        status =
            ferry_dataverse_new(controller->http, options->dynamics, &controller->dataverse, error);
    if (status == FERRY_OK)
        status = ferry_http_new(controller->loop, &narrow, &controller->to_campaign, error);
    if (status == FERRY_OK)
        status = ferry_campaign_new(controller->to_campaign, options->campaign,
                                    &controller->campaign, error);
    if (status == FERRY_OK)
        status =
            ferry_registry_new(controller->http, options->common, &controller->registry, error);
    return status;
}

static enum ferry_status make_store(struct ferry_controller *controller,
                                    const struct ferry_common *common, struct ferry_error *error)
{
    const struct ferry_store_options store = {on_change, controller};
    const struct ferry_backlog_options backlog = {order_of, controller};
    enum ferry_status status =
        ferry_store_new(controller->loop, common, &store, &controller->store, error);

    if (status == FERRY_OK)
        status = ferry_backlog_new(controller->loop, common, &backlog, &controller->backlog, error);
    return status;
}

static enum ferry_status make_api(struct ferry_controller *controller,
                                  const struct ferry_controller_options *options,
                                  struct ferry_error *error)
{
    struct ferry_api_options api = {.listen = options->own->api_listen,
                                    .parts = {controller->loop, options->common, controller->store,
                                              controller->dataverse, controller->campaign,
                                              controller->registry, options->sftp},
                                    .launches = controller->launches,
                                    .backlog = controller->backlog};
    enum ferry_status status = FERRY_OK;

    for (int i = 0; i < FERRY_WORKFLOW_COUNT && status == FERRY_OK; i++)
        status = ferry_launch_new(&api.parts, &ferry_workflows[i], &controller->launches[i], error);
    if (status == FERRY_OK)
        status = ferry_api_new(&api, &controller->api, error);
    if (status == FERRY_OK)
        ferry_log(FERRY_LOG_INFO, "listening", FERRY_STR("name", "api"),
                  FERRY_STR("address", ferry_api_address(controller->api)));
    return status;
}

static void open_handles(struct ferry_controller *controller)
{
    uv_timer_init(controller->loop, &controller->timer);
    uv_idle_init(controller->loop, &controller->turn);
    controller->timer.data = controller;
    controller->turn.data = controller;
    controller->open_handles = 2;
    uv_timer_start(&controller->timer, on_timer, 0, BEAT_MS);
}

enum ferry_status ferry_controller_new(uv_loop_t *loop,
                                       const struct ferry_controller_options *options,
                                       struct ferry_controller **ret_controller,
                                       struct ferry_error *error)
{
    struct ferry_controller *controller = calloc(1, sizeof *controller);
    enum ferry_status status;

    if (!controller)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    controller->loop = loop;
    open_handles(controller);
    controller->metrics = ferry_metrics_new();
    status = make_remotes(controller, options, error);
    if (status == FERRY_OK)
        status = make_store(controller, options->common, error);
    if (status == FERRY_OK)
        status = make_api(controller, options, error);
    /* Last: what the health port says is about all of these. */
    if (status == FERRY_OK)
        status = ferry_health_new(loop, options->common->health_listen, controller->metrics,
                                  &controller->health, error);
    if (status != FERRY_OK) {
        ferry_controller_free(controller);
        return status;
    }
    ferry_health_ask(controller->health, why_not_ready, controller);
    *ret_controller = controller;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_controller *controller = handle->data;

    if (--controller->open_handles == 0)
        free(controller);
}

void ferry_controller_free(struct ferry_controller *controller)
{
    if (!controller)
        return;
    ferry_health_free(controller->health);
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        ferry_launch_free(controller->launches[i]);
    ferry_api_free(controller->api);
    ferry_backlog_free(controller->backlog);
    ferry_store_free(controller->store);
    ferry_registry_free(controller->registry);
    ferry_campaign_free(controller->campaign);
    ferry_dataverse_free(controller->dataverse);
    ferry_http_free(controller->http);
    ferry_http_free(controller->to_campaign);
    ferry_metrics_free(controller->metrics);
    uv_close((uv_handle_t *)&controller->timer, on_closed);
    uv_close((uv_handle_t *)&controller->turn, on_closed);
}
