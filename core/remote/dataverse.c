#include "core/remote/dataverse.h"

#include "core/io/origin.h"
#include "core/remote/dataverse_private.h"
#include "core/remote/dataverse_verdict.h"
#include "core/remote/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define API_PATH     "/api/data/v9.2/"
#define ANSWER_BYTES ((size_t)32 << 20) /* metadata is not paged */
#define TIMEOUT_MS   130000             /* the service itself works for up to two minutes */

struct ferry_dataverse {
    struct ferry_session *session;
    char *base; /* "https://contoso.crm.dynamics.com/api/data/v9.2/" */
    struct ferry_dataverse_description *descriptions;
};

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* A call of ours is a call of the session; nothing is added to it. */
static struct ferry_session_call *inner(struct ferry_dataverse_call *call)
{
    return (struct ferry_session_call *)(void *)call;
}

/* No documented answer says "this delta token is unknown": a 400 without a better reason that comes
 * twice says so. */
static bool judge(const struct ferry_session_call *call, const struct ferry_http_answer *http,
                  struct ferry_remote_answer *answer)
{
    bool known = ferry_dataverse_judge(http, ferry_session_reads(call), answer);

    if (known || http->status != 400 || !call->doubtful)
        return false;
    answer->verdict = FERRY_VERDICT_EXPIRED;
    answer->error.status = FERRY_RETRY;
    ferry_advise(&answer->error, "The table is read in full again.");
    return true;
}

/* --- life --- */

static int length_without_slash(const char *url)
{
    size_t length = strlen(url);

    while (length > 0 && url[length - 1] == '/')
        length--;
    return (int)length;
}

static enum ferry_status make_session(struct ferry_dataverse *dataverse, struct ferry_http *http,
                                      const struct ferry_dynamics_settings *settings,
                                      const char *token_url, const char *scope,
                                      struct ferry_error *error)
{
    static const char *const headers[] = {"Accept: application/json", "OData-MaxVersion: 4.0",
                                          "OData-Version: 4.0", "If-None-Match: null", NULL};
    const struct ferry_session_options options = {
        .token = {.name = "Dynamics 365",
                  .url = token_url,
                  .client_id = settings->client_id,
                  .secret_file = settings->client_secret_file,
                  .scope = scope},
        .headers = headers,
        .body_header = "Content-Type: application/json; charset=utf-8",
        .timeout_ms = TIMEOUT_MS,
        .judge = judge,
    };

    return ferry_session_new(http, &options, &dataverse->session, error);
}

static enum ferry_status fill_dataverse(struct ferry_dataverse *dataverse, struct ferry_http *http,
                                        const struct ferry_dynamics_settings *settings,
                                        struct ferry_error *error)
{
    int length = length_without_slash(settings->url);
    char *token_url = NULL, *scope = NULL;
    enum ferry_status status;

    if (asprintf(&dataverse->base, "%.*s" API_PATH, length, settings->url) < 0)
        dataverse->base = NULL;
    if (asprintf(&token_url, "%.*s/%s/oauth2/v2.0/token",
                 length_without_slash(settings->authority_url), settings->authority_url,
                 settings->tenant) < 0)
        token_url = NULL;
    if (asprintf(&scope, "%.*s/.default", length, settings->url) < 0)
        scope = NULL;
    status = dataverse->base && token_url && scope
                 ? make_session(dataverse, http, settings, token_url, scope, error)
                 : out_of_memory(error);
    free(token_url);
    free(scope);
    return status;
}

enum ferry_status ferry_dataverse_new(struct ferry_http *http,
                                      const struct ferry_dynamics_settings *settings,
                                      struct ferry_dataverse **ret_dataverse,
                                      struct ferry_error *error)
{
    struct ferry_dataverse *dataverse;
    enum ferry_status status = ferry_origin_base("dynamics.url", settings->url, error);

    if (status == FERRY_OK)
        status = ferry_origin_base("dynamics.authority.url", settings->authority_url, error);
    if (status != FERRY_OK)
        return status;
    dataverse = calloc(1, sizeof(*dataverse));
    if (!dataverse)
        return out_of_memory(error);
    status = fill_dataverse(dataverse, http, settings, error);
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
    ferry_session_free(dataverse->session);
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
    ferry_session_forget(dataverse->session, context);
}

/* --- one request --- */

/* The methods of the API; the call keeps ours, not the caller's. */
static const char *method_of(const char *name)
{
    static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i], name) == 0)
            return methods[i];
    return NULL;
}

static enum ferry_status fill_texts(const struct ferry_dataverse *dataverse,
                                    const struct ferry_dataverse_request *request,
                                    struct ferry_session_call *call)
{
    struct ferry_buffer *url = &call->texts[FERRY_SESSION_URL];
    enum ferry_status status =
        ferry_buffer_append_text(url, request->link ? request->link : dataverse->base);

    if (status == FERRY_OK && !request->link)
        status = ferry_buffer_append_text(url, request->path);
    if (status == FERRY_OK && request->prefer)
        status =
            ferry_buffer_printf(&call->texts[FERRY_SESSION_HEADER], "Prefer: %s", request->prefer);
    else if (status == FERRY_OK && request->fresh)
        status =
            ferry_buffer_append_text(&call->texts[FERRY_SESSION_HEADER], "Consistency: Strong");
    if (status == FERRY_OK && request->match)
        status =
            ferry_buffer_printf(&call->texts[FERRY_SESSION_MATCH], "If-Match: %s", request->match);
    if (status == FERRY_OK && request->type)
        status = ferry_buffer_append_text(&call->texts[FERRY_SESSION_TYPE], request->type);
    if (status == FERRY_OK && request->body)
        status = ferry_buffer_append_text(&call->texts[FERRY_SESSION_BODY], request->body);
    return status;
}

/* Their ceilings stay where they were. */
static void swap_body(struct ferry_session_call *call, struct ferry_buffer *body)
{
    struct ferry_buffer *text = &call->texts[FERRY_SESSION_BODY];
    struct ferry_buffer empty = *text;

    *text = *body;
    text->ceiling = empty.ceiling;
    empty.ceiling = body->ceiling;
    *body = empty;
}

static enum ferry_status fill(const struct ferry_dataverse *dataverse,
                              const struct ferry_dataverse_request *request,
                              struct ferry_session_call *call, struct ferry_error *error)
{
    call->method = method_of(request->method ? request->method : "GET");
    if (!call->method)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "Dataverse has no method %s",
                          request->method);
    call->has_body = request->body || request->large_body;
    call->doubtful = request->link && strcasestr(request->link, "deltatoken");
    call->max_answer_bytes = ANSWER_BYTES;
    call->on_body = request->on_body;
    call->on_done = request->on_done;
    call->context = request->context;
    if (fill_texts(dataverse, request, call) != FERRY_OK)
        return out_of_memory(error);
    if (request->large_body)
        swap_body(call, request->large_body);
    return FERRY_OK;
}

enum ferry_status ferry_dataverse_owns(const struct ferry_dataverse *dataverse, const char *link,
                                       struct ferry_error *error)
{
    return ferry_origin_check(dataverse->base, link, error);
}

/* The link is checked before a connection is opened and before a token is touched. */
static enum ferry_status start(struct ferry_dataverse *dataverse,
                               const struct ferry_dataverse_request *request,
                               struct ferry_session_call *call, struct ferry_error *error)
{
    struct ferry_error foreign;

    if (ferry_dataverse_owns(dataverse, ferry_session_text(call, FERRY_SESSION_URL), &foreign) ==
        FERRY_OK)
        return ferry_session_start(call, error);
    if (!request->link) {
        ferry_session_give(call);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a path to Dynamics 365 is not encoded, or leads out of its API");
    }
    ferry_advise(&foreign,
                 "Nothing was sent. If the environment goes by several names, dynamics.url "
                 "must be the one that its links carry.");
    ferry_session_refuse(call, FERRY_VERDICT_FOREIGN, &foreign);
    return FERRY_OK;
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    struct ferry_session_call *call = ferry_session_take(dataverse->session);
    enum ferry_status status;

    if (!call)
        return out_of_memory(error);
    status = fill(dataverse, request, call, error);
    if (status != FERRY_OK) {
        ferry_session_give(call);
        return status;
    }
    status = start(dataverse, request, call, error);
    if (status == FERRY_OK && ret_call)
        *ret_call = (struct ferry_dataverse_call *)(void *)call;
    return status;
}

void ferry_dataverse_return_body(struct ferry_dataverse_call *call,
                                 const struct ferry_remote_answer *answer,
                                 struct ferry_buffer *body)
{
    struct ferry_session_call *session_call = inner(call);

    if (answer->http && answer->http->call)
        ferry_http_return_body(answer->http, &session_call->texts[FERRY_SESSION_BODY]);
    swap_body(session_call, body);
}

void ferry_dataverse_resume(struct ferry_dataverse_call *call)
{
    ferry_session_resume(inner(call));
}

void ferry_dataverse_cancel(struct ferry_dataverse_call *call)
{
    ferry_session_cancel(inner(call));
}
