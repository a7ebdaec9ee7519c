#include "base/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/text.h"

#define BIT(kind) (1u << (kind))
#define ON_ARRIVAL                                                                                 \
    (BIT(SANDBOX_FAULT_429) | BIT(SANDBOX_FAULT_503) | BIT(SANDBOX_FAULT_502_OOPS) |               \
     BIT(SANDBOX_FAULT_500_TEXT) | BIT(SANDBOX_FAULT_HTML) | BIT(SANDBOX_FAULT_DROP) |             \
     BIT(SANDBOX_FAULT_LOST_REPLY) | BIT(SANDBOX_FAULT_TOKEN_REVOKED) | BIT(SANDBOX_FAULT_STALL) | \
     BIT(SANDBOX_FAULT_SLOW_BODY) | BIT(SANDBOX_FAULT_CUT_ANSWER))

static const char *const variants[SANDBOX_LINK_VARIANTS] = {"host", "port", "path", "userinfo",
                                                            "scheme"};
static const char *const storms[SANDBOX_STORMS] = {"requests", "execution", "concurrency", "any"};

static void rule_free(struct sandbox_fault *rule)
{
    free(rule->path);
    free(rule->text);
    free(rule->code);
    free(rule);
}

void sandbox_faults_done(struct sandbox_faults *faults)
{
    sandbox_fault_remove(faults, 0);
}

void sandbox_fault_remove(struct sandbox_faults *faults, unsigned id)
{
    struct sandbox_fault *rule, *next;

    LL_FOREACH_SAFE (faults->rules, rule, next)
        if (!id || rule->id == id) {
            LL_DELETE(faults->rules, rule);
            rule_free(rule);
        }
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (name && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static unsigned number_or(const json_t *value, unsigned otherwise)
{
    return json_is_integer(value) ? (unsigned)json_integer_value(value) : otherwise;
}

static void read_extras(struct sandbox_fault *rule, const json_t *order)
{
    const char *text = json_string_value(json_object_get(order, "text"));
    const char *code = json_string_value(json_object_get(order, "code"));
    const char *path = json_string_value(json_object_get(json_object_get(order, "match"), "path"));
    const json_t *probability = json_object_get(order, "probability");
    const json_t *retry_after = json_object_get(order, "retryAfter");

    rule->count = number_or(json_object_get(order, "count"), 0);
    rule->after = number_or(json_object_get(order, "after"), 0);
    rule->status =
        number_or(json_object_get(order, "status"), rule->kind == SANDBOX_FAULT_PART ? 500 : 502);
    rule->parts = number_or(json_object_get(order, "parts"), 0);
    rule->bytes = (long)(int)number_or(json_object_get(order, "bytes"), (unsigned)-1);
    rule->lasts_ms = number_or(json_object_get(order, "lastsMs"), 0);
    rule->ms =
        number_or(json_object_get(order, "ms"), rule->kind == SANDBOX_FAULT_SLOW_BODY ? 10 : 30000);
    rule->probability = json_is_number(probability) ? json_number_value(probability) : 1;
    rule->retry_after = rule->kind == SANDBOX_FAULT_429 ? 2 : -1;
    if (json_is_integer(retry_after))
        rule->retry_after = (int)json_integer_value(retry_after);
    rule->text = text ? strdup(text) : NULL;
    rule->code = code ? strdup(code) : NULL;
    rule->path = path ? strdup(path) : NULL;
}

static bool read_names(struct sandbox_fault *rule, const json_t *order, char error[static 160])
{
    const char *kind = json_string_value(json_object_get(order, "kind"));
    const char *verb = json_string_value(json_object_get(json_object_get(order, "match"), "verb"));
    const char *variant = json_string_value(json_object_get(order, "variant"));
    int kind_at = find_name(sandbox_fault_names, SANDBOX_FAULT_KINDS, kind);
    const char *limit = json_string_value(json_object_get(order, "limit"));
    int storm_at = limit ? find_name(storms, SANDBOX_STORMS, limit) : 0;
    int variant_at = variant ? find_name(variants, SANDBOX_LINK_VARIANTS, variant) : 0;

    rule->verb = verb ? find_name(sandbox_verb_names, SANDBOX_VERBS, verb) : -1;
    if (kind_at < 0 || variant_at < 0 || storm_at < 0 || (verb && rule->verb < 0)) {
        snprintf(error, 160, "unknown %s",
                 kind_at < 0      ? "kind of fault"
                 : variant_at < 0 ? "variant"
                 : storm_at < 0   ? "limit"
                                  : "verb");
        return false;
    }
    rule->kind = (enum sandbox_fault_kind)kind_at;
    rule->variant = (enum sandbox_link_variant)variant_at;
    rule->storm = (enum sandbox_storm)storm_at;
    return true;
}

const struct sandbox_fault *sandbox_fault_add(struct sandbox_faults *faults,
                                              const struct sandbox_service *service,
                                              const json_t *order, char error[static 160])
{
    struct sandbox_fault *rule = calloc(1, sizeof *rule);

    if (!rule)
        return NULL;
    if (!read_names(rule, order, error)) {
        free(rule);
        return NULL;
    }
    read_extras(rule, order);
    rule->service = service;
    rule->id = ++faults->last_id;
    LL_APPEND(faults->rules, rule);
    return rule;
}

json_t *sandbox_faults_json(const struct sandbox_faults *faults)
{
    json_t *list = json_array();
    const struct sandbox_fault *rule;

    LL_FOREACH (faults->rules, rule) {
        json_int_t left = rule->count ? (json_int_t)(rule->count - rule->fired) : -1;
        json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:I,s:o}", "id", (int)rule->id,
                                              "system", rule->service->name, "kind",
                                              sandbox_fault_names[rule->kind], "fired",
                                              (json_int_t)rule->fired, "left",
                                              left < 0 ? json_null() : json_integer(left)));
    }
    return list;
}

static bool matches(const struct sandbox_fault *rule, const struct sandbox_request *request,
                    unsigned kinds)
{
    return (BIT(rule->kind) & kinds) && rule->service == request->service &&
           (!rule->count || rule->fired < rule->count) &&
           (!rule->ends_ms || sandbox_loop_now() < rule->ends_ms) &&
           (rule->verb < 0 || rule->verb == (int)request->verb) &&
           (!rule->path || strstr(request->target, rule->path));
}

const struct sandbox_fault *sandbox_fault_take(struct sandbox_faults *faults,
                                               struct sandbox_request *request, unsigned kinds)
{
    struct sandbox_fault *rule;

    LL_FOREACH (faults->rules, rule) {
        if (!matches(rule, request, kinds))
            continue;
        if (rule->after) {
            rule->after--;
            continue;
        }
        double drawn = (double)(sandbox_random(&faults->random) >> 11) * 0x1p-53;
        if (drawn >= rule->probability)
            continue;
        if (rule->lasts_ms && !rule->fired)
            rule->ends_ms = sandbox_loop_now() + rule->lasts_ms;
        rule->fired++;
        request->service->stats.faults[rule->kind]++;
        return rule;
    }
    return NULL;
}

static void answer_503(struct sandbox_request *request, const struct sandbox_fault *rule)
{
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%d", rule->retry_after);
    if (rule->retry_after >= 0)
        sandbox_reply_header(request, "Retry-After", seconds);
    sandbox_reply_text(request, 503, "text/plain", "Service Unavailable");
}

static void answer(struct sandbox_request *request, const struct sandbox_fault *rule)
{
    if (rule->kind == SANDBOX_FAULT_503)
        answer_503(request, rule);
    else if (rule->kind == SANDBOX_FAULT_502_OOPS)
        sandbox_reply_text(request, 502, "application/json",
                           "{\"code\":502,\"message\":\"Oops. Something went wrong. Check your URI "
                           "and try again.\"}");
    else if (rule->kind == SANDBOX_FAULT_500_TEXT)
        sandbox_reply_text(request, 500, "text/plain;charset=utf-8",
                           rule->text ? rule->text
                                      : "RST-360011 An error has occurred - please contact your "
                                        "administrator.\nPGS-220000 PostgreSQL error: FATAL: "
                                        "terminating connection due to administrator command");
    else if (rule->kind == SANDBOX_FAULT_HTML)
        sandbox_reply_text(request, rule->status, "text/html",
                           "<html><head><title>Bad Gateway</title></head><body><h1>Bad "
                           "Gateway</h1></body></html>\n");
    else
        request->reply.cut = true;
}

const struct sandbox_fault *sandbox_fault_arrive(struct sandbox_faults *faults,
                                                 struct sandbox_request *request)
{
    const struct sandbox_fault *rule = sandbox_fault_take(faults, request, ON_ARRIVAL);

    if (!rule || rule->kind == SANDBOX_FAULT_429 || rule->kind == SANDBOX_FAULT_TOKEN_REVOKED)
        return rule;
    if (rule->kind == SANDBOX_FAULT_LOST_REPLY) {
        request->lose_reply = true;
        request->stop_after = rule->parts;
    } else if (rule->kind == SANDBOX_FAULT_CUT_ANSWER) {
        request->reply.torn = true;
        request->reply.torn_at = rule->bytes;
    } else if (rule->kind == SANDBOX_FAULT_STALL)
        request->delay_ms += rule->ms;
    else if (rule->kind == SANDBOX_FAULT_SLOW_BODY)
        request->reply.slow_ms = rule->ms ? rule->ms : 1;
    else
        answer(request, rule);
    return NULL;
}

static void bend_path(struct sandbox_buf *link, const char *rest)
{
    const char *api = strstr(rest, "/api/data/");
    const char *second = strchr(rest + 1, '/');

    if (api == rest)
        sandbox_buf_addf(link, "/api/data/v9.3%s", rest + strlen("/api/data/v9.2"));
    else
        sandbox_buf_addf(link, "/othertenant%s", second ? second : "/");
}

void sandbox_fault_bend(const struct sandbox_fault *fault, const struct sandbox_request *request,
                        struct sandbox_buf *link)
{
    struct sandbox_buf bent = {0};
    const char *authority = strstr(request->base.data, "://") + 3;
    int scheme = (int)(authority - 3 - request->base.data);
    const char *rest = link->data + request->base.length;
    int host = (int)strcspn(authority, ":");

    switch (fault->variant) {
    case SANDBOX_LINK_HOST:
        sandbox_buf_addf(&bent, "%.*s://evil.example.net%s%s", scheme, request->base.data,
                         authority + host, rest);
        break;
    case SANDBOX_LINK_PORT:
        sandbox_buf_addf(&bent, "%.*s://%.*s:9%s", scheme, request->base.data, host, authority,
                         rest);
        break;
    case SANDBOX_LINK_PATH:
        sandbox_buf_adds(&bent, request->base.data);
        bend_path(&bent, rest);
        break;
    case SANDBOX_LINK_USERINFO:
        sandbox_buf_addf(&bent, "%.*s://user:pw@%s%s", scheme, request->base.data, authority, rest);
        break;
    case SANDBOX_LINK_SCHEME:
    case SANDBOX_LINK_VARIANTS:
        sandbox_buf_addf(&bent, "ftp://%s%s", authority, rest);
        break;
    }
    sandbox_buf_done(link);
    *link = bent;
}
