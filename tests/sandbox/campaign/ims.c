/* Adobe IMS: the token endpoint. Fields count in the query as in the body. */
#include <string.h>

#include "campaign/campaign.h"

static void refuse(struct sandbox_request *request, unsigned status, const char *error,
                   const char *text)
{
    sandbox_breach(request, "%s: %s", error, text);
    sandbox_reply_json(request, status,
                       json_pack("{s:s,s:s}", "error", error, "error_description", text));
}

static const char *field(const struct sandbox_request *request, const struct sandbox_request *form,
                         const char *name)
{
    const char *value = sandbox_request_param(form, name);

    return value ? value : sandbox_request_param(request, name);
}

static void issue(struct sandbox_campaign *campaign, struct sandbox_request *request)
{
    unsigned ttl = campaign->settings.token_ttl;
    const char *token = sandbox_token_issue(
        &campaign->tokens, sandbox_clock_ms(campaign->clock) + (int64_t)ttl * 1000, 1);

    sandbox_reply_json(request, 200,
                       json_pack("{s:s?,s:s,s:i}", "access_token", token, "token_type", "bearer",
                                 "expires_in", (int)ttl));
}

static void judge(struct sandbox_campaign *campaign, struct sandbox_request *request,
                  const struct sandbox_request *form)
{
    const char *grant = field(request, form, "grant_type");
    const char *id = field(request, form, "client_id");
    const char *secret = field(request, form, "client_secret");
    const char *scope = field(request, form, "scope");

    if (!grant || strcmp(grant, "client_credentials") != 0)
        refuse(request, 400, "unsupported_grant_type", "invalid grant_type parameter");
    else if (!id || strcmp(id, campaign->settings.client) != 0)
        refuse(request, 400, "invalid_client", "invalid client_id parameter");
    else if (!secret || strcmp(secret, campaign->settings.secret) != 0)
        refuse(request, 401, "invalid_client", "invalid client_secret parameter");
    else if (!scope || !*scope || strchr(scope, ' '))
        refuse(request, 400, "invalid_scope", "invalid scope parameter");
    else
        issue(campaign, request);
}

bool sandbox_ims_serve(struct sandbox_campaign *campaign, struct sandbox_request *request)
{
    struct sandbox_request form = {0};
    struct sandbox_buf target = {0};

    if (strcmp(request->path, "/ims/token/v3") != 0)
        return false;
    request->call = SANDBOX_CALL_TOKEN;
    sandbox_buf_addf(&target, "/?%s", sandbox_buf_text(&request->body));
    if (request->verb != SANDBOX_POST)
        refuse(request, 405, "invalid_request", "POST expected");
    else if (sandbox_request_target(&form, sandbox_buf_text(&target)))
        judge(campaign, request, &form);
    sandbox_request_done(&form);
    sandbox_buf_done(&target);
    return true;
}
