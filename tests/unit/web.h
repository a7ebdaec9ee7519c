/* A web server in the test: answers by a list of replies and remembers what it was asked. Runs in a
 * thread of its own. */
#ifndef FERRY_TEST_WEB_H
#define FERRY_TEST_WEB_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "tests/unit/cmocka_all.h"

#define WEB_SEEN    512
#define WEB_REPLIES 64
#define WEB_CUT     (-1) /* status: close the connection without an answer */
#define WEB_HANG    (-2) /* status: never answer */

struct web_reply {
    const char *match;  /* part of "METHOD /target"; NULL: all */
    const char *header; /* part of the request's headers; NULL: all */
    int status;
    const char *type;
    const char *body;
    size_t length;          /* of body; 0: a string */
    const char *headers[4]; /* "Name: value" */
    unsigned times;         /* 0: always */
};

struct web_seen {
    char target[4200]; /* "GET /path?query" as it came */
    char headers[8192];
    char *body;
    size_t length;
};

struct web {
    struct MHD_Daemon *daemon;
    char url[64];
    pthread_mutex_t lock;
    struct web_reply replies[WEB_REPLIES];
    unsigned served[WEB_REPLIES];
    size_t reply_count;
    struct web_seen seen[WEB_SEEN];
    size_t seen_count;
    unsigned connections;
    struct MHD_Connection *hanging[16];
    size_t hanging_count;
};

struct web_request {
    char target[4096];
    char *body;
    size_t length;
    bool begun;
};

static inline void *web_on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct web_request *request = calloc(1, sizeof(*request));

    (void)context, (void)connection;
    snprintf(request->target, sizeof(request->target), "%s", uri);
    return request;
}

static inline enum MHD_Result web_on_header(void *context, enum MHD_ValueKind kind, const char *key,
                                            const char *value)
{
    char *text = context;
    size_t length = strlen(text);

    (void)kind;
    snprintf(text + length, 8192 - length, "%s: %s\n", key, value ? value : "");
    return MHD_YES;
}

static inline const struct web_reply *web_choose(struct web *web, const struct web_seen *seen)
{
    for (size_t i = 0; i < web->reply_count; i++) {
        const struct web_reply *reply = &web->replies[i];

        if (reply->times > 0 && web->served[i] >= reply->times)
            continue;
        if (reply->match && !strstr(seen->target, reply->match))
            continue;
        if (reply->header && !strstr(seen->headers, reply->header))
            continue;
        web->served[i]++;
        return reply;
    }
    return NULL;
}

static inline enum MHD_Result web_serve(struct web *web, struct MHD_Connection *connection,
                                        const struct web_reply *reply)
{
    static const struct web_reply none = {.status = 599, .body = "no reply is prepared"};
    struct MHD_Response *response;
    enum MHD_Result result;

    reply = reply ? reply : &none;
    if (reply->status == WEB_CUT)
        return MHD_NO;
    if (reply->status == WEB_HANG) {
        web->hanging[web->hanging_count++] = connection;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    const char *body = reply->body ? reply->body : "";
    union {
        const char *in;
        void *out;
    } cast = {.in = body};
    response = MHD_create_response_from_buffer(reply->length ? reply->length : strlen(body),
                                               cast.out, MHD_RESPMEM_MUST_COPY);
    if (reply->type)
        MHD_add_response_header(response, "Content-Type", reply->type);
    for (size_t i = 0; i < 4 && reply->headers[i]; i++) {
        char name[128];
        const char *colon = strchr(reply->headers[i], ':');

        snprintf(name, sizeof(name), "%.*s", (int)(colon - reply->headers[i]), reply->headers[i]);
        MHD_add_response_header(response, name, colon + 2);
    }
    result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static inline enum MHD_Result web_on_request(void *context, struct MHD_Connection *connection,
                                             const char *url, const char *method,
                                             const char *version, const char *data, size_t *size,
                                             void **state)
{
    struct web *web = context;
    struct web_request *request = *state;
    struct web_seen *seen;
    enum MHD_Result result;

    (void)url, (void)version;
    if (!request->begun) {
        request->begun = true;
        return MHD_YES;
    }
    if (*size > 0) {
        request->body = realloc(request->body, request->length + *size + 1);
        memcpy(request->body + request->length, data, *size);
        request->length += *size;
        request->body[request->length] = '\0';
        *size = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&web->lock);
    seen = &web->seen[web->seen_count < WEB_SEEN - 1 ? web->seen_count++ : WEB_SEEN - 1];
    free(seen->body);
    snprintf(seen->target, sizeof(seen->target), "%.8s %s", method, request->target);
    seen->headers[0] = '\0';
    MHD_get_connection_values(connection, MHD_HEADER_KIND, web_on_header, seen->headers);
    seen->body = request->body;
    seen->length = request->length;
    request->body = NULL;
    result = web_serve(web, connection, web_choose(web, seen));
    pthread_mutex_unlock(&web->lock);
    return result;
}

static inline void web_on_completed(void *context, struct MHD_Connection *connection, void **state,
                                    enum MHD_RequestTerminationCode code)
{
    struct web_request *request = *state;

    (void)context, (void)connection, (void)code;
    if (request)
        free(request->body);
    free(request);
    *state = NULL;
}

static inline void web_on_connection(void *context, struct MHD_Connection *connection, void **state,
                                     enum MHD_ConnectionNotificationCode code)
{
    struct web *web = context;

    (void)connection, (void)state;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    pthread_mutex_lock(&web->lock);
    web->connections++;
    pthread_mutex_unlock(&web->lock);
}

static inline struct web *web_start(void)
{
    struct web *web = calloc(1, sizeof(*web));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    pthread_mutex_init(&web->lock, NULL);
    web->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, web_on_request,
        web, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_URI_LOG_CALLBACK, web_on_uri, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, web_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        web_on_connection, web, MHD_OPTION_END);
    assert_non_null(web->daemon);
    snprintf(web->url, sizeof(web->url), "http://127.0.0.1:%u",
             MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    return web;
}

static inline void web_stop(struct web *web)
{
    pthread_mutex_lock(&web->lock);
    for (size_t i = 0; i < web->hanging_count; i++)
        MHD_resume_connection(web->hanging[i]);
    web->replies[0] = (struct web_reply){.status = WEB_CUT};
    web->served[0] = 0;
    web->reply_count = 1;
    pthread_mutex_unlock(&web->lock);
    MHD_stop_daemon(web->daemon);
    for (size_t i = 0; i < web->seen_count; i++)
        free(web->seen[i].body);
    pthread_mutex_destroy(&web->lock);
    free(web);
}

/* The first reply that fits and is not used up is given. Strings are borrowed. */
static inline void web_prepare(struct web *web, struct web_reply reply)
{
    pthread_mutex_lock(&web->lock);
    assert_true(web->reply_count < WEB_REPLIES);
    web->replies[web->reply_count++] = reply;
    pthread_mutex_unlock(&web->lock);
}

static inline size_t web_count(struct web *web, const char *match)
{
    size_t count = 0;

    pthread_mutex_lock(&web->lock);
    for (size_t i = 0; i < web->seen_count; i++)
        count += strstr(web->seen[i].target, match) != NULL;
    pthread_mutex_unlock(&web->lock);
    return count;
}

/* The n-th request (from 0) whose "METHOD /target" holds `match`; fails the test when there is
 * none. */
static inline const struct web_seen *web_look(struct web *web, const char *match, size_t n)
{
    for (size_t i = 0; i < web->seen_count; i++)
        if (strstr(web->seen[i].target, match) && n-- == 0)
            return &web->seen[i];
    fail_msg("the server has not seen %s", match);
    return NULL;
}

static inline void web_on_turn(uv_timer_t *timer)
{
    if (uv_now(timer->loop) > *(const uint64_t *)timer->data)
        fail_msg("nothing happened for 20 s");
}

/* Runs the loop until *flag, and a while at most. */
static inline void web_run(uv_loop_t *loop, const bool *flag)
{
    uint64_t deadline = uv_now(loop) + 20000;
    uv_timer_t turn; /* the flag may be set in a timer, before the loop waits */

    uv_timer_init(loop, &turn);
    turn.data = &deadline;
    uv_timer_start(&turn, web_on_turn, 1, 1);
    while (!*flag)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&turn, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

/* Closes a timer that lives on the stack. */
static inline void web_close(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_run(timer->loop, UV_RUN_NOWAIT);
}

#endif
