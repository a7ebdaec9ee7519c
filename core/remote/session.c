#include "core/remote/session.h"

#include "core/remote/judgement.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define TEXT_BYTES   (64 * 1024) /* what the servers take of a URL */
#define BODY_BYTES   (128 * 1024 * 1024)
#define KEPT_BYTES   (64 * 1024) /* a buffer that grew beyond is not kept for the next request */
#define KEPT_CALLS   128
#define HEADERS_MAX  8
#define BEARER_BYTES (64 * 1024)

struct ferry_session {
    struct ferry_http *http;
    struct ferry_token *token;
    char *name;
    char *headers[HEADERS_MAX]; /* NULL-terminated */
    char *body_header;
    int64_t timeout_ms;
    ferry_session_judge judge;
    struct ferry_buffer authorization; /* the header of the current token, made once a token */
    struct ferry_http_headers *common; /* that and `headers` */
    unsigned bearer;                   /* the token's number, with an authorization */
    struct ferry_session_call *calls;  /* asking or sent */
    struct ferry_session_call *idle;
    unsigned idle_count;
    unsigned depth; /* frames of ours that still need this object */
    bool closing;
};

/* --- calls --- */

static void call_free(struct ferry_session_call *call)
{
    for (int i = 0; i < FERRY_SESSION_TEXTS; i++)
        ferry_buffer_done(&call->texts[i]);
    free(call);
}

struct ferry_session_call *ferry_session_take(struct ferry_session *session)
{
    struct ferry_session_call *call = session->idle;

    if (call) {
        LL_DELETE(session->idle, call);
        session->idle_count--;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->session = session;
    for (int i = 0; i < FERRY_SESSION_TEXTS; i++)
        ferry_buffer_init(&call->texts[i], i == FERRY_SESSION_BODY ? BODY_BYTES : TEXT_BYTES);
    return call;
}

static void rest(struct ferry_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES)
        ferry_buffer_done(buffer);
    else
        ferry_buffer_clear(buffer);
}

void ferry_session_give(struct ferry_session_call *call)
{
    struct ferry_session *session = call->session;

    if (session->closing || session->idle_count >= KEPT_CALLS) {
        call_free(call);
        return;
    }
    for (int i = 0; i < FERRY_SESSION_TEXTS; i++)
        rest(&call->texts[i]);
    call->state = FERRY_SESSION_IDLE;
    call->has_body = false;
    call->doubtful = false;
    call->on_body = NULL;
    call->max_answer_bytes = 0;
    call->renewed = false;
    call->repeated = false;
    LL_PREPEND(session->idle, call);
    session->idle_count++;
}

const char *ferry_session_text(const struct ferry_session_call *call, enum ferry_session_text text)
{
    return call->texts[text].length > 0 ? call->texts[text].data : "";
}

bool ferry_session_reads(const struct ferry_session_call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

/* --- life --- */

static void destroy(struct ferry_session *session)
{
    struct ferry_session_call *call, *next;

    DL_FOREACH_SAFE (session->calls, call, next) {
        ferry_http_cancel(call->http);
        ferry_http_unpost(session->http, &call->refuse);
        call_free(call);
    }
    LL_FOREACH_SAFE (session->idle, call, next)
        call_free(call);
    ferry_token_free(session->token);
    if (session->authorization.data)
        explicit_bzero(session->authorization.data, session->authorization.length);
    ferry_buffer_done(&session->authorization);
    ferry_http_headers_unref(session->common);
    for (char **header = session->headers; *header; header++)
        free(*header);
    free(session->body_header);
    free(session->name);
    free(session);
}

static void leave(struct ferry_session *session)
{
    if (--session->depth == 0 && session->closing)
        destroy(session);
}

static bool copy_headers(struct ferry_session *session, const struct ferry_session_options *options)
{
    size_t count = 0;

    session->name = strdup(options->token.name);
    if (options->body_header)
        session->body_header = strdup(options->body_header);
    if (!session->name || (options->body_header && !session->body_header))
        return false;
    for (; count < HEADERS_MAX - 1 && options->headers[count]; count++) {
        session->headers[count] = strdup(options->headers[count]);
        if (!session->headers[count])
            return false;
    }
    return true;
}

enum ferry_status ferry_session_new(struct ferry_http *http,
                                    const struct ferry_session_options *options,
                                    struct ferry_session **ret_session, struct ferry_error *error)
{
    struct ferry_session *session = calloc(1, sizeof(*session));
    enum ferry_status status;

    if (!session)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    session->http = http;
    session->timeout_ms = options->timeout_ms;
    session->judge = options->judge;
    ferry_buffer_init(&session->authorization, BEARER_BYTES);
    status = copy_headers(session, options)
                 ? ferry_token_new(http, &options->token, &session->token, error)
                 : ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK) {
        destroy(session);
        return status;
    }
    *ret_session = session;
    return FERRY_OK;
}

void ferry_session_free(struct ferry_session *session)
{
    if (!session)
        return;
    session->closing = true;
    if (session->depth == 0)
        destroy(session);
}

const char *ferry_session_name(const struct ferry_session *session)
{
    return session->name;
}

/* --- one request --- */

/* The last act of a frame: the caller may free everything. */
static void deliver(struct ferry_session_call *call, const struct ferry_remote_answer *answer)
{
    struct ferry_session *session = call->session;

    DL_DELETE(session->calls, call);
    call->state = FERRY_SESSION_ENDED;
    session->depth++;
    call->on_done(call->context, answer);
    ferry_session_give(call);
    leave(session);
}

static void on_bearer(void *context, const char *bearer, const struct ferry_error *error);

static void ask(struct ferry_session_call *call)
{
    call->state = FERRY_SESSION_ASKING;
    ferry_token_get(call->session->token, on_bearer, call);
}

/* The server does not know the token any more; another call may have renewed it meanwhile. */
static void renew(struct ferry_session_call *call)
{
    call->renewed = true;
    ferry_token_refused(call->session->token, call->bearer);
    ask(call);
}

static void take_body_back(struct ferry_session_call *call, const struct ferry_http_answer *http)
{
    if (call->has_body)
        ferry_http_return_body(http, &call->texts[FERRY_SESSION_BODY]);
}

static void on_answer(void *context, const struct ferry_http_answer *http)
{
    struct ferry_session_call *call = context;
    struct ferry_session *session = call->session;
    struct ferry_remote_answer answer = {.status = http->status,
                                         .retry_after_ms = http->retry_after_ms,
                                         .body = http->body,
                                         .length = http->length,
                                         .http = http};

    call->http = NULL;
    if (http->status == 401 && !call->renewed) {
        take_body_back(call, http);
        renew(call);
        return;
    }
    if (!ferry_judge(session->name, ferry_session_reads(call), http, &answer) &&
        session->judge(call, http, &answer) && !call->repeated) {
        call->repeated = true;
        take_body_back(call, http);
        ask(call);
        return;
    }
    deliver(call, &answer);
}

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct ferry_session_call *call = context;

    return call->on_body(call->context, data, length);
}

static enum ferry_status make_common(struct ferry_session *session, struct ferry_error *error)
{
    const char *lines[HEADERS_MAX + 1] = {session->authorization.data};
    struct ferry_http_headers *common;
    enum ferry_status status;

    for (size_t i = 0; session->headers[i]; i++)
        lines[i + 1] = session->headers[i];
    status = ferry_http_headers_new(lines, NULL, &common, error);
    if (status != FERRY_OK)
        return status;
    ferry_http_headers_unref(session->common);
    session->common = common;
    return FERRY_OK;
}

static enum ferry_status authorize(struct ferry_session *session, const char *bearer,
                                   struct ferry_error *error)
{
    struct ferry_buffer *header = &session->authorization;
    enum ferry_status status;

    if (header->length > 0 && session->bearer == ferry_token_number(session->token))
        return FERRY_OK;
    ferry_buffer_clear(header);
    if (ferry_buffer_printf(header, "Authorization: Bearer %s", bearer) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    status = make_common(session, error);
    if (status != FERRY_OK)
        ferry_buffer_clear(header); /* nothing stands for this token yet */
    else
        session->bearer = ferry_token_number(session->token);
    return status;
}

static enum ferry_status send_call(struct ferry_session_call *call, const char *bearer,
                                   struct ferry_error *error)
{
    struct ferry_session *session = call->session;
    const char *type = ferry_session_text(call, FERRY_SESSION_TYPE);
    const char *own[4] = {NULL};
    size_t count = 0;
    enum ferry_status status = authorize(session, bearer, error);

    if (status != FERRY_OK)
        return status;
    if (call->has_body && (*type || session->body_header))
        own[count++] = *type ? type : session->body_header;
    if (call->texts[FERRY_SESSION_HEADER].length > 0)
        own[count++] = call->texts[FERRY_SESSION_HEADER].data;
    if (call->texts[FERRY_SESSION_MATCH].length > 0)
        own[count++] = call->texts[FERRY_SESSION_MATCH].data;
    call->bearer = session->bearer;
    const struct ferry_http_request request = {
        .method = call->method,
        .url = call->texts[FERRY_SESSION_URL].data,
        .headers = own,
        .common = session->common,
        .large_body = call->has_body ? &call->texts[FERRY_SESSION_BODY] : NULL,
        .timeout_ms = session->timeout_ms,
        .max_answer_bytes = call->max_answer_bytes,
        .on_body = call->on_body ? on_body : NULL,
        .on_done = on_answer,
        .context = call,
    };
    call->state = FERRY_SESSION_SENT;
    return ferry_http_send(session->http, &request, &call->http, error);
}

static void on_bearer(void *context, const char *bearer, const struct ferry_error *error)
{
    struct ferry_session_call *call = context;
    struct ferry_remote_answer answer = {.retry_after_ms = -1, .body = ""};
    struct ferry_error trouble;
    enum ferry_status status;

    if (bearer) {
        status = send_call(call, bearer, &trouble);
        if (status == FERRY_OK)
            return;
        error = &trouble;
    }
    if (call->starting) { /* inside ferry_session_start, which tells it */
        call->error = *error;
        call->status = error->status;
        return;
    }
    ferry_judge_token(error, &answer);
    deliver(call, &answer);
}

enum ferry_status ferry_session_start(struct ferry_session_call *call, struct ferry_error *error)
{
    struct ferry_session *session = call->session;
    enum ferry_status status;

    DL_APPEND(session->calls, call);
    call->status = FERRY_OK;
    call->starting = true;
    ask(call);
    call->starting = false;
    status = call->status;
    if (status == FERRY_OK)
        return FERRY_OK;
    if (error)
        *error = call->error;
    DL_DELETE(session->calls, call);
    ferry_session_give(call);
    return status;
}

static void on_refuse(void *context)
{
    struct ferry_session_call *call = context;
    const struct ferry_remote_answer answer = {
        .verdict = call->refusal, .retry_after_ms = -1, .body = "", .error = call->error};

    deliver(call, &answer);
}

void ferry_session_refuse(struct ferry_session_call *call, enum ferry_verdict verdict,
                          const struct ferry_error *error)
{
    call->state = FERRY_SESSION_REFUSED;
    call->refusal = verdict;
    call->error = *error;
    call->refuse = (struct ferry_http_task){.run = on_refuse, .context = call};
    DL_APPEND(call->session->calls, call);
    ferry_http_post(call->session->http, &call->refuse);
}

void ferry_session_cancel(struct ferry_session_call *call)
{
    if (!call || call->state == FERRY_SESSION_IDLE || call->state == FERRY_SESSION_ENDED)
        return;
    if (call->state == FERRY_SESSION_ASKING)
        ferry_token_forget(call->session->token, call);
    ferry_http_unpost(call->session->http, &call->refuse);
    ferry_http_cancel(call->http);
    call->http = NULL;
    DL_DELETE(call->session->calls, call);
    ferry_session_give(call);
}

void ferry_session_resume(struct ferry_session_call *call)
{
    if (call && call->state == FERRY_SESSION_SENT)
        ferry_http_resume(call->http);
}

void ferry_session_forget(struct ferry_session *session, const void *context)
{
    struct ferry_session_call *call, *next;

    DL_FOREACH_SAFE (session->calls, call, next)
        if (call->context == context)
            ferry_session_cancel(call);
}
