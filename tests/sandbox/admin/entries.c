/* Rows of Campaign for the control API: raw, hidden ones included; no rule of the API applies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/ndjson.h"

static struct sandbox_resource *find_resource(struct sandbox_order *order, const char *name)
{
    struct sandbox_resource *resource =
        name ? sandbox_campaign_resource(&order->world->campaign, name) : NULL;

    if (!resource)
        sandbox_admin_error(order, 404, "no resource %s", name ? name : "");
    return resource;
}

static void write_entry(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                        const struct sandbox_entry *entry, struct sandbox_buf *buf)
{
    char pkey[SANDBOX_PKEY_SIZE];
    bool first = true;

    sandbox_pkey_write(&campaign->pkeys, sandbox_campaign_index(campaign, resource), entry->id, 0,
                       pkey);
    sandbox_buf_adds(buf, "{\"key\":");
    sandbox_json_string(buf, entry->key, strlen(entry->key), false);
    sandbox_buf_addf(buf, ",\"pkey\":\"%s\",\"hidden\":%s,\"values\":{", pkey,
                     sandbox_campaign_hidden(campaign, resource, entry) ? "true" : "false");
    for (size_t i = 0; i < resource->field_count; i++) {
        size_t field = resource->order[i];
        struct sandbox_slice value =
            sandbox_row_get(entry->row, sandbox_field_column(resource, field));
        if (!value.at || resource->fields[field].removed)
            continue;
        sandbox_buf_addf(buf, "%s\"%s\":", first ? "" : ",", resource->fields[field].name);
        sandbox_buf_add(buf, value.at, value.length);
        first = false;
    }
    sandbox_buf_adds(buf, "}}\n");
}

struct rows_context {
    struct sandbox_campaign *campaign;
    struct sandbox_resource *resource;
};

static bool next_entry(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    struct rows_context context;
    memcpy(&context, lines->text, sizeof context);

    if (lines->position >= context.resource->slot_count)
        return false;
    const struct sandbox_entry *entry = context.resource->slots[lines->position++];
    if (entry)
        write_entry(context.campaign, context.resource, entry, buf);
    return true;
}

static void add_text(struct sandbox_buf *buf, const struct sandbox_member *member)
{
    if (member->type == SANDBOX_JSON_STRING && member->length)
        sandbox_json_string(buf, member->text, member->length, false);
    else if (member->type == SANDBOX_JSON_NUMBER)
        sandbox_buf_add(buf, member->text, member->length);
    else if (member->type == SANDBOX_JSON_TRUE)
        sandbox_buf_adds(buf, "true");
}

/* Sets what the body says, unchecked; false names what is no field. */
static const char *apply(struct sandbox_campaign *campaign, const struct sandbox_resource *resource,
                         struct sandbox_values *values)
{
    const struct sandbox_body *body = &campaign->body;

    sandbox_buf_clear(&campaign->texts);
    sandbox_buf_reserve(&campaign->texts, body->texts.length * 6 + 4096);
    for (size_t i = 0; i < body->count; i++) {
        int field = sandbox_resource_field(resource, body->members[i].name);
        size_t at = campaign->texts.length;
        if (body->members[i].type == SANDBOX_JSON_OBJECT)
            continue;
        if (field < 0)
            return body->members[i].name;
        add_text(&campaign->texts, &body->members[i]);
        size_t length = campaign->texts.length - at;
        values->of[sandbox_field_column(resource, (size_t)field)] =
            length ? (struct sandbox_slice){campaign->texts.data + at, length}
                   : (struct sandbox_slice){0};
    }
    return NULL;
}

static void edit_entry(struct sandbox_order *order, struct sandbox_resource *resource,
                       struct sandbox_entry *entry)
{
    struct sandbox_campaign *campaign = &order->world->campaign;
    const struct sandbox_buf *body = &order->request->body;
    struct sandbox_values values = {0};

    if (!sandbox_body_parse(&campaign->body, sandbox_buf_text(body), body->length)) {
        sandbox_admin_error(order, 400, "%s", campaign->body.error);
        return;
    }
    if (entry)
        sandbox_row_unpack(entry->row, &values);
    const char *unknown = apply(campaign, resource, &values);
    struct sandbox_row *row = unknown ? NULL : sandbox_row_new(&values);
    if (row)
        entry = sandbox_campaign_store(campaign, resource, entry, row, NULL, true);
    if (row && entry)
        sandbox_reply_json(order->request, 200, json_pack("{s:s}", "key", entry->key));
    else
        sandbox_admin_error(order, 400, "no field %s", unknown ? unknown : "");
}

static void clear(struct sandbox_campaign *campaign, struct sandbox_resource *resource)
{
    for (size_t i = 0; i < resource->slot_count; i++)
        if (resource->slots[i])
            sandbox_campaign_drop(campaign, resource, resource->slots[i], true);
}

void sandbox_admin_entries(struct sandbox_order *order)
{
    struct rows_context context = {&order->world->campaign, find_resource(order, order->parts[1])};

    if (!context.resource)
        return;
    if (order->request->verb == SANDBOX_POST) {
        edit_entry(order, context.resource, NULL);
        return;
    }
    if (order->request->verb == SANDBOX_DELETE) {
        clear(context.campaign, context.resource);
        sandbox_reply_json(order->request, 200, json_object());
        return;
    }
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);
    if (!lines)
        return;
    memcpy(lines->text, &context, sizeof context);
    lines->next = next_entry;
    sandbox_ndjson_reply(order->request, lines);
}

void sandbox_admin_entry(struct sandbox_order *order)
{
    struct sandbox_resource *resource = find_resource(order, order->parts[1]);
    struct sandbox_entry *entry = resource ? sandbox_entry_by_key(resource, order->parts[3]) : NULL;

    if (!resource)
        return;
    if (!entry) {
        sandbox_admin_error(order, 404, "no row %s", order->parts[3]);
    } else if (order->request->verb == SANDBOX_PATCH) {
        edit_entry(order, resource, entry);
    } else if (order->request->verb == SANDBOX_DELETE) {
        sandbox_campaign_drop(&order->world->campaign, resource, entry, true);
        sandbox_reply_json(order->request, 200, json_object());
    } else {
        write_entry(&order->world->campaign, resource, entry, &order->request->reply.body);
        sandbox_reply_header(order->request, "Content-Type", "application/json");
        order->request->reply.status = 200;
    }
}

void sandbox_admin_entry_count(struct sandbox_order *order)
{
    struct sandbox_resource *resource = find_resource(order, order->parts[1]);
    json_int_t hidden = 0;

    if (!resource)
        return;
    for (size_t i = 0; resource->link >= 0 && i < resource->slot_count; i++)
        hidden += resource->slots[i] &&
                  sandbox_campaign_hidden(&order->world->campaign, resource, resource->slots[i]);
    sandbox_reply_json(
        order->request, 200,
        json_pack("{s:I,s:I}", "rows", (json_int_t)resource->rows, "hidden", hidden));
}

static bool spoil_one(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                      struct sandbox_entry *entry, int field, const char *value)
{
    struct sandbox_values values;
    struct sandbox_buf text = {0};

    sandbox_row_unpack(entry->row, &values);
    sandbox_json_string(&text, value, strlen(value), false);
    values.of[sandbox_field_column(resource, (size_t)field)] =
        (struct sandbox_slice){text.data, text.length};
    bool done =
        sandbox_campaign_store(campaign, resource, entry, sandbox_row_new(&values), NULL, true);
    sandbox_buf_done(&text);
    return done;
}

/* Rows in a stride through the table, so that none is taken twice. */
void sandbox_admin_spoil(struct sandbox_order *order)
{
    struct sandbox_resource *resource = find_resource(order, order->parts[1]);
    const char *name = json_string_value(json_object_get(order->json, "field"));
    const char *value = json_string_value(json_object_get(order->json, "value"));
    size_t left = (size_t)json_integer_value(json_object_get(order->json, "count"));
    size_t start = (size_t)json_integer_value(json_object_get(order->json, "seed"));
    json_t *keys = json_array();

    int field = resource ? sandbox_resource_field(resource, name ? name : "lastName") : -1;
    if (resource && (field < 0 || resource->fields[field].kind != SANDBOX_KIND_STRING)) {
        sandbox_admin_error(order, 400, "no string field %s", name ? name : "lastName");
        resource = NULL;
    }
    for (size_t i = 0; resource && i < resource->slot_count && left; i++) {
        struct sandbox_entry *entry = resource->slots[(start * 7919 + i) % resource->slot_count];
        if (!entry ||
            !spoil_one(&order->world->campaign, resource, entry, field, value ? value : "SPOILT"))
            continue;
        json_array_append_new(keys, json_string(entry->key));
        left--;
    }
    if (resource)
        sandbox_reply_json(
            order->request, 200,
            json_pack("{s:I,s:O}", "spoilt", (json_int_t)json_array_size(keys), "keys", keys));
    json_decref(keys);
}

static bool next_journal(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    const struct sandbox_journal *journal = lines->context;

    while (lines->position < journal->count) {
        size_t at = lines->position++;
        const struct sandbox_journal_entry *entry = &journal->entries[at];
        if ((*lines->text && strcmp(lines->text, entry->resource) != 0) ||
            (lines->flag && entry->verb != SANDBOX_POST))
            continue;
        sandbox_journal_line(journal, at, buf);
        return true;
    }
    return false;
}

static void reply_journal(struct sandbox_order *order, const char *resource, bool created)
{
    const char *after = sandbox_request_param(order->request, "after");
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);

    if (!lines)
        return;
    lines->next = next_journal;
    lines->context = &order->world->campaign.journal;
    lines->position = after ? strtoul(after, NULL, 10) : 0;
    lines->flag = created;
    snprintf(lines->text, sizeof lines->text, "%s", resource ? resource : "");
    sandbox_ndjson_reply(order->request, lines);
}

void sandbox_admin_journal(struct sandbox_order *order)
{
    reply_journal(order, sandbox_request_param(order->request, "resource"), false);
}

void sandbox_admin_created(struct sandbox_order *order)
{
    reply_journal(order, "profile", true);
}
