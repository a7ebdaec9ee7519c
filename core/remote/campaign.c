#include "core/remote/campaign.h"

#include "core/io/origin.h"
#include "core/remote/campaign_private.h"
#include "core/remote/campaign_verdict.h"
#include "core/remote/session.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define KEY_BYTES 512 /* no identification key is longer */

struct ferry_campaign {
    struct ferry_session *session;
    char *base; /* "https://mc.adobe.io/acme/campaign/" */
    struct ferry_campaign_description *descriptions;
};

/* A call of ours is a call of the session; nothing is added to it. */
static struct ferry_session_call *inner(struct ferry_campaign_call *call)
{
    return (struct ferry_session_call *)(void *)call;
}

static bool judge(const struct ferry_session_call *call, const struct ferry_http_answer *http,
                  struct ferry_remote_answer *answer)
{
    const struct ferry_campaign_case given = {
        .resource = ferry_session_text(call, FERRY_SESSION_SUBJECT),
        .key = ferry_session_text(call, FERRY_SESSION_KEY),
        .reads = ferry_session_reads(call),
    };

    ferry_campaign_judge(&given, http, answer);
    return false;
}

/* --- life --- */

static enum ferry_status make_session(struct ferry_campaign *campaign, struct ferry_http *http,
                                      const struct ferry_campaign_settings *settings,
                                      struct ferry_error *error)
{
    char api_key[256];
    /* All of them on every call, also the Content-Type of a GET: the documentation wants it so. */
    const char *const headers[] = {api_key, "Cache-Control: no-cache", "Accept: application/json",
                                   "Content-Type: application/json", NULL};
    const struct ferry_session_options options = {
        .token = {.name = FERRY_CAMPAIGN_NAME,
                  .url = settings->token_url,
                  .client_id = settings->client_id,
                  .secret_file = settings->client_secret_file,
                  .scope = settings->scope},
        .headers = headers,
        .timeout_ms = settings->timeout_ms,
        .judge = judge,
    };

    if (snprintf(api_key, sizeof(api_key), "X-Api-Key: %s", settings->client_id) >=
        (int)sizeof(api_key))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
                          "campaign.client.id is too long");
    return ferry_session_new(http, &options, &campaign->session, error);
}

static enum ferry_status make_base(struct ferry_campaign *campaign, const char *url,
                                   struct ferry_error *error)
{
    size_t length = strlen(url);

    while (length > 0 && url[length - 1] == '/')
        length--;
    if (asprintf(&campaign->base, "%.*s/campaign/", (int)length, url) >= 0)
        return FERRY_OK;
    campaign->base = NULL;
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

enum ferry_status ferry_campaign_new(struct ferry_http *http,
                                     const struct ferry_campaign_settings *settings,
                                     struct ferry_campaign **ret_campaign,
                                     struct ferry_error *error)
{
    struct ferry_campaign *campaign;
    enum ferry_status status = ferry_origin_base("campaign.url", settings->url, error);

    if (status == FERRY_OK)
        status = ferry_origin_base("campaign.token.url", settings->token_url, error);
    if (status != FERRY_OK)
        return status;
    campaign = calloc(1, sizeof(*campaign));
    if (!campaign)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    status = make_base(campaign, settings->url, error);
    if (status == FERRY_OK)
        status = make_session(campaign, http, settings, error);
    if (status != FERRY_OK) {
        ferry_campaign_free(campaign);
        return status;
    }
    *ret_campaign = campaign;
    return FERRY_OK;
}

void ferry_campaign_free(struct ferry_campaign *campaign)
{
    if (!campaign)
        return;
    while (campaign->descriptions)
        ferry_campaign_description_free(campaign->descriptions);
    ferry_session_free(campaign->session);
    free(campaign->base);
    free(campaign);
}

struct ferry_campaign_description **ferry_campaign_descriptions(struct ferry_campaign *campaign)
{
    return &campaign->descriptions;
}

/* --- one request --- */

/* The methods of the API; the call keeps ours, not the caller's. */
static const char *method_of(const char *name)
{
    static const char *const methods[] = {"GET", "POST", "PATCH", "DELETE"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i], name) == 0)
            return methods[i];
    return NULL;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_alphanumeric(*text) && *text != '_')
            return false;
    return true;
}

/* A key that would not end up as the last segment of the path would name something else: the whole
 * collection, say. */
static enum ferry_status check_key(const struct ferry_campaign_request *request,
                                   struct ferry_error *error)
{
    const char *key = request->key;

    if (!key ||
        (*key && strcmp(key, ".") != 0 && strcmp(key, "..") != 0 && strlen(key) <= KEY_BYTES))
        return FERRY_OK;
    return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                      "%s: a key that is %s cannot be called", request->resource,
                      *key ? "a path of its own" : "empty");
}

static enum ferry_status check(const struct ferry_campaign_request *request,
                               struct ferry_error *error)
{
    if (!method_of(request->method))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "Campaign has no method %s",
                          request->method);
    if (!is_name(request->api) || !is_name(request->resource) ||
        (request->filter && !is_name(request->filter)))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "\"%.60s/%.60s%s%.60s\" cannot be the name of a resource in Adobe "
                          "Campaign",
                          request->api, request->resource, request->filter ? "/" : "",
                          request->filter ? request->filter : "");
    return check_key(request, error);
}

/* Keys are GUIDs as a rule: nothing in them to escape. A leading @ marks a PKey. */
static enum ferry_status append_key(struct ferry_buffer *url, const char *key)
{
    const char *at = key + (*key == '@');
    enum ferry_status status = ferry_buffer_append(url, "/", 1);
    char *escaped;

    if (status != FERRY_OK)
        return status;
    while (is_alphanumeric(*at) || *at == '-' || *at == '_')
        at++;
    if (*at == '\0')
        return ferry_buffer_append_text(url, key);
    escaped = curl_easy_escape(NULL, key, 0);
    if (!escaped)
        return FERRY_NOMEM;
    status = ferry_buffer_append_text(url, escaped);
    curl_free(escaped);
    return status;
}

static enum ferry_status fill_url(const struct ferry_campaign *campaign,
                                  const struct ferry_campaign_request *request,
                                  struct ferry_buffer *url)
{
    const char *const parts[] = {campaign->base, request->api, "/", request->resource};
    enum ferry_status status = FERRY_OK;

    if (request->link)
        return ferry_buffer_append_text(url, request->link);
    for (size_t i = 0; status == FERRY_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        status = ferry_buffer_append_text(url, parts[i]);
    if (status == FERRY_OK && request->key)
        status = append_key(url, request->key);
    if (status == FERRY_OK && request->filter)
        status = ferry_buffer_printf(url, "/%s", request->filter);
    if (status == FERRY_OK && request->query)
        status = ferry_buffer_printf(url, "?%s", request->query);
    return status;
}

/* No one has to read it; who does can tell us which of our records a request was about. */
static bool fill_trace(const struct ferry_campaign_request *request, struct ferry_buffer *header)
{
    return !request->trace || !*request->trace ||
           (ferry_buffer_append_text(header, "traceparent: ") == FERRY_OK &&
            ferry_buffer_append_text(header, request->trace) == FERRY_OK);
}

static enum ferry_status fill_subject(const struct ferry_campaign_request *request,
                                      struct ferry_buffer *subject)
{
    enum ferry_status status = ferry_buffer_append_text(subject, request->resource);

    return status == FERRY_OK && request->filter
               ? ferry_buffer_printf(subject, "/%s", request->filter)
               : status;
}

static bool fill(const struct ferry_campaign *campaign,
                 const struct ferry_campaign_request *request, struct ferry_session_call *call)
{
    call->method = method_of(request->method);
    call->has_body = request->body != NULL;
    call->max_answer_bytes = request->max_answer_bytes;
    call->on_done = request->on_done;
    call->context = request->context;
    return fill_url(campaign, request, &call->texts[FERRY_SESSION_URL]) == FERRY_OK &&
           fill_trace(request, &call->texts[FERRY_SESSION_HEADER]) &&
           fill_subject(request, &call->texts[FERRY_SESSION_SUBJECT]) == FERRY_OK &&
           (!request->key ||
            ferry_buffer_append_text(&call->texts[FERRY_SESSION_KEY], request->key) == FERRY_OK) &&
           (!request->body || ferry_buffer_append(&call->texts[FERRY_SESSION_BODY], request->body,
                                                  request->length) == FERRY_OK);
}

enum ferry_status ferry_campaign_owns(const struct ferry_campaign *campaign, const char *link,
                                      struct ferry_error *error)
{
    return ferry_origin_check(campaign->base, link, error);
}

/* A link is checked before a connection is opened and before a token is touched. */
static enum ferry_status start(const struct ferry_campaign *campaign,
                               const struct ferry_campaign_request *request,
                               struct ferry_session_call *call, struct ferry_error *error)
{
    struct ferry_error foreign;

    if (!request->link || ferry_campaign_owns(campaign, request->link, &foreign) == FERRY_OK)
        return ferry_session_start(call, error);
    ferry_advise(&foreign, "Nothing was sent. If the instance goes by several names, campaign.url "
                           "must be the one that its links carry.");
    ferry_session_refuse(call, FERRY_VERDICT_FOREIGN, &foreign);
    return FERRY_OK;
}

enum ferry_status ferry_campaign_send(struct ferry_campaign *campaign,
                                      const struct ferry_campaign_request *request,
                                      struct ferry_campaign_call **ret_call,
                                      struct ferry_error *error)
{
    struct ferry_session_call *call;
    enum ferry_status status = check(request, error);

    if (status != FERRY_OK)
        return status;
    call = ferry_session_take(campaign->session);
    if (!call || !fill(campaign, request, call)) {
        if (call)
            ferry_session_give(call);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    status = start(campaign, request, call, error);
    if (status == FERRY_OK && ret_call)
        *ret_call = (struct ferry_campaign_call *)(void *)call;
    return status;
}

void ferry_campaign_cancel(struct ferry_campaign_call *call)
{
    ferry_session_cancel(inner(call));
}

void ferry_campaign_forget(struct ferry_campaign *campaign, const void *context)
{
    ferry_campaign_descriptions_forget(campaign, context);
    ferry_session_forget(campaign->session, context);
}
