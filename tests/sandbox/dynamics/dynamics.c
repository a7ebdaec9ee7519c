#include "dynamics/dynamics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dynamics/activity.h"

#define JSON_TYPE "application/json; odata.metadata=minimal"

void sandbox_dynamics_headers(struct sandbox_request *request)
{
    char id[SANDBOX_GUID_SIZE];
    uint8_t bytes[16];
    static uint64_t state = 77;

    sandbox_guid_random(&state, bytes);
    sandbox_guid_format(bytes, id);
    sandbox_reply_header(request, "OData-Version", "4.0");
    if (!request->connection)
        return;
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

void sandbox_dynamics_missing(struct sandbox_request *request, const char *what)
{
    sandbox_dynamics_error(request, 501, "0x80040219", "Not implemented by the sandbox: %s", what);
}

int64_t sandbox_dynamics_now(const struct sandbox_dynamics *dynamics)
{
    return sandbox_clock_ms(dynamics->clock) + dynamics->settings.clock_ms;
}

struct sandbox_table *sandbox_dynamics_table(struct sandbox_dynamics *dynamics, const char *name)
{
    for (size_t i = 0; i < dynamics->table_count; i++)
        if (strcmp(dynamics->tables[i].plan->name, name) == 0)
            return &dynamics->tables[i];
    return NULL;
}

struct sandbox_table *sandbox_dynamics_set(struct sandbox_dynamics *dynamics, const char *set)
{
    for (size_t i = 0; i < dynamics->table_count; i++)
        if (strcmp(dynamics->tables[i].plan->set, set) == 0)
            return &dynamics->tables[i];
    return NULL;
}

bool sandbox_dynamics_taken(struct sandbox_dynamics *dynamics, const struct sandbox_table *table,
                            const uint8_t id[static 16])
{
    for (size_t i = 0; table->plan->activity && i < dynamics->table_count; i++)
        if (dynamics->tables[i].plan->activity && sandbox_table_find(&dynamics->tables[i], id))
            return true;
    return sandbox_table_find(table, id);
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
    if (dynamics->settings.dop_hint) {
        char hint[16];
        snprintf(hint, sizeof hint, "%u", dynamics->settings.dop_hint);
        sandbox_reply_header(request, "x-ms-dop-hint", hint);
    }
}

/* What the operations of a $batch, or the rows of a bulk message, take together. */
static unsigned operations_ms(const struct sandbox_dynamics *dynamics,
                              const struct sandbox_request *request)
{
    const char *at = sandbox_buf_text(&request->body);
    uint64_t count = 0;

    if (!dynamics->settings.operation_us)
        return 0;
    if (strstr(request->path, "$batch"))
        count = sandbox_batch_operations(&request->body);
    else if (strstr(request->path, "Multiple"))
        for (; (at = strstr(at, "\"@odata.type\"")); at++)
            count++;
    return (unsigned)(count * dynamics->settings.operation_us / 1000);
}

static int limit_of(const struct sandbox_fault *fault)
{
    return fault->storm == SANDBOX_STORM_ANY ? (int)(fault->fired % 3) : (int)fault->storm;
}

static void arrive(struct sandbox_request *request)
{
    struct sandbox_dynamics *dynamics = request->service->context;
    const struct sandbox_limits *limits = &dynamics->settings.limits;
    bool api = strncmp(request->path, "/api/", 5) == 0;

    if (api && limits->concurrent && request->service->stats.in_flight > limits->concurrent) {
        sandbox_limit_refuse(request, limits, 2, 1);
        return;
    }
    request->delay_ms += operations_ms(dynamics, request);
    const struct sandbox_fault *fault = sandbox_fault_arrive(dynamics->faults, request);
    if (fault && fault->kind == SANDBOX_FAULT_429)
        sandbox_limit_refuse(request, limits, limit_of(fault), (unsigned)fault->retry_after);
    else if (fault)
        sandbox_tokens_revoke(&dynamics->tokens);
}

static void finish(struct sandbox_request *request)
{
    struct sandbox_dynamics *dynamics = request->service->context;
    bool page = request->call == SANDBOX_CALL_PAGE || request->call == SANDBOX_CALL_DELTA;

    if (page && request->sent && dynamics->settings.record)
        sandbox_served_sent(&dynamics->reads, request->number, sandbox_clock_ms(dynamics->clock));
}

void sandbox_dynamics_init(struct sandbox_dynamics *dynamics,
                           const struct sandbox_dynamics_settings *settings,
                           const struct sandbox_clock *clock, struct sandbox_faults *faults)
{
    uint64_t seed = 4711;

    dynamics->service = (struct sandbox_service){.name = "dynamics",
                                                 .context = dynamics,
                                                 .arrive = arrive,
                                                 .serve = serve,
                                                 .finish = finish};
    dynamics->settings = *settings;
    dynamics->clock = clock;
    dynamics->faults = faults;
    dynamics->version = 915000;
    if (getrandom(&dynamics->random, sizeof dynamics->random, 0) < 0)
        dynamics->random = sandbox_loop_now();
    dynamics->tokens.random = dynamics->random ^ 1;
    sandbox_guid_random(&seed, dynamics->user);
    sandbox_guid_random(&seed, dynamics->currency);
    for (size_t i = 0; i < SANDBOX_PLANS; i++)
        sandbox_table_init(&dynamics->tables[i], &sandbox_table_plans[i]);
    dynamics->table_count = SANDBOX_PLANS;
    if (settings->activities)
        sandbox_activities_add(dynamics);
}

void sandbox_dynamics_done(struct sandbox_dynamics *dynamics)
{
    for (size_t i = 0; i < dynamics->table_count; i++)
        sandbox_table_done(&dynamics->tables[i]);
    sandbox_reads_done(&dynamics->reads);
    sandbox_tokens_done(&dynamics->tokens);
    sandbox_body_done(&dynamics->body);
    sandbox_stats_reset(&dynamics->service.stats);
}
