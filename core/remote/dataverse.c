#include "core/remote/dataverse.h"

#include "core/io/origin.h"
#include "core/io/token.h"
#include "core/remote/dataverse_private.h"
#include "core/remote/dataverse_verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define API_PATH       "/api/data/v9.2/"
#define MAX_HEADERS    10
#define ANSWER_CEILING ((size_t)32 << 20) /* metadata is not paged */
#define TIMEOUT_MS     120000             /* the service itself works for up to two minutes */

struct ferry_dataverse {
    struct ferry_http *http;
    struct ferry_token *token;
    char *base; /* "https://contoso.crm.dynamics.com/api/data/v9.2/" */
    struct ferry_dataverse_call *calls;
    struct ferry_dataverse_description *descriptions;
};

struct ferry_dataverse_call {
    struct ferry_dataverse *dataverse;
    struct ferry_dataverse_call *prev;
    struct ferry_dataverse_call *next;
    struct ferry_http_call *http_call;
    struct ferry_http_task refusal_task;
    struct ferry_error refusal; /* ours: nothing was sent */
    enum ferry_verdict refusal_verdict;
    char *method;
    char *url;
    char *prefer; /* whole header line, or NULL */
    char *body;
    char *bearer; /* of the try under way */
    enum ferry_http_flow (*on_body)(void *context, const char *data, size_t length);
    ferry_remote_callback on_done;
    void *context;
    bool delta;
    bool renewed;  /* the token, after a 401 */
    bool repeated; /* a 400 on a delta link is believed when it comes twice */
};

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* --- the environment --- */

static enum ferry_status make_token(struct ferry_dataverse *dataverse,
                                    const struct ferry_dynamics_settings *settings,
                                    struct ferry_error *error)
{
    size_t authority = strlen(settings->authority_url);
    size_t environment = strlen(settings->url);
    while (authority > 0 && settings->authority_url[authority - 1] == '/')
        authority--;
    while (environment > 0 && settings->url[environment - 1] == '/')
        environment--;
    char *url = NULL;
    char *scope = NULL;
    enum ferry_status status = FERRY_NOMEM;
    if (asprintf(&url, "%.*s/%s/oauth2/v2.0/token", (int)authority, settings->authority_url,
                 settings->tenant) < 0)
        url = NULL;
    if (asprintf(&scope, "%.*s/.default", (int)environment, settings->url) < 0)
        scope = NULL;
    const struct ferry_token_options options = {
        .name = "Dynamics 365",
        .url = url,
        .client_id = settings->client_id,
        .secret_file = settings->client_secret_file,
        .scope = scope,
    };
    if (url && scope)
        status = ferry_token_new(dataverse->http, &options, &dataverse->token, error);
    else
        out_of_memory(error);
    free(url);
    free(scope);
    return status;
}

static enum ferry_status check_settings(const struct ferry_dynamics_settings *settings,
                                        struct ferry_error *error)
{
    enum ferry_status status = ferry_origin_base("dynamics.url", settings->url, error);
    if (status == FERRY_OK)
        status = ferry_origin_base("dynamics.authority.url", settings->authority_url, error);
    return status;
}

enum ferry_status ferry_dataverse_new(struct ferry_http *http,
                                      const struct ferry_dynamics_settings *settings,
                                      struct ferry_dataverse **ret_dataverse,
                                      struct ferry_error *error)
{
    enum ferry_status status = check_settings(settings, error);
    if (status != FERRY_OK)
        return status;
    struct ferry_dataverse *dataverse = calloc(1, sizeof *dataverse);
    if (!dataverse)
        return out_of_memory(error);
    dataverse->http = http;
    size_t length = strlen(settings->url);
    while (length > 0 && settings->url[length - 1] == '/')
        length--;
    if (asprintf(&dataverse->base, "%.*s" API_PATH, (int)length, settings->url) < 0) {
        free(dataverse);
        return out_of_memory(error);
    }
    status = make_token(dataverse, settings, error);
    if (status != FERRY_OK) {
        ferry_dataverse_free(dataverse);
        return status;
    }
    *ret_dataverse = dataverse;
    return FERRY_OK;
}

void ferry_dataverse_free(struct ferry_dataverse *dataverse)
{
    if (!dataverse)
        return;
    while (dataverse->descriptions)
        ferry_dataverse_description_free(dataverse->descriptions);
    while (dataverse->calls)
        ferry_dataverse_cancel(dataverse->calls);
    ferry_token_free(dataverse->token);
    free(dataverse->base);
    free(dataverse);
}

struct ferry_dataverse_description **ferry_dataverse_descriptions(struct ferry_dataverse *dataverse)
{
    return &dataverse->descriptions;
}

void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context)
{
    ferry_dataverse_descriptions_forget(dataverse, context);
    struct ferry_dataverse_call *call;
    struct ferry_dataverse_call *next;
    DL_FOREACH_SAFE (dataverse->calls, call, next) {
        if (call->context == context)
            ferry_dataverse_cancel(call);
    }
}

/* --- one request --- */

static void drop_bearer(struct ferry_dataverse_call *call)
{
    if (call->bearer)
        explicit_bzero(call->bearer, strlen(call->bearer));
    free(call->bearer);
    call->bearer = NULL;
}

static void call_free(struct ferry_dataverse_call *call)
{
    drop_bearer(call);
    free(call->method);
    free(call->url);
    free(call->prefer);
    free(call->body);
    free(call);
}

/* The callback may free the whole environment: nothing is touched after it. */
static void finish(struct ferry_dataverse_call *call, const struct ferry_remote_answer *answer)
{
    ferry_remote_callback on_done = call->on_done;
    void *context = call->context;
    DL_DELETE(call->dataverse->calls, call);
    call_free(call);
    on_done(context, answer);
}

static void start(struct ferry_dataverse_call *call);

static void on_done(void *context, const struct ferry_http_answer *http_answer)
{
    struct ferry_dataverse_call *call = context;
    struct ferry_remote_answer answer;
    call->http_call = NULL;
    ferry_dataverse_judge(http_answer, call->delta, &answer);
    if (answer.verdict == FERRY_VERDICT_CREDENTIALS && call->bearer)
        ferry_token_refused(call->dataverse->token, call->bearer);
    if (answer.verdict == FERRY_VERDICT_CREDENTIALS && !call->renewed) {
        call->renewed = true;
        start(call);
        return;
    }
    if (call->delta && http_answer->status == 400 && answer.verdict == FERRY_VERDICT_REFUSED) {
        if (!call->repeated) {
            call->repeated = true;
            start(call);
            return;
        }
        answer.verdict =
            FERRY_VERDICT_EXPIRED; /* no documented answer says "this token is unknown" */
    }
    finish(call, &answer);
}

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct ferry_dataverse_call *call = context;
    return call->on_body(call->context, data, length);
}

static enum ferry_status send_with(struct ferry_dataverse_call *call, const char *authorization,
                                   struct ferry_error *error)
{
    const char *headers[MAX_HEADERS] = {
        authorization,        "Accept: application/json", "OData-MaxVersion: 4.0",
        "OData-Version: 4.0", "If-None-Match: null",
    };
    size_t count = 5;
    if (call->prefer)
        headers[count++] = call->prefer;
    if (call->body)
        headers[count++] = "Content-Type: application/json; charset=utf-8";
    const struct ferry_http_request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .body = call->body,
        .body_length = call->body ? strlen(call->body) : 0,
        .timeout_ms = TIMEOUT_MS,
        .max_answer_bytes = ANSWER_CEILING,
        .on_body = call->on_body ? on_body : NULL,
        .on_done = on_done,
        .context = call,
    };
    return ferry_http_send(call->dataverse->http, &request, &call->http_call, error);
}

static void tell_refusal(void *context)
{
    struct ferry_dataverse_call *call = context;
    const struct ferry_remote_answer answer = {
        .verdict = call->refusal_verdict, .retry_after_ms = -1, .body = "", .error = call->refusal};
    finish(call, &answer);
}

/* The callback comes later, as for every other answer: the caller has not yet seen its call. */
static void refuse(struct ferry_dataverse_call *call, enum ferry_verdict verdict,
                   const struct ferry_error *error)
{
    call->refusal = *error;
    call->refusal_verdict = verdict;
    ferry_http_post(call->dataverse->http, &call->refusal_task);
}

static void on_token(void *context, const char *bearer, const struct ferry_error *token_error)
{
    struct ferry_dataverse_call *call = context;
    struct ferry_error error;
    if (!bearer) {
        bool credentials = token_error->status == FERRY_INVALID;
        refuse(call, credentials ? FERRY_VERDICT_CREDENTIALS : FERRY_VERDICT_UNAVAILABLE,
               token_error);
        return;
    }
    char *authorization = NULL;
    drop_bearer(call);
    call->bearer = strdup(bearer);
    if (!call->bearer || asprintf(&authorization, "Authorization: Bearer %s", bearer) < 0) {
        out_of_memory(&error);
        refuse(call, FERRY_VERDICT_UNAVAILABLE, &error);
        return;
    }
    if (send_with(call, authorization, &error) != FERRY_OK)
        refuse(call, FERRY_VERDICT_REFUSED, &error);
    explicit_bzero(authorization, strlen(authorization));
    free(authorization);
}

static void start(struct ferry_dataverse_call *call)
{
    ferry_token_get(call->dataverse->token, on_token, call);
}

static bool copy(char **field, const char *text)
{
    *field = text ? strdup(text) : NULL;
    return !text || *field;
}

static bool fill(struct ferry_dataverse_call *call, const struct ferry_dataverse_request *request)
{
    bool done = copy(&call->method, request->method ? request->method : "GET") &&
                copy(&call->body, request->body);
    if (done && request->link)
        done = copy(&call->url, request->link);
    else if (done && asprintf(&call->url, "%s%s", call->dataverse->base, request->path) < 0)
        done = false;
    if (done && request->prefer && asprintf(&call->prefer, "Prefer: %s", request->prefer) < 0)
        done = false;
    call->on_body = request->on_body;
    call->on_done = request->on_done;
    call->context = request->context;
    call->delta = request->link && strcasestr(request->link, "deltatoken");
    call->refusal_task = (struct ferry_http_task){.run = tell_refusal, .context = call};
    return done;
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    struct ferry_error foreign;
    struct ferry_dataverse_call *call = calloc(1, sizeof *call);
    if (!call)
        return out_of_memory(error);
    call->dataverse = dataverse;
    if (!fill(call, request)) {
        call_free(call);
        return out_of_memory(error);
    }
    DL_APPEND(dataverse->calls, call);
    if (ret_call)
        *ret_call = call;
    if (ferry_origin_check(dataverse->base, call->url, &foreign) == FERRY_OK)
        start(call);
    else
        refuse(call, FERRY_VERDICT_FOREIGN, &foreign);
    return FERRY_OK;
}

void ferry_dataverse_resume(struct ferry_dataverse_call *call)
{
    if (call)
        ferry_http_resume(call->http_call);
}

void ferry_dataverse_cancel(struct ferry_dataverse_call *call)
{
    if (!call)
        return;
    struct ferry_dataverse *dataverse = call->dataverse;
    ferry_token_forget(dataverse->token, call);
    ferry_http_unpost(dataverse->http, &call->refusal_task);
    ferry_http_cancel(call->http_call);
    DL_DELETE(dataverse->calls, call);
    call_free(call);
}
