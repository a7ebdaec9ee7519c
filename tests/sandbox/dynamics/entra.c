/* Entra ID: the v2 token endpoint, its older sister, and the discovery document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamics/dynamics.h"

static void refuse(struct sandbox_dynamics *dynamics, struct sandbox_request *request,
                   unsigned status, const char *error, int code, const char *text)
{
    char now[SANDBOX_TIME_SIZE], description[400], uri[80], id[SANDBOX_GUID_SIZE];
    uint8_t bytes[16];

    sandbox_time_campaign(sandbox_clock_ms(dynamics->clock), now);
    snprintf(now + 19, sizeof now - 19, "Z");
    sandbox_guid_random(&dynamics->random, bytes);
    sandbox_guid_format(bytes, id);
    snprintf(description, sizeof description,
             "AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s", code, text, id,
             id, now);
    snprintf(uri, sizeof uri, "https://login.microsoftonline.com/error?code=%d", code);
    sandbox_breach(request, "AADSTS%d: %s", code, text);
    sandbox_reply_json(request, status,
                       json_pack("{s:s,s:s,s:[i],s:s,s:s,s:s,s:s}", "error", error,
                                 "error_description", description, "error_codes", code, "timestamp",
                                 now, "trace_id", id, "correlation_id", id, "error_uri", uri));
}

/* The form of the body: the request's own parser takes it for a query. */
static bool read_form(const struct sandbox_request *request, struct sandbox_request *form)
{
    struct sandbox_buf target = {0};

    sandbox_buf_addf(&target, "/?%s", sandbox_buf_text(&request->body));
    bool done = sandbox_request_target(form, sandbox_buf_text(&target));
    sandbox_buf_done(&target);
    return done;
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* "Basic …": id and secret, still percent-encoded inside. */
static void read_basic(const struct sandbox_request *request, char text[static 256])
{
    const char *header = sandbox_request_header(request, "Authorization");
    unsigned bits = 0, have = 0;
    size_t length = 0;

    text[0] = '\0';
    if (!header || strncmp(header, "Basic ", 6) != 0)
        return;
    for (const char *at = header + 6; base64_value(*at) >= 0 && length < 255; at++) {
        bits = bits << 6 | (unsigned)base64_value(*at);
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[length++] = (char)(bits >> have & 0xff);
        }
    }
    text[length] = '\0';
}

struct credentials {
    const char *id;
    const char *secret;
    char basic[256];
};

static void read_credentials(const struct sandbox_request *request,
                             const struct sandbox_request *form, struct credentials *credentials)
{
    credentials->id = sandbox_request_param(form, "client_id");
    credentials->secret = sandbox_request_param(form, "client_secret");
    read_basic(request, credentials->basic);
    char *colon = strchr(credentials->basic, ':');
    if (!colon)
        return;
    *colon = '\0';
    credentials->id = credentials->basic;
    credentials->secret = colon + 1;
}

static bool scope_is_ours(const struct sandbox_request *request, const char *scope,
                          const char *suffix)
{
    size_t base = request->base.length;

    if (!scope || strncmp(scope, request->base.data, base) != 0)
        return false;
    return strcmp(scope + base, suffix) == 0 ||
           (scope[base] == '/' && strcmp(scope + base + 1, suffix) == 0);
}

static void issue(struct sandbox_dynamics *dynamics, struct sandbox_request *request, bool legacy)
{
    unsigned ttl = dynamics->settings.token_ttl;
    const char *token = sandbox_token_issue(
        &dynamics->tokens, sandbox_clock_ms(dynamics->clock) + (int64_t)ttl * 1000, 1);
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%u", ttl);
    if (legacy)
        sandbox_reply_json(request, 200,
                           json_pack("{s:s,s:s,s:s,s:s?}", "token_type", "Bearer", "expires_in",
                                     seconds, "resource", request->base.data, "access_token",
                                     token));
    else
        sandbox_reply_json(request, 200,
                           json_pack("{s:s,s:i,s:i,s:s?}", "token_type", "Bearer", "expires_in",
                                     (int)ttl, "ext_expires_in", (int)ttl, "access_token", token));
}

static void judge(struct sandbox_dynamics *dynamics, struct sandbox_request *request,
                  const struct sandbox_request *form, bool legacy)
{
    const struct sandbox_dynamics_settings *settings = &dynamics->settings;
    const char *grant = sandbox_request_param(form, "grant_type");
    const char *scope = sandbox_request_param(form, legacy ? "resource" : "scope");
    struct credentials given = {0};

    read_credentials(request, form, &given);
    if (!grant || strcmp(grant, "client_credentials") != 0)
        refuse(dynamics, request, 400, "unsupported_grant_type", 70003,
               "The app requested an unsupported grant type.");
    else if (!given.id || strcmp(given.id, settings->client) != 0)
        refuse(dynamics, request, 400, "unauthorized_client", 700016,
               "Application was not found in the directory.");
    else if (!given.secret || strcmp(given.secret, settings->secret) != 0)
        refuse(dynamics, request, 401, "invalid_client", 7000215,
               "Invalid client secret provided. Ensure the secret being sent in the request is the "
               "client secret value.");
    else if (!scope_is_ours(request, scope, legacy ? "" : "/.default"))
        refuse(dynamics, request, 400, "invalid_scope", 70011,
               "The provided request must include a valid 'scope' input parameter.");
    else
        issue(dynamics, request, legacy);
}

static void serve_token(struct sandbox_dynamics *dynamics, struct sandbox_request *request,
                        bool legacy)
{
    const char *type = sandbox_request_header(request, "Content-Type");
    struct sandbox_request form = {0};

    request->call = SANDBOX_CALL_TOKEN;
    if (request->verb != SANDBOX_POST || !type ||
        strncmp(type, "application/x-www-form-urlencoded", 33) != 0) {
        refuse(dynamics, request, 400, "invalid_request", 900144,
               "The request must be a POST of application/x-www-form-urlencoded.");
        return;
    }
    if (read_form(request, &form))
        judge(dynamics, request, &form, legacy);
    sandbox_request_done(&form);
    sandbox_reply_header(request, "Cache-Control", "no-store, no-cache");
}

static void serve_discovery(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    char base[400], token[480], authorize[480], keys[480], issuer[480];
    const char *tenant = dynamics->settings.tenant;

    request->call = SANDBOX_CALL_TOKEN;
    snprintf(base, sizeof base, "%s/%s", request->base.data, tenant);
    snprintf(token, sizeof token, "%s/oauth2/v2.0/token", base);
    snprintf(authorize, sizeof authorize, "%s/oauth2/v2.0/authorize", base);
    snprintf(keys, sizeof keys, "%s/discovery/v2.0/keys", base);
    snprintf(issuer, sizeof issuer, "%s/v2.0", base);
    sandbox_reply_json(request, 200,
                       json_pack("{s:s,s:s,s:s,s:s,s:[s,s],s:[s],s:[s]}", "token_endpoint", token,
                                 "authorization_endpoint", authorize, "jwks_uri", keys, "issuer",
                                 issuer, "token_endpoint_auth_methods_supported",
                                 "client_secret_post", "client_secret_basic",
                                 "response_types_supported", "code", "subject_types_supported",
                                 "pairwise"));
}

static const char *const endpoints[] = {"/oauth2/v2.0/token", "/oauth2/token",
                                        "/v2.0/.well-known/openid-configuration"};

bool sandbox_entra_serve(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    const char *rest = strchr(request->path + 1, '/');
    size_t tenant = rest ? (size_t)(rest - request->path - 1) : 0;
    size_t which = 0;

    while (which < 3 && !(rest && strcmp(rest, endpoints[which]) == 0))
        which++;
    if (which == 3)
        return false;
    request->call = SANDBOX_CALL_TOKEN;
    if (strncmp(request->path + 1, dynamics->settings.tenant, tenant) != 0 ||
        strlen(dynamics->settings.tenant) != tenant)
        refuse(dynamics, request, 400, "invalid_request", 90002,
               "Tenant not found. Check to make sure you have the correct tenant ID.");
    else if (which == 2)
        serve_discovery(dynamics, request);
    else
        serve_token(dynamics, request, which == 1);
    return true;
}
