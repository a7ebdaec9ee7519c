#include "producers/profilemark.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

struct marks {
    struct ferry_profilemark from, to;
};

static int setup(void **state)
{
    struct marks *marks = test_calloc(1, sizeof *marks);
    ferry_profilemark_init(&marks->from);
    ferry_profilemark_init(&marks->to);
    *state = marks;
    return 0;
}

static int teardown(void **state)
{
    struct marks *marks = *state;
    ferry_profilemark_done(&marks->from);
    ferry_profilemark_done(&marks->to);
    test_free(marks);
    return 0;
}

static void follow(struct marks *marks, int64_t newest, int64_t began_at, const char *next)
{
    assert_int_equal(
        ferry_profilemark_follow(&marks->to, &marks->from, newest, began_at, next), FERRY_OK);
}

static void a_first_read_goes_on_at_its_next_page(void **state)
{
    struct marks *marks = *state;
    follow(marks, 500, 1000, "https://c/next");
    assert_false(marks->to.loaded);
    assert_string_equal(marks->to.next, "https://c/next");
    assert_true(marks->to.since == 500);
}

static void its_last_page_ends_it(void **state)
{
    struct marks *marks = *state;
    marks->from.since = 700;
    follow(marks, 600, 1000, NULL);
    assert_true(marks->to.loaded);
    assert_null(marks->to.next);
    assert_true(marks->to.since == 700);
}

static void a_time_after_the_beginning_of_the_round_is_looked_at_again(void **state)
{
    struct marks *marks = *state;
    follow(marks, 5000, 1000, NULL);
    assert_true(marks->to.since == 1000);
    marks->from.loaded = true;
    marks->from.since = 1000;
    follow(marks, 5000, 2000, NULL);
    assert_true(marks->to.since == 2000);
}

static void a_look_moves_on_only_with_its_last_page(void **state)
{
    struct marks *marks = *state;
    marks->from.loaded = true;
    marks->from.since = 100;
    follow(marks, 900, 1000, "https://c/next");
    assert_true(marks->to.since == 100);
    assert_null(marks->to.next);
    follow(marks, 900, 1000, NULL);
    assert_true(marks->to.since == 900);
}

static void a_clock_that_goes_back_takes_nothing_back(void **state)
{
    struct marks *marks = *state;
    marks->from.loaded = true;
    marks->from.since = 900;
    follow(marks, 950, 500, NULL);
    assert_true(marks->to.since == 900);
}

static void what_is_printed_is_read(void **state)
{
    struct marks *marks = *state;
    struct ferry_error error;
    char *text = NULL;
    marks->from = (struct ferry_profilemark){.since = 1780000000123,
                                             .began_at = 7,
                                             .next = strdup("https://c/n?_lineStart=@k%20"),
                                             .attributes = "0f3a"};
    for (int loaded = 0; loaded < 2; loaded++) {
        marks->from.loaded = loaded;
        assert_int_equal(ferry_profilemark_print(&marks->from, &text), FERRY_OK);
        assert_int_equal(ferry_profilemark_parse(text, &marks->to, &error), FERRY_OK);
        free(text);
        assert_true(marks->to.since == 1780000000123 && marks->to.began_at == 7);
        assert_int_equal(marks->to.loaded, loaded);
        assert_string_equal(marks->to.attributes, "0f3a");
        assert_string_equal(marks->to.next, "https://c/n?_lineStart=@k%20");
    }
}

static void what_is_no_checkpoint_is_refused_and_leaves_all_as_it_was(void **state)
{
    static const char *const texts[] = {"", "[]", "{}", "{\"since\":-1,\"loaded\":true}",
                                        "{\"since\":1,\"loaded\":\"yes\"}"};
    struct marks *marks = *state;
    struct ferry_error error;
    marks->to.since = 4;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(ferry_profilemark_parse(texts[i], &marks->to, &error), FERRY_INVALID);
        assert_true(marks->to.since == 4);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_read_goes_on_at_its_next_page),
        TEST(its_last_page_ends_it),
        TEST(a_time_after_the_beginning_of_the_round_is_looked_at_again),
        TEST(a_look_moves_on_only_with_its_last_page),
        TEST(a_clock_that_goes_back_takes_nothing_back),
        TEST(what_is_printed_is_read),
        TEST(what_is_no_checkpoint_is_refused_and_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
