/* The gateway in front of Campaign. */
#include "campaign/campaign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void gateway_error(struct sandbox_request *request, unsigned status, const char *code,
                          const char *message)
{
    sandbox_reply_json(request, status,
                       json_pack("{s:s,s:s}", "error_code", code, "message", message));
}

static void reply_text(struct sandbox_request *request, unsigned status, const char *text,
                       bool breach)
{
    if (breach)
        sandbox_breach(request, "%u %s", status, text);
    sandbox_reply_text(request, status, SANDBOX_TEXT_TYPE, text);
}

void sandbox_campaign_error(struct sandbox_request *request, unsigned status, const char *format,
                            ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_text(request, status, text, false);
}

void sandbox_campaign_refuse(struct sandbox_request *request, unsigned status, const char *format,
                             ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_text(request, status, text, true);
}

void sandbox_campaign_not_found(struct sandbox_request *request,
                                const struct sandbox_resource *resource, const char *key,
                                const char *mark)
{
    sandbox_campaign_error(request, 404,
                           SANDBOX_RST "\nUnable to find document with path '%s' from key '%s%s' "
                                       "(document with schema '%s' and name '%s')",
                           resource->title, key, mark, resource->name, key);
}

void sandbox_campaign_bad_pkey(struct sandbox_request *request,
                               const struct sandbox_resource *resource, const char *text)
{
    sandbox_campaign_refuse(request, 500,
                            "'%s' attribute unknown (see definition of '%s (%s)' schema).\n"
                            "XTK-170036 Unable to parse expression '@id = @%s'.",
                            text + (*text == '@'), resource->label, resource->schema,
                            text + (*text == '@'));
}

int64_t sandbox_campaign_now(const struct sandbox_campaign *campaign)
{
    return sandbox_clock_ms(campaign->clock) + campaign->settings.clock_ms;
}

struct sandbox_resource *sandbox_campaign_resource(struct sandbox_campaign *campaign,
                                                   const char *name)
{
    for (size_t i = 0; i < SANDBOX_RESOURCES; i++)
        if (strcmp(campaign->resources[i].name, name) == 0)
            return &campaign->resources[i];
    return NULL;
}

unsigned sandbox_campaign_index(const struct sandbox_campaign *campaign,
                                const struct sandbox_resource *resource)
{
    return (unsigned)(resource - campaign->resources);
}

static void oops(struct sandbox_request *request)
{
    sandbox_breach(request, "wrong organisation or URI");
    sandbox_reply_json(request, 500,
                       json_pack("{s:i,s:s}", "code", 500, "message",
                                 "Oops. Something went wrong. Check your URI and try again."));
}

static bool check_credentials(struct sandbox_campaign *campaign, struct sandbox_request *request)
{
    const char *authorization = sandbox_request_header(request, "Authorization");
    const char *key = sandbox_request_header(request, "X-Api-Key");
    int mark;
    enum sandbox_token_state state = sandbox_token_check(&campaign->tokens, authorization,
                                                         sandbox_clock_ms(campaign->clock), &mark);

    if (state == SANDBOX_TOKEN_GOOD && key && strcmp(key, campaign->settings.client) == 0)
        return true;
    if (!key || !authorization || strcmp(key, campaign->settings.client) != 0)
        sandbox_breach(request, "Authorization or X-Api-Key missing or wrong");
    if (!authorization)
        gateway_error(request, 403, "403010", "Oauth token is missing.");
    else if (!key)
        gateway_error(request, 403, "403000", "Api Key is required");
    else if (strcmp(key, campaign->settings.client) != 0)
        gateway_error(request, 403, "403003", "Api Key is invalid");
    else
        gateway_error(request, 401, "401013", "Oauth token is not valid");
    return false;
}

/* Campaign knows no such header and lets it pass; who sends one says what W3C's form is. */
static bool is_traceparent(const char *text)
{
    static const char form[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'x' ? !strchr("0123456789abcdef", text[i]) : text[i] != '-')
            return false;
    return true;
}

/* A JSON body is read whatever its Content-Type says; the header itself is a rule for clients
 * (1.3). */
static void note_headers(struct sandbox_campaign *campaign, struct sandbox_request *request)
{
    const char *control = sandbox_request_header(request, "Cache-Control");
    const char *type = sandbox_request_header(request, "Content-Type");
    const char *trace = sandbox_request_header(request, "traceparent");

    if (campaign->settings.foreign)
        return;
    if (!control || !strstr(control, "no-cache"))
        sandbox_breach(request, "Cache-Control: no-cache missing");
    if (!type || !strstr(type, "json"))
        sandbox_breach(request, "Content-Type: application/json missing");
    if (trace && !is_traceparent(trace))
        sandbox_breach(request, "traceparent is not of W3C's form");
}

static const char *const apis[] = {"profileAndServicesExt", "profileAndServices",
                                   "customResources"};

/* Known to Campaign, not imitated here. */
static const char *const elsewhere[] = {"service",      "history",  "orgUnitBase", "geoUnitBase",
                                        "subscription", "workflow", "privacy"};

static bool is_elsewhere(const char *name)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (strcmp(elsewhere[i], name) == 0)
            return true;
    return strncmp(name, "mc", 2) == 0;
}

static void serve_verb(struct sandbox_operation *operation)
{
    struct sandbox_request *request = operation->request;
    const char *first = operation->part_count ? operation->parts[0] : NULL;

    if (first && strcmp(first, "metadata") == 0 && request->verb == SANDBOX_GET)
        sandbox_campaign_metadata(operation);
    else if (request->verb == SANDBOX_GET)
        sandbox_campaign_list(operation);
    else if (request->verb == SANDBOX_POST && !first)
        sandbox_campaign_post(operation);
    else if (request->verb == SANDBOX_PATCH)
        sandbox_campaign_patch(operation);
    else if (request->verb == SANDBOX_DELETE)
        sandbox_campaign_remove(operation);
    else
        sandbox_campaign_refuse(request, request->verb == SANDBOX_POST ? 404 : 405,
                                SANDBOX_RST "\nError rc=-2003");
}

static void serve_resource(struct sandbox_operation *operation, const char *name)
{
    struct sandbox_campaign *campaign = operation->campaign;
    struct sandbox_request *request = operation->request;

    if (is_elsewhere(name)) {
        sandbox_campaign_error(request, 501, "Not implemented by the sandbox: %s", name);
        return;
    }
    bool writes = request->verb == SANDBOX_POST || request->verb == SANDBOX_PATCH;
    if (writes && !sandbox_campaign_body(campaign, request))
        return;
    operation->resource = sandbox_campaign_resource(campaign, name);
    if (operation->resource && strcmp(operation->api, operation->resource->api) != 0 &&
        (operation->extended || strcmp(name, "profile") != 0))
        operation->resource = NULL;
    if (operation->resource)
        serve_verb(operation);
    else
        sandbox_campaign_refuse(request, 404, SANDBOX_RST "\nThe '%s' resource is unknown.", name);
}

/* "profile.json" is the same as "profile". */
static void strip_suffix(const char *name)
{
    size_t length = strlen(name);

    if (length > 5 && strcmp(name + length - 5, ".json") == 0)
        ((char *)(uintptr_t)name)[length - 5] = '\0';
}

/* parts: after ORG/campaign */
static void serve_api(struct sandbox_campaign *campaign, struct sandbox_request *request,
                      const char *const *parts, size_t count)
{
    struct sandbox_operation operation = {.campaign = campaign, .request = request};

    for (size_t i = 0; count && i < sizeof apis / sizeof apis[0]; i++)
        if (strcmp(apis[i], parts[0]) == 0)
            operation.api = apis[i];
    if (!operation.api) {
        if (count && is_elsewhere(parts[0]))
            sandbox_campaign_error(request, 501, "Not implemented by the sandbox: %s", parts[0]);
        else
            oops(request);
        return;
    }
    operation.extended = strcmp(operation.api, "profileAndServices") != 0;
    if (count == 1 || strcmp(parts[1], "resourceType") == 0) {
        operation.parts = parts + 1;
        operation.part_count = count - 1;
        sandbox_campaign_catalogue(&operation);
        return;
    }
    strip_suffix(parts[1]);
    operation.parts = parts + 2;
    operation.part_count = count - 2;
    serve_resource(&operation, parts[1]);
}

static void serve(struct sandbox_request *request)
{
    struct sandbox_campaign *campaign = request->service->context;
    const char *parts[SANDBOX_SEGMENTS];
    struct sandbox_buf names = {0};

    if (sandbox_ims_serve(campaign, request))
        return;
    char id[20];
    snprintf(id, sizeof id, "%016llx",
             (unsigned long long)sandbox_random(&campaign->tokens.random));
    sandbox_reply_header(request, "X-Request-Id", id);
    ssize_t count = sandbox_request_segments(request->path, &names, parts);
    if (count < 2 || strcmp(parts[0], campaign->settings.org) != 0 ||
        strcmp(parts[1], "campaign") != 0) {
        oops(request);
    } else if (check_credentials(campaign, request)) {
        note_headers(campaign, request);
        serve_api(campaign, request, parts + 2, (size_t)count - 2);
    }
    sandbox_buf_done(&names);
}

static void throttle(struct sandbox_request *request, int retry_after)
{
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%d", retry_after);
    sandbox_reply_header(request, "Retry-After", seconds);
    gateway_error(request, 429, "429050", "Too many requests");
}

static bool is_over_rate(struct sandbox_campaign *campaign)
{
    uint64_t second = sandbox_loop_now() / 1000;

    if (!campaign->settings.rps)
        return false;
    if (campaign->rps_second != second) {
        campaign->rps_second = second;
        campaign->rps_count = 0;
    }
    return ++campaign->rps_count > campaign->settings.rps;
}

/* Requests that were turned away still count as in flight until they are answered, which is at
 * once. */
static void arrive(struct sandbox_request *request)
{
    struct sandbox_campaign *campaign = request->service->context;

    if (strncmp(request->path, "/ims/", 5) != 0 &&
        ((campaign->settings.admit &&
          request->service->stats.in_flight > campaign->settings.admit) ||
         is_over_rate(campaign))) {
        throttle(request, 1);
        return;
    }
    const struct sandbox_fault *fault = sandbox_fault_arrive(campaign->faults, request);
    if (fault && fault->kind == SANDBOX_FAULT_429)
        throttle(request, fault->retry_after);
    else if (fault)
        sandbox_tokens_revoke(&campaign->tokens);
}

void sandbox_campaign_init(struct sandbox_campaign *campaign,
                           const struct sandbox_campaign_settings *settings,
                           const struct sandbox_clock *clock, struct sandbox_faults *faults)
{
    campaign->service = (struct sandbox_service){
        .name = "campaign", .context = campaign, .arrive = arrive, .serve = serve};
    campaign->settings = *settings;
    campaign->clock = clock;
    campaign->faults = faults;
    campaign->pkeys.salt = 0x5a17;
    if (!settings->pkey_fixed &&
        getrandom(&campaign->pkeys.salt, sizeof campaign->pkeys.salt, 0) < 0)
        campaign->pkeys.salt = sandbox_loop_now();
    campaign->tokens.random = campaign->pkeys.salt ^ sandbox_loop_now();
    for (size_t i = 0; i < SANDBOX_RESOURCES; i++)
        sandbox_resource_init(&campaign->resources[i], i, settings);
}

void sandbox_campaign_done(struct sandbox_campaign *campaign)
{
    for (size_t i = 0; i < SANDBOX_RESOURCES; i++)
        sandbox_resource_done(&campaign->resources[i]);
    sandbox_journal_done(&campaign->journal);
    sandbox_tokens_done(&campaign->tokens);
    sandbox_body_done(&campaign->body);
    sandbox_buf_done(&campaign->texts);
    sandbox_stats_reset(&campaign->service.stats);
}
