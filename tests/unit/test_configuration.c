#include "controller/configuration.h"

#include "core/control/comparison.h"
#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>

/* The examples are shared with tests/integration/test_configuration_schema.py. */
static json_t *load(const char *path)
{
    char full[4096];
    json_error_t error;
    snprintf(full, sizeof full, "%s/%s", getenv("FERRY_SOURCE"), path);
    json_t *json = json_load_file(full, 0, &error);
    if (!json)
        fail_msg("%s: %s", full, error.text);
    return json;
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void the_good_examples_have_no_fault(void **state)
{
    (void)state;
    json_t *examples = load("tests/unit/data/configuration.json");
    json_t *good = json_object_get(examples, "good");
    size_t index;
    json_t *example;
    assert_true(json_array_size(good) > 0);
    json_array_foreach (good, index, example) {
        json_t *faults = json_array();
        json_t *configuration = json_object_get(example, "configuration");
        json_t *before = json_deep_copy(configuration);
        if (ferry_configuration_check(configuration, faults) != FERRY_OK)
            fail_msg("%s: %s", text(example, "name"), json_dumps(faults, 0));
        assert_int_equal(json_array_size(faults), 0);
        assert_true(json_equal(configuration, before));
        json_decref(before);
        json_decref(faults);
    }
    json_decref(examples);
}

static void check_faults(const json_t *example, const json_t *faults)
{
    const json_t *expected = json_object_get(example, "faults");
    char *shown = json_dumps(faults, JSON_INDENT(1));
    if (json_array_size(faults) != json_array_size(expected))
        fail_msg("%s: %s", text(example, "name"), shown);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const json_t *fault = json_array_get(faults, i);
        const json_t *wanted = json_array_get(expected, i);
        if (strcmp(text(fault, "path"), text(wanted, "path")) != 0 ||
            !strstr(text(fault, "reason"), text(wanted, "reason")) ||
            strcmp(text(fault, "class"), "mapping") != 0)
            fail_msg("%s: %s", text(example, "name"), shown);
    }
    free(shown);
}

static void the_bad_examples_have_every_fault_with_its_path(void **state)
{
    (void)state;
    json_t *examples = load("tests/unit/data/configuration.json");
    json_t *bad = json_object_get(examples, "bad");
    size_t index;
    json_t *example;
    assert_true(json_array_size(bad) > 0);
    json_array_foreach (bad, index, example) {
        json_t *faults = json_array();
        if (ferry_configuration_check(json_object_get(example, "configuration"), faults) !=
            FERRY_INVALID)
            fail_msg("%s should be refused", text(example, "name"));
        check_faults(example, faults);
        json_decref(faults);
    }
    json_decref(examples);
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
