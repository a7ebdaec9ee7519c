#include "consumers/doubt.h"

#include "cmocka_all.h"

#include "tests/unit/consents.h"

#include <utlist.h>

#define REASONS   3
#define NOW       INT64_C(1780000000000)
#define TOLERANCE INT64_C(60000)
#define SPAN      (FERRY_OPTOUT_UNSEEN_MS + 2000 + TOLERANCE)

struct sheet {
    struct ferry_consent *consent;
    struct ferry_feed live, bulk;
    struct ferry_reason *reasons[REASONS];
    size_t count;
    struct ferry_person person;
    struct ferry_view view;
};

static int begin(void **state, const char *direction)
{
    struct sheet *sheet = test_calloc(1, sizeof *sheet);
    sheet->consent = consent_of(direction, FERRY_TEST_PAIR);
    sheet->bulk.bulk = true;
    sheet->view.there = true;
    for (size_t i = 0; i < REASONS; i++)
        sheet->reasons[i] = test_calloc(1, sizeof *sheet->reasons[i] + 1);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        sheet->view.time[i] = NOW - 1000;
    *state = sheet;
    return 0;
}

static int setup(void **state)
{
    return begin(state, "both");
}

static int setup_without_dynamics(void **state)
{
    return begin(state, "campaign-to-dynamics");
}

static int setup_without_campaign(void **state)
{
    return begin(state, "dynamics-to-campaign");
}

static int teardown(void **state)
{
    struct sheet *sheet = *state;
    for (size_t i = 0; i < REASONS; i++)
        test_free(sheet->reasons[i]);
    ferry_consent_free(sheet->consent);
    test_free(sheet);
    return 0;
}

static void add_reason(struct sheet *sheet, struct ferry_feed *feed, enum ferry_side side,
                       bool email)
{
    struct ferry_reason *reason = sheet->reasons[sheet->count++];
    reason->feed = feed;
    reason->change.side = side;
    reason->change.said.known[FERRY_DENY_LIST_EMAIL] = true;
    reason->change.said.out[FERRY_DENY_LIST_EMAIL] = email;
    DL_APPEND(sheet->person.now, reason);
}

static int64_t until(struct sheet *sheet)
{
    return ferry_doubt_until(sheet->consent, &sheet->person, &sheet->view, NOW);
}

static void what_changed_a_moment_ago_and_was_not_told_is_looked_at_again(void **state)
{
    struct sheet *sheet = *state;
    assert_true(until(sheet) == NOW + SPAN); /* nobody told of it */
    add_reason(sheet, &sheet->live, FERRY_SIDE_CAMPAIGN, false);
    assert_true(until(sheet) == NOW + SPAN); /* the other side's word is no word of Dynamics */
    assert_false(ferry_doubt_settled(&sheet->person));
    add_reason(sheet, &sheet->live, FERRY_SIDE_DYNAMICS, true);
    assert_true(until(sheet) == NOW + SPAN); /* something else was told */
    sheet->view.value[FERRY_DENY_LIST_EMAIL] = true;
    assert_true(until(sheet) == 0);
    assert_true(ferry_doubt_settled(&sheet->person));
}

static void the_last_word_counts(void **state)
{
    struct sheet *sheet = *state;
    add_reason(sheet, &sheet->live, FERRY_SIDE_DYNAMICS, false);
    assert_true(until(sheet) == 0);
    add_reason(sheet, &sheet->live, FERRY_SIDE_DYNAMICS, true);
    assert_true(until(sheet) == NOW + SPAN);
}

static void a_full_read_may_be_older_than_what_was_told(void **state)
{
    struct sheet *sheet = *state;
    add_reason(sheet, &sheet->bulk, FERRY_SIDE_DYNAMICS, false);
    assert_true(until(sheet) == NOW + SPAN);
    assert_false(ferry_doubt_settled(&sheet->person));
}

static void what_is_old_would_have_been_told(void **state)
{
    static const struct {
        int64_t age;
        bool doubted;
    } rows[] = {{-TOLERANCE, true}, {0, true}, {SPAN, true}, {SPAN + 1, false}, {NOW, false}};
    struct sheet *sheet = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int which = 0; which < FERRY_OPTOUT_ATTRIBUTES; which++)
            sheet->view.time[which] = NOW - rows[i].age;
        assert_int_equal(until(sheet) != 0, rows[i].doubted);
    }
}

static void an_attribute_that_is_not_mapped_raises_no_doubt(void **state)
{
    struct sheet *sheet = *state;
    add_reason(sheet, &sheet->live, FERRY_SIDE_DYNAMICS, false);
    sheet->view.value[FERRY_DENY_LIST_FAX] = true;
    assert_true(until(sheet) == 0);
    sheet->view.value[FERRY_DENY_LIST_PUSH] = true; /* of which the reader said nothing */
    assert_true(until(sheet) == NOW + SPAN);
}

static void who_is_not_there_raises_no_doubt(void **state)
{
    struct sheet *sheet = *state;
    sheet->view.there = false;
    assert_true(until(sheet) == 0);
}

static void where_nobody_reads_dynamics_there_is_no_doubt(void **state)
{
    assert_true(until(*state) == 0);
}

static void where_only_dynamics_is_read_there_is(void **state)
{
    assert_true(until(*state) == NOW + SPAN);
}

static void the_wait_is_bounded_whatever_became_of_the_clock(void **state)
{
    struct sheet *sheet = *state;
    assert_true(ferry_doubt_wait(sheet->consent, NOW, NOW) == 0);
    assert_true(ferry_doubt_wait(sheet->consent, NOW, NOW + 1) == 0);
    assert_true(ferry_doubt_wait(sheet->consent, NOW + 7, NOW) == 7);
    assert_true(ferry_doubt_wait(sheet->consent, NOW + SPAN, NOW) == SPAN);
    assert_true(ferry_doubt_wait(sheet->consent, NOW + SPAN, NOW - 1) == SPAN);
}

#define WITH_SHEET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SHEET(what_changed_a_moment_ago_and_was_not_told_is_looked_at_again),
        WITH_SHEET(the_last_word_counts),
        WITH_SHEET(a_full_read_may_be_older_than_what_was_told),
        WITH_SHEET(what_is_old_would_have_been_told),
        WITH_SHEET(an_attribute_that_is_not_mapped_raises_no_doubt),
        WITH_SHEET(who_is_not_there_raises_no_doubt),
        cmocka_unit_test_setup_teardown(where_nobody_reads_dynamics_there_is_no_doubt,
                                        setup_without_dynamics, teardown),
        cmocka_unit_test_setup_teardown(where_only_dynamics_is_read_there_is,
                                        setup_without_campaign, teardown),
        WITH_SHEET(the_wait_is_bounded_whatever_became_of_the_clock),
    };
    return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
