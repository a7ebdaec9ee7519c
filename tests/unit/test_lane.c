#include "consumers/lane.h"

#include "cmocka_all.h"

#include <string.h>

static struct ferry_item *item(struct ferry_window *window, int64_t offset, const char *value,
                               enum ferry_origin origin)
{
    struct ferry_window_entry *entry = NULL;
    assert_int_equal(ferry_window_add(window, offset, 0, &entry), FERRY_OK);
    struct ferry_item *made = ferry_item_new(entry, value, strlen(value));
    assert_non_null(made);
    made->origin = origin;
    made->certain = true;
    return made;
}

static void a_later_change_replaces_one_that_waits(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_lane *lane = ferry_lane_new(NULL, "k", 1);
    ferry_lane_put(lane, item(&window, 0, "old", FERRY_ORIGIN_DELTA), true, 500);
    ferry_lane_put(lane, item(&window, 1, "new", FERRY_ORIGIN_DELTA), true, 500);
    assert_memory_equal(lane->now->value, "new", 3);
    assert_null(lane->later);
    assert_int_equal(ferry_window_prefix(&window), 0);
    ferry_lane_advance(lane, &window);
    assert_int_equal(ferry_window_prefix(&window), 2);
    assert_true(ferry_lane_empty(lane));
    ferry_lane_free(lane);
    ferry_window_done(&window);
}

static void a_change_behind_a_request_waits_and_merges(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_lane *lane = ferry_lane_new(NULL, "k", 1);
    ferry_lane_put(lane, item(&window, 0, "sent", FERRY_ORIGIN_DELTA), true, 500);
    lane->place = FERRY_LANE_SENT;
    ferry_lane_put(lane, item(&window, 1, "second", FERRY_ORIGIN_DELTA), true, 500);
    ferry_lane_put(lane, item(&window, 2, "third", FERRY_ORIGIN_DELTA), true, 500);
    assert_memory_equal(lane->now->value, "sent", 4);
    lane->place = FERRY_LANE_IDLE;
    ferry_lane_advance(lane, &window);
    assert_int_equal(ferry_window_prefix(&window), 1);
    assert_memory_equal(lane->now->value, "third", 5);
    ferry_lane_advance(lane, &window);
    assert_int_equal(ferry_window_prefix(&window), 3);
    ferry_lane_free(lane);
    ferry_window_done(&window);
}

static void what_must_not_be_replaced_is_not(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_lane *lane = ferry_lane_new(NULL, "k", 1);
    ferry_lane_put(lane, item(&window, 0, "first", FERRY_ORIGIN_DELTA), true, 500);
    ferry_lane_put(lane, item(&window, 1, "second", FERRY_ORIGIN_DELTA), false, 500);
    ferry_lane_put(lane, item(&window, 2, "third", FERRY_ORIGIN_DELTA), true, 500);
    assert_memory_equal(lane->now->value, "first", 5);
    assert_memory_equal(lane->later->value, "third", 5);
    ferry_lane_free(lane);
    ferry_window_done(&window);
}

static void what_waits_merges_only_within_reach(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_lane *lane = ferry_lane_new(NULL, "k", 1);
    ferry_lane_put(lane, item(&window, 0, "sent", FERRY_ORIGIN_DELTA), true, 2);
    lane->place = FERRY_LANE_SENT;
    ferry_lane_put(lane, item(&window, 1, "a", FERRY_ORIGIN_DELTA), true, 2);
    ferry_lane_put(lane, item(&window, 2, "bb", FERRY_ORIGIN_DELTA), true, 2);
    ferry_lane_put(lane, item(&window, 3, "ccc", FERRY_ORIGIN_DELTA), true, 2);
    assert_int_equal(ferry_lane_bytes(lane), 4 + 2 + 3);
    ferry_lane_advance(lane, &window);
    assert_memory_equal(lane->now->value, "bb", 2);
    assert_int_equal(lane->now->since, 1);
    ferry_lane_advance(lane, &window);
    assert_int_equal(ferry_window_prefix(&window), 3);
    assert_memory_equal(lane->now->value, "ccc", 3);
    ferry_lane_advance(lane, &window);
    assert_int_equal(ferry_window_prefix(&window), 4);
    assert_true(ferry_lane_empty(lane));
    ferry_lane_free(lane);
    ferry_window_done(&window);
}

static void merging_keeps_the_strongest_origin(void **state)
{
    (void)state;
    static const struct {
        enum ferry_origin older, newer, kept;
    } rows[] = {
        {FERRY_ORIGIN_REPLAY, FERRY_ORIGIN_DELTA, FERRY_ORIGIN_REPLAY},
        {FERRY_ORIGIN_LOAD, FERRY_ORIGIN_DELTA, FERRY_ORIGIN_LOAD},
        {FERRY_ORIGIN_RESYNC, FERRY_ORIGIN_DELTA, FERRY_ORIGIN_RESYNC},
        {FERRY_ORIGIN_DELTA, FERRY_ORIGIN_LOAD, FERRY_ORIGIN_LOAD},
        {FERRY_ORIGIN_REPLAY, FERRY_ORIGIN_LOAD, FERRY_ORIGIN_REPLAY},
        {FERRY_ORIGIN_LOAD, FERRY_ORIGIN_REPLAY, FERRY_ORIGIN_REPLAY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ferry_window window;
        ferry_window_init(&window, 0);
        struct ferry_item *older = item(&window, 0, "a", rows[i].older);
        struct ferry_item *merged = ferry_item_merge(older, item(&window, 1, "b", rows[i].newer));
        assert_int_equal(merged->origin, rows[i].kept);
        ferry_item_free(merged);
        ferry_window_done(&window);
    }
}

static void merging_with_a_doubtful_change_is_doubtful(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_item *older = item(&window, 0, "a", FERRY_ORIGIN_DELTA);
    older->certain = false;
    struct ferry_item *merged = ferry_item_merge(older, item(&window, 1, "b", FERRY_ORIGIN_DELTA));
    assert_false(merged->certain);
    ferry_item_free(merged);
    ferry_window_done(&window);
}

static void a_new_version_starts_its_attempts_afresh_but_keeps_the_doubt(void **state)
{
    (void)state;
    struct ferry_window window;
    ferry_window_init(&window, 0);
    struct ferry_lane *lane = ferry_lane_new(NULL, "k", 1);
    ferry_lane_put(lane, item(&window, 0, "a", FERRY_ORIGIN_DELTA), true, 500);
    lane->attempts = 7;
    lane->blamed = 3;
    lane->unsure = true;
    lane->next_call = FERRY_CALL_POST;
    ferry_lane_put(lane, item(&window, 1, "b", FERRY_ORIGIN_DELTA), true, 500);
    assert_int_equal(lane->attempts, 0);
    assert_int_equal(lane->blamed, 0);
    assert_int_equal(lane->next_call, FERRY_CALL_NONE);
    assert_true(lane->unsure);
    ferry_lane_free(lane);
    ferry_window_done(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_change_replaces_one_that_waits),
        cmocka_unit_test(a_change_behind_a_request_waits_and_merges),
        cmocka_unit_test(what_must_not_be_replaced_is_not),
        cmocka_unit_test(what_waits_merges_only_within_reach),
        cmocka_unit_test(merging_keeps_the_strongest_origin),
        cmocka_unit_test(merging_with_a_doubtful_change_is_doubtful),
        cmocka_unit_test(a_new_version_starts_its_attempts_afresh_but_keeps_the_doubt),
    };
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
