#include "consumers/strand.h"

#include "cmocka_all.h"

#include <stdlib.h>

static const struct ferry_group_part part = {
    .topic = "f.events.email", .partition = 3, .committed = 100, .log_end = 100 + 10000};

static void take(struct ferry_strand *strand, int64_t offset)
{
    assert_int_equal(ferry_strand_take(strand, offset, "value", 5), FERRY_OK);
}

static void letters_come_in_order_and_the_prefix_follows_their_fates(void **state)
{
    (void)state;
    struct ferry_strand *strand = ferry_strand_new("f.events.email", &part);
    take(strand, 100);
    take(strand, 101);
    take(strand, 105);
    take(strand, 101); /* read again after a resume */
    assert_int_equal(strand->count, 3);
    assert_int_equal(strand->bytes, 15);
    struct ferry_letter *first = ferry_strand_next(strand, 1000);
    struct ferry_letter *second = ferry_strand_next(strand, 1000);
    assert_int_equal(first->entry->offset, 100);
    assert_int_equal(second->entry->offset, 101);
    ferry_strand_settle(second);
    assert_int_equal(ferry_window_prefix(&strand->window), 100);
    ferry_strand_settle(first);
    assert_int_equal(ferry_window_prefix(&strand->window), 105);
    assert_int_equal(strand->count, 1);
    ferry_strand_free(strand);
}

static void nothing_is_sent_further_than_the_gate_from_what_is_committed(void **state)
{
    (void)state;
    struct ferry_strand *strand = ferry_strand_new("f.events.email", &part);
    struct ferry_letter *letter;
    for (int64_t i = 0; i < FERRY_STRAND_GATE + 2; i++)
        take(strand, 100 + i);
    int sent = 0;
    while ((letter = ferry_strand_next(strand, 1000))) {
        ferry_strand_settle(letter);
        sent++;
    }
    assert_int_equal(sent, FERRY_STRAND_GATE);
    ferry_window_commit(&strand->window, 101);
    letter = ferry_strand_next(strand, 1000);
    assert_int_equal(letter->entry->offset, 100 + FERRY_STRAND_GATE);
    assert_null(ferry_strand_next(strand, 1000));
    ferry_strand_settle(letter);
    ferry_strand_free(strand);
}

static void one_that_holds_up_all_behind_it_makes_its_strand_stuck(void **state)
{
    (void)state;
    struct ferry_strand *strand = ferry_strand_new("f.events.email", &part);
    struct ferry_letter *letter, *first;
    for (int64_t i = 0; i < FERRY_STRAND_GATE; i++)
        take(strand, 100 + i);
    first = ferry_strand_next(strand, 1000);
    while ((letter = ferry_strand_next(strand, 1000)))
        ferry_strand_settle(letter);
    assert_false(ferry_strand_stuck(strand, 100000)); /* nothing is held up */
    take(strand, 100 + FERRY_STRAND_GATE);
    assert_null(ferry_strand_next(strand, 1000));
    assert_null(ferry_strand_next(strand, 4000));
    assert_false(ferry_strand_stuck(strand, 5999));
    assert_true(ferry_strand_stuck(strand, 6000));
    ferry_strand_settle(first);
    ferry_window_commit(&strand->window, ferry_window_prefix(&strand->window));
    letter = ferry_strand_next(strand, 7000);
    assert_int_equal(letter->entry->offset, 100 + FERRY_STRAND_GATE);
    assert_false(ferry_strand_stuck(strand, 7000));
    ferry_strand_settle(letter);
    ferry_strand_free(strand);
}

static bool is_certain(struct ferry_group_part given, int64_t sequence)
{
    struct ferry_strand *strand = ferry_strand_new("f.events.email", &given);
    for (int64_t i = 0; i <= sequence; i++)
        take(strand, given.committed + i);
    bool certain = strand->held->prev->certain; /* the last one */
    ferry_strand_free(strand);
    return certain;
}

static void only_what_no_predecessor_can_have_sent_is_certain(void **state)
{
    (void)state;
    struct ferry_group_part given = part;
    assert_false(is_certain(given, 0));
    assert_false(is_certain(given, FERRY_STRAND_GATE - 1));
    assert_true(is_certain(given, FERRY_STRAND_GATE));
    given.restored = true;
    assert_false(is_certain(given, FERRY_STRAND_GATE));
    assert_true(is_certain(given, FERRY_STRAND_GATE + FERRY_POSITION_STRIDE));
    given.log_end = 110;
    assert_false(is_certain(given, 9));
    assert_true(is_certain(given, 10));
}

static void a_message_without_a_value_is_a_letter_too(void **state)
{
    (void)state;
    struct ferry_strand *strand = ferry_strand_new("f.events.email", &part);
    assert_int_equal(ferry_strand_take(strand, 100, NULL, 0), FERRY_OK);
    struct ferry_letter *letter = ferry_strand_next(strand, 1000);
    assert_int_equal(letter->length, 0);
    ferry_strand_settle(letter);
    ferry_strand_free(strand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_order_and_the_prefix_follows_their_fates),
        cmocka_unit_test(nothing_is_sent_further_than_the_gate_from_what_is_committed),
        cmocka_unit_test(one_that_holds_up_all_behind_it_makes_its_strand_stuck),
        cmocka_unit_test(only_what_no_predecessor_can_have_sent_is_certain),
        cmocka_unit_test(a_message_without_a_value_is_a_letter_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
