#include "core/io/http.h"

#include "core/io/http_call.h"
#include "core/io/multi.h"

#include <signal.h>
#include <stdlib.h>

#include <utlist.h>

#define CONNECT_TIMEOUT_MS 10000
#define CONNECTIONS        64

struct ferry_http {
    struct ferry_multi *multi;
    struct ferry_http_call *calls; /* queued, running or dropped */
    struct ferry_http_call *idle;
    struct ferry_http_task *tasks;
    size_t idle_count;
    size_t max_connections;
    int64_t connect_timeout_ms;
    unsigned depth; /* frames of ours that still need this object */
    bool unsettled; /* something was asked for where curl's multi interface must not be called */
    bool closing;
};

static struct ferry_http_call *call_take(struct ferry_http *http)
{
    struct ferry_http_call *call = http->idle;

    if (!call)
        return ferry_http_call_new(http, http->multi, http->connect_timeout_ms);
    LL_DELETE(http->idle, call);
    http->idle_count--;
    return call;
}

/* The call is in no list. */
static void call_give(struct ferry_http *http, struct ferry_http_call *call)
{
    if (http->closing || http->idle_count >= http->max_connections) {
        ferry_http_call_free(call);
        return;
    }
    ferry_http_call_clear(call);
    LL_PREPEND(http->idle, call);
    http->idle_count++;
}

static void call_remove(struct ferry_http *http, struct ferry_http_call *call)
{
    if (call->state != FERRY_CALL_QUEUED)
        ferry_multi_remove(http->multi, call->easy, call->lot);
    DL_DELETE(http->calls, call);
}

static void call_end(struct ferry_http *http, struct ferry_http_call *call, CURLcode code)
{
    struct ferry_http_answer answer;

    ferry_http_call_answer(call, code, &answer);
    if (call->state != FERRY_CALL_DROPPED) {
        call->state = FERRY_CALL_ENDED;
        call->on_done(call->context, &answer);
    }
    call_give(http, call);
}

static void destroy(struct ferry_http *http)
{
    struct ferry_http_call *call, *next;

    DL_FOREACH_SAFE (http->calls, call, next) {
        call_remove(http, call);
        ferry_http_call_free(call);
    }
    LL_FOREACH_SAFE (http->idle, call, next)
        ferry_http_call_free(call);
    ferry_multi_free(http->multi);
    curl_global_cleanup();
    free(http);
}

static void start(struct ferry_http *http, struct ferry_http_call *call)
{
    call->state = FERRY_CALL_RUNNING;
    if (ferry_multi_add(http->multi, call->easy, &call->lot) == FERRY_OK)
        return;
    DL_DELETE(http->calls, call);
    call_end(http, call, CURLE_OUT_OF_MEMORY);
}

static struct ferry_http_call *call_in_state(struct ferry_http *http, enum ferry_http_state state)
{
    struct ferry_http_call *call;

    DL_SEARCH_SCALAR(http->calls, call, state, state);
    return call;
}

/* Does what was asked for inside curl's callbacks. A call that pauses again at once gets its turn
 * at the next step. */
static void settle(struct ferry_http *http)
{
    struct ferry_http_call *call;

    if (!http->unsettled)
        return;
    http->unsettled = false;
    DL_FOREACH (http->calls, call) {
        if (!call->resume || call->state != FERRY_CALL_RUNNING)
            continue;
        call->resume = false;
        ferry_multi_unpause(http->multi, call->easy);
    }
    while ((call = call_in_state(http, FERRY_CALL_DROPPED))) {
        call_remove(http, call);
        call_give(http, call);
    }
    while (!http->closing && (call = call_in_state(http, FERRY_CALL_QUEUED)))
        start(http, call);
}

static void collect(struct ferry_http *http)
{
    struct ferry_http_call *call;
    CURLcode code;
    CURL *easy;

    while (!http->closing && (easy = ferry_multi_ended(http->multi, &code))) {
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
        call_remove(http, call);
        call_end(http, call, code);
    }
}

/* Those that are posted meanwhile have their turn at the next step. */
static void run_tasks(struct ferry_http *http)
{
    struct ferry_http_task *task, *last = http->tasks ? http->tasks->prev : NULL;

    while (!http->closing && last && (task = http->tasks)) {
        if (task == last)
            last = NULL;
        ferry_http_unpost(http, task);
        task->run(task->context);
    }
}

static void on_step(void *context)
{
    struct ferry_http *http = context;

    http->depth++;
    settle(http);
    collect(http);
    run_tasks(http);
    if (--http->depth == 0 && http->closing)
        destroy(http);
}

/* A peer that closes its connection must not kill the process; curl leaves that to us with
 * CURLOPT_NOSIGNAL. */
static void ignore_sigpipe(void)
{
    struct sigaction action;

    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

enum ferry_status ferry_http_new(uv_loop_t *loop, const struct ferry_http_options *options,
                                 struct ferry_http **ret_http, struct ferry_error *error)
{
    struct ferry_http *http = calloc(1, sizeof(*http));
    enum ferry_status status;

    if (!http)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    http->max_connections =
        options && options->max_connections ? options->max_connections : CONNECTIONS;
    http->connect_timeout_ms = options && options->connect_timeout_ms > 0
                                   ? options->connect_timeout_ms
                                   : CONNECT_TIMEOUT_MS;
    ignore_sigpipe();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct ferry_multi_options several = {
        .connections = http->max_connections, .on_step = on_step, .context = http};
    status = ferry_multi_new(loop, &several, &http->multi, error);
    if (status != FERRY_OK) {
        curl_global_cleanup();
        free(http);
        return status;
    }
    *ret_http = http;
    return FERRY_OK;
}

void ferry_http_free(struct ferry_http *http)
{
    struct ferry_http_call *call;

    if (!http)
        return;
    http->closing = true;
    if (http->depth == 0 && !ferry_multi_inside(http->multi)) {
        destroy(http);
        return;
    }
    DL_FOREACH (http->calls, call) /* on_step does the rest; until then nobody is called back */
        if (call->state == FERRY_CALL_RUNNING)
            call->state = FERRY_CALL_DROPPED;
}

enum ferry_status ferry_http_send(struct ferry_http *http, const struct ferry_http_request *request,
                                  struct ferry_http_call **ret_call, struct ferry_error *error)
{
    struct ferry_http_call *call = call_take(http);
    enum ferry_status status;

    if (!call)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    status = ferry_http_call_fill(call, request, error);
    if (status != FERRY_OK) {
        call_give(http, call);
        return status;
    }
    if (ferry_multi_inside(http->multi)) {
        call->state = FERRY_CALL_QUEUED;
        http->unsettled = true;
    } else if (ferry_multi_add(http->multi, call->easy, &call->lot) == FERRY_OK) {
        call->state = FERRY_CALL_RUNNING;
    } else {
        call_give(http, call);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    DL_APPEND(http->calls, call);
    if (ret_call)
        *ret_call = call;
    return FERRY_OK;
}

void ferry_http_resume(struct ferry_http_call *call)
{
    if (!call || call->state != FERRY_CALL_RUNNING)
        return;
    call->resume = true;
    call->http->unsettled = true;
    ferry_multi_wake(call->multi);
}

void ferry_http_cancel(struct ferry_http_call *call)
{
    struct ferry_http *http;

    if (!call || (call->state != FERRY_CALL_RUNNING && call->state != FERRY_CALL_QUEUED))
        return;
    http = call->http;
    if (call->state == FERRY_CALL_RUNNING && ferry_multi_inside(http->multi)) {
        call->state = FERRY_CALL_DROPPED;
        http->unsettled = true;
        return;
    }
    call_remove(http, call);
    call_give(http, call);
}

const char *ferry_http_header(const struct ferry_http_answer *answer, const char *name)
{
    return answer->call ? ferry_http_call_header(answer->call, name) : NULL;
}

void ferry_http_return_body(const struct ferry_http_answer *answer, struct ferry_buffer *body)
{
    ferry_http_call_swap_body(answer->call, body);
}

void ferry_http_post(struct ferry_http *http, struct ferry_http_task *task)
{
    if (task->posted)
        return;
    task->posted = true;
    DL_APPEND(http->tasks, task);
    ferry_multi_wake(http->multi);
}

void ferry_http_unpost(struct ferry_http *http, struct ferry_http_task *task)
{
    if (!task->posted)
        return;
    task->posted = false;
    DL_DELETE(http->tasks, task);
}
