#include "base/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 16384
#define SLOW_PART   1024

struct sandbox_http {
    struct MHD_Daemon *daemon;
    struct sandbox_loop *loop;
    struct sandbox_service *service;
    struct sandbox_poller poller;
    const char *scheme;
};

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct sandbox_http *http = cls;
    struct sandbox_request *request = calloc(1, sizeof *request);

    if (!request || !sandbox_request_target(request, target)) {
        free(request);
        return NULL;
    }
    request->http = http;
    request->service = http->service;
    request->connection = connection;
    return request;
}

static void begin(struct sandbox_request *request, const char *verb)
{
    static uint64_t numbers;
    struct sandbox_stats *stats = &request->service->stats;

    request->verb = SANDBOX_OTHER;
    for (size_t i = 0; i < SANDBOX_OTHER; i++)
        if (strcmp(verb, sandbox_verb_names[i]) == 0)
            request->verb = (enum sandbox_verb)i;
    request->arrived_ms = sandbox_loop_now();
    request->number = ++numbers;
    const char *host = sandbox_request_header(request, "Host");
    sandbox_buf_addf(&request->base, "%s://%s", request->http->scheme, host ? host : "localhost");
    if (++stats->in_flight > stats->in_flight_peak)
        stats->in_flight_peak = stats->in_flight;
}

/* 1 kB, then a pause: the connection sleeps and the timer wakes it. */
struct dribble {
    struct sandbox_request *request;
    char *data;
    size_t length;
    bool paused;
};

static void wake(void *argument)
{
    struct sandbox_request *request = argument;

    MHD_resume_connection(request->connection);
    request->http->poller.wanted = true;
}

static ssize_t dribble_read(void *cls, uint64_t at, char *to, size_t room)
{
    struct dribble *dribble = cls;
    struct sandbox_request *request = dribble->request;

    if (at >= dribble->length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!dribble->paused && at > 0 &&
        sandbox_timer_start(request->http->loop, &request->timer, request->reply.slow_ms)) {
        dribble->paused = true;
        MHD_suspend_connection(request->connection);
        return 0;
    }
    dribble->paused = false;
    size_t size = dribble->length - at < room ? dribble->length - (size_t)at : room;
    if (size > SLOW_PART)
        size = SLOW_PART;
    memcpy(to, dribble->data + at, size);
    return (ssize_t)size;
}

static void dribble_free(void *cls)
{
    struct dribble *dribble = cls;

    free(dribble->data);
    free(dribble);
}

static struct MHD_Response *slow_response(struct sandbox_request *request)
{
    struct dribble *dribble = calloc(1, sizeof *dribble);

    if (!dribble)
        return NULL;
    dribble->request = request;
    dribble->data = sandbox_buf_take(&request->reply.body, &dribble->length);
    return MHD_create_response_from_callback(dribble->length, SLOW_PART, dribble_read, dribble,
                                             dribble_free);
}

/* The whole answer is announced, a part of it comes. */
struct tear {
    char *data;
    size_t length;
};

static ssize_t tear_read(void *cls, uint64_t at, char *to, size_t room)
{
    struct tear *tear = cls;

    if (at >= tear->length)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t size = tear->length - at < room ? tear->length - (size_t)at : room;
    memcpy(to, tear->data + at, size);
    return (ssize_t)size;
}

static void tear_free(void *cls)
{
    struct tear *tear = cls;

    free(tear->data);
    free(tear);
}

static struct MHD_Response *torn_response(struct sandbox_request *request)
{
    long at = request->reply.torn_at;
    struct tear *tear = calloc(1, sizeof *tear);
    size_t whole;

    if (!tear)
        return NULL;
    tear->data = sandbox_buf_take(&request->reply.body, &whole);
    tear->length = at < 0 ? whole / 2 : (size_t)at < whole ? (size_t)at : whole - 1;
    return MHD_create_response_from_callback(whole, 32 * 1024, tear_read, tear, tear_free);
}

static ssize_t stream_read(void *cls, uint64_t at, char *to, size_t room)
{
    struct sandbox_request *request = cls;

    (void)at;
    ssize_t size = request->reply.stream(request->reply.stream_state, to, room);
    if (size > 0)
        return size;
    return size == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *make_response(struct sandbox_request *request)
{
    struct sandbox_reply *reply = &request->reply;
    size_t length;

    if (reply->stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 256 * 1024, stream_read, request,
                                                 NULL);
    request->service->stats.bytes_sent += reply->body.length;
    if (reply->torn)
        return torn_response(request);
    if (reply->slow_ms && reply->body.length)
        return slow_response(request);
    char *body = sandbox_buf_take(&reply->body, &length);
    return MHD_create_response_from_buffer(length, body,
                                           body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
}

static void count(struct sandbox_request *request)
{
    struct sandbox_stats *stats = &request->service->stats;
    unsigned status = request->reply.cut ? 0 : request->reply.status;

    stats->requests[request->verb][status < SANDBOX_STATUSES ? status : 0]++;
    stats->calls[request->call]++;
}

static enum MHD_Result answer(struct sandbox_request *request)
{
    struct sandbox_reply *reply = &request->reply;

    if (reply->body.failed)
        sandbox_reply_text(request, 500, "text/plain", "the sandbox is out of memory");
    if (request->lose_reply || (reply->torn && !reply->body.length))
        reply->cut = true;
    count(request);
    if (reply->cut)
        return MHD_NO;
    struct MHD_Response *response = make_response(request);
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result result = MHD_queue_response(request->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The request is processed here and not after the wake-up: a client that went away does not undo
 * it. */
static void serve_late(void *argument)
{
    struct sandbox_request *request = argument;

    if (!request->reply.status && !request->reply.cut)
        request->service->serve(request);
    wake(request);
}

static enum MHD_Result complete(struct sandbox_request *request)
{
    request->delay_ms = request->service->latency_ms;
    if (request->too_large || request->body.failed)
        sandbox_reply_text(request, 413, "text/plain", "Request Entity Too Large");
    else
        request->service->arrive(request);
    if (request->delay_ms && !request->reply.status && !request->reply.cut) {
        request->timer.fire = serve_late;
        request->timer.argument = request;
        if (sandbox_timer_start(request->http->loop, &request->timer, request->delay_ms)) {
            MHD_suspend_connection(request->connection);
            request->closing = true;
            return MHD_YES;
        }
    }
    if (!request->reply.status && !request->reply.cut)
        request->service->serve(request);
    request->timer.fire = wake;
    request->timer.argument = request;
    return answer(request);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *verb, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct sandbox_request *request = *state;

    (void)cls, (void)connection, (void)url, (void)version;
    if (!request)
        return MHD_NO;
    if (!request->number) {
        begin(request, verb);
        return MHD_YES;
    }
    if (*upload_size) {
        if (request->body.length + *upload_size <= SANDBOX_BODY_CEILING)
            sandbox_buf_add(&request->body, upload, *upload_size);
        else
            request->too_large = true;
        *upload_size = 0;
        return MHD_YES;
    }
    if (!request->closing)
        return complete(request);
    request->timer.fire = wake;
    return answer(request);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct sandbox_http *http = cls;
    struct sandbox_request *request = *state;

    (void)connection;
    if (!request)
        return;
    request->sent = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    sandbox_timer_stop(http->loop, &request->timer);
    if (request->number) {
        http->service->stats.in_flight--;
        if (http->service->finish)
            http->service->finish(request);
    }
    sandbox_request_done(request);
    free(request);
    *state = NULL;
}

static int timeout_of(void *argument)
{
    struct sandbox_http *http = argument;
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(http->daemon, &ms) != MHD_YES)
        return -1;
    return ms > 1000 ? 1000 : (int)ms;
}

static void run(void *argument)
{
    MHD_run(((struct sandbox_http *)argument)->daemon);
}

static bool start(struct sandbox_http *http, const struct sandbox_http_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(options->port)};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key},
        {MHD_OPTION_END, 0, NULL}};
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (options->tls_cert ? MHD_USE_TLS : 0);

    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        http, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)32 * 1024, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u,
        options->tls_cert ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
    return http->daemon;
}

struct sandbox_http *sandbox_http_new(struct sandbox_loop *loop, struct sandbox_service *service,
                                      const struct sandbox_http_options *options)
{
    struct sandbox_http *http = calloc(1, sizeof *http);

    if (!http)
        return NULL;
    http->loop = loop;
    http->service = service;
    http->scheme = options->tls_cert ? "https" : "http";
    if (!start(http, options)) {
        free(http);
        return NULL;
    }
    http->poller = (struct sandbox_poller){
        .fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
        .timeout_ms = timeout_of,
        .run = run,
        .argument = http,
        .wanted = true};
    if (sandbox_loop_add(loop, &http->poller))
        return http;
    sandbox_http_free(http);
    return NULL;
}

/* No connection may be suspended any more: sandbox_loop_flush first. */
void sandbox_http_free(struct sandbox_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    free(http);
}

uint16_t sandbox_http_port(const struct sandbox_http *http)
{
    return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}
