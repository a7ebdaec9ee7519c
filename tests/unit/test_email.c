#include "controller/email.h"

#include "controller/zone.h"
#include "examples.h"
#include "source_record.h"

#define EXAMPLES "tests/unit/data/email-events.json"

static void the_good_examples_have_no_fault(void **state)
{
    (void)state;
    good_examples_have_no_fault(EXAMPLES, ferry_email_check);
}

static void the_bad_examples_have_every_fault_with_its_path(void **state)
{
    (void)state;
    bad_examples_have_every_fault_with_its_path(EXAMPLES, ferry_email_check);
}

static const json_t *at(const json_t *json, const char *path)
{
    char name[64];
    while (*path) {
        size_t length = strcspn(path, "/");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        json = json_object_get(json, name);
        path += length + (path[length] == '/');
    }
    return json;
}

static void what_is_said_wins_over_the_defaults_member_by_member(void **state)
{
    (void)state;
    json_t *configuration =
        from_json("{\"$schema\":\"x\",\"source\":\"acme\",\"events\":{\"open\":false},"
                  "\"export\":{\"folder\":\"in\",\"columns\":{\"externalId\":\"crm\"}},"
                  "\"activities\":{\"click\":{\"columns\":{\"url\":\"acme_url\"}}}}");
    json_t *before = json_deep_copy(configuration);
    json_t *filled = ferry_email_fill(configuration);
    assert_true(json_equal(configuration, before));
    assert_null(json_object_get(filled, "$schema"));
    assert_string_equal(json_string_value(at(filled, "source")), "acme");
    assert_true(json_is_false(at(filled, "events/open")));
    assert_true(json_is_true(at(filled, "events/bounce")));
    assert_string_equal(json_string_value(at(filled, "export/folder")), "in");
    assert_string_equal(json_string_value(at(filled, "export/processed")), "d365_loads/processed");
    assert_int_equal(json_object_size(at(filled, "export/columns")), 1);
    assert_string_equal(json_string_value(at(filled, "activities/click/table")),
                        "ferry_emailclick");
    assert_string_equal(json_string_value(at(filled, "activities/click/columns/url")), "acme_url");
    assert_string_equal(json_string_value(at(filled, "activities/click/columns/date")),
                        "ferry_dateclicked");
    assert_string_equal(json_string_value(at(filled, "activities/bounce/columns/date")),
                        "ferry_datebounced");
    json_decref(filled);
    json_decref(before);
    json_decref(configuration);
}

/* What an editor shows as the default is what is filled in. */
static void the_schema_tells_the_defaults_that_are_filled_in(void **state)
{
    (void)state;
    json_t *schema = load("schemas/email-events.schema.json");
    json_t *nothing = json_object();
    json_t *filled = ferry_email_fill(nothing);
    const json_t *members = at(schema, "$defs/export/properties");
    const char *name;
    json_t *member;
    size_t told = 0;
    json_object_foreach ((json_t *)(uintptr_t)members, name, member) {
        const json_t *standard = json_object_get(member, "default");
        if (!standard)
            continue;
        told++;
        assert_true(json_equal(standard, json_object_get(at(filled, "export"), name)));
    }
    assert_int_equal(told, json_object_size(at(filled, "export")) - 1); /* columns has none */
    assert_true(json_equal(at(schema, "properties/source/default"), at(filled, "source")));
    for (int i = 0; i < FERRY_EMAIL_KINDS; i++)
        assert_true(
            json_is_true(json_object_get(at(filled, "events"), ferry_email_kinds[i].member)));
    json_decref(filled);
    json_decref(nothing);
    json_decref(schema);
}

static void since_is_milliseconds_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *configuration;
        int64_t since;
    } rows[] = {
        {"{\"since\":\"2026-11-01T01:00:00.25+01:00\"}", 1793491200250},
        {"{\"since\":\"1970-01-01T00:00:00Z\"}", 0},
        {"{\"since\":\"1969-12-31T23:59:59Z\"}", -1000},
    };
    json_t *none = json_object();
    int64_t since = 7;
    assert_false(ferry_email_since(none, &since));
    assert_int_equal(since, 7);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *some = from_json(rows[i].configuration);
        assert_true(ferry_email_since(some, &since));
        assert_int_equal(since, rows[i].since);
        json_decref(some);
    }
    json_decref(none);
}

static void a_zone_is_known_by_the_database_of_the_machine(void **state)
{
    (void)state;
    setenv("TZDIR", "/nowhere", 1);
    assert_true(ferry_zone_exists("UTC"));
    assert_false(ferry_zone_exists("Europe/Paris"));
    unsetenv("TZDIR");
    assert_true(ferry_zone_exists("Europe/Paris"));
    assert_false(ferry_zone_exists("zone.tab"));
    assert_false(ferry_zone_exists("Europe/../UTC"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_examples_have_no_fault),
        cmocka_unit_test(the_bad_examples_have_every_fault_with_its_path),
        cmocka_unit_test(what_is_said_wins_over_the_defaults_member_by_member),
        cmocka_unit_test(the_schema_tells_the_defaults_that_are_filled_in),
        cmocka_unit_test(since_is_milliseconds_or_nothing),
        cmocka_unit_test(a_zone_is_known_by_the_database_of_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
