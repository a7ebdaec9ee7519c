/* POST, PATCH and DELETE of rows, with the conditions that If-Match and If-None-Match set. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dynamics/edit.h"
#include "dynamics/render.h"

static void refuse_missing(struct sandbox_call_context *call, const uint8_t id[static 16])
{
    char text[SANDBOX_GUID_SIZE];

    sandbox_guid_format(id, text);
    sandbox_dynamics_error(call->request, 404, "0x80040217", "%s With Id = %s Does Not Exist",
                           call->table->plan->name, text);
}

static bool read_key(struct sandbox_call_context *call, uint8_t ret_id[static 16])
{
    const char *key = call->key;
    size_t prefix = strlen(call->table->plan->primary_id);

    if (strncmp(key, call->table->plan->primary_id, prefix) == 0 && key[prefix] == '=')
        key += prefix + 1;
    if (sandbox_guid_parse(key, strlen(key), ret_id))
        return true;
    sandbox_dynamics_refuse(call->request, 400, "0x80060888",
                            "The key in the request URI is not valid for resource "
                            "'Microsoft.Dynamics.CRM.%s'. Ensure that the names and number of key "
                            "properties match the declared or alternate key properties for the "
                            "resource 'Microsoft.Dynamics.CRM.%s'.",
                            call->table->plan->name, call->table->plan->name);
    return false;
}

static bool read_body(struct sandbox_call_context *call)
{
    struct sandbox_body *body = &call->dynamics->body;
    const struct sandbox_buf *text = &call->request->body;

    if (sandbox_body_parse(body, sandbox_buf_text(text), text->length))
        return true;
    sandbox_dynamics_refuse(call->request, 400, "0x80048d19",
                            "Error identified in Payload provided by the user for Entity :'%s': %s",
                            call->table->plan->set, body->error);
    return false;
}

static void add_id_headers(struct sandbox_call_context *call, const struct sandbox_record *record)
{
    char url[512], id[SANDBOX_GUID_SIZE];

    sandbox_guid_format(record->id, id);
    snprintf(url, sizeof url, "%.300s" SANDBOX_API "%s(%s)", call->request->base.data,
             call->table->plan->set, id);
    if (!call->request->connection)
        sandbox_reply_header(call->request, "Location", url);
    sandbox_reply_header(call->request, "OData-EntityId", url);
}

/* NULL: answered. */
static const struct sandbox_select *read_select(struct sandbox_call_context *call)
{
    const char *columns = sandbox_request_param(call->request, "$select");
    char unknown[80];
    const struct sandbox_select *select =
        sandbox_select_get(&call->dynamics->reads, call->table, columns ? columns : "", unknown);

    if (!select)
        sandbox_dynamics_refuse(
            call->request, 400, "0x80060888",
            "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", unknown,
            call->table->plan->name);
    return select;
}

static void reply_row(struct sandbox_call_context *call, const struct sandbox_record *record,
                      unsigned status)
{
    struct sandbox_request *request = call->request;
    const struct sandbox_select *select = read_select(call);
    char etag[40];

    if (!select)
        return;
    struct sandbox_buf *buf = &request->reply.body;
    sandbox_buf_addc(buf, '{');
    sandbox_render_context(buf, call, select, "/$entity");
    size_t at = buf->length;
    sandbox_render_row(buf, call->table, record, select);
    if (!buf->failed)
        buf->data[at] = ',';
    snprintf(etag, sizeof etag, "W/\"%" PRIu64 "\"", record->version);
    sandbox_reply_header(request, "ETag", etag);
    sandbox_reply_header(request, "Preference-Applied", "return=representation");
    sandbox_reply_header(request, "Content-Type", "application/json; odata.metadata=minimal");
    request->reply.status = status;
}

static void reply_written(struct sandbox_call_context *call, const struct sandbox_record *record,
                          bool created)
{
    if (call->prefer.representation) {
        reply_row(call, record, created ? 201 : 200);
        return;
    }
    add_id_headers(call, record);
    call->request->reply.status = 204;
}

/* Applies the request's body to `edit` and answers. */
static void write_row(struct sandbox_call_context *call, struct sandbox_edit *edit)
{
    struct sandbox_request *request = call->request;
    bool created = !edit->record;

    if (!sandbox_edit_apply(edit, &call->dynamics->body)) {
        call->table->writes.refused++;
        if (edit->status == 404 || edit->status == 501)
            sandbox_dynamics_error(request, edit->status, edit->error.code, "%s",
                                   edit->error.message);
        else
            sandbox_dynamics_refuse(request, edit->status, edit->error.code, "%s",
                                    edit->error.message);
        return;
    }
    if (created && sandbox_dynamics_taken(call->dynamics, call->table, edit->id)) {
        call->table->writes.repeated++;
        sandbox_dynamics_error(request, 412, "0x80040237", "Cannot insert duplicate key.");
        return;
    }
    struct sandbox_record *record = sandbox_edit_commit(edit);
    if (record)
        reply_written(call, record, created);
    else
        sandbox_dynamics_refuse(request, 413, "0x8004418a", "The request is too large.");
}

void sandbox_dynamics_post(struct sandbox_call_context *call)
{
    struct sandbox_edit edit;

    call->request->call = SANDBOX_CALL_INSERT;
    if (!read_body(call) || !read_select(call))
        return;
    sandbox_edit_begin(&edit, call->dynamics, call->table, NULL);
    write_row(call, &edit);
    sandbox_edit_done(&edit);
}

/* False: answered with 404 or 412. */
static bool check_match(struct sandbox_call_context *call, const struct sandbox_record *record,
                        const uint8_t id[static 16])
{
    const char *match = sandbox_request_header(call->request, "If-Match");
    const char *none = sandbox_request_header(call->request, "If-None-Match");
    uint64_t version = 0;

    if (match && !record) {
        refuse_missing(call, id);
        return false;
    }
    if (match && strcmp(match, "*") != 0 &&
        (sscanf(match, "W/\"%" SCNu64 "\"", &version) != 1 || version != record->version)) {
        sandbox_dynamics_error(call->request, 412, "0x80060882",
                               "The version of the existing record doesn't match the RowVersion "
                               "property provided.");
        return false;
    }
    if (none && strcmp(none, "*") == 0 && record && call->request->verb == SANDBOX_PATCH) {
        sandbox_dynamics_error(call->request, 412, "",
                               "A record with matching key values already exists.");
        return false;
    }
    return true;
}

static bool is_locked(const struct sandbox_call_context *call, const struct sandbox_record *record)
{
    int state = call->table->special[SANDBOX_STATE];

    return call->dynamics->settings.inactive_readonly && record &&
           sandbox_slice_is(sandbox_row_get(record->row, (size_t)state), "1") &&
           !sandbox_body_find(&call->dynamics->body, "statecode");
}

void sandbox_dynamics_patch(struct sandbox_call_context *call)
{
    struct sandbox_edit edit;
    uint8_t id[16];

    call->request->call = SANDBOX_CALL_UPDATE;
    if (!read_key(call, id) || !read_body(call) || !read_select(call))
        return;
    struct sandbox_record *record = sandbox_table_find(call->table, id);
    if (!check_match(call, record, id))
        return;
    if (is_locked(call, record)) {
        sandbox_dynamics_error(call->request, 400, "0x80048408",
                               "The record is inactive and cannot be changed.");
        return;
    }
    sandbox_edit_begin(&edit, call->dynamics, call->table, record);
    memcpy(edit.id, id, 16);
    write_row(call, &edit);
    sandbox_edit_done(&edit);
}

void sandbox_dynamics_remove(struct sandbox_call_context *call)
{
    uint8_t id[16];

    call->request->call = SANDBOX_CALL_DELETE;
    if (!read_key(call, id))
        return;
    struct sandbox_record *record = sandbox_table_find(call->table, id);
    if (!record)
        refuse_missing(call, id);
    else if (check_match(call, record, id) &&
             sandbox_edit_delete(call->dynamics, call->table, record, false))
        call->request->reply.status = 204;
}

void sandbox_dynamics_get(struct sandbox_call_context *call)
{
    uint8_t id[16];

    call->request->call = SANDBOX_CALL_GET;
    if (!read_key(call, id))
        return;
    const struct sandbox_record *record = sandbox_table_find(call->table, id);
    const struct sandbox_select *select = read_select(call);
    if (!select)
        return;
    if (!record) {
        refuse_missing(call, id);
        return;
    }
    const char *none = sandbox_request_header(call->request, "If-None-Match");
    uint64_t version = 0;
    bool annotated = call->prefer.formatted || call->prefer.lookups;
    if (none && !annotated && sscanf(none, "W/\"%" SCNu64 "\"", &version) == 1 &&
        version == record->version) {
        call->request->reply.status = 304;
        return;
    }
    struct sandbox_buf *buf = &call->request->reply.body;
    sandbox_buf_addc(buf, '{');
    sandbox_render_context(buf, call, select, "/$entity");
    size_t at = buf->length;
    if (annotated)
        sandbox_render_annotated(buf, call, record, select);
    else
        sandbox_render_row(buf, call->table, record, select);
    if (!buf->failed)
        buf->data[at] = ',';
    sandbox_reply_header(call->request, "Content-Type", "application/json; odata.metadata=minimal");
    call->request->reply.status = 200;
}
