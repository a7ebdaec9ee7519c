/* Which fields the resources have (reference, 4.2; the custom resources are ours). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/resource.h"

#define S(title, size)                                                                             \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_STRING, .length = size                                 \
    }
#define T(what, title)                                                                             \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_##what                                                 \
    }
#define R(what, title)                                                                             \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_##what, .flags = SANDBOX_FIELD_FIXED                   \
    }
#define RS(title, size)                                                                            \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_STRING, .length = size, .flags = SANDBOX_FIELD_FIXED   \
    }
#define E(title, names)                                                                            \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_ENUM, .values = names                                  \
    }
#define CASED(title, size)                                                                         \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_STRING, .length = size, .policy = "smartCase"          \
    }
#define CUS(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__, .flags = SANDBOX_FIELD_EXTENSION                                              \
    }
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct sandbox_field profile[] = {
    {.name = "acsId",
     .kind = SANDBOX_KIND_STRING,
     .length = 36,
     .flags = SANDBOX_FIELD_FIXED,
     .type = "uuid"},
    R(INTEGER, "age"),
    T(DATE, "birthDate"),
    R(DATETIME, "created"),
    RS("cryptedId", 255),
    RS("domain", 255),
    {.name = "email", .kind = SANDBOX_KIND_STRING, .length = 128, .policy = "email"},
    E("emailFormat", "unknown,text,html"),
    S("externalId", 100),
    S("fax", 32),
    CASED("firstName", 30),
    E("gender", "unknown,male,female"),
    T(BOOLEAN, "isExternal"),
    R(DATETIME, "lastModified"),
    CASED("lastName", 50),
    S("location.address1", 255),
    S("location.address2", 255),
    S("location.address3", 255),
    S("location.address4", 255),
    S("location.city", 255),
    S("location.countryCode", 2),
    S("location.stateCode", 255),
    S("location.zipCode", 255),
    CASED("middleName", 30),
    S("mobilePhone", 32),
    S("phone", 32),
    R(BOOLEAN, "postalAddress.addrDefined"),
    R(INTEGER, "postalAddress.addrErrorCount"),
    R(DATE, "postalAddress.addrLastCheck"),
    RS("postalAddress.addrQuality", 2),
    RS("postalAddress.line1", 255),
    RS("postalAddress.line2", 255),
    RS("postalAddress.serialized", 0),
    E("preferredLanguage", "none,en_us,en_gb,de_de,fr_fr,nb_no,ja_jp,zh_cn"),
    S("salutation", 20),
    T(COLLECTION, "subscriptions"),
    S("thumbnail", 255),
    E("timeZone", "none,GMT,Europe_London,Europe_Oslo,America_New_York,Asia_Kuala_Lumpur,Gmt_m5"),
    RS("title", 255),
    CUS(.name = "cusContactNo", .kind = SANDBOX_KIND_INTEGER),
    CUS(.name = "cusLoyaltyTier", .kind = SANDBOX_KIND_STRING, .length = 30),
    CUS(.name = "cusScore", .kind = SANDBOX_KIND_DOUBLE),
    CUS(.name = "cusSince", .kind = SANDBOX_KIND_DATE),
    CUS(.name = "cusStatus", .kind = SANDBOX_KIND_ENUM, .values = "none,active,inactive"),
    CUS(.name = "cusVip", .kind = SANDBOX_KIND_BOOLEAN),
};

#define KEY(title)                                                                                 \
    {                                                                                              \
        .name = title, .kind = SANDBOX_KIND_STRING, .length = 36, .flags = SANDBOX_FIELD_MANDATORY \
    }

static const struct sandbox_field purchase[] = {
    KEY("purchaseId"),
    S("label", 100),
    S("orderNo", 30),
    T(DOUBLE, "amount"),
    S("amountText", 40),
    T(INTEGER, "quantity"),
    {.name = "rating", .kind = SANDBOX_KIND_DOUBLE, .type = "float"},
    T(BOOLEAN, "paid"),
    E("channel", "none,web,shop,phone"),
    T(DATETIME, "orderedOn"),
    T(DATE, "deliveryDay"),
    S("profileExternalId", 100),
    {.name = "profilelink",
     .kind = SANDBOX_KIND_LINK,
     .target = "profile",
     .join = "profileExternalId"},
    R(DATETIME, "created"),
    R(DATETIME, "lastModified"),
};

static const struct sandbox_field line[] = {
    KEY("lineId"),
    S("label", 100),
    S("sku", 40),
    T(INTEGER, "count"),
    T(DOUBLE, "price"),
    S("purchaseExternalId", 36),
    {.name = "purchaselink",
     .kind = SANDBOX_KIND_LINK,
     .target = "cusPurchase",
     .join = "purchaseExternalId"},
    R(DATETIME, "created"),
    R(DATETIME, "lastModified"),
};

static const struct sandbox_field account[] = {
    KEY("accountId"),
    S("name", 160),
    S("city", 80),
    S("country", 80),
    T(INTEGER, "employees"),
    T(DOUBLE, "revenue"),
    S("phone", 50),
    S("parentExternalId", 36),
    {.name = "parentlink",
     .kind = SANDBOX_KIND_LINK,
     .target = "cusAccount",
     .join = "parentExternalId"},
    R(DATETIME, "created"),
    R(DATETIME, "lastModified"),
};

static const struct {
    const char *name, *label, *title, *schema, *api, *key;
    const struct sandbox_field *fields;
    size_t count;
} plans[SANDBOX_RESOURCES] = {
    {"profile", "Profiles", "Profile", "nms:recipient", "profileAndServicesExt", "externalId",
     profile, COUNT(profile)},
    {"cusPurchase", "Purchases", "Purchase", "cus:purchase", "profileAndServicesExt", "purchaseId",
     purchase, COUNT(purchase)},
    {"cusPurchaseLine", "Purchase lines", "Purchase line", "cus:purchaseLine",
     "profileAndServicesExt", "lineId", line, COUNT(line)},
    {"cusAccount", "Accounts", "Account", "cus:account", "customResources", "accountId", account,
     COUNT(account)},
};

static const char *const channels[] = {"",           "Email",           "Fax", "Mobile", "Phone",
                                       "PostalMail", "Pushnotification"};

static void add_named(struct sandbox_resource *resource, const char *name, enum sandbox_kind kind,
                      unsigned flags)
{
    if (sandbox_resource_add_field(resource, name, kind, 0))
        resource->fields[resource->field_count - 1].flags = flags;
}

/* blackListEmail and blackListEmailLastModified, for every channel; there is no time for push. */
static void add_optouts(struct sandbox_resource *resource, const char *prefix)
{
    char name[64];

    for (size_t i = 0; i < COUNT(channels); i++) {
        snprintf(name, sizeof name, "%s%s", prefix, channels[i]);
        add_named(resource, name, SANDBOX_KIND_BOOLEAN, SANDBOX_FIELD_OPTOUT);
        snprintf(name, sizeof name, "%s%sLastModified", prefix, channels[i]);
        if (i < COUNT(channels) - 1)
            add_named(resource, name, SANDBOX_KIND_DATETIME, SANDBOX_FIELD_FIXED);
    }
    snprintf(name, sizeof name, "%sAllLastModified", prefix);
    add_named(resource, name, SANDBOX_KIND_DATETIME, SANDBOX_FIELD_FIXED);
}

static void alias_optouts(struct sandbox_resource *resource)
{
    char other[64];

    for (size_t i = 0; i < resource->field_count; i++) {
        const char *name = resource->fields[i].name;
        if (strncmp(name, "denyList", 8) != 0)
            continue;
        snprintf(other, sizeof other, "blackList%s", name + 8);
        resource->fields[i].alias = sandbox_resource_field(resource, other);
    }
}

static void add_profile_flags(struct sandbox_resource *resource, unsigned names)
{
    if (names != SANDBOX_DENY_LIST)
        add_optouts(resource, "blackList");
    if (names != SANDBOX_BLACK_LIST)
        add_optouts(resource, "denyList");
    if (names == SANDBOX_BOTH_LISTS)
        alias_optouts(resource);
    add_named(resource, "ccpaOptOut", SANDBOX_KIND_BOOLEAN, SANDBOX_FIELD_OPTOUT);
    add_named(resource, "ccpaOptOutLastModified", SANDBOX_KIND_DATETIME, SANDBOX_FIELD_FIXED);
}

static void add_fields(struct sandbox_resource *resource, const struct sandbox_field *fields,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!sandbox_resource_add_field(resource, fields[i].name, fields[i].kind, fields[i].length))
            return;
        struct sandbox_field *field = &resource->fields[resource->field_count - 1];
        char *owned = field->owned;
        *field = fields[i];
        field->owned = owned;
        field->alias = -1;
    }
}

void sandbox_resource_init(struct sandbox_resource *resource, size_t which,
                           const struct sandbox_campaign_settings *settings)
{
    *resource = (struct sandbox_resource){.name = plans[which].name,
                                          .label = plans[which].label,
                                          .title = plans[which].title,
                                          .schema = plans[which].schema,
                                          .api = plans[which].api,
                                          .link = -1,
                                          .join = -1,
                                          .keyed = which || !settings->no_profile_key};
    add_fields(resource, plans[which].fields, plans[which].count);
    if (which == SANDBOX_PROFILE)
        add_profile_flags(resource, settings->optout_names);
    for (size_t i = 0; i < resource->field_count; i++) {
        if (resource->fields[i].kind != SANDBOX_KIND_LINK)
            continue;
        resource->link = (int)i;
        resource->join = sandbox_resource_field(resource, resource->fields[i].join);
        resource->fields[i].optional_link = settings->links_optional;
    }
    resource->key = sandbox_resource_field(resource, plans[which].key);
    resource->created = sandbox_resource_field(resource, "created");
    resource->modified = sandbox_resource_field(resource, "lastModified");
}
