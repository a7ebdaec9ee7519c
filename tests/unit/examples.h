/* Configurations that are good, and bad ones with their faults, out of a file that a test of the
 * JSON Schema shares (tests/integration/test_configuration_schema.py). */
#ifndef FERRY_EXAMPLES_H
#define FERRY_EXAMPLES_H

#include "core/base/status.h"
#include "tests/unit/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum ferry_status examples_checker(json_t *configuration, json_t *faults);

static inline json_t *load(const char *path)
{
    char full[4096];
    json_error_t error;
    snprintf(full, sizeof full, "%s/%s", getenv("FERRY_SOURCE"), path);
    json_t *json = json_load_file(full, 0, &error);
    if (!json)
        fail_msg("%s: %s", full, error.text);
    return json;
}

static inline const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline void good_examples_have_no_fault(const char *path, examples_checker *check)
{
    json_t *examples = load(path);
    json_t *good = json_object_get(examples, "good");
    size_t index;
    json_t *example;
    assert_true(json_array_size(good) > 0);
    json_array_foreach (good, index, example) {
        json_t *faults = json_array();
        json_t *configuration = json_object_get(example, "configuration");
        json_t *before = json_deep_copy(configuration);
        if (check(configuration, faults) != FERRY_OK)
            fail_msg("%s: %s", text(example, "name"), json_dumps(faults, 0));
        assert_int_equal(json_array_size(faults), 0);
        assert_true(json_equal(configuration, before));
        json_decref(before);
        json_decref(faults);
    }
    json_decref(examples);
}

static inline void compare_faults(const json_t *example, const json_t *faults)
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

static inline void bad_examples_have_every_fault_with_its_path(const char *path,
                                                               examples_checker *check)
{
    json_t *examples = load(path);
    json_t *bad = json_object_get(examples, "bad");
    size_t index;
    json_t *example;
    assert_true(json_array_size(bad) > 0);
    json_array_foreach (bad, index, example) {
        json_t *faults = json_array();
        if (check(json_object_get(example, "configuration"), faults) != FERRY_INVALID)
            fail_msg("%s should be refused", text(example, "name"));
        compare_faults(example, faults);
        json_decref(faults);
    }
    json_decref(examples);
}

#endif
