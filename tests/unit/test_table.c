#include "consumers/table.h"

#include "cmocka_all.h"

/* What the dispatcher does between two sendings of one change. */
static enum ferry_blame send_again(struct ferry_table *table, struct ferry_lane *lane,
                                   bool neighbour, int64_t now)
{
    if (neighbour)
        ferry_table_succeed(table);
    return ferry_table_blame(table, lane, now);
}

static void nobody_is_blamed_while_nobody_succeeds(void **state)
{
    (void)state;
    struct ferry_table table = {.successes = 0};
    struct ferry_lane lane = {.blamed = 0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(send_again(&table, &lane, false, i * 10000), FERRY_BLAME_NOBODY);
    assert_int_equal(lane.blamed, 0);
}

static void a_record_among_successes_has_eight_tries(void **state)
{
    (void)state;
    struct ferry_table table = {.successes = 0};
    struct ferry_lane lane = {.blamed = 0};
    for (int i = 0; i < 7; i++)
        assert_int_equal(send_again(&table, &lane, true, i), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 7), FERRY_BLAME_RECORD_ENDS);
}

static void tries_while_the_destination_was_ill_do_not_count(void **state)
{
    (void)state;
    struct ferry_table table = {.successes = 0};
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
    struct ferry_table table = {.successes = 0};
    struct ferry_lane lane = {.blamed = 0};
    assert_int_equal(send_again(&table, &lane, true, 1000), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 600000), FERRY_BLAME_RECORD);
    assert_int_equal(send_again(&table, &lane, true, 601001), FERRY_BLAME_RECORD_ENDS);
}

static void a_table_is_clear_for_a_while_and_for_some_rejects(void **state)
{
    (void)state;
    struct ferry_table table = {.rejects = 0};
    assert_false(ferry_table_is_clear(&table, 1000)); /* never compared */
    ferry_table_clear(&table, 1000);
    assert_true(ferry_table_is_clear(&table, 60000));
    assert_false(ferry_table_is_clear(&table, 61000));
    table.rejects = 10;
    assert_false(ferry_table_is_clear(&table, 1001));
    ferry_table_clear(&table, 1001);
    assert_true(ferry_table_is_clear(&table, 1002));
}

static void twenty_absences_in_a_row_raise_a_doubt(void **state)
{
    (void)state;
    struct ferry_table table = {.rejects = 0};
    for (int i = 0; i < 19; i++)
        assert_false(ferry_table_note_absence(&table));
    ferry_table_succeed(&table);
    for (int i = 0; i < 19; i++)
        assert_false(ferry_table_note_absence(&table));
    assert_true(ferry_table_note_absence(&table));
}

static void a_doubtful_or_stopped_table_stands_still(void **state)
{
    (void)state;
    struct ferry_table table = {.rejects = 0};
    assert_false(ferry_table_stands(&table));
    table.doubted = true;
    assert_true(ferry_table_stands(&table));
    table.doubted = false;
    table.stopped = true;
    assert_true(ferry_table_stands(&table));
}

static void compare(struct ferry_table *table, enum ferry_status status, enum ferry_class class)
{
    struct ferry_error error;
    ferry_fail(&error, status, class, "because");
    ferry_table_compared(table, &error, 1000);
}

static void a_table_that_fits_goes_on(void **state)
{
    (void)state;
    struct ferry_table table = {.doubted = true, .stopped = true, .rejects = 10};
    ferry_table_compared(&table, NULL, 1000);
    assert_true(table.inspected);
    assert_false(ferry_table_stands(&table));
    assert_true(ferry_table_is_clear(&table, 1001));
}

static void one_that_does_not_fit_stops_and_says_why(void **state)
{
    (void)state;
    struct ferry_table table = {.doubted = true};
    compare(&table, FERRY_INVALID, FERRY_CLASS_SCHEMA);
    assert_true(table.inspected && table.stopped);
    assert_false(table.doubted);
    assert_string_equal(table.why.message, "because");
    assert_false(ferry_table_is_clear(&table, 1001));
}

static void without_credentials_nothing_was_inspected(void **state)
{
    (void)state;
    struct ferry_table table = {.doubted = true};
    compare(&table, FERRY_INVALID, FERRY_CLASS_CREDENTIALS);
    assert_false(table.inspected || table.stopped || table.doubted);
    assert_string_equal(table.why.message, "because");
}

static void without_an_answer_a_doubt_stays(void **state)
{
    (void)state;
    struct ferry_table table = {.doubted = true, .inspected = true};
    compare(&table, FERRY_RETRY, FERRY_CLASS_NETWORK);
    assert_true(table.doubted && table.inspected);
    assert_false(table.stopped);
    assert_string_equal(table.why.message, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_blamed_while_nobody_succeeds),
        cmocka_unit_test(a_record_among_successes_has_eight_tries),
        cmocka_unit_test(tries_while_the_destination_was_ill_do_not_count),
        cmocka_unit_test(ten_minutes_are_enough),
        cmocka_unit_test(a_table_is_clear_for_a_while_and_for_some_rejects),
        cmocka_unit_test(twenty_absences_in_a_row_raise_a_doubt),
        cmocka_unit_test(a_doubtful_or_stopped_table_stands_still),
        cmocka_unit_test(a_table_that_fits_goes_on),
        cmocka_unit_test(one_that_does_not_fit_stops_and_says_why),
        cmocka_unit_test(without_credentials_nothing_was_inspected),
        cmocka_unit_test(without_an_answer_a_doubt_stays),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
