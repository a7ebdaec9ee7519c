#include "controller/setup_definition.h"

#include "source_record.h"

static void check(json_t *made, const char *expected)
{
    json_t *wanted = from_json(expected);
    if (!json_equal(made, wanted))
        fail_msg("%s", json_dumps(made, JSON_INDENT(1)));
    json_decref(wanted);
    json_decref(made);
}

#define LABEL(text)                                                                                \
    "{\"@odata.type\":\"Microsoft.Dynamics.CRM.Label\",\"LocalizedLabels\":[{\"@odata.type\":"     \
    "\"Microsoft.Dynamics.CRM.LocalizedLabel\",\"Label\":\"" text "\",\"LanguageCode\":1036}]}"
#define OPTIONAL                                                                                   \
    "{\"Value\":\"None\",\"CanBeChanged\":true,"                                                   \
    "\"ManagedPropertyLogicalName\":\"canmodifyrequirementlevelsettings\"}"
#define TEXT(name, title, format, length)                                                          \
    "\"@odata.type\":\"Microsoft.Dynamics.CRM.StringAttributeMetadata\","                          \
    "\"AttributeType\":\"String\",\"AttributeTypeName\":{\"Value\":\"StringType\"},"               \
    "\"SchemaName\":\"" name                                                                       \
    "\",\"DisplayName\":" LABEL(title) ",\"RequiredLevel\":" OPTIONAL                              \
                                       ",\"FormatName\":{\"Value\":\"" format                      \
                                       "\"},\"MaxLength\":" length

static void a_table_is_an_activity_with_its_subject(void **state)
{
    (void)state;
    check(
        ferry_setup_table(&ferry_email_kinds[0], "ferry_emailsend", 1036),
        "{\"@odata.type\":\"Microsoft.Dynamics.CRM.EntityMetadata\","
        "\"SchemaName\":\"ferry_emailsend\",\"DisplayName\":" LABEL(
            "E-mail send") ",\"DisplayCollectionName\":" LABEL("E-mail sends") ",\"OwnershipType\":"
                                                                               "\"UserOwned\","
                                                                               "\"IsActivity\":"
                                                                               "true,"
                                                                               "\"ActivityTypeMask"
                                                                               "\":1,"
                                                                               "\"HasNotes\":true,"
                                                                               "\"HasActivities\":"
                                                                               "false,"
                                                                               "\"IsAvailableOfflin"
                                                                               "e\":true,"
                                                                               "\"Attributes\":["
                                                                               "{" TEXT(
                                                                                   "Subject",
                                                                                   "Subject",
                                                                                   "Text",
                                                                                   "200") ",\"IsPri"
                                                                                          "maryName"
                                                                                          "\":true}"
                                                                                          "]}");
}

static void a_column_is_a_text_an_address_or_a_date_with_a_time(void **state)
{
    (void)state;
    check(ferry_setup_column(&ferry_email_attributes[0], "ferry_campaign", 1036),
          "{" TEXT("ferry_campaign", "Campaign", "Text", "100") "}");
    check(ferry_setup_column(&ferry_email_attributes[4], "ferry_url", 1036),
          "{" TEXT("ferry_url", "Clicked URL", "Url", "2000") "}");
    check(ferry_setup_column(&ferry_email_attributes[2], "ferry_datesent", 1036),
          "{\"@odata.type\":\"Microsoft.Dynamics.CRM.DateTimeAttributeMetadata\","
          "\"AttributeType\":\"DateTime\",\"AttributeTypeName\":{\"Value\":\"DateTimeType\"},"
          "\"SchemaName\":\"ferry_datesent\",\"DisplayName\":" LABEL(
              "Date") ",\"RequiredLevel\":" OPTIONAL ",\"Format\":\"DateAndTime\","
                      "\"DateTimeBehavior\":{\"Value\":\"UserLocal\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_an_activity_with_its_subject),
        cmocka_unit_test(a_column_is_a_text_an_address_or_a_date_with_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
