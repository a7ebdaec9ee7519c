#include "controller/setup_definition.h"

#include <stdio.h>

#define CRM            "Microsoft.Dynamics.CRM."
#define SUBJECT_LENGTH 200

static json_t *label(const char *text, int language)
{
    return json_pack("{s:s, s:[{s:s, s:s, s:i}]}", "@odata.type", CRM "Label", "LocalizedLabels",
                     "@odata.type", CRM "LocalizedLabel", "Label", text, "LanguageCode", language);
}

static json_t *required_level(void)
{
    return json_pack("{s:s, s:b, s:s}", "Value", "None", "CanBeChanged", 1,
                     "ManagedPropertyLogicalName", "canmodifyrequirementlevelsettings");
}

static json_t *text_column(const char *name, const char *title, const char *format, int length,
                           int language)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:s, s:o, s:o, s:{s:s}, s:i}", "@odata.type",
                     CRM "StringAttributeMetadata", "AttributeType", "String", "AttributeTypeName",
                     "Value", "StringType", "SchemaName", name, "DisplayName",
                     label(title, language), "RequiredLevel", required_level(), "FormatName",
                     "Value", format, "MaxLength", length);
}

static json_t *date_column(const char *name, const char *title, int language)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:s, s:o, s:o, s:s, s:{s:s}}", "@odata.type",
                     CRM "DateTimeAttributeMetadata", "AttributeType", "DateTime",
                     "AttributeTypeName", "Value", "DateTimeType", "SchemaName", name,
                     "DisplayName", label(title, language), "RequiredLevel", required_level(),
                     "Format", "DateAndTime", "DateTimeBehavior", "Value", "UserLocal");
}

json_t *ferry_setup_column(const struct ferry_email_attribute *attribute, const char *column,
                           int language)
{
    if (!attribute->format)
        return date_column(column, attribute->title, language);
    return text_column(column, attribute->title, attribute->format, attribute->length, language);
}

/* The primary name of an activity is always called Subject. */
static json_t *subject_column(int language)
{
    json_t *subject = text_column("Subject", "Subject", "Text", SUBJECT_LENGTH, language);

    json_object_set_new(subject, "IsPrimaryName", json_true());
    return subject;
}

json_t *ferry_setup_table(const struct ferry_email_kind *kind, const char *table, int language)
{
    char plural[64];

    snprintf(plural, sizeof plural, "%ss", kind->title);
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:b, s:i, s:b, s:b, s:b, s:[o]}", "@odata.type",
                     CRM "EntityMetadata", "SchemaName", table, "DisplayName",
                     label(kind->title, language), "DisplayCollectionName", label(plural, language),
                     "OwnershipType", "UserOwned", "IsActivity", 1, "ActivityTypeMask", 1,
                     "HasNotes", 1, "HasActivities", 0, "IsAvailableOffline", 1, "Attributes",
                     subject_column(language));
}
