#include "core/io/server.h"

#include "core/base/clock.h"
#include "core/io/listener.h"
#include "core/io/route.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <utlist.h>

#define POOL_BYTES    (24u * 1024) /* a connection's headers, in and out; 16 KiB of request fit */
#define BODY_BYTES    (1024u * 1024)
#define TIMEOUT_S     30u
#define CONNECTIONS   128u
#define EXTRA_HEADERS 8u

struct pair {
    char *name;
    char *value;
};

struct ferry_server_exchange {
    struct ferry_server *server;
    struct MHD_Connection *connection;
    struct ferry_server_exchange *prev;
    struct ferry_server_exchange *next;
    const struct ferry_server_route *handler;
    struct ferry_route route;
    char *path; /* raw, without the query */
    struct ferry_buffer body;
    int64_t begun_at;
    size_t discarded;
    struct pair headers[EXTRA_HEADERS];
    unsigned header_count;
    struct MHD_Response *response;
    int status;
    bool admitted; /* the access callback has seen its headers */
    bool answered; /* without a response: out of memory, the connection is cut */
    bool suspended;
};

struct ferry_server {
    struct MHD_Daemon *daemon;
    struct ferry_server_exchange *exchanges;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    const struct ferry_server_route *routes;
    size_t route_count;
    void *context;
    struct ferry_listener listener;
};

/* Sent with every answer: nothing here may be cached, framed or guessed at. */
static const char *const fixed_headers[][2] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"},
};

/* --- the loop
 * --------------------------------------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer);

static void turn(struct ferry_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    (void)MHD_run(server->daemon);
    if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES)
        uv_timer_start(&server->timer, on_timer, timeout, 0);
    else
        uv_timer_stop(&server->timer);
}

static void on_timer(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data);
}

/* --- exchanges
 * -------------------------------------------------------------------------------------------------------
 */

/* MHD's first word about a request: the only place that shows the path before it is decoded. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct ferry_server *server = context;
    struct ferry_server_exchange *exchange = calloc(1, sizeof(*exchange));

    if (!exchange)
        return NULL;
    exchange->path = strndup(uri, strcspn(uri, "?"));
    if (!exchange->path) {
        free(exchange);
        return NULL;
    }
    exchange->server = server;
    exchange->connection = connection;
    exchange->begun_at = ferry_boot_ms();
    ferry_buffer_init(&exchange->body, BODY_BYTES);
    DL_APPEND(server->exchanges, exchange);
    return exchange;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct ferry_server_exchange *exchange = *request;
    struct ferry_server *server = context;

    (void)connection;
    (void)code;
    if (!exchange)
        return;
    *request = NULL;
    DL_DELETE(server->exchanges, exchange);
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    for (unsigned i = 0; i < exchange->header_count; i++) {
        free(exchange->headers[i].name);
        free(exchange->headers[i].value);
    }
    ferry_buffer_done(&exchange->body);
    free(exchange->path);
    free(exchange);
}

static bool is_safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* The address we listen on, or localhost with its port: a name that somebody's DNS points at us is
 * neither. */
static bool is_our_host(const struct ferry_server *server, const char *host)
{
    char local[32];

    snprintf(local, sizeof(local), "localhost:%d", server->listener.port);
    return strcasecmp(host, server->listener.address) == 0 || strcasecmp(host, local) == 0;
}

static bool is_foreign(const struct ferry_server_exchange *exchange)
{
    const char *origin = ferry_server_header(exchange, MHD_HTTP_HEADER_ORIGIN);
    const char *site = ferry_server_header(exchange, "Sec-Fetch-Site");

    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return true;
    return origin &&
           (strncasecmp(origin, "http://", 7) != 0 || !is_our_host(exchange->server, origin + 7));
}

static bool is_json(const struct ferry_server_exchange *exchange)
{
    const char *type = ferry_server_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t length = strlen("application/json");

    return type && strncasecmp(type, "application/json", length) == 0 && strchr("; ", type[length]);
}

static uint64_t content_length(const struct ferry_server_exchange *exchange)
{
    const char *text = ferry_server_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return text ? strtoull(text, NULL, 10) : 0;
}

static void find_route(struct ferry_server_exchange *exchange, const char *method)
{
    const struct ferry_server *server = exchange->server;
    const struct ferry_server_route *other = NULL;

    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (size_t i = 0; i < server->route_count; i++) {
        if (!ferry_route_match(server->routes[i].path, exchange->path, &exchange->route))
            continue;
        other = &server->routes[i];
        if (strcmp(other->method, method) == 0) {
            exchange->handler = other;
            return;
        }
    }
    if (!other) {
        ferry_server_refuse(exchange, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
        return;
    }
    ferry_server_set_header(exchange, MHD_HTTP_HEADER_ALLOW, other->method);
    ferry_server_refuse(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                        "this path does not take this method");
}

/* Finds the route, or answers with the reason why there will be none. */
static void admit(struct ferry_server_exchange *exchange, const char *method)
{
    const struct ferry_server *server = exchange->server;
    const char *host = ferry_server_header(exchange, MHD_HTTP_HEADER_HOST);

    exchange->admitted = true;
    if (server->listener.loopback && (!host || !is_our_host(server, host)))
        ferry_server_refuse(exchange, MHD_HTTP_MISDIRECTED_REQUEST,
                            "the Host header is neither this server's address nor localhost");
    else if (!is_safe(method) && is_foreign(exchange))
        ferry_server_refuse(exchange, MHD_HTTP_FORBIDDEN, "the request comes from another origin");
    else if (content_length(exchange) > BODY_BYTES)
        ferry_server_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than 1 MiB");
    else if (content_length(exchange) > 0 && !is_json(exchange))
        ferry_server_refuse(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                            "the body must have Content-Type: application/json");
    else
        find_route(exchange, method);
}

static enum MHD_Result take_body(struct ferry_server_exchange *exchange, const char *data,
                                 size_t *length)
{
    size_t size = *length;

    *length = 0;
    if (ferry_boot_ms() - exchange->begun_at > TIMEOUT_S * 1000)
        return MHD_NO;
    if (!exchange->answered) {
        if (ferry_buffer_append(&exchange->body, data, size) == FERRY_OK)
            return MHD_YES;
        ferry_server_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than 1 MiB");
    }
    /* Whoever is refused may finish the sentence, so that the answer reaches him, but not for ever.
     */
    exchange->discarded += size;
    return exchange->discarded > BODY_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_response(struct ferry_server_exchange *exchange)
{
    if (!exchange->response)
        return MHD_NO;
    return MHD_queue_response(exchange->connection, (unsigned)exchange->status, exchange->response);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *length, void **request)
{
    struct ferry_server_exchange *exchange = *request;
    const struct ferry_server *server = context;

    (void)url;
    (void)version;
    if (!exchange)
        return MHD_NO;
    if (!exchange->admitted) {
        admit(exchange, method);
        /* Too much to read only to refuse it: MHD answers and closes. */
        return content_length(exchange) > BODY_BYTES ? send_response(exchange) : MHD_YES;
    }
    if (*length > 0)
        return take_body(exchange, data, length);
    if (!exchange->answered)
        exchange->handler->handle(server->context, exchange);
    if (exchange->answered)
        return send_response(exchange);
    exchange->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* --- answering
 * -------------------------------------------------------------------------------------------------------
 */

static void add_headers(struct ferry_server_exchange *exchange, const char *content_type)
{
    struct MHD_Response *response = exchange->response;

    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < sizeof(fixed_headers) / sizeof(fixed_headers[0]); i++)
        (void)MHD_add_response_header(response, fixed_headers[i][0], fixed_headers[i][1]);
    for (unsigned i = 0; i < exchange->header_count; i++)
        (void)MHD_add_response_header(response, exchange->headers[i].name,
                                      exchange->headers[i].value);
}

void ferry_server_answer(struct ferry_server_exchange *exchange, int status,
                         const char *content_type, const char *body, size_t length)
{
    char *copy;

    if (exchange->answered)
        return;
    copy = malloc(length + 1);
    if (copy && length > 0)
        memcpy(copy, body, length);
    if (copy)
        exchange->response = MHD_create_response_from_buffer(length, copy, MHD_RESPMEM_MUST_FREE);
    if (exchange->response)
        add_headers(exchange, content_type);
    else
        free(copy);
    exchange->status = status;
    exchange->answered = true;
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    MHD_resume_connection(exchange->connection);
    uv_timer_start(&exchange->server->timer, on_timer, 0, 0);
}

void ferry_server_refuse(struct ferry_server_exchange *exchange, int status, const char *sentence)
{
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title,
                                "status", status, "detail", sentence);
    char *text = json_dumps(problem, JSON_COMPACT);

    ferry_server_answer(exchange, status, "application/problem+json", text ? text : "{}",
                        text ? strlen(text) : 2);
    free(text);
    json_decref(problem);
}

void ferry_server_set_header(struct ferry_server_exchange *exchange, const char *name,
                             const char *value)
{
    struct pair *pair = &exchange->headers[exchange->header_count];

    if (exchange->header_count == EXTRA_HEADERS)
        return;
    pair->name = strdup(name);
    pair->value = strdup(value);
    if (pair->name && pair->value) {
        exchange->header_count++;
        return;
    }
    free(pair->name);
    free(pair->value);
}

/* --- asking
 * ----------------------------------------------------------------------------------------------------------
 */

const char *ferry_server_parameter(const struct ferry_server_exchange *exchange, const char *name)
{
    return ferry_route_parameter(&exchange->route, name);
}

const char *ferry_server_query(const struct ferry_server_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *ferry_server_header(const struct ferry_server_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *ferry_server_body(const struct ferry_server_exchange *exchange, size_t *ret_length)
{
    *ret_length = exchange->body.length;
    return exchange->body.data ? exchange->body.data : "";
}

const char *ferry_server_address(const struct ferry_server *server)
{
    return server->listener.address;
}

/* --- life
 * ------------------------------------------------------------------------------------------------------------
 */

static enum ferry_status start_daemon(struct ferry_server *server, struct ferry_error *error)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
        MHD_OPTION_LISTEN_SOCKET, server->listener.fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_BYTES, MHD_OPTION_END);
    if (!server->daemon)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "cannot start an HTTP server on %s",
                          server->listener.address);
    return FERRY_OK;
}

static enum ferry_status join_loop(struct ferry_server *server, uv_loop_t *loop,
                                   struct ferry_error *error)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int code = info ? uv_poll_init(loop, &server->poll, info->epoll_fd) : UV_ENOTSUP;

    if (code < 0)
        return ferry_fail(error, FERRY_FATAL, FERRY_CLASS_BUG,
                          "cannot watch the HTTP server's sockets: %s", uv_strerror(code));
    uv_timer_init(loop, &server->timer);
    server->open_handles = 2;
    server->poll.data = server;
    server->timer.data = server;
    uv_poll_start(&server->poll, UV_READABLE, on_readable);
    uv_timer_start(&server->timer, on_timer, 0, 0);
    return FERRY_OK;
}

enum ferry_status ferry_server_new(uv_loop_t *loop, const struct ferry_server_options *options,
                                   bool anywhere, struct ferry_server **ret_server,
                                   struct ferry_error *error)
{
    struct ferry_server *server = calloc(1, sizeof(*server));
    enum ferry_status status;

    if (!server)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for an HTTP server");
    server->routes = options->routes;
    server->route_count = options->route_count;
    server->context = options->context;
    server->listener.fd = -1;
    status = ferry_listener_open(options->listen, anywhere, &server->listener, error);
    if (status == FERRY_OK)
        status = start_daemon(server, error);
    if (status == FERRY_OK)
        status = join_loop(server, loop, error);
    if (status != FERRY_OK) {
        ferry_server_free(server);
        return status;
    }
    *ret_server = server;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_server *server = handle->data;

    if (--server->open_handles == 0)
        free(server);
}

void ferry_server_free(struct ferry_server *server)
{
    struct ferry_server_exchange *exchange;

    if (!server)
        return;
    DL_FOREACH (server->exchanges, exchange)
        if (exchange->suspended)
            ferry_server_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
                                "the server is shutting down");
    if (server->open_handles > 0)
        uv_poll_stop(&server->poll);
    if (server->daemon) {
        (void)MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    } else if (server->listener.fd >= 0) {
        close(server->listener.fd);
    }
    if (server->open_handles == 0) {
        free(server);
        return;
    }
    uv_close((uv_handle_t *)&server->poll, on_closed);
    uv_close((uv_handle_t *)&server->timer, on_closed);
}
