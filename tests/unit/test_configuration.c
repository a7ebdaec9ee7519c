#include "controller/configuration.h"

#include "core/control/comparison.h"
#include "examples.h"
#include "source_record.h"

#define EXAMPLES "tests/unit/data/configuration.json"

static void the_good_examples_have_no_fault(void **state)
{
    (void)state;
    good_examples_have_no_fault(EXAMPLES, ferry_configuration_check);
}

static void the_bad_examples_have_every_fault_with_its_path(void **state)
{
    (void)state;
    bad_examples_have_every_fault_with_its_path(EXAMPLES, ferry_configuration_check);
}

static void faults_are_added_to_those_that_are_there(void **state)
{
    (void)state;
    json_t *faults = from_json("[{\"path\":\"\",\"reason\":\"x\",\"class\":\"mapping\"}]");
    json_t *good = from_json("{\"mappings\":[]}");
    json_t *bad = from_json("[]");
    assert_int_equal(ferry_configuration_check(good, faults), FERRY_OK);
    assert_int_equal(json_array_size(faults), 1);
    assert_int_equal(ferry_configuration_check(bad, faults), FERRY_INVALID);
    assert_int_equal(json_array_size(faults), 2);
    json_decref(faults);
    json_decref(good);
    json_decref(bad);
}

/* Long and foreign names must not be cut inside a character. */
static void a_fault_shows_names_whole(void **state)
{
    (void)state;
    char name[3001] = "";
    for (int i = 0; i < 1000; i++)
        strcat(name, "王");
    json_t *configuration = json_pack("{s:[], s:i}", "mappings", name, 1);
    json_t *faults = json_array();
    assert_int_equal(ferry_configuration_check(configuration, faults), FERRY_INVALID);
    assert_string_equal(text(json_array_get(faults, 0), "path") + 1, name);
    json_decref(faults);
    json_decref(configuration);
}

/* Mappings t0, t1, … each with a link to the table before it when `linked`. */
static json_t *chain(int count, bool linked)
{
    json_t *mappings = json_array();
    for (int i = 0; i < count; i++) {
        char item[512];
        snprintf(
            item, sizeof item,
            "{\"table\":\"t%d\",\"resource\":\"r%d\",\"key\":\"k\",\"fields\":[{\"source\":\"a\","
            "\"destination\":\"b\",\"link\":{\"table\":\"t%d\"}}]}",
            i, i, linked && i > 0 ? i - 1 : i);
        json_array_append_new(mappings, from_json(item));
    }
    return json_pack("{s:o}", "mappings", mappings);
}

static void lists_have_a_limit(void **state)
{
    (void)state;
    json_t *configuration = chain(201, false);
    json_t *faults = json_array();
    assert_int_equal(ferry_configuration_check(configuration, faults), FERRY_INVALID);
    assert_int_equal(json_array_size(faults), 1);
    assert_string_equal(text(json_array_get(faults, 0), "path"), "/mappings");
    assert_string_equal(text(json_array_get(faults, 0), "reason"),
                        "must not have more than 200 entries");
    json_decref(faults);
    json_decref(configuration);
}

static void a_long_chain_of_links_is_no_circle(void **state)
{
    (void)state;
    json_t *configuration = chain(200, true);
    json_t *faults = json_array();
    assert_int_equal(ferry_configuration_check(configuration, faults), FERRY_OK);
    json_decref(faults);
    json_decref(configuration);
}

static void text_of_a_scalar_loses_no_digit(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"x\"", "x"}, {"true", "true"}, {"false", "false"},
        {"-5", "-5"},   {"1.1", "1.1"},   {"9223372036854775807", "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *scalar = from_json(cases[i][0]);
        json_t *result = ferry_configuration_text(scalar);
        assert_string_equal(json_string_value(result), cases[i][1]);
        json_decref(result);
        json_decref(scalar);
    }
    assert_null(ferry_configuration_text(NULL));
    json_t *list = json_array();
    assert_null(ferry_configuration_text(list));
    json_decref(list);
}

static void the_schema_lists_the_comparisons_that_there_are(void **state)
{
    (void)state;
    json_t *schema = load("schemas/configuration.schema.json");
    json_t *names = NULL;
    json_error_t error;
    if (json_unpack_ex(schema, &error, 0, "{s:{s:{s:{s:{s:o}}}}}", "$defs", "comparison",
                       "properties", "is", "enum", &names) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(json_array_size(names), ferry_comparison_count);
    for (size_t i = 0; i < json_array_size(names); i++)
        assert_non_null(ferry_comparison_find(json_string_value(json_array_get(names, i))));
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_examples_have_no_fault),
        cmocka_unit_test(the_bad_examples_have_every_fault_with_its_path),
        cmocka_unit_test(faults_are_added_to_those_that_are_there),
        cmocka_unit_test(a_fault_shows_names_whole),
        cmocka_unit_test(lists_have_a_limit),
        cmocka_unit_test(a_long_chain_of_links_is_no_circle),
        cmocka_unit_test(text_of_a_scalar_loses_no_digit),
        cmocka_unit_test(the_schema_lists_the_comparisons_that_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
