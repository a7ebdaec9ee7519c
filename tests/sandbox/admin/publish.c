/* Publishing a changed Campaign resource. */
#include <string.h>

#include "admin/admin.h"

struct publication {
    struct sandbox_resource *resource;
    json_t *value;
};

static struct sandbox_field *named(const struct publication *publication, const char *member)
{
    const json_t *value = member ? json_object_get(publication->value, member) : publication->value;
    int field = json_is_string(value)
                    ? sandbox_resource_field(publication->resource, json_string_value(value))
                    : -1;

    return field < 0 ? NULL : &publication->resource->fields[field];
}

static bool remove_field(struct publication *publication)
{
    struct sandbox_field *field = named(publication, NULL);

    if (field)
        field->removed = true;
    return field;
}

static bool add_field(struct publication *publication)
{
    static const char *const names[SANDBOX_KIND_DATETIME + 1] = {"string", "boolean", "integer",
                                                                 "double", "date",    "datetime"};
    const char *name = json_string_value(json_object_get(publication->value, "name"));
    const char *type = json_string_value(json_object_get(publication->value, "type"));
    json_int_t length = json_integer_value(json_object_get(publication->value, "length"));

    for (size_t i = 0; name && i <= SANDBOX_KIND_DATETIME; i++)
        if (strcmp(names[i], type ? type : "string") == 0)
            return sandbox_resource_add_field(publication->resource, name, (enum sandbox_kind)i,
                                              (unsigned)(length ? length : 255));
    return false;
}

static bool make_fixed(struct publication *publication)
{
    struct sandbox_field *field = named(publication, NULL);

    if (field)
        field->flags |= SANDBOX_FIELD_FIXED;
    return field;
}

static bool make_writable(struct publication *publication)
{
    struct sandbox_field *field = named(publication, NULL);

    if (field)
        field->flags &= ~(unsigned)SANDBOX_FIELD_FIXED;
    return field;
}

static bool set_length(struct publication *publication)
{
    struct sandbox_field *field = named(publication, "field");
    json_int_t max = json_integer_value(json_object_get(publication->value, "max"));

    if (field)
        field->length = (unsigned)max;
    return field;
}

static bool drop_key(struct publication *publication)
{
    publication->resource->keyed = false;
    return true;
}

static bool add_key(struct publication *publication)
{
    publication->resource->keyed = true;
    return true;
}

static bool set_cardinality(struct publication *publication)
{
    struct sandbox_field *field = named(publication, "link");
    const char *cardinality = json_string_value(json_object_get(publication->value, "cardinality"));

    if (!field || !cardinality ||
        (field->kind != SANDBOX_KIND_LINK && field->kind != SANDBOX_KIND_COLLECTION))
        return false;
    field->kind = strcmp(cardinality, "N") == 0 ? SANDBOX_KIND_COLLECTION : SANDBOX_KIND_LINK;
    field->optional_link = strcmp(cardinality, "1") != 0;
    return true;
}

static const struct {
    const char *name;
    bool (*publish)(struct publication *publication);
} steps[] = {
    {"removeField", remove_field}, {"addField", add_field},
    {"readOnly", make_fixed},      {"writable", make_writable},
    {"length", set_length},        {"dropKey", drop_key},
    {"addKey", add_key},           {"linkCardinality", set_cardinality},
};

void sandbox_admin_campaign_publish(struct sandbox_order *order)
{
    const char *name = json_string_value(json_object_get(order->json, "resource"));
    struct publication publication = {
        .resource = name ? sandbox_campaign_resource(&order->world->campaign, name) : NULL};

    if (!publication.resource) {
        sandbox_admin_error(order, 400, "no such resource");
        return;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        publication.value = json_object_get(order->json, steps[i].name);
        if (publication.value && !steps[i].publish(&publication)) {
            sandbox_admin_error(order, 400, "%s is not possible", steps[i].name);
            return;
        }
    }
    sandbox_reply_json(order->request, 200, json_object());
}
