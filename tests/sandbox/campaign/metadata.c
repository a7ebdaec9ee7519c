/* What resources there are, and the fields of each: 19 members a field, links and enumerations with
 * more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

static const struct {
    const char *high, *technical;
} kinds[SANDBOX_KINDS] = {
    [SANDBOX_KIND_STRING] = {"string", "string"},
    [SANDBOX_KIND_BOOLEAN] = {"boolean", "boolean"},
    [SANDBOX_KIND_INTEGER] = {"number", "long"},
    [SANDBOX_KIND_DOUBLE] = {"number", "double"},
    [SANDBOX_KIND_DATE] = {"date", "date"},
    [SANDBOX_KIND_DATETIME] = {"date", "datetime"},
    [SANDBOX_KIND_ENUM] = {"enumeration", "byte"},
    [SANDBOX_KIND_LINK] = {"link", "link"},
    [SANDBOX_KIND_COLLECTION] = {"collection", "link"},
};

/* Metadata PKeys have no leading '@'. */
static json_t *pkey_of(const struct sandbox_operation *operation, uint64_t id)
{
    char pkey[SANDBOX_PKEY_SIZE];

    sandbox_pkey_write(&operation->campaign->pkeys, 6, id, 0, pkey);
    return json_string(pkey + 1);
}

static json_t *values_json(const char *names)
{
    json_t *values = json_object();
    char value[16];

    for (size_t number = 0; *names; number++) {
        size_t length = strcspn(names, ",");
        json_t *name = json_stringn(names, length);
        snprintf(value, sizeof value, "%zu", number);
        json_object_set_new(values, json_string_value(name),
                            json_pack("{s:O,s:O,s:O,s:s}", "apiName", name, "label", name, "name",
                                      name, "value", value));
        json_decref(name);
        names += length + (names[length] == ',');
    }
    return values;
}

static json_t *field_json(const struct sandbox_operation *operation, size_t at)
{
    const struct sandbox_field *field = &operation->resource->fields[at];
    const char *dot = strrchr(field->name, '.'), *name = dot ? dot + 1 : field->name;
    const char *technical = field->type ? field->type : kinds[field->kind].technical;
    bool link = field->kind == SANDBOX_KIND_LINK || field->kind == SANDBOX_KIND_COLLECTION;
    char length[16];

    snprintf(length, sizeof length, "%u", field->length);
    json_t *json = json_pack(
        "{s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:b,s:s,s:s,s:b,s:b,s:s,s:s,s:b,s:s}", "PKey",
        pkey_of(operation, at + 1), "apiName", name, "category", "99_none", "dataPolicy",
        field->policy ? field->policy : "", "desc", "", "displayFormat", "", "help", "", "label",
        name, "lazyLoaded", 0, "length", field->kind == SANDBOX_KIND_STRING ? length : "0",
        "mandatory", (field->flags & SANDBOX_FIELD_MANDATORY) != 0, "metadata",
        link ? "link" : "attribute", "privacy", "firstParty", "queryable", 1, "readOnly",
        (field->flags & SANDBOX_FIELD_FIXED) != 0, "resName", "", "resType", technical, "sortable",
        !link, "type", kinds[field->kind].high);
    if (link) {
        json_object_set_new(json, "resTarget", json_string(field->target ? field->target : name));
        json_object_set_new(json, "unbound",
                            json_string(field->kind == SANDBOX_KIND_LINK ? "false" : "true"));
    }
    if (field->values)
        json_object_set_new(json, "values", values_json(field->values));
    return json;
}

/* The item that holds "location.city", made when it is first needed. */
static json_t *content_for(json_t *content, const char *name)
{
    size_t length = strcspn(name, ".");
    char item[64];

    if (!name[length])
        return content;
    snprintf(item, sizeof item, "%.*s", (int)length, name);
    json_t *holder = json_object_get(content, item);
    if (!holder) {
        holder = json_pack("{s:s,s:s,s:s,s:s,s:{}}", "apiName", item, "label", item, "metadata",
                           "item", "type", "item", "content");
        json_object_set_new(content, item, holder);
    }
    return json_object_get(holder, "content");
}

static json_t *content_json(const struct sandbox_operation *operation)
{
    const struct sandbox_resource *resource = operation->resource;
    json_t *content = json_object();

    for (size_t i = 0; i < resource->field_count; i++) {
        size_t at = resource->order[i];
        const struct sandbox_field *field = &resource->fields[at];
        if (field->removed || (field->flags & SANDBOX_FIELD_EXTENSION && !operation->extended))
            continue;
        const char *dot = strrchr(field->name, '.');
        json_object_set_new(content_for(content, field->name), dot ? dot + 1 : field->name,
                            field_json(operation, at));
    }
    return content;
}

static json_t *address(const struct sandbox_operation *operation, const char *format,
                       const char *name)
{
    struct sandbox_buf buf = {0};

    sandbox_buf_addf(&buf, "%s/%s/campaign/%s/", operation->request->base.data,
                     operation->campaign->settings.org, operation->api);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sandbox_buf_addf(&buf, format, name);
#pragma GCC diagnostic pop
    json_t *text = json_string(sandbox_buf_text(&buf));
    sandbox_buf_done(&buf);
    return text;
}

static json_t *resource_json(const struct sandbox_operation *operation, const char *type)
{
    const struct sandbox_resource *resource = operation->resource;
    json_t *key = pkey_of(operation, 500 + sandbox_campaign_index(operation->campaign, resource));
    char data[120];

    snprintf(data, sizeof data, "/%s/%s/", operation->api, resource->name);
    json_t *json =
        json_pack("{s:o,s:s,s:{},s:o,s:s,s:{s:o},s:s,s:o,s:s,s:b,s:s,s:s,s:b,s:s,s:s}", "PKey", key,
                  "apiName", "resourceType", "compatibleResources", "content",
                  content_json(operation), "data", data, "filters", "href",
                  address(operation, "resourceType/%s/filters/", json_string_value(key)), "help",
                  resource->label, "href", address(operation, "%s/metadata", resource->name),
                  "label", resource->label, "mandatory", 0, "name", resource->name, "pkgStatus",
                  "never", "readOnly", 0, "schema", resource->schema, "type", type);
    return json;
}

static void reply(struct sandbox_operation *operation, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(json);
    sandbox_reply_text(operation->request, text ? 200 : 500, "application/json", text ? text : "");
    free(text);
}

void sandbox_campaign_metadata(struct sandbox_operation *operation)
{
    operation->request->call = SANDBOX_CALL_METADATA;
    if (operation->part_count > 1)
        sandbox_campaign_refuse(operation->request, 404, SANDBOX_RST "\nError rc=-2003");
    else
        reply(operation, resource_json(operation, "item"));
}

static bool belongs(const struct sandbox_operation *operation,
                    const struct sandbox_resource *resource)
{
    return strcmp(operation->api, resource->api) == 0 ||
           (!operation->extended && strcmp(resource->name, "profile") == 0);
}

static void serve_names(struct sandbox_operation *operation)
{
    json_t *names = json_pack("{s:s}", "apiName", "resourceType");

    for (size_t i = 0; i < SANDBOX_RESOURCES; i++) {
        operation->resource = &operation->campaign->resources[i];
        if (belongs(operation, operation->resource))
            json_object_set_new(names, operation->resource->name,
                                resource_json(operation, "collection"));
    }
    reply(operation, names);
}

void sandbox_campaign_catalogue(struct sandbox_operation *operation)
{
    operation->request->call = SANDBOX_CALL_METADATA;
    if (operation->request->verb != SANDBOX_GET || operation->part_count > 2) {
        sandbox_campaign_refuse(operation->request, 404, SANDBOX_RST "\nError rc=-2003");
        return;
    }
    if (operation->part_count < 2) {
        serve_names(operation);
        return;
    }
    operation->resource = sandbox_campaign_resource(operation->campaign, operation->parts[1]);
    if (operation->resource && belongs(operation, operation->resource))
        reply(operation, resource_json(operation, "item"));
    else
        sandbox_campaign_refuse(operation->request, 404,
                                SANDBOX_RST "\nThe '%s' resource is unknown.", operation->parts[1]);
}
