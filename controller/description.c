#include "controller/description.h"

#include <string.h>

/* jansson's o? takes NULL for JSON null, and a new reference otherwise. */
static json_t *describe_column(const struct ferry_dataverse_column *column)
{
    const char *type =
        column->date_only && strcmp(column->type, "DateTime") == 0 ? "DateOnly" : column->type;
    return json_pack("{s:s, s:I, s:b, s:O?, s:O?}", "type", type, "length",
                     (json_int_t)column->length, "creatable", (int)column->creatable, "labels",
                     column->labels, "targets", column->targets);
}

json_t *ferry_description_table(const struct ferry_dataverse_table *table)
{
    json_t *columns = json_object();
    for (size_t i = 0; i < table->count; i++) {
        if (json_object_set_new(columns, table->columns[i].name,
                                describe_column(&table->columns[i])) != 0) {
            json_decref(columns);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "name", table->name, "entitySet",
                     table->entity_set, "primaryId", table->primary_id, "tracking",
                     (int)table->change_tracking, "activity", (int)table->activity, "columns",
                     columns);
}

static json_t *describe_field(const struct ferry_campaign_field *field)
{
    const char *type = ferry_campaign_field_type(field);
    return json_pack("{s:s, s:I, s:b, s:b, s:O?, s:s?}", "type", type, "length",
                     (json_int_t)field->length, "readOnly", (int)field->read_only, "mandatory",
                     (int)field->mandatory, "names", field->values, "target", field->target);
}

static json_t *describe_fields(const struct ferry_campaign_resource *resource)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < resource->count; i++) {
        if (json_object_set_new(fields, resource->fields[i].name,
                                describe_field(&resource->fields[i])) != 0) {
            json_decref(fields);
            return NULL;
        }
    }
    return fields;
}

static json_t *describe_opt_outs(const struct ferry_campaign_resource *resource)
{
    static const char *const names[] = {
        "denyList",
        "denyListEmail",
        "denyListFax",
        "denyListMobile",
        "denyListPhone",
        "denyListPostalMail",
        "denyListPushnotification",
        "ccpaOptOut",
    };
    json_t *opt_outs = json_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct ferry_campaign_field *field = ferry_campaign_optout(resource, names[i]);
        if (field && json_object_set_new(opt_outs, names[i], json_string(field->name)) != 0) {
            json_decref(opt_outs);
            return NULL;
        }
    }
    return opt_outs;
}

json_t *ferry_description_resource(const struct ferry_campaign_resource *resource)
{
    json_t *fields = describe_fields(resource);
    json_t *opt_outs = describe_opt_outs(resource);
    /* json_pack takes both even when one of them is NULL and it fails. */
    return json_pack("{s:s, s:o, s:o}", "name", resource->name, "fields", fields, "optOuts",
                     opt_outs);
}
