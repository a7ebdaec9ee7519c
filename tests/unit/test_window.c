#include "consumers/window.h"

#include "cmocka_all.h"

static struct ferry_window_entry *add(struct ferry_window *window, int64_t offset)
{
    struct ferry_window_entry *entry = NULL;
    assert_int_equal(ferry_window_add(window, offset, offset * 10, &entry), FERRY_OK);
    return entry;
}

static void the_prefix_stops_at_the_first_open_offset(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 5);
    assert_int_equal(ferry_window_prefix(&window), 5);
    struct ferry_window_entry *first = add(&window, 5);
    struct ferry_window_entry *second = add(&window, 7);
    struct ferry_window_entry *third = add(&window, 8);
    ferry_window_know(&window, third);
    ferry_window_know(&window, second);
    assert_int_equal(ferry_window_prefix(&window), 5);
    ferry_window_know(&window, first);
    assert_int_equal(ferry_window_prefix(&window), 9);
    ferry_window_done(&window);
}

static void the_end_of_the_partition_covers_a_transaction_marker(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_window_entry *entry = add(&window, 0);
    ferry_window_reach(&window, 2);
    assert_int_equal(ferry_window_prefix(&window), 0);
    ferry_window_know(&window, entry);
    assert_int_equal(ferry_window_prefix(&window), 2);
    ferry_window_done(&window);
}

static void an_offset_that_comes_again_is_refused(void **state)
{
    (void)state;
    struct ferry_window window;
    struct ferry_window_entry *entry = NULL;
    ferry_window_init(&window, 10);
    add(&window, 12);
    assert_int_equal(ferry_window_add(&window, 12, 0, &entry), FERRY_INVALID);
    assert_int_equal(ferry_window_add(&window, 9, 0, &entry), FERRY_INVALID);
    assert_null(entry);
    assert_int_equal(window.count, 1);
    ferry_window_done(&window);
}

static void entries_stay_until_they_are_committed(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    ferry_window_know(&window, add(&window, 0));
    ferry_window_know(&window, add(&window, 1));
    struct ferry_window_entry *open = add(&window, 2);
    assert_int_equal(window.count, 3);
    ferry_window_commit(&window, ferry_window_prefix(&window));
    assert_int_equal(window.count, 1);
    assert_int_equal(window.base, open->sequence);
    assert_int_equal(window.committed, 2);
    ferry_window_done(&window);
}

static void what_comes_after_a_commit_is_open_whatever_the_memory_held_before(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    for (int64_t offset = 0; offset < 6; offset += 3) {
        ferry_window_know(&window, add(&window, offset));
        ferry_window_know(&window, add(&window, offset + 1));
        const struct ferry_window_entry *open = add(&window, offset + 2);
        assert_false(open->known);
        assert_int_equal(open->sequence, offset + 2);
        assert_int_equal(ferry_window_prefix(&window), offset + 2);
        ferry_window_know(&window, window.open);
        ferry_window_commit(&window, ferry_window_prefix(&window));
        assert_int_equal(window.count, 0);
        assert_null(window.entries);
    }
    ferry_window_done(&window);
}

static void the_oldest_is_the_first_open_one(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    assert_int_equal(ferry_window_oldest(&window), 0);
    struct ferry_window_entry *first = add(&window, 3);
    add(&window, 4);
    assert_int_equal(ferry_window_oldest(&window), 30);
    ferry_window_know(&window, first);
    assert_int_equal(ferry_window_oldest(&window), 40);
    ferry_window_done(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prefix_stops_at_the_first_open_offset),
        cmocka_unit_test(the_end_of_the_partition_covers_a_transaction_marker),
        cmocka_unit_test(an_offset_that_comes_again_is_refused),
        cmocka_unit_test(entries_stay_until_they_are_committed),
        cmocka_unit_test(what_comes_after_a_commit_is_open_whatever_the_memory_held_before),
        cmocka_unit_test(the_oldest_is_the_first_open_one),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
