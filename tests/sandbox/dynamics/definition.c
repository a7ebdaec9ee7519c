#include "dynamics/definition.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

void sandbox_metadata_id(const char *table, const char *name, char text[static SANDBOX_GUID_SIZE])
{
    uint8_t id[16];
    uint64_t seed = XXH64(table, strlen(table), 1) ^ XXH64(name, strlen(name), 2);

    sandbox_guid_random(&seed, id);
    sandbox_guid_format(id, text);
}

static json_t *metadata_id(const char *table, const char *name)
{
    char text[SANDBOX_GUID_SIZE];

    sandbox_metadata_id(table, name, text);
    return json_string(text);
}

static json_t *label(const char *text)
{
    json_t *one = json_pack("{s:s,s:i,s:b,s:o,s:n}", "Label", text, "LanguageCode", 1033,
                            "IsManaged", 1, "MetadataId", metadata_id("label", text), "HasChanged");

    return json_pack("{s:[O],s:o}", "LocalizedLabels", one, "UserLocalizedLabel", one);
}

static json_t *option_json(const struct sandbox_column *column, const struct sandbox_option *option)
{
    json_t *json =
        json_pack("{s:i,s:o,s:o,s:n,s:b}", "Value", option->value, "Label", label(option->label),
                  "Description", label(""), "Color", "IsManaged", 1);

    if (column->type == SANDBOX_TYPE_STATE) {
        json_object_set_new(json, "DefaultStatus", json_integer(option->value + 1));
        json_object_set_new(json, "InvariantName", json_string(option->label));
    }
    if (column->type == SANDBOX_TYPE_STATUS)
        json_object_set_new(json, "State", json_integer(option->value - 1));
    return json;
}

static json_t *option_set(const struct sandbox_table *table, const struct sandbox_column *column)
{
    char name[160];

    snprintf(name, sizeof name, "%s_%s", table->plan->name, column->name);
    if (column->type == SANDBOX_TYPE_BOOLEAN)
        return json_pack("{s:s,s:b,s:s,s:o,s:o,s:o}", "OptionSetType", "Boolean", "IsGlobal", 0,
                         "Name", name, "MetadataId", metadata_id(table->plan->name, name),
                         "TrueOption", option_json(column, &column->options[0]), "FalseOption",
                         option_json(column, &column->options[1]));
    json_t *options = json_array();
    for (const struct sandbox_option *option = column->options; option && option->label; option++)
        json_array_append_new(options, option_json(column, option));
    return json_pack("{s:s,s:b,s:s,s:o,s:o}", "OptionSetType", sandbox_type_name(column->type),
                     "IsGlobal", 0, "Name", name, "MetadataId",
                     metadata_id(table->plan->name, name), "Options", options);
}

static void add_options(const struct sandbox_table *table, const struct sandbox_column *column,
                        json_t *json)
{
    if (column->type == SANDBOX_TYPE_BOOLEAN)
        json_object_set_new(json, "DefaultValue",
                            json_boolean(strcmp(column->name, "followemail") == 0));
    else
        json_object_set_new(json, "DefaultFormValue", json_null());
    json_object_set_new(json, "+OptionSet", option_set(table, column));
    json_object_set_new(json, "+GlobalOptionSet", json_null());
}

static void add_targets(const struct sandbox_column *column, json_t *json)
{
    json_t *targets = json_array();

    for (const char *at = column->targets; *at;) {
        size_t length = strcspn(at, ",");
        json_array_append_new(targets, json_stringn(at, length));
        at += length + (at[length] == ',');
    }
    json_object_set_new(json, "Targets", targets);
}

static void add_numbers(const struct sandbox_column *column, json_t *json)
{
    if (column->type == SANDBOX_TYPE_INTEGER) {
        json_object_set_new(json, "MinValue", json_integer(-2147483648LL));
        json_object_set_new(json, "MaxValue", json_integer(2147483647LL));
        json_object_set_new(json, "Format", json_string("None"));
        return;
    }
    json_object_set_new(json, "MinValue", json_real(-1e11));
    json_object_set_new(json, "MaxValue", json_real(1e11));
    json_object_set_new(json, "Precision", json_integer(column->length));
}

static void add_text(const struct sandbox_column *column, json_t *json)
{
    json_object_set_new(json, "MaxLength", json_integer(column->length));
    json_object_set_new(json, "Format", json_string("Text"));
    json_object_set_new(json, "FormatName", json_pack("{s:s}", "Value", "Text"));
}

/* What only the cast shows. */
static void add_special(const struct sandbox_table *table, const struct sandbox_column *column,
                        json_t *json)
{
    bool day = column->type == SANDBOX_TYPE_DATEONLY;

    switch (column->type) {
    case SANDBOX_TYPE_STRING:
    case SANDBOX_TYPE_MEMO:
        add_text(column, json);
        break;
    case SANDBOX_TYPE_BOOLEAN:
    case SANDBOX_TYPE_PICKLIST:
    case SANDBOX_TYPE_STATE:
    case SANDBOX_TYPE_STATUS:
        add_options(table, column, json);
        break;
    case SANDBOX_TYPE_INTEGER:
    case SANDBOX_TYPE_DOUBLE:
    case SANDBOX_TYPE_DECIMAL:
    case SANDBOX_TYPE_MONEY:
        add_numbers(column, json);
        break;
    case SANDBOX_TYPE_DATETIME:
    case SANDBOX_TYPE_DATEONLY:
        json_object_set_new(json, "Format", json_string(day ? "DateOnly" : "DateAndTime"));
        json_object_set_new(json, "DateTimeBehavior",
                            json_pack("{s:s}", "Value", day ? "DateOnly" : "UserLocal"));
        break;
    case SANDBOX_TYPE_LOOKUP:
    case SANDBOX_TYPE_CUSTOMER:
    case SANDBOX_TYPE_OWNER:
        add_targets(column, json);
        break;
    case SANDBOX_TYPE_BIGINT:
    case SANDBOX_TYPE_GUID:
    case SANDBOX_TYPE_ENTITY_NAME:
    case SANDBOX_TYPES:
        break;
    }
}

/* Customer and Owner columns are lookups to the metadata; a GUID column has no class of its own. */
static const char *class_of(enum sandbox_type type)
{
    if (type == SANDBOX_TYPE_ENTITY_NAME)
        return "EntityNameAttributeMetadata";
    if (sandbox_type_is_lookup(type))
        return "LookupAttributeMetadata";
    return type == SANDBOX_TYPE_GUID ? "UniqueIdentifierAttributeMetadata" : NULL;
}

static void add_names(const struct sandbox_table *table, const struct sandbox_column *column,
                      json_t *json)
{
    const char *name = sandbox_type_name(column->type);
    char text[120];

    if (class_of(column->type))
        snprintf(text, sizeof text, "#Microsoft.Dynamics.CRM.%s", class_of(column->type));
    else
        snprintf(text, sizeof text, "#Microsoft.Dynamics.CRM.%sAttributeMetadata", name);
    json_object_set_new(json, "@odata.type", json_string(text));
    json_object_set_new(json, "LogicalName", json_string(column->name));
    json_object_set_new(json, "SchemaName",
                        json_string(column->schema ? column->schema : column->name));
    json_object_set_new(json, "EntityLogicalName", json_string(table->plan->name));
    json_object_set_new(json, "AttributeType", json_string(name));
    snprintf(text, sizeof text, "%sType", name);
    json_object_set_new(json, "AttributeTypeName", json_pack("{s:s}", "Value", text));
    json_object_set_new(json, "DisplayName", label(column->name));
    json_object_set_new(json, "Description", label(""));
    json_object_set_new(json, "MetadataId", metadata_id(table->plan->name, column->name));
}

static json_t *attribute(const struct sandbox_table *table, const struct sandbox_column *column)
{
    json_t *json = json_object();
    bool shadow = column->access & SANDBOX_SHADOW, fixed = column->access & SANDBOX_READ_ONLY;

    add_names(table, column, json);
    json_object_set_new(json, "IsPrimaryId",
                        json_boolean(column == &table->columns[table->id_column]));
    json_object_set_new(json, "IsPrimaryName",
                        json_boolean(strcmp(column->name, table->plan->primary_name) == 0));
    json_object_set_new(json, "IsValidForRead", json_true());
    json_object_set_new(json, "IsValidForCreate",
                        json_boolean(!fixed && !(column->access & SANDBOX_UPDATE_ONLY)));
    json_object_set_new(json, "IsValidForUpdate",
                        json_boolean(!fixed && !(column->access & SANDBOX_CREATE_ONLY)));
    json_object_set_new(json, "IsCustomAttribute",
                        json_boolean(column->owned || strncmp(column->name, "new_", 4) == 0));
    json_object_set_new(json, "IsLogical", json_boolean(shadow));
    json_object_set_new(json, "AttributeOf", shadow ? json_string(column->targets) : json_null());
    json_object_set_new(json, "RequiredLevel",
                        json_pack("{s:s,s:b,s:s}", "Value", "None", "CanBeChanged", 1,
                                  "ManagedPropertyLogicalName",
                                  "canmodifyrequirementlevelsettings"));
    /* A shadow is a text column of its own; its `targets` name the column that it belongs to. */
    if (!shadow || column->type == SANDBOX_TYPE_STRING)
        add_special(table, column, json);
    return json;
}

static json_t *managed(bool value, const char *name)
{
    return json_pack("{s:b,s:b,s:s}", "Value", value, "CanBeChanged", 1,
                     "ManagedPropertyLogicalName", name);
}

json_t *sandbox_definition(const struct sandbox_table *table, int64_t upto_ms)
{
    const struct sandbox_table_plan *plan = table->plan;
    json_t *attributes = json_array();
    bool custom = table->owned || strncmp(plan->name, "new_", 4) == 0;

    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].removed && table->columns[i].born_ms <= upto_ms)
            json_array_append_new(attributes, attribute(table, &table->columns[i]));
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:b,s:o,s:b,s:b,s:s,s:b}", "LogicalName", plan->name,
        "SchemaName", plan->schema, "EntitySetName", plan->set, "LogicalCollectionName", plan->set,
        "PrimaryIdAttribute", plan->primary_id, "PrimaryNameAttribute", plan->primary_name,
        "ObjectTypeCode", plan->type_code, "ChangeTrackingEnabled", table->tracking,
        "CanChangeTrackingBeEnabled", managed(true, "canchangetrackingbeenabled"), "IsActivity",
        plan->activity, "IsCustomEntity", custom, "OwnershipType", "UserOwned",
        "IsOptimisticConcurrencyEnabled", 1);
    json_object_set_new(json, "IsPrivate", json_false());
    json_object_set_new(json, "HasActivities", json_boolean(!custom));
    json_object_set_new(json, "HasNotes", json_boolean(!custom || plan->activity));
    json_object_set_new(json, "ActivityTypeMask", json_integer(plan->activity));
    json_object_set_new(json, "IsAvailableOffline", json_boolean(!custom || plan->activity));
    json_object_set_new(json, "IsIntersect", json_false());
    json_object_set_new(json, "IsManaged", json_boolean(!custom));
    json_object_set_new(json, "Description", label(""));
    json_object_set_new(json, "DisplayName", label(plan->schema));
    json_object_set_new(json, "DisplayCollectionName", label(plan->set));
    json_object_set_new(json, "MetadataId", metadata_id(plan->name, ""));
    json_object_set_new(json, "+Attributes", attributes);
    json_object_set_new(json, "+Keys", json_array());
    json_object_set_new(json, "+ManyToOneRelationships", json_array());
    sandbox_definition_relations(table, json_object_get(json, "+ManyToOneRelationships"));
    return json;
}

/* What a relation is called: of a regarding lookup "contact_ferry_emailsends". */
static void name_relation(const struct sandbox_table *table, const struct sandbox_column *column,
                          struct sandbox_slice target, char schema[static 240])
{
    if (column->suffix)
        snprintf(schema, 240, "%.*s_%s", (int)target.length, target.at, table->plan->set);
    else if (sandbox_column_is_polymorphic(column))
        snprintf(schema, 240, "%s_%s_%.*s", table->plan->name, column->name, (int)target.length,
                 target.at);
    else
        snprintf(schema, 240, "%s_%s", table->plan->name, column->name);
}

static json_t *relation(const struct sandbox_table *table, const struct sandbox_column *column,
                        struct sandbox_slice target)
{
    char schema[240], navigation[SANDBOX_NAVIGATION_SIZE], key[80];

    name_relation(table, column, target, schema);
    sandbox_column_navigation(column, target.at, target.length, navigation);
    snprintf(key, sizeof key, "%.*sid", (int)target.length, target.at);
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s%,s:s,s:s,s:s,s:o}", "@odata.type",
                             "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName",
                             schema, "RelationshipType", "OneToManyRelationship",
                             "ReferencingEntity", table->plan->name, "ReferencingAttribute",
                             column->name, "ReferencedEntity", target.at, target.length,
                             "ReferencedAttribute", key, "ReferencingEntityNavigationPropertyName",
                             navigation, "ReferencedEntityNavigationPropertyName", schema,
                             "MetadataId", metadata_id(schema, "relation"));
    json_object_set_new(json, "IsCustomRelationship",
                        json_boolean(table->owned || strncmp(column->name, "new_", 4) == 0));
    return json;
}

void sandbox_definition_relations(const struct sandbox_table *table, json_t *list)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sandbox_column *column = &table->columns[i];
        if (column->removed || !sandbox_type_is_lookup(column->type))
            continue;
        for (const char *target = column->targets; *target;) {
            size_t size = strcspn(target, ",");
            json_array_append_new(list,
                                  relation(table, column, (struct sandbox_slice){target, size}));
            target += size + (target[size] == ',');
            if (!sandbox_column_is_polymorphic(column))
                break;
        }
    }
}
