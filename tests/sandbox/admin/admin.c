#include "admin/admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sandbox_admin_error(struct sandbox_order *order, unsigned status, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sandbox_reply_json(order->request, status, json_pack("{s:s}", "error", text));
}

#define GET  (1u << SANDBOX_GET)
#define POST (1u << SANDBOX_POST)
#define EDIT (1u << SANDBOX_PATCH | 1u << SANDBOX_DELETE)
#define DROP (1u << SANDBOX_DELETE)

/* '*' stands for any one part; the first route that fits is taken. */
static const struct {
    const char *path;
    unsigned verbs;
    void (*serve)(struct sandbox_order *order);
} routes[] = {
    {"health", GET, sandbox_admin_health},
    {"stats", GET, sandbox_admin_stats},
    {"stats/reset", POST, sandbox_admin_stats_reset},
    {"settings", GET | POST, sandbox_admin_settings},
    {"clock", GET | POST, sandbox_admin_clock},
    {"faults", GET | POST | DROP, sandbox_admin_faults},
    {"faults/*", DROP, sandbox_admin_fault},
    {"scripts", GET | DROP, sandbox_admin_scripts},
    {"consent", GET | POST | DROP, sandbox_admin_consent},
    {"consent/edit", POST, sandbox_admin_edit},
    {"consent/mailable", GET, sandbox_admin_consent_cases},
    {"consent/writes", GET, sandbox_admin_consent_cases},
    {"consent/history", GET, sandbox_admin_consent_cases},
    {"consent/disagreements", GET, sandbox_admin_disagreements},
    {"dynamics/publish", POST, sandbox_admin_dynamics_publish},
    {"dynamics/*/rows", GET | POST, sandbox_admin_records},
    {"dynamics/*/rows/*", GET | EDIT, sandbox_admin_record},
    {"dynamics/*/count", GET, sandbox_admin_record_count},
    {"dynamics/*/served", GET, sandbox_admin_served},
    {"dynamics/*/touch", POST, sandbox_admin_bulk},
    {"dynamics/*/delete", POST, sandbox_admin_bulk},
    {"dynamics/*/append", POST, sandbox_admin_bulk},
    {"campaign/publish", POST, sandbox_admin_campaign_publish},
    {"campaign/journal", GET, sandbox_admin_journal},
    {"campaign/created", GET, sandbox_admin_created},
    {"campaign/send", POST, sandbox_admin_send},
    {"campaign/bounce", POST, sandbox_admin_bounce},
    {"campaign/export", POST, sandbox_admin_export},
    {"campaign/optouts/export", POST, sandbox_admin_export_optouts},
    {"campaign/optouts", GET | DROP, sandbox_admin_optouts},
    {"campaign/events", GET | DROP, sandbox_admin_events},
    {"campaign/uploads", GET | POST | DROP, sandbox_admin_uploads},
    {"campaign/*/rows", GET | POST | DROP, sandbox_admin_entries},
    {"campaign/*/rows/*", GET | EDIT, sandbox_admin_entry},
    {"campaign/*/count", GET, sandbox_admin_entry_count},
    {"campaign/*/spoil", POST, sandbox_admin_spoil},
};

static bool fits(const char *path, const struct sandbox_order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        size_t length = strcspn(path, "/");
        bool any = length == 1 && *path == '*';
        if (!any &&
            (strlen(order->parts[i]) != length || strncmp(path, order->parts[i], length) != 0))
            return false;
        path += length;
        if ((*path == '/') != (i + 1 < order->count))
            return false;
        path += *path == '/';
    }
    return order->count > 0;
}

static void route(struct sandbox_order *order)
{
    bool found = false;

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!fits(routes[i].path, order))
            continue;
        found = true;
        if (routes[i].verbs >> order->request->verb & 1) {
            routes[i].serve(order);
            return;
        }
    }
    sandbox_admin_error(order, found ? 405 : 404, "no such call: %s %s",
                        sandbox_verb_names[order->request->verb], order->request->path);
}

static bool read_json(struct sandbox_order *order)
{
    const struct sandbox_buf *body = &order->request->body;
    json_error_t error;

    order->json = body->length ? json_loadb(body->data, body->length, 0, &error) : json_object();
    if (json_is_object(order->json))
        return true;
    sandbox_admin_error(order, 400, "the body is no JSON object: %s",
                        order->json ? "" : error.text);
    return false;
}

static void serve(struct sandbox_request *request)
{
    struct sandbox_order order = {.world = request->service->context, .request = request};
    const char *parts[SANDBOX_SEGMENTS];
    struct sandbox_buf names = {0};

    ssize_t count = sandbox_request_segments(request->path, &names, parts);
    if (count < 1 || strcmp(parts[0], "sandbox") != 0) {
        sandbox_admin_error(&order, 404, "the control API is under /sandbox/");
    } else if (read_json(&order)) {
        order.count = (size_t)count - 1;
        memcpy(order.parts, parts + 1, order.count * sizeof parts[0]);
        route(&order);
    }
    json_decref(order.json);
    sandbox_buf_done(&names);
}

static void arrive(struct sandbox_request *request)
{
    (void)request;
}

void sandbox_admin_init(struct sandbox_world *world)
{
    world->admin = (struct sandbox_service){
        .name = "admin", .context = world, .arrive = arrive, .serve = serve};
}
