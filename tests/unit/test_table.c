#include "consumers/table.h"

#include "cmocka_all.h"

/* What the dispatcher does between two sendings of one change. */
static enum ferry_blame send_again(struct ferry_table *table, struct ferry_lane *lane,
                                   bool neighbour, int64_t now)
{
    lane->neighbours = table->successes;
    if (neighbour)
        ferry_table_succeed(table);
    return ferry_table_blame(table, lane, now);
}

static void nobody_is_blamed_while_nobody_succeeds(void **state)
{
    (void)state;
    struct ferry_table table = {.ills = 0};
    struct ferry_lane lane = {.blamed = 0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(send_again(&table, &lane, false, i * 10000), FERRY_BLAME_NOBODY);
    assert_int_equal(lane.blamed, 0);
}

static void a_record_among_successes_has_eight_tries(void **state)
{
    (void)state;
    struct ferry_table table = {.ills = 0};
    struct ferry_lane lane = {.blamed = 0};
    for (int i = 0; i < 7; i++)
        assert_int_equal(send_again(&table, &lane, true, i), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 7), FERRY_BLAME_RECORD_ENDS);
}

static void tries_while_the_destination_was_ill_do_not_count(void **state)
{
    (void)state;
    struct ferry_table table = {.ills = 0};
    struct ferry_lane lane = {.blamed = 0};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(send_again(&table, &lane, true, i), FERRY_BLAME_RECORD);
        assert_int_equal(send_again(&table, &lane, false, i), FERRY_BLAME_NOBODY);
    }
    assert_int_equal(send_again(&table, &lane, true, 7), FERRY_BLAME_RECORD_ENDS);
}

static void ten_minutes_are_enough(void **state)
{
    (void)state;
    struct ferry_table table = {.ills = 0};
    struct ferry_lane lane = {.blamed = 0};
    assert_int_equal(send_again(&table, &lane, true, 1000), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 600000), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 601001), FERRY_BLAME_RECORD_ENDS);
}

static void twenty_rejects_of_one_class_raise_a_doubt(void **state)
{
    (void)state;
    struct ferry_table table = {.rejects = 0};
    for (int i = 0; i < 19; i++)
        assert_false(ferry_table_note_reject(&table, FERRY_CLASS_MAPPING));
    assert_false(ferry_table_note_reject(&table, FERRY_CLASS_SCHEMA));
    for (int i = 0; i < 18; i++)
        assert_false(ferry_table_note_reject(&table, FERRY_CLASS_SCHEMA));
    assert_true(ferry_table_note_reject(&table, FERRY_CLASS_SCHEMA));
}

static void a_success_ends_a_row(void **state)
{
    (void)state;
    struct ferry_table table = {.rejects = 0};
    for (int i = 0; i < 19; i++) {
        assert_false(ferry_table_note_reject(&table, FERRY_CLASS_MAPPING));
        assert_false(ferry_table_note_absence(&table));
    }
    ferry_table_succeed(&table);
    assert_false(ferry_table_note_reject(&table, FERRY_CLASS_MAPPING));
    assert_false(ferry_table_note_absence(&table));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_blamed_while_nobody_succeeds),
        cmocka_unit_test(a_record_among_successes_has_eight_tries),
        cmocka_unit_test(tries_while_the_destination_was_ill_do_not_count),
        cmocka_unit_test(ten_minutes_are_enough),
        cmocka_unit_test(twenty_rejects_of_one_class_raise_a_doubt),
        cmocka_unit_test(a_success_ends_a_row),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
