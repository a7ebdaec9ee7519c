#include "dynamics/dynamics.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define JSON_TYPE "application/json; odata.metadata=minimal"

void sandbox_dynamics_headers(struct sandbox_request *request)
{
    char id[SANDBOX_GUID_SIZE];
    uint8_t bytes[16];
    static uint64_t state = 77;

    sandbox_guid_random(&state, bytes);
    sandbox_guid_format(bytes, id);
    sandbox_reply_header(request, "OData-Version", "4.0");
    sandbox_reply_header(request, "x-ms-service-request-id", id);
    sandbox_reply_header(request, "REQ_ID", id);
}

static void write_error(struct sandbox_request *request, unsigned status, const char *code,
                        const char *message)
{
    struct sandbox_buf buf = {0};

    sandbox_buf_addf(&buf, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    sandbox_json_string(&buf, message, strlen(message), false);
    sandbox_buf_adds(&buf, "}}");
    sandbox_reply_text(request, status, JSON_TYPE, sandbox_buf_text(&buf));
    sandbox_buf_done(&buf);
}

void sandbox_dynamics_error(struct sandbox_request *request, unsigned status, const char *code,
                            const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    write_error(request, status, code, message);
}

void sandbox_dynamics_refuse(struct sandbox_request *request, unsigned status, const char *code,
                             const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sandbox_breach(request, "%s", message);
    write_error(request, status, code, message);
}

struct sandbox_table *sandbox_dynamics_table(struct sandbox_dynamics *dynamics, const char *name)
{
    for (size_t i = 0; i < SANDBOX_TABLES; i++)
        if (strcmp(dynamics->tables[i].plan->name, name) == 0)
            return &dynamics->tables[i];
    return NULL;
}

struct sandbox_table *sandbox_dynamics_set(struct sandbox_dynamics *dynamics, const char *set)
{
    for (size_t i = 0; i < SANDBOX_TABLES; i++)
        if (strcmp(dynamics->tables[i].plan->set, set) == 0)
            return &dynamics->tables[i];
    return NULL;
}

/* One preference, the quotes around its value taken off. */
static void read_preference(struct sandbox_call_context *call, const char *text, size_t length)
{
    static const char size[] = "odata.maxpagesize=", notes[] = "odata.include-annotations=";
    char value[256];

    snprintf(value, sizeof value, "%.*s", (int)length, text);
    if (strcmp(value, "odata.track-changes") == 0)
        call->prefer.track = true;
    else if (strcmp(value, "return=representation") == 0)
        call->prefer.representation = true;
    else if (strcmp(value, "odata.continue-on-error") == 0)
        call->prefer.continue_on_error = true;
    else if (strncmp(value, size, sizeof size - 1) == 0)
        call->prefer.page_size = strtol(value + sizeof size - 1, NULL, 10);
    else if (strncmp(value, notes, sizeof notes - 1) == 0)
        snprintf(call->prefer.annotations, sizeof call->prefer.annotations, "%s",
                 value + sizeof notes - 1);
}

static size_t preference_length(const char *text)
{
    bool quoted = false;
    size_t at = 0;

    for (; text[at] && (quoted || text[at] != ','); at++)
        quoted ^= text[at] == '"';
    return at;
}

static void read_prefer(struct sandbox_call_context *call)
{
    const char *at = sandbox_request_header(call->request, "Prefer");

    while (at && *at) {
        while (*at == ' ' || *at == ',')
            at++;
        size_t length = preference_length(at), trimmed = length;
        while (trimmed && isspace((unsigned char)at[trimmed - 1]))
            trimmed--;
        read_preference(call, at, trimmed);
        at += length;
    }
    const char *notes = call->prefer.annotations;
    bool all = strchr(notes, '*');
    call->prefer.formatted = all || strstr(notes, "FormattedValue");
    call->prefer.lookups = all || strstr(notes, "lookuplogicalname");
    if (call->prefer.page_size > SANDBOX_PAGE_SIZE || call->prefer.page_size < 0) {
        sandbox_breach(call->request, "odata.maxpagesize=%ld is over the limit of %d",
                       call->prefer.page_size, SANDBOX_PAGE_SIZE);
        call->prefer.page_size = SANDBOX_PAGE_SIZE;
    }
}

/* Section 12 of the reference: others leave these out, which --foreign allows. Parts of a $batch
 * need none. */
static bool check_headers(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    static const char *const needed[][2] = {
        {"Accept", "application/json"}, {"OData-MaxVersion", "4.0"}, {"OData-Version", "4.0"}};

    if (dynamics->settings.foreign || !request->connection)
        return true;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const char *value = sandbox_request_header(request, needed[i][0]);
        if (value && strstr(value, needed[i][1]))
            continue;
        sandbox_dynamics_refuse(request, 400, "0x80060888", "%s header %s", needed[i][0],
                                value ? "not supported" : "missing");
        return false;
    }
    const char *type = sandbox_request_header(request, "Content-Type");
    if (request->body.length &&
        (!type || (!strstr(type, "application/json") && !strstr(type, "multipart/mixed")))) {
        sandbox_dynamics_refuse(request, 415, "0x80060888", "Content-Type header not supported");
        return false;
    }
    return true;
}

typedef void call_handler(struct sandbox_call_context *call);

static void serve_document(struct sandbox_call_context *call)
{
    json_t *sets = json_array();

    call->request->call = SANDBOX_CALL_METADATA;
    for (size_t i = 0; i < SANDBOX_TABLES; i++) {
        const char *set = call->dynamics->tables[i].plan->set;
        json_array_append_new(
            sets, json_pack("{s:s,s:s,s:s}", "name", set, "kind", "EntitySet", "url", set));
    }
    struct sandbox_buf context = {0};
    sandbox_buf_addf(&context, "%s" SANDBOX_API "$metadata", call->request->base.data);
    sandbox_reply_json(
        call->request, 200,
        json_pack("{s:s,s:o}", "@odata.context", sandbox_buf_text(&context), "value", sets));
    sandbox_buf_done(&context);
}

static void serve_who_am_i(struct sandbox_call_context *call)
{
    char user[SANDBOX_GUID_SIZE];
    struct sandbox_buf context = {0};

    sandbox_guid_format(call->dynamics->user, user);
    sandbox_buf_addf(&context, "%s" SANDBOX_API "$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
                     call->request->base.data);
    sandbox_reply_header(call->request, "x-ms-dop-hint", "16");
    sandbox_reply_json(call->request, 200,
                       json_pack("{s:s,s:s,s:s,s:s}", "@odata.context", sandbox_buf_text(&context),
                                 "BusinessUnitId", "38e0dbe4-131b-e111-ba7e-78e7d1620f5e", "UserId",
                                 user, "OrganizationId", "4026be43-6b69-e111-8f65-78e7d1620f5e"));
    sandbox_buf_done(&context);
}

static void serve_organizations(struct sandbox_call_context *call)
{
    call->request->call = SANDBOX_CALL_METADATA;
    sandbox_reply_json(call->request, 200,
                       json_pack("{s:[{s:s,s:i,s:s}]}", "value", "@odata.etag", "W/\"1000\"",
                                 "expirechangetrackingindays",
                                 (int)call->dynamics->settings.retention_days, "organizationid",
                                 "4026be43-6b69-e111-8f65-78e7d1620f5e"));
}

static void serve_filters(struct sandbox_call_context *call)
{
    call->request->call = SANDBOX_CALL_METADATA;
    sandbox_reply_json(call->request, 200, json_pack("{s:[]}", "value"));
}

static void serve_missing(struct sandbox_call_context *call)
{
    sandbox_dynamics_error(call->request, 501, "0x80040219", "Not implemented by the sandbox: %s",
                           call->segments[0]);
}

static const struct {
    const char *name;
    unsigned verbs; /* bits */
    call_handler *serve;
} fixed_routes[] = {
    {"", 1u << SANDBOX_GET, serve_document},
    {"WhoAmI", 1u << SANDBOX_GET, serve_who_am_i},
    {"WhoAmI()", 1u << SANDBOX_GET, serve_who_am_i},
    {"organizations", 1u << SANDBOX_GET, serve_organizations},
    {"sdkmessagefilters", 1u << SANDBOX_GET, serve_filters},
    {"EntityDefinitions", 1u << SANDBOX_GET, sandbox_dynamics_entities},
    {"RelationshipDefinitions", 1u << SANDBOX_GET, sandbox_dynamics_relations},
    {"$batch", 1u << SANDBOX_POST, sandbox_dynamics_batch},
    {"$metadata", 1u << SANDBOX_GET, serve_missing},
    {"CreateMultiple", 1u << SANDBOX_POST, serve_missing},
};

static void get_set(struct sandbox_call_context *call)
{
    const char *skip = sandbox_request_param(call->request, "$skiptoken");

    if (call->prefer.track || sandbox_request_param(call->request, "$deltatoken") ||
        (skip && strstr(skip, "istracking=\"True\"")))
        sandbox_dynamics_page(call);
    else
        sandbox_dynamics_list(call);
}

static void set_routes(struct sandbox_call_context *call)
{
    enum sandbox_verb verb = call->request->verb;
    const char *more = call->segment_count > 1 ? call->segments[1] : NULL;

    if (more && !call->key && strcmp(more, "$count") == 0 && verb == SANDBOX_GET)
        sandbox_dynamics_count(call);
    else if (more)
        serve_missing(call);
    else if (!call->key && verb == SANDBOX_GET)
        get_set(call);
    else if (!call->key && verb == SANDBOX_POST)
        sandbox_dynamics_post(call);
    else if (call->key && verb == SANDBOX_GET)
        sandbox_dynamics_get(call);
    else if (call->key && verb == SANDBOX_PATCH)
        sandbox_dynamics_patch(call);
    else if (call->key && verb == SANDBOX_DELETE)
        sandbox_dynamics_remove(call);
    else
        sandbox_dynamics_refuse(call->request, 405, "0x80060888",
                                "The requested resource does not support http method '%s'.",
                                sandbox_verb_names[verb]);
}

/* "contacts(…)" becomes the name and what stands in the parentheses. */
static void split_key(struct sandbox_call_context *call)
{
    char *first = (char *)(uintptr_t)call->segments[0];
    char *open = strchr(first, '(');
    size_t length = strlen(first);

    if (!open || open == first || length < 2 || first[length - 1] != ')' || open[1] == ')')
        return;
    first[length - 1] = '\0';
    *open = '\0';
    call->key = open + 1;
}

static void route(struct sandbox_call_context *call)
{
    const char *name = call->segments[0];

    for (size_t i = 0; i < sizeof fixed_routes / sizeof fixed_routes[0]; i++) {
        if (strcmp(fixed_routes[i].name, name) != 0)
            continue;
        if (fixed_routes[i].verbs >> call->request->verb & 1)
            fixed_routes[i].serve(call);
        else
            sandbox_dynamics_refuse(call->request, 405, "0x80060888", "Method not allowed.");
        return;
    }
    call->table = sandbox_dynamics_set(call->dynamics, name);
    if (call->table)
        set_routes(call);
    else
        sandbox_dynamics_refuse(call->request, 404, "0x8006088a",
                                "Resource not found for the segment '%s'.", name);
}

void sandbox_dynamics_dispatch(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    struct sandbox_call_context call = {.dynamics = dynamics, .request = request};
    struct sandbox_buf names = {0};
    size_t prefix = strlen(SANDBOX_API);
    bool root = strcmp(request->path, "/api/data/v9.2") == 0;

    sandbox_dynamics_headers(request);
    if (!root && strncmp(request->path, SANDBOX_API, prefix) != 0) {
        sandbox_dynamics_refuse(request, 404, "0x8006088a", "Resource not found.");
        return;
    }
    ssize_t count = sandbox_request_segments(request->path + (root ? prefix - 1 : prefix), &names,
                                             call.segments);
    if (count < 0 || request->malformed) {
        sandbox_dynamics_refuse(request, 400, "0x80060888", "The URL is malformed.");
    } else if (check_headers(dynamics, request)) {
        call.segment_count = (size_t)count;
        if (count == 0)
            call.segments[0] = "";
        else
            split_key(&call);
        read_prefer(&call);
        route(&call);
    }
    sandbox_buf_done(&names);
}

static void refuse_token(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    char challenge[256];

    snprintf(challenge, sizeof challenge,
             "Bearer authorization_uri=%s/%s/oauth2/authorize, resource_id=%s/", request->base.data,
             dynamics->settings.tenant, request->base.data);
    sandbox_reply_header(request, "WWW-Authenticate", challenge);
    if (dynamics->settings.unauthorized_body == SANDBOX_401_JSON)
        sandbox_dynamics_error(request, 401, "0x8005F101", "The access token has expired.");
    else if (dynamics->settings.unauthorized_body == SANDBOX_401_HTML)
        sandbox_reply_text(request, 401, "text/html",
                           "<!DOCTYPE html><html><body>401 - Unauthorized</body></html>");
    else
        request->reply.status = 401;
}

static bool check_token(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    int mark = 0;
    enum sandbox_token_state state =
        sandbox_token_check(&dynamics->tokens, sandbox_request_header(request, "Authorization"),
                            sandbox_clock_ms(dynamics->clock), &mark);

    if (state == SANDBOX_TOKEN_GOOD && mark)
        return true;
    if (state == SANDBOX_TOKEN_GOOD) {
        sandbox_dynamics_refuse(request, 403, "0x80072560",
                                "The user is not a member of the organization.");
        return false;
    }
    if (state == SANDBOX_TOKEN_MISSING)
        sandbox_breach(request, "no Authorization header");
    refuse_token(dynamics, request);
    return false;
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void serve(struct sandbox_request *request)
{
    struct sandbox_dynamics *dynamics = request->service->context;
    const struct sandbox_limits *limits = &dynamics->settings.limits;
    uint64_t begun = now_us();

    if (sandbox_entra_serve(dynamics, request) || !check_token(dynamics, request) ||
        !sandbox_limit_admit(&dynamics->limiter, limits, request))
        return;
    sandbox_dynamics_dispatch(dynamics, request);
    sandbox_limit_spend(&dynamics->limiter, limits, now_us() - begun + request->delay_ms * 1000u);
    sandbox_limit_headers(&dynamics->limiter, limits, request);
}

static void arrive(struct sandbox_request *request)
{
    struct sandbox_dynamics *dynamics = request->service->context;
    const struct sandbox_limits *limits = &dynamics->settings.limits;
    bool api = strncmp(request->path, "/api/", 5) == 0;
    int retry_after = 2;

    if (api && limits->concurrent && request->service->stats.in_flight > limits->concurrent) {
        sandbox_limit_refuse(request, limits, 2, 1);
        return;
    }
    int kind = sandbox_fault_arrive(dynamics->faults, request, &retry_after);
    if (kind == SANDBOX_FAULT_429)
        sandbox_limit_refuse(request, limits, 0, (unsigned)retry_after);
    else if (kind == SANDBOX_FAULT_TOKEN_REVOKED)
        sandbox_tokens_revoke(&dynamics->tokens);
}

void sandbox_dynamics_init(struct sandbox_dynamics *dynamics,
                           const struct sandbox_dynamics_settings *settings,
                           const struct sandbox_clock *clock, struct sandbox_faults *faults)
{
    uint64_t seed = 4711;

    dynamics->service = (struct sandbox_service){
        .name = "dynamics", .context = dynamics, .arrive = arrive, .serve = serve};
    dynamics->settings = *settings;
    dynamics->clock = clock;
    dynamics->faults = faults;
    dynamics->version = 915000;
    if (getrandom(&dynamics->random, sizeof dynamics->random, 0) < 0)
        dynamics->random = sandbox_loop_now();
    dynamics->tokens.random = dynamics->random ^ 1;
    sandbox_guid_random(&seed, dynamics->user);
    sandbox_guid_random(&seed, dynamics->currency);
    for (size_t i = 0; i < SANDBOX_TABLES; i++)
        sandbox_table_init(&dynamics->tables[i], &sandbox_table_plans[i]);
}

void sandbox_dynamics_done(struct sandbox_dynamics *dynamics)
{
    for (size_t i = 0; i < SANDBOX_TABLES; i++)
        sandbox_table_done(&dynamics->tables[i]);
    sandbox_reads_done(&dynamics->reads);
    sandbox_tokens_done(&dynamics->tokens);
    sandbox_body_done(&dynamics->body);
    sandbox_stats_reset(&dynamics->service.stats);
}
