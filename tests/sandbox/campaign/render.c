/* Rows as JSON: PKey first, then all fields by name, items nested, unset values as their defaults.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

static const char *plain(const struct sandbox_operation *operation,
                         const struct sandbox_entry *entry, const char *name,
                         struct sandbox_buf *buf)
{
    int field = sandbox_resource_field(operation->resource, name);
    struct sandbox_slice value = {0};

    sandbox_buf_clear(buf);
    if (field >= 0)
        value =
            sandbox_row_get(entry->row, sandbox_field_column(operation->resource, (size_t)field));
    if (value.at)
        sandbox_json_unquote(buf, value.at, value.length);
    return sandbox_buf_text(buf);
}

static void add_title(const struct sandbox_operation *operation, const struct sandbox_entry *entry,
                      struct sandbox_buf *buf)
{
    struct sandbox_buf title = {0}, part = {0};

    sandbox_buf_adds(&title, plain(operation, entry, "firstName", &part));
    sandbox_buf_addf(&title, " %s", plain(operation, entry, "lastName", &part));
    sandbox_buf_addf(&title, " (%s)", plain(operation, entry, "email", &part));
    sandbox_json_string(buf, sandbox_buf_text(&title), title.length, false);
    sandbox_buf_done(&title);
    sandbox_buf_done(&part);
}

static void add_domain(const struct sandbox_operation *operation, const struct sandbox_entry *entry,
                       struct sandbox_buf *buf)
{
    struct sandbox_buf email = {0};
    const char *at = strchr(plain(operation, entry, "email", &email), '@');

    sandbox_json_string(buf, at ? at + 1 : "", at ? strlen(at + 1) : 0, false);
    sandbox_buf_done(&email);
}

static void add_age(const struct sandbox_operation *operation, const struct sandbox_entry *entry,
                    struct sandbox_buf *buf)
{
    struct sandbox_buf birth = {0};
    char today[SANDBOX_TIME_SIZE];
    int years = 0;

    sandbox_time_day(sandbox_clock_ms(operation->campaign->clock), today);
    const char *day = plain(operation, entry, "birthDate", &birth);
    if (*day)
        years = atoi(today) - atoi(day) - (strcmp(today + 5, day + 5) < 0);
    sandbox_buf_addf(buf, "%d", years);
    sandbox_buf_done(&birth);
}

static void add_crypted(const struct sandbox_operation *operation,
                        const struct sandbox_entry *entry, struct sandbox_buf *buf)
{
    char pkey[SANDBOX_PKEY_SIZE];

    sandbox_pkey_write(&operation->campaign->pkeys, 0, entry->id, 15, pkey);
    sandbox_buf_addf(buf, "\"%.40s==\"", pkey + 1);
}

static void add_address(const struct sandbox_operation *operation,
                        const struct sandbox_entry *entry, struct sandbox_buf *buf)
{
    struct sandbox_buf line = {0}, part = {0};

    sandbox_buf_adds(&line, plain(operation, entry, "firstName", &part));
    sandbox_buf_addf(&line, " %s", plain(operation, entry, "lastName", &part));
    sandbox_json_string(buf, sandbox_buf_text(&line), line.length, false);
    sandbox_buf_done(&line);
    sandbox_buf_done(&part);
}

static const struct {
    const char *name;
    void (*add)(const struct sandbox_operation *, const struct sandbox_entry *,
                struct sandbox_buf *);
} computed[] = {
    {"title", add_title},
    {"domain", add_domain},
    {"age", add_age},
    {"cryptedId", add_crypted},
    {"postalAddress.line1", add_address},
    {"postalAddress.serialized", add_address},
};

static bool add_computed(const struct sandbox_operation *operation,
                         const struct sandbox_entry *entry, const char *name,
                         struct sandbox_buf *buf)
{
    for (size_t i = 0; i < sizeof computed / sizeof computed[0]; i++)
        if (strcmp(computed[i].name, name) == 0) {
            computed[i].add(operation, entry, buf);
            return true;
        }
    return false;
}

/* The token of a collection is not the PKey of the row: it cannot be composed from it. */
static void add_collection(const struct sandbox_operation *operation,
                           const struct sandbox_entry *entry, const char *name,
                           struct sandbox_buf *buf)
{
    struct sandbox_campaign *campaign = operation->campaign;
    char pkey[SANDBOX_PKEY_SIZE];

    sandbox_pkey_write(&campaign->pkeys, sandbox_campaign_index(campaign, operation->resource) + 8,
                       entry->id, 0, pkey);
    sandbox_buf_addf(buf, "{\"href\":\"%s/%s/campaign/%s/%s/%s/%s/\"}",
                     operation->request->base.data, campaign->settings.org, operation->api,
                     operation->resource->name, pkey, name);
}

static void add_link(struct sandbox_operation *operation, const struct sandbox_entry *entry,
                     struct sandbox_buf *buf)
{
    struct sandbox_campaign *campaign = operation->campaign;
    struct sandbox_resource *target = NULL;
    struct sandbox_entry *parent =
        sandbox_campaign_parent(campaign, operation->resource, entry, &target);
    char pkey[SANDBOX_PKEY_SIZE];

    if (!parent) {
        sandbox_buf_adds(buf, "null");
        return;
    }
    sandbox_pkey_write(&campaign->pkeys, sandbox_campaign_index(campaign, target), parent->id, 0,
                       pkey);
    sandbox_buf_addf(buf, "{\"PKey\":\"%s\",\"href\":\"%s/%s/campaign/%s/%s/%s\",\"title\":", pkey,
                     operation->request->base.data, campaign->settings.org, target->api,
                     target->name, pkey);
    sandbox_json_string(buf, parent->key, strlen(parent->key), false);
    sandbox_buf_addc(buf, '}');
}

static void add_default(const struct sandbox_field *field, struct sandbox_buf *buf)
{
    if (field->kind == SANDBOX_KIND_BOOLEAN)
        sandbox_buf_adds(buf, "false");
    else if (field->kind == SANDBOX_KIND_INTEGER || field->kind == SANDBOX_KIND_DOUBLE)
        sandbox_buf_adds(buf, "0");
    else if (field->kind == SANDBOX_KIND_ENUM)
        sandbox_buf_addf(buf, "\"%.*s\"", (int)strcspn(field->values, ","), field->values);
    else if (strcmp(field->name, "thumbnail") == 0)
        sandbox_buf_adds(buf, "\"/nl/img/thumbnails/defaultProfil.png\"");
    else if (strcmp(field->name, "postalAddress.addrQuality") == 0)
        sandbox_buf_adds(buf, "\"0\"");
    else
        sandbox_buf_adds(buf, "\"\"");
}

void sandbox_campaign_value(struct sandbox_operation *operation, const struct sandbox_entry *entry,
                            size_t field, struct sandbox_buf *buf)
{
    const struct sandbox_resource *resource = operation->resource;
    const struct sandbox_field *of = &resource->fields[field];

    if (of->kind == SANDBOX_KIND_LINK) {
        add_link(operation, entry, buf);
        return;
    }
    if (of->kind == SANDBOX_KIND_COLLECTION) {
        add_collection(operation, entry, of->name, buf);
        return;
    }
    struct sandbox_slice value = sandbox_row_get(entry->row, sandbox_field_column(resource, field));
    if (value.at)
        sandbox_buf_add(buf, value.at, value.length);
    else if (!(of->flags & SANDBOX_FIELD_FIXED) || !add_computed(operation, entry, of->name, buf))
        add_default(of, buf);
}

/* Opens and closes the object of an item while the names go by. */
struct nesting {
    char item[64];
    bool first;
    bool href; /* "href" was written at its place in the alphabet */
};

static void enter(struct nesting *nesting, const char *name, struct sandbox_buf *buf)
{
    size_t length = strcspn(name, ".");
    bool inside = name[length] == '.';
    bool same = inside && strncmp(nesting->item, name, length) == 0 && !nesting->item[length];

    if (*nesting->item && !same) {
        sandbox_buf_addc(buf, '}');
        nesting->item[0] = '\0';
    }
    sandbox_buf_adds(buf, nesting->first ? "" : ",");
    if (inside && !same) {
        snprintf(nesting->item, sizeof nesting->item, "%.*s", (int)length, name);
        sandbox_buf_addf(buf, "\"%s\":{", nesting->item);
    }
    sandbox_buf_addf(buf, "\"%s\":", inside ? name + length + 1 : name);
    nesting->first = false;
}

static void add_href(const struct sandbox_operation *operation, const char *pkey,
                     struct nesting *nesting, struct sandbox_buf *buf)
{
    enter(nesting, "href", buf);
    sandbox_buf_addf(buf, "\"%s/%s/campaign/%s/%s/%s\"", operation->request->base.data,
                     operation->campaign->settings.org, operation->api, operation->resource->name,
                     pkey);
    nesting->href = true;
}

void sandbox_campaign_render(struct sandbox_operation *operation, const struct sandbox_entry *entry,
                             struct sandbox_buf *buf)
{
    const struct sandbox_resource *resource = operation->resource;
    struct nesting nesting = {0};
    char pkey[SANDBOX_PKEY_SIZE];

    sandbox_pkey_write(&operation->campaign->pkeys,
                       sandbox_campaign_index(operation->campaign, resource), entry->id, 0, pkey);
    sandbox_buf_addf(buf, "{\"PKey\":\"%s\"", pkey);
    for (size_t i = 0; i < resource->field_count; i++) {
        const struct sandbox_field *field = &resource->fields[resource->order[i]];
        if (field->removed || (field->flags & SANDBOX_FIELD_EXTENSION && !operation->extended))
            continue;
        if (!nesting.href && strcmp(field->name, "href") > 0)
            add_href(operation, pkey, &nesting, buf);
        enter(&nesting, field->name, buf);
        sandbox_campaign_value(operation, entry, resource->order[i], buf);
    }
    if (!nesting.href)
        add_href(operation, pkey, &nesting, buf);
    sandbox_buf_adds(buf, *nesting.item ? "}}" : "}");
}
