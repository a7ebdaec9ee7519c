#include "core/io/health.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE_MS        30000
#define METRICS_CEILING (4u * 1024 * 1024)
#define TEXT_SIZE       256
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct ferry_health {
    struct ferry_server *server;
    struct ferry_metrics *metrics;
    int64_t beat_at;                             /* boot time */
    const char *(*why_not)(const void *context); /* NULL: nothing can be said yet */
    const void *context;
};

/* bad NULL: all is well. */
static void answer_text(struct ferry_server_exchange *exchange, const char *bad)
{
    char text[TEXT_SIZE];
    int length = snprintf(text, sizeof text, "%s\n", bad ? bad : "ok");

    ferry_server_answer(exchange, bad ? 503 : 200, "text/plain; charset=utf-8", text,
                        (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

static void handle_alive(void *context, struct ferry_server_exchange *exchange)
{
    const struct ferry_health *health = context;

    answer_text(exchange, ferry_boot_ms() - health->beat_at <= ALIVE_MS
                              ? NULL
                              : "no work has been done for more than 30 s");
}

static void handle_ready(void *context, struct ferry_server_exchange *exchange)
{
    const struct ferry_health *health = context;

    answer_text(exchange, health->why_not ? health->why_not(health->context) : "it is starting");
}

static void handle_metrics(void *context, struct ferry_server_exchange *exchange)
{
    const struct ferry_health *health = context;
    struct ferry_buffer text;

    ferry_buffer_init(&text, METRICS_CEILING);
    if (ferry_metrics_render(health->metrics, &text) == FERRY_OK)
        ferry_server_answer(exchange, 200, PROMETHEUS_TYPE, text.data ? text.data : "",
                            text.length);
    else
        ferry_server_refuse(exchange, 500, "the metrics do not fit into 4 MiB");
    ferry_buffer_done(&text);
}

static const struct ferry_server_route routes[] = {
    {"GET", "/healthz", handle_alive},
    {"GET", "/readyz", handle_ready},
    {"GET", "/metrics", handle_metrics},
};

enum ferry_status ferry_health_new(uv_loop_t *loop, const char *listen,
                                   struct ferry_metrics *metrics, struct ferry_health **ret_health,
                                   struct ferry_error *error)
{
    struct ferry_server_options options = {
        .listen = listen, .routes = routes, .route_count = sizeof(routes) / sizeof(routes[0])};
    struct ferry_health *health;
    enum ferry_status status;

    if (!listen) {
        *ret_health = NULL;
        return FERRY_OK;
    }
    health = calloc(1, sizeof(*health));
    if (!health)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for the health port");
    health->metrics = metrics;
    options.context = health;
    ferry_health_beat(health);
    status = ferry_server_new(loop, &options, true, &health->server, error);
    if (status != FERRY_OK) {
        free(health);
        return status;
    }
    ferry_log(FERRY_LOG_INFO, "listening", FERRY_STR("name", "health"),
              FERRY_STR("address", ferry_server_address(health->server)));
    *ret_health = health;
    return FERRY_OK;
}

void ferry_health_free(struct ferry_health *health)
{
    if (!health)
        return;
    ferry_server_free(health->server);
    free(health);
}

void ferry_health_beat(struct ferry_health *health)
{
    if (health)
        health->beat_at = ferry_boot_ms();
}

void ferry_health_ask(struct ferry_health *health, const char *(*why_not)(const void *context),
                      const void *context)
{
    if (!health)
        return;
    health->why_not = why_not;
    health->context = context;
}
