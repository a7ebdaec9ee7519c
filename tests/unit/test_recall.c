#include "producers/recall.h"

#include "cmocka_all.h"

static int setup(void **state)
{
    static struct ferry_recall recall;
    ferry_recall_init(&recall);
    *state = &recall;
    return 0;
}

static int teardown(void **state)
{
    ferry_recall_done(*state);
    return 0;
}

static void add(struct ferry_recall *recall, uint64_t hash)
{
    assert_int_equal(ferry_recall_add(recall, hash), FERRY_OK);
}

static void what_was_kept_is_known_and_nothing_else(void **state)
{
    struct ferry_recall *recall = *state;
    add(recall, 1);
    ferry_recall_keep(recall);
    assert_true(ferry_recall_knows(recall, 1));
    assert_false(ferry_recall_knows(recall, 2));
    assert_false(ferry_recall_knows(recall, 0));
}

static void what_was_not_committed_is_told_again(void **state)
{
    struct ferry_recall *recall = *state;
    add(recall, 1);
    ferry_recall_keep(recall);
    add(recall, 2);
    assert_true(ferry_recall_knows(recall, 2)); /* twice in one page */
    ferry_recall_drop(recall);
    assert_true(ferry_recall_knows(recall, 1));
    assert_false(ferry_recall_knows(recall, 2));
}

static void what_left_the_window_is_forgotten_and_what_stays_is_not(void **state)
{
    struct ferry_recall *recall = *state;
    add(recall, 1);
    add(recall, 2);
    ferry_recall_keep(recall);
    ferry_recall_turn(recall);
    for (int round = 0; round < 5; round++) {
        assert_true(ferry_recall_knows(recall, 1));
        ferry_recall_turn(recall);
    }
    assert_true(ferry_recall_knows(recall, 1));
    assert_false(ferry_recall_knows(recall, 2));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_kept_is_known_and_nothing_else),
        TEST(what_was_not_committed_is_told_again),
        TEST(what_left_the_window_is_forgotten_and_what_stays_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
