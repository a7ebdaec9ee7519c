/* The "optOuts" of a run order. */
#include "core/control/consent.h"

#include "cmocka_all.h"

#include <string.h>

static const char order_text[] =
    "{\"direction\":\"both\",\"rule\":\"newest-wins\",\"clockToleranceMs\":60000,"
    "\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\","
    "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
    "\"filter\":{\"name\":\"byOptOutsSince\",\"parameter\":\"since_parameter\"},"
    "\"attributes\":["
    "{\"name\":\"denyListEmail\",\"dynamics\":\"donotbulkemail\",\"campaign\":\"blackListEmail\","
    "\"time\":\"blackListEmailLastModified\"},"
    "{\"name\":\"denyListPushnotification\",\"dynamics\":\"new_nopush\","
    "\"campaign\":\"blackListPushnotification\",\"time\":null}]}";

static void an_order_carries_what_is_kept_in_step(void **state)
{
    json_t *json = json_loads(order_text, 0, NULL);
    struct ferry_consent *consent = NULL;
    struct ferry_error error;
    (void)state;
    assert_int_equal(ferry_consent_new(json, &consent, &error), FERRY_OK);
    json_decref(json); /* it keeps what it needs */
    assert_int_equal(consent->direction, FERRY_BOTH_WAYS);
    assert_int_equal(consent->rule, FERRY_RULE_NEWEST_WINS);
    assert_true(consent->tolerance_ms == 60000);
    assert_string_equal(consent->entity_set, "contacts");
    assert_string_equal(consent->primary_id, "contactid");
    assert_string_equal(consent->api, "profileAndServicesExt");
    assert_string_equal(consent->key, "externalId");
    assert_string_equal(consent->filter, "byOptOutsSince");
    assert_string_equal(consent->filter_parameter, "since_parameter");
    const struct ferry_consent_attribute *email = &consent->attributes[FERRY_DENY_LIST_EMAIL];
    assert_string_equal(email->column, "donotbulkemail");
    assert_string_equal(email->field, "blackListEmail");
    assert_string_equal(email->time, "blackListEmailLastModified");
    assert_null(consent->attributes[FERRY_DENY_LIST_PUSH].time);
    assert_null(consent->attributes[FERRY_DENY_LIST_PHONE].column);
    ferry_consent_free(consent);
}

static void files_are_read_where_an_export_is_named_and_campaign_decides(void **state)
{
    static const char export[] =
        "{\"folder\":\"e\",\"files\":\"optout_*\",\"finished\":\"leave\",\"processed\":\"p\","
        "\"delimiter\":\";\",\"quote\":\"\",\"encoding\":\"UTF-8\",\"timezone\":\"UTC\","
        "\"columns\":{}}";
    static const char *const directions[] = {"both", "campaign-to-dynamics",
                                             "dynamics-to-campaign"};
    struct ferry_error error;
    (void)state;
    for (size_t i = 0; i < 2 * sizeof directions / sizeof directions[0]; i++) {
        json_t *json = json_loads(order_text, 0, NULL);
        struct ferry_consent *consent = NULL;
        json_object_set_new(json, "direction", json_string(directions[i / 2]));
        json_object_set_new(json, "export", i % 2 ? json_null() : json_loads(export, 0, NULL));
        assert_int_equal(ferry_consent_new(json, &consent, &error), FERRY_OK);
        assert_int_equal(ferry_consent_reads_files(consent), i % 2 == 0 && i < 4);
        if (i % 2 == 0) {
            assert_string_equal(consent->export.files[FERRY_FILE_OPTOUTS], "optout_*");
            assert_int_equal(consent->export.delimiter, ';');
            assert_false(consent->export.move);
        }
        ferry_consent_free(consent);
        json_decref(json);
    }
}

/* `value` as the member `key`, as JSON; NULL deletes it. */
static void assert_refused(const char *key, const char *value, const char *named)
{
    json_t *json = json_loads(order_text, 0, NULL);
    struct ferry_consent *consent = NULL;
    struct ferry_error error;
    if (value)
        json_object_set_new(json, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(json, key);
    assert_int_equal(ferry_consent_new(json, &consent, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, named));
    assert_null(consent);
    json_decref(json);
}

static void what_is_missing_or_unusable_is_named(void **state)
{
    static const char *const needed[] = {
        "direction", "rule", "clockToleranceMs", "table", "entitySet",
        "primaryId", "api",  "resource",         "key",   "attributes"};
    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        assert_refused(needed[i], NULL, needed[i]);
    assert_refused("direction", "\"disabled\"", "direction");
    assert_refused("rule", "\"BOTH\"", "rule");
    assert_refused("clockToleranceMs", "-1", "clockToleranceMs");
    assert_refused("clockToleranceMs", "\"60000\"", "clockToleranceMs");
    assert_refused("filter", "{\"name\":\"byOptOutsSince\"}", "filter");
    assert_refused("export", "{\"files\":\"optout_*\"}", "export");
    assert_refused("export", "7", "export");
    assert_refused("attributes", "[]", "attributes");
    assert_refused("attributes",
                   "[{\"name\":\"denyListOwl\",\"dynamics\":\"a\",\"campaign\":\"b\"}]",
                   "attributes");
    assert_refused("attributes", "[{\"name\":\"denyList\",\"dynamics\":\"a\"}]", "attributes");
    assert_refused("attributes",
                   "[{\"name\":\"denyList\",\"dynamics\":\"a\",\"campaign\":\"b\"},"
                   "{\"name\":\"blackList\",\"dynamics\":\"c\",\"campaign\":\"d\"}]",
                   "attributes");
}

static void an_instance_without_the_filter_has_none(void **state)
{
    json_t *json = json_loads(order_text, 0, NULL);
    struct ferry_consent *consent = NULL;
    struct ferry_error error;
    (void)state;
    json_object_set_new(json, "filter", json_null());
    assert_int_equal(ferry_consent_new(json, &consent, &error), FERRY_OK);
    assert_null(consent->filter);
    assert_null(consent->filter_parameter);
    ferry_consent_free(consent);
    json_decref(json);
}

static void settings_of_direction_and_rule_are_the_documented_ones(void **state)
{
    enum ferry_direction direction = FERRY_BOTH_WAYS;
    enum ferry_rule rule = FERRY_RULE_ORIGINAL;
    (void)state;
    assert_true(ferry_direction_from_setting("campaign-to-dynamics", &direction));
    assert_int_equal(direction, FERRY_CAMPAIGN_TO_DYNAMICS);
    assert_false(ferry_direction_from_setting("disabled", &direction));
    assert_false(ferry_direction_from_setting(NULL, &direction));
    assert_true(ferry_rule_from_setting("opt-out-wins", &rule));
    assert_int_equal(rule, FERRY_RULE_OPT_OUT_WINS);
    assert_false(ferry_rule_from_setting("OPT_OUT_WINS", &rule));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_carries_what_is_kept_in_step),
        cmocka_unit_test(files_are_read_where_an_export_is_named_and_campaign_decides),
        cmocka_unit_test(what_is_missing_or_unusable_is_named),
        cmocka_unit_test(an_instance_without_the_filter_has_none),
        cmocka_unit_test(settings_of_direction_and_rule_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
