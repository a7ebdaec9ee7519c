/* From the path of a request with a good token to the handler. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamics/customize.h"
#include "dynamics/dynamics.h"

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

static bool check_part_type(struct sandbox_request *request)
{
    const char *type = sandbox_request_header(request, "Content-Type");
    bool writes = request->verb == SANDBOX_POST || request->verb == SANDBOX_PATCH;

    if (!writes || (type && strncmp(type, "application/json", 16) == 0))
        return true;
    sandbox_dynamics_refuse(request, 415, "0x80060888", "Content-Type header not supported");
    return false;
}

/* Section 12 of the reference: others leave these out, which --foreign allows. Parts of a $batch
 * need none. */
static bool check_headers(struct sandbox_dynamics *dynamics, struct sandbox_request *request)
{
    static const char *const needed[][2] = {
        {"Accept", "application/json"}, {"OData-MaxVersion", "4.0"}, {"OData-Version", "4.0"}};

    if (!request->connection)
        return check_part_type(request);
    if (dynamics->settings.foreign)
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
    for (size_t i = 0; i < call->dynamics->table_count; i++) {
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

/* The probe for bulk messages: @m and @t name the message and the table, in quotes. */
static void serve_filters(struct sandbox_call_context *call)
{
    static const char *const messages[] = {"'CreateMultiple'", "'UpdateMultiple'",
                                           "'UpsertMultiple'"};
    const char *filter = sandbox_request_param(call->request, "$filter");
    const char *message = sandbox_request_param(call->request, "@m");
    const char *target = sandbox_request_param(call->request, "@t");
    char quoted[160];

    call->request->call = SANDBOX_CALL_METADATA;
    if (!filter || !message || !target ||
        strcmp(filter, "sdkmessageid/name eq @m and primaryobjecttypecode eq @t") != 0) {
        sandbox_dynamics_missing(call->request, "another query of sdkmessagefilters");
        return;
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < call->dynamics->table_count; i++) {
        snprintf(quoted, sizeof quoted, "'%s'", call->dynamics->tables[i].plan->name);
        for (size_t k = 0; k < sizeof messages / sizeof messages[0]; k++)
            if (call->dynamics->tables[i].bulk && strcmp(quoted, target) == 0 &&
                strcmp(messages[k], message) == 0)
                json_array_append_new(rows, json_pack("{s:s}", "sdkmessagefilterid",
                                                      "5a3f7b52-0d3c-4f0e-9a51-2f4c1d0b7e11"));
    }
    sandbox_reply_json(call->request, 200, json_pack("{s:o}", "value", rows));
}

static void serve_missing(struct sandbox_call_context *call)
{
    sandbox_dynamics_missing(call->request, call->segments[0]);
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
    {"EntityDefinitions", 1u << SANDBOX_GET | 1u << SANDBOX_POST, sandbox_dynamics_entities},
    {"RelationshipDefinitions", 1u << SANDBOX_GET, sandbox_dynamics_relations},
    {"PublishXml", 1u << SANDBOX_POST, sandbox_customize_publish},
    {"PublishAllXml", 1u << SANDBOX_POST, sandbox_customize_publish},
    {"$batch", 1u << SANDBOX_POST, sandbox_dynamics_batch},
    {"$metadata", 1u << SANDBOX_GET, serve_missing},
    {"activitypointers", 1u << SANDBOX_GET | 1u << SANDBOX_POST, serve_missing},
    {"RetrieveMetadataChanges", 1u << SANDBOX_GET, serve_missing},
    {"BulkDelete", 1u << SANDBOX_POST, serve_missing},
    {"CreateEntities", 1u << SANDBOX_POST, serve_missing},
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
    else if (more && !(verb == SANDBOX_POST && !call->key && sandbox_dynamics_multiple(call)))
        serve_missing(call);
    else if (more)
        return;
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
