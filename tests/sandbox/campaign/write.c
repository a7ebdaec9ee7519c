/* POST, PATCH and DELETE of rows. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "campaign/campaign.h"
#include "campaign/check.h"

struct change {
    struct sandbox_operation *operation;
    struct sandbox_entry *entry; /* NULL: a new row */
    struct sandbox_values values;
    struct sandbox_columns written;
    bool differs;
};

bool sandbox_campaign_body(struct sandbox_campaign *campaign, struct sandbox_request *request)
{
    const char *text = sandbox_buf_text(&request->body);

    if (sandbox_body_parse(&campaign->body, text, request->body.length))
        return true;
    while (isspace((unsigned char)*text))
        text++;
    if (*text && *text != '{')
        sandbox_campaign_refuse(request, 500, "'%.40s' is not a valid constant", text);
    else
        sandbox_campaign_refuse(request, 500, "JSON parse error: %s", campaign->body.error);
    return false;
}

static bool same(struct sandbox_slice a, struct sandbox_slice b)
{
    return a.length == b.length && (!a.length || memcmp(a.at, b.at, a.length) == 0);
}

static void set(struct change *change, size_t column, size_t text_at)
{
    const struct sandbox_buf *texts = &change->operation->campaign->texts;
    struct sandbox_slice value = {0};

    if (texts->length > text_at)
        value = (struct sandbox_slice){texts->data + text_at, texts->length - text_at};
    change->differs |= !same(change->values.of[column], value);
    change->values.of[column] = value;
}

static void set_time(struct change *change, int field, int64_t ms)
{
    struct sandbox_buf *texts = &change->operation->campaign->texts;
    size_t at = texts->length;
    char text[SANDBOX_TIME_SIZE];

    if (field < 0)
        return;
    sandbox_time_campaign(ms, text);
    sandbox_buf_addf(texts, "\"%s\"", text);
    set(change, sandbox_field_column(change->operation->resource, (size_t)field), at);
}

/* The time beside an opt-out moves only when its value does. */
static void note_optout(struct change *change, const char *name)
{
    const struct sandbox_campaign *campaign = change->operation->campaign;
    const struct sandbox_resource *resource = change->operation->resource;
    int64_t now = sandbox_campaign_now(campaign);
    char text[80];

    if (campaign->settings.attribute_times_off)
        return;
    snprintf(text, sizeof text, "%.60sLastModified", name);
    set_time(change, sandbox_resource_field(resource, text), now);
    if (strncmp(name, "ccpa", 4) == 0)
        return;
    snprintf(text, sizeof text, "%.*sAllLastModified", (int)strcspn(name, "L") + 4, name);
    set_time(change, sandbox_resource_field(resource, text), now);
}

static bool refuse(struct change *change, const char *text)
{
    sandbox_campaign_refuse(change->operation->request, 500, "%s", text);
    return false;
}

static bool refuse_unknown(struct change *change, const char *name)
{
    sandbox_campaign_refuse(change->operation->request, 500,
                            "'%s' property is not valid for the '%s' resource.", name,
                            change->operation->resource->name);
    return false;
}

static bool refuse_fixed(struct change *change, const char *name)
{
    sandbox_campaign_refuse(change->operation->request, 500,
                            "Cannot update the '%s' property that is read-only\n'%s' property is "
                            "not valid for the '%s' resource.",
                            name, name, change->operation->resource->name);
    return false;
}

/* Writes the scalar that joins: the parent's key, or nothing. */
static void set_join(struct change *change, const char *key)
{
    struct sandbox_buf *texts = &change->operation->campaign->texts;
    size_t at = texts->length;

    if (*key)
        sandbox_json_string(texts, key, strlen(key), false);
    set(change, (size_t)change->operation->resource->join, at);
}

static bool apply_link_target(struct change *change, const struct sandbox_field *field,
                              const struct sandbox_member *pkey)
{
    struct sandbox_campaign *campaign = change->operation->campaign;
    struct sandbox_resource *target = sandbox_campaign_resource(campaign, field->target);

    if (pkey->type == SANDBOX_JSON_NULL || (pkey->type == SANDBOX_JSON_STRING && !pkey->length)) {
        set_join(change, "");
        return true;
    }
    if (pkey->type != SANDBOX_JSON_STRING)
        return refuse_unknown(change, pkey->name);
    struct sandbox_entry *parent =
        sandbox_campaign_find(campaign, change->operation->request, target, pkey->text, "");
    if (parent)
        set_join(change, parent->key);
    return parent;
}

/* An object without PKey is ignored, as the real service does; so is an href. */
static bool apply_link(struct change *change, const struct sandbox_field *field,
                       const struct sandbox_member *member)
{
    char name[120];

    if (member->type == SANDBOX_JSON_NULL) {
        set_join(change, "");
        return true;
    }
    if (member->type != SANDBOX_JSON_OBJECT)
        return refuse_unknown(change, member->name);
    snprintf(name, sizeof name, "%s.PKey", member->name);
    const struct sandbox_member *pkey = sandbox_body_find(&change->operation->campaign->body, name);
    return !pkey || apply_link_target(change, field, pkey);
}

static bool apply_value(struct change *change, size_t field, const struct sandbox_member *member)
{
    struct sandbox_campaign *campaign = change->operation->campaign;
    const struct sandbox_resource *resource = change->operation->resource;
    size_t column = sandbox_field_column(resource, field), at = campaign->texts.length;
    struct sandbox_slice before = change->values.of[column];
    char error[400];

    if (member->type == SANDBOX_JSON_NULL && campaign->settings.null_ignored)
        return true;
    if (!sandbox_field_check(resource, &resource->fields[field], member, &campaign->settings,
                             &campaign->texts, error))
        return refuse(change, error);
    set(change, column, at);
    sandbox_columns_add(&change->written, column);
    if (resource->fields[field].flags & SANDBOX_FIELD_OPTOUT &&
        !same(before, change->values.of[column]))
        note_optout(change, member->name);
    return true;
}

/* "location" as an object holds fields; what it is made of comes next. */
static bool is_item(const struct sandbox_resource *resource, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < resource->field_count; i++)
        if (strncmp(resource->fields[i].name, name, length) == 0 &&
            resource->fields[i].name[length] == '.')
            return true;
    return false;
}

/* Members inside a link's object were dealt with at its head. */
static bool is_inside_link(const struct sandbox_resource *resource, const char *name)
{
    const char *link = resource->link < 0 ? NULL : resource->fields[resource->link].name;
    size_t length = link ? strlen(link) : 0;

    return link && strncmp(name, link, length) == 0 && name[length] == '.';
}

static bool apply_member(struct change *change, const struct sandbox_member *member)
{
    const struct sandbox_operation *operation = change->operation;
    const struct sandbox_resource *resource = operation->resource;

    if (member->nested && is_inside_link(resource, member->name))
        return true;
    int field = sandbox_resource_field(resource, member->name);
    if (field < 0 && member->type == SANDBOX_JSON_OBJECT && is_item(resource, member->name))
        return true;
    if (field < 0)
        return refuse_unknown(change, member->name);
    const struct sandbox_field *of = &resource->fields[field];
    if (of->flags & SANDBOX_FIELD_EXTENSION && !operation->extended)
        return refuse_unknown(change, member->name);
    if (of->flags & SANDBOX_FIELD_FIXED || of->kind == SANDBOX_KIND_COLLECTION)
        return refuse_fixed(change, member->name);
    if (of->kind == SANDBOX_KIND_LINK)
        return apply_link(change, of, member);
    return apply_value(change, (size_t)field, member);
}

static bool check_mandatory(struct change *change)
{
    const struct sandbox_resource *resource = change->operation->resource;

    for (size_t i = 0; i < resource->field_count; i++) {
        const struct sandbox_field *field = &resource->fields[i];
        if (!(field->flags & SANDBOX_FIELD_MANDATORY) || field->removed || change->values.of[i].at)
            continue;
        sandbox_campaign_refuse(change->operation->request, 500,
                                SANDBOX_RST "\nThe '%s' field of the '%s' resource is mandatory",
                                field->name, resource->name);
        return false;
    }
    return true;
}

/* The text of the key after the change, "" when unset. */
static void read_key(const struct change *change, struct sandbox_buf *key)
{
    struct sandbox_slice value = {0};

    if (change->operation->resource->key >= 0)
        value = change->values.of[change->operation->resource->key];
    sandbox_buf_clear(key);
    if (value.at)
        sandbox_json_unquote(key, value.at, value.length);
}

/* False: another row has the key; answered. */
static bool check_unique(struct change *change)
{
    const struct sandbox_resource *resource = change->operation->resource;
    struct sandbox_buf key = {0};

    if (change->entry && resource->key >= 0 &&
        same(change->values.of[resource->key],
             sandbox_row_get(change->entry->row, (size_t)resource->key)))
        return true;
    read_key(change, &key);
    struct sandbox_entry *other =
        key.length && resource->keyed ? sandbox_entry_by_key(resource, key.data) : NULL;
    bool good = !other || other == change->entry;
    if (!good)
        sandbox_campaign_error(change->operation->request, 500,
                               "A '%s' with the same key '%s' already exists.\nPGS-220000 "
                               "PostgreSQL error: ERROR:  duplicate key value violates unique "
                               "constraint \"%s_%s\" DETAIL:  Key (s%s)=(%s) already exists.",
                               resource->title, key.data, resource->name,
                               resource->fields[resource->key].name,
                               resource->fields[resource->key].name, key.data);
    sandbox_buf_done(&key);
    return good;
}

/* A key in the body of a PATCH by key must be the same; strict: must not be there. */
static bool check_same_key(struct change *change, const char *uri_key)
{
    const struct sandbox_operation *operation = change->operation;
    const struct sandbox_resource *resource = operation->resource;
    const struct sandbox_member *member =
        resource->key < 0
            ? NULL
            : sandbox_body_find(&operation->campaign->body, resource->fields[resource->key].name);

    if (!member || *uri_key == '@')
        return true;
    if (strcmp(member->text, uri_key) == 0 && !operation->campaign->settings.key_patch_strict)
        return true;
    sandbox_campaign_refuse(operation->request, 500,
                            SANDBOX_RST "\nRST-360012 Inconsistent operation on resource '%s' – "
                                        "Cannot update key '%s' to '%s'.",
                            resource->name, uri_key, member->text);
    return false;
}

static bool apply_body(struct change *change)
{
    struct sandbox_campaign *campaign = change->operation->campaign;
    const struct sandbox_body *body = &campaign->body;

    sandbox_buf_clear(&campaign->texts);
    /* The values point into it: it must not move while they are gathered. */
    if (!sandbox_buf_reserve(&campaign->texts, body->texts.length * 6 + 16384))
        return refuse(change, "out of memory");
    for (size_t i = 0; i < body->count; i++)
        if (!apply_member(change, &body->members[i]))
            return false;
    return true;
}

static void record(struct change *change, const struct sandbox_entry *entry)
{
    struct sandbox_campaign *campaign = change->operation->campaign;
    struct sandbox_request *request = change->operation->request;

    if (!campaign->settings.record)
        return;
    sandbox_journal_add(
        &campaign->journal,
        &(struct sandbox_journal_entry){
            .resource = change->operation->resource->name,
            .key = entry->key,
            .body = request->verb == SANDBOX_DELETE
                        ? NULL
                        : (char *)(uintptr_t)sandbox_buf_text(&request->body),
            .trace = (char *)(uintptr_t)sandbox_request_header(request, "traceparent"),
            .at_ms = sandbox_clock_ms(campaign->clock),
            .verb = request->verb,
            .reply_lost = request->lose_reply});
}

static void set_modified(struct change *change)
{
    const struct sandbox_operation *operation = change->operation;
    int64_t now = sandbox_campaign_now(operation->campaign);

    if (!change->entry)
        set_time(change, operation->resource->created, now + 2);
    if (!change->entry || change->differs || !operation->campaign->settings.same_value_quiet)
        set_time(change, operation->resource->modified, now);
}

/* Stores the change; NULL: answered. */
static struct sandbox_entry *commit(struct change *change)
{
    struct sandbox_resource *resource = change->operation->resource;

    set_modified(change);
    struct sandbox_row *row = sandbox_row_new(&change->values);
    struct sandbox_entry *entry = sandbox_campaign_store(
        change->operation->campaign, resource, change->entry, row, &change->written, false);
    if (entry)
        record(change, entry);
    else
        refuse(change, SANDBOX_RST "\nThe record is too large.");
    return entry;
}

/* {"PKey":"@..","href":"…"}: this PKey need not be the text that was sent. */
static void reply_short(struct sandbox_operation *operation, const struct sandbox_entry *entry)
{
    struct sandbox_campaign *campaign = operation->campaign;
    struct sandbox_buf *buf = &operation->request->reply.body;
    char pkey[SANDBOX_PKEY_SIZE];

    sandbox_pkey_write(&campaign->pkeys, sandbox_campaign_index(campaign, operation->resource),
                       entry->id, ++campaign->variants, pkey);
    sandbox_buf_addf(buf, "{\"PKey\":\"%s\",\"href\":\"%s/%s/campaign/%s/%s/%s\"}", pkey,
                     operation->request->base.data, campaign->settings.org, operation->api,
                     operation->resource->name, pkey);
    sandbox_reply_header(operation->request, "Content-Type", "application/json");
    operation->request->reply.status = 200;
}

void sandbox_campaign_post(struct sandbox_operation *operation)
{
    struct change change = {.operation = operation};

    operation->request->call = SANDBOX_CALL_INSERT;
    if (!apply_body(&change) || !check_mandatory(&change) || !check_unique(&change))
        return;
    const struct sandbox_entry *entry = commit(&change);
    if (!entry)
        return;
    sandbox_campaign_render(operation, entry, &operation->request->reply.body);
    sandbox_reply_header(operation->request, "Content-Type", "application/json");
    operation->request->reply.status = 201;
}

static void patch_entry(struct sandbox_operation *operation, const char *name)
{
    struct sandbox_campaign *campaign = operation->campaign;
    struct change change = {.operation = operation};

    change.entry =
        sandbox_campaign_find(campaign, operation->request, operation->resource, name, ":0");
    if (!change.entry || !check_same_key(&change, name))
        return;
    sandbox_row_unpack(change.entry->row, &change.values);
    if (!apply_body(&change) || !check_mandatory(&change) || !check_unique(&change))
        return;
    struct sandbox_entry *entry = commit(&change);
    if (entry && !campaign->body.count && campaign->settings.empty_patch == 204)
        operation->request->reply.status = 204;
    else if (entry)
        reply_short(operation, entry);
}

void sandbox_campaign_patch(struct sandbox_operation *operation)
{
    struct sandbox_campaign *campaign = operation->campaign;
    struct sandbox_resource *resource = operation->resource;

    operation->request->call = SANDBOX_CALL_UPDATE;
    if (operation->part_count == 1) {
        patch_entry(operation, operation->parts[0]);
        return;
    }
    const struct sandbox_member *key =
        resource->key < 0
            ? NULL
            : sandbox_body_find(&campaign->body, resource->fields[resource->key].name);
    if (key && campaign->settings.collection_patch && operation->part_count == 0)
        patch_entry(operation, key->text);
    else
        sandbox_campaign_refuse(operation->request, 404, SANDBOX_RST "\nError rc=-2003");
}

void sandbox_campaign_remove(struct sandbox_operation *operation)
{
    struct change change = {.operation = operation};

    operation->request->call = SANDBOX_CALL_DELETE;
    if (operation->part_count != 1) {
        sandbox_campaign_refuse(operation->request, 404, SANDBOX_RST "\nError rc=-2003");
        return;
    }
    struct sandbox_entry *entry = sandbox_campaign_find(
        operation->campaign, operation->request, operation->resource, operation->parts[0], ":0");
    if (!entry)
        return;
    record(&change, entry);
    sandbox_campaign_delete(operation->campaign, operation->resource, entry);
    operation->request->reply.status = operation->campaign->settings.delete_status;
}
