#include "core/control/deletion.h"

#include "cmocka_all.h"

#include <string.h>

static bool read(const char *text, struct ferry_deletion *ret_deletion)
{
    json_t *json = json_loads(text, 0, NULL);
    bool good = ferry_deletion_read(json, ret_deletion);
    assert_non_null(json);
    json_decref(json);
    return good;
}

static void a_word_without_offsets_is_about_all_that_waited_before_it(void **state)
{
    struct ferry_deletion deletion;
    (void)state;
    assert_true(read("{\"decision\":3,\"verdict\":\"approve\"}", &deletion));
    assert_true(deletion.approved);
    assert_true(ferry_deletion_covers(&deletion, 2, 7, INT64_MAX - 1));
    assert_false(ferry_deletion_covers(&deletion, 3, 7, 0));
}

static void a_word_with_offsets_is_about_what_came_before_them(void **state)
{
    struct ferry_deletion deletion;
    (void)state;
    assert_true(
        read("{\"decision\":1,\"verdict\":\"drop\",\"below\":{\"0\":12,\"7\":1}}", &deletion));
    assert_false(deletion.approved);
    assert_true(ferry_deletion_covers(&deletion, 0, 0, 11));
    assert_false(ferry_deletion_covers(&deletion, 0, 0, 12));
    assert_true(ferry_deletion_covers(&deletion, 0, 7, 0));
    assert_false(ferry_deletion_covers(&deletion, 0, 1, 0)); /* nobody told of it */
}

static void what_says_nothing_is_no_word(void **state)
{
    struct ferry_deletion deletion;
    (void)state;
    assert_false(ferry_deletion_read(NULL, &deletion));
    assert_false(read("{\"decision\":1}", &deletion));
    assert_false(read("{\"decision\":1,\"verdict\":true}", &deletion));
    assert_false(read("[]", &deletion));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_without_offsets_is_about_all_that_waited_before_it),
        cmocka_unit_test(a_word_with_offsets_is_about_what_came_before_them),
        cmocka_unit_test(what_says_nothing_is_no_word),
    };
    return cmocka_run_group_tests_name("deletion", tests, NULL, NULL);
}
