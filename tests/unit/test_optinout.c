#include "controller/optinout.h"

#include "examples.h"
#include "source_record.h"

#define EXAMPLES "tests/unit/data/opt-in-out.json"

#define MAIL  "{\"dynamics\":\"donotbulkemail\",\"campaign\":\"denyListEmail\"}"
#define PHONE "{\"dynamics\":\"donotphone\",\"campaign\":\"blackListPhone\"}"
#define BOTH  "{\"direction\":\"both\",\"attributes\":[" MAIL "," PHONE "]}"

static void the_good_examples_have_no_fault(void **state)
{
    (void)state;
    good_examples_have_no_fault(EXAMPLES, ferry_optinout_check);
}

static void the_bad_examples_have_every_fault_with_its_path(void **state)
{
    (void)state;
    bad_examples_have_every_fault_with_its_path(EXAMPLES, ferry_optinout_check);
}

static void what_was_never_configured_is_disabled(void **state)
{
    (void)state;
    json_t *filled = ferry_optinout_fill(NULL);
    json_t *empty = json_object();
    assert_string_equal(text(filled, "direction"), "disabled");
    assert_string_equal(text(filled, "rule"), "original");
    assert_string_equal(text(filled, "key"), "externalId");
    assert_int_equal(json_integer_value(json_object_get(filled, "clockToleranceSeconds")), 60);
    assert_null(json_object_get(filled, "export"));
    assert_false(ferry_optinout_is_on(filled));
    assert_false(ferry_optinout_is_on(empty));
    assert_false(ferry_optinout_is_on(NULL));
    json_decref(empty);
    json_decref(filled);
}

static void files_are_read_where_an_export_is_named_and_campaign_decides(void **state)
{
    static const struct {
        const char *configuration;
        bool reads;
    } rows[] = {{"{\"direction\":\"both\",\"export\":{}}", true},
                {"{\"direction\":\"campaign-to-dynamics\",\"export\":{}}", true},
                {"{\"direction\":\"dynamics-to-campaign\",\"export\":{}}", false},
                {"{\"direction\":\"disabled\",\"export\":{}}", false},
                {"{\"direction\":\"both\"}", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *configuration = from_json(rows[i].configuration);
        json_t *filled = ferry_optinout_fill(configuration);
        assert_int_equal(ferry_optinout_reads_files(filled), rows[i].reads);
        if (json_object_get(configuration, "export"))
            assert_string_equal(text(json_object_get(filled, "export"), "files"), "optout_*");
        json_decref(filled);
        json_decref(configuration);
    }
}

static void what_is_said_wins_and_attributes_get_their_own_names(void **state)
{
    (void)state;
    json_t *configuration =
        from_json("{\"$schema\":\"x\",\"direction\":\"both\",\"clockToleranceSeconds\":5,"
                  "\"attributes\":[" PHONE "],\"export\":{\"files\":\"o_*\"}}");
    json_t *before = json_deep_copy(configuration);
    json_t *filled = ferry_optinout_fill(configuration);
    const json_t *attributes = json_object_get(filled, "attributes");
    assert_true(json_equal(configuration, before));
    assert_null(json_object_get(filled, "$schema"));
    assert_true(ferry_optinout_is_on(filled));
    assert_int_equal(json_integer_value(json_object_get(filled, "clockToleranceSeconds")), 5);
    assert_int_equal(json_array_size(attributes), 1);
    assert_string_equal(text(json_array_get(attributes, 0), "campaign"), "denyListPhone");
    assert_string_equal(text(json_object_get(filled, "export"), "files"), "o_*");
    assert_string_equal(text(json_object_get(filled, "export"), "folder"), "d365_loads/exports");
    json_decref(filled);
    json_decref(before);
    json_decref(configuration);
}

/* --- beside the mappings --- */

#define MAPPINGS(resource, destination)                                                            \
    "{\"mappings\":[{\"table\":\"account\",\"resource\":\"cusCompany\",\"key\":\"k\",\"fields\":[" \
    "{\"source\":\"x\",\"destination\":\"denyListEmail\"}]},{\"table\":\"contact\",\"resource\":"  \
    "\"" resource "\",\"key\":\"externalId\",\"fields\":[{\"source\":\"a\",\"destination\":"       \
    "\"firstName\"},{\"source\":\"b\",\"destination\":\"" destination "\"}]}]}"

static json_t *collisions(const char *configuration, const char *mappings,
                          enum ferry_optinout_saved saved)
{
    json_t *one = from_json(configuration);
    json_t *other = from_json(mappings);
    json_t *faults = json_array();
    assert_true(ferry_optinout_collide(one, other, saved, faults));
    json_decref(one);
    json_decref(other);
    return faults;
}

static void check_collision(const char *mappings, enum ferry_optinout_saved saved, const char *path,
                            const char *reason)
{
    json_t *faults = collisions(BOTH, mappings, saved);
    const json_t *fault = json_array_get(faults, 0);
    assert_int_equal(json_array_size(faults), 1);
    assert_string_equal(text(fault, "path"), path);
    if (strncmp(text(fault, "reason"), reason, strlen(reason)) != 0)
        fail_msg("%s", text(fault, "reason"));
    json_decref(faults);
}

static void a_field_that_both_would_write_is_named_at_both_places(void **state)
{
    (void)state;
    check_collision(
        MAPPINGS("profile", "blackListEmail"), FERRY_OPTINOUT_MAPPINGS_SAVED,
        "/mappings/1/fields/1/destination",
        "mappings[1].fields[1] writes blackListEmail, which Opt-In/Out keeps (attributes[0])");
    check_collision(
        MAPPINGS("profile", "denyListPhone"), FERRY_OPTINOUT_ITSELF_SAVED, "/attributes/1/campaign",
        "mappings[1].fields[1] writes denyListPhone, which Opt-In/Out keeps (attributes[1])");
}

static void fields_of_others_and_a_disabled_one_do_not_collide(void **state)
{
    (void)state;
    static const struct {
        const char *configuration, *mappings;
    } rows[] = {
        {BOTH, MAPPINGS("profile", "denyListFax")},
        {BOTH, MAPPINGS("cusPerson", "denyListEmail")},
        {BOTH, "null"},
        {"null", MAPPINGS("profile", "denyListEmail")},
        {"{\"attributes\":[" MAIL "]}", MAPPINGS("profile", "denyListEmail")},
        {"{\"direction\":\"disabled\",\"attributes\":[" MAIL "]}",
         MAPPINGS("profile", "denyListEmail")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *faults =
            collisions(rows[i].configuration, rows[i].mappings, FERRY_OPTINOUT_MAPPINGS_SAVED);
        if (json_array_size(faults) > 0)
            fail_msg("row %zu", i);
        json_decref(faults);
    }
}

/* --- births --- */

static void check_births(const char *configuration, const char *mapping, const char *expected)
{
    json_t *one = from_json(configuration);
    json_t *other = from_json(mapping);
    json_t *wanted = from_json(expected);
    json_t *births = ferry_optinout_births(one, other);
    if (!json_equal(births, wanted))
        fail_msg("%s and %s: %s", configuration, mapping, json_dumps(births, 0));
    json_decref(births);
    json_decref(wanted);
    json_decref(other);
    json_decref(one);
}

#define PAIR(table, resource, key)                                                                 \
    "{\"table\":\"" table "\",\"resource\":\"" resource "\",\"key\":\"" key "\"}"

static void only_contact_into_profile_by_the_same_key_takes_part_in_births(void **state)
{
    (void)state;
    static const char *const all = "{\"denyListEmail\":\"donotbulkemail\",\"denyListPhone\":"
                                   "\"donotphone\"}";
    check_births(BOTH, PAIR("contact", "profile", "externalId"), all);
    check_births(BOTH, PAIR("contact", "profile", "cusCrmId"), "{}");
    check_births(BOTH, PAIR("lead", "profile", "externalId"), "{}");
    check_births(BOTH, PAIR("contact", "cusPerson", "externalId"), "{}");
    check_births("{\"direction\":\"campaign-to-dynamics\",\"key\":\"cusCrmId\",\"attributes\":"
                 "[" MAIL "," PHONE "]}",
                 PAIR("contact", "profile", "cusCrmId"), all);
    check_births("{\"attributes\":[" MAIL "]}", PAIR("contact", "profile", "externalId"), "{}");
}

#define ORDERED(fields)                                                                            \
    "{\"mappings\":[{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"externalId\","       \
    "\"fields\":[{\"source\":\"firstname\",\"destination\":\"firstName\"}" fields "]}]}"
#define BORN(source, name)                                                                         \
    ",{\"source\":\"" source "\",\"destination\":\"x\",\"createOnly\":true,\"optOut\":\"" name "\"}"

static void an_order_carries_just_what_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *order, *configuration;
        bool carried;
        const char *missing;
    } rows[] = {
        {ORDERED(""), "null", true, NULL},
        {ORDERED(""), BOTH, false, "denyListEmail"},
        {ORDERED(BORN("donotbulkemail", "denyListEmail")), BOTH, false, "denyListPhone"},
        {ORDERED(BORN("donotbulkemail", "denyListEmail") BORN("donotphone", "denyListPhone")), BOTH,
         true, NULL},
        {ORDERED(BORN("donotemail", "denyListEmail") BORN("donotphone", "denyListPhone")), BOTH,
         false, "denyListEmail"},
        {ORDERED(BORN("donotbulkemail", "denyListEmail") BORN("donotphone", "denyListPhone")
                     BORN("donotfax", "denyListFax")),
         BOTH, false, NULL},
        {ORDERED(BORN("donotbulkemail", "denyListEmail")), "null", false, NULL},
        {"{\"mappings\":[]}", BOTH, true, NULL},
        {"null", BOTH, true, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *order = from_json(rows[i].order);
        json_t *configuration = from_json(rows[i].configuration);
        const char *missing = ferry_optinout_missing(order, configuration);
        if (ferry_optinout_is_carried(order, configuration) != rows[i].carried)
            fail_msg("row %zu", i);
        if (!rows[i].missing != !missing || (missing && strcmp(missing, rows[i].missing) != 0))
            fail_msg("row %zu: %s", i, missing ? missing : "none");
        json_decref(configuration);
        json_decref(order);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_examples_have_no_fault),
        cmocka_unit_test(the_bad_examples_have_every_fault_with_its_path),
        cmocka_unit_test(what_was_never_configured_is_disabled),
        cmocka_unit_test(files_are_read_where_an_export_is_named_and_campaign_decides),
        cmocka_unit_test(what_is_said_wins_and_attributes_get_their_own_names),
        cmocka_unit_test(a_field_that_both_would_write_is_named_at_both_places),
        cmocka_unit_test(fields_of_others_and_a_disabled_one_do_not_collide),
        cmocka_unit_test(only_contact_into_profile_by_the_same_key_takes_part_in_births),
        cmocka_unit_test(an_order_carries_just_what_is_named),
    };
    return cmocka_run_group_tests_name("optinout", tests, NULL, NULL);
}
