/* Every cell of the tables of ADR 5, written out. */
#include "consumers/rule.h"

#include "cmocka_all.h"

#define D FERRY_SIDE_DYNAMICS
#define C FERRY_SIDE_CAMPAIGN

#define TOLERANCE INT64_C(60000)
#define AT        INT64_C(1780000000000)

/* Who has the later time. */
enum place { DYNAMICS_LATER, CAMPAIGN_LATER, EQUAL, NONE_IN_DYNAMICS, NONE_IN_CAMPAIGN, NONE };

static const int64_t times[][FERRY_SIDES] = {
    [DYNAMICS_LATER] = {AT + TOLERANCE + 1000, AT},
    [CAMPAIGN_LATER] = {AT, AT + TOLERANCE + 1000},
    [EQUAL] = {AT, AT},
    [NONE_IN_DYNAMICS] = {0, AT},
    [NONE_IN_CAMPAIGN] = {AT, 0},
    [NONE] = {0, 0},
};
#define PLACES ((int)(sizeof times / sizeof times[0]))

struct cell {
    enum ferry_side when_dynamics_is_out; /* the winner */
    enum ferry_side when_campaign_is_out;
    enum ferry_ground ground;
};

static const struct cell cells[FERRY_RULES][PLACES] = {
    [FERRY_RULE_ORIGINAL] = {[DYNAMICS_LATER] = {D, C, FERRY_GROUND_OPT_OUT},
                             [CAMPAIGN_LATER] = {C, C, FERRY_GROUND_LATER},
                             [EQUAL] = {D, C, FERRY_GROUND_OPT_OUT},
                             [NONE_IN_DYNAMICS] = {D, C, FERRY_GROUND_OPT_OUT},
                             [NONE_IN_CAMPAIGN] = {D, C, FERRY_GROUND_OPT_OUT},
                             [NONE] = {D, C, FERRY_GROUND_OPT_OUT}},
    [FERRY_RULE_NEWEST_WINS] = {[DYNAMICS_LATER] = {D, D, FERRY_GROUND_LATER},
                                [CAMPAIGN_LATER] = {C, C, FERRY_GROUND_LATER},
                                [EQUAL] = {D, C, FERRY_GROUND_OPT_OUT},
                                [NONE_IN_DYNAMICS] = {D, C, FERRY_GROUND_OPT_OUT},
                                [NONE_IN_CAMPAIGN] = {D, C, FERRY_GROUND_OPT_OUT},
                                [NONE] = {D, C, FERRY_GROUND_OPT_OUT}},
    [FERRY_RULE_OPT_OUT_WINS] = {[DYNAMICS_LATER] = {D, C, FERRY_GROUND_OPT_OUT},
                                 [CAMPAIGN_LATER] = {D, C, FERRY_GROUND_OPT_OUT},
                                 [EQUAL] = {D, C, FERRY_GROUND_OPT_OUT},
                                 [NONE_IN_DYNAMICS] = {D, C, FERRY_GROUND_OPT_OUT},
                                 [NONE_IN_CAMPAIGN] = {D, C, FERRY_GROUND_OPT_OUT},
                                 [NONE] = {D, C, FERRY_GROUND_OPT_OUT}},
};

static void assert_ruling(struct ferry_ruling ruling, enum ferry_side winner,
                          enum ferry_ground ground)
{
    assert_int_equal(ruling.winner, winner);
    assert_int_equal(ruling.ground, ground);
}

static void every_cell_of_both_ways_is_as_the_table_says(void **state)
{
    const bool dynamics_out[] = {true, false};
    const bool campaign_out[] = {false, true};
    (void)state;
    for (int rule = 0; rule < FERRY_RULES; rule++) {
        for (int place = 0; place < PLACES; place++) {
            const struct cell *cell = &cells[rule][place];
            assert_ruling(ferry_rule_judge(FERRY_BOTH_WAYS, (enum ferry_rule)rule, TOLERANCE,
                                           dynamics_out, times[place]),
                          cell->when_dynamics_is_out, cell->ground);
            assert_ruling(ferry_rule_judge(FERRY_BOTH_WAYS, (enum ferry_rule)rule, TOLERANCE,
                                           campaign_out, times[place]),
                          cell->when_campaign_is_out, cell->ground);
        }
    }
}

static void one_way_the_source_wins_whatever_rule_values_and_times(void **state)
{
    (void)state;
    for (int rule = 0; rule < FERRY_RULES; rule++) {
        for (int place = 0; place < PLACES; place++) {
            for (int out = 0; out < FERRY_SIDES; out++) {
                const bool value[FERRY_SIDES] = {out == D, out == C};
                assert_ruling(ferry_rule_judge(FERRY_DYNAMICS_TO_CAMPAIGN, (enum ferry_rule)rule,
                                               TOLERANCE, value, times[place]),
                              D, FERRY_GROUND_ONE_WAY);
                assert_ruling(ferry_rule_judge(FERRY_CAMPAIGN_TO_DYNAMICS, (enum ferry_rule)rule,
                                               TOLERANCE, value, times[place]),
                              C, FERRY_GROUND_ONE_WAY);
            }
        }
    }
}

/* Campaign opted in, later by `apart`: its value wins exactly beyond the tolerance. */
static enum ferry_ground ground_of(int64_t apart, int64_t tolerance_ms)
{
    const bool value[] = {true, false};
    const int64_t counted[] = {AT, AT + apart};
    return ferry_rule_judge(FERRY_BOTH_WAYS, FERRY_RULE_ORIGINAL, tolerance_ms, value, counted)
        .ground;
}

static void a_difference_of_the_tolerance_counts_as_equal_and_a_second_more_does_not(void **state)
{
    (void)state;
    assert_int_equal(ground_of(TOLERANCE, TOLERANCE), FERRY_GROUND_OPT_OUT);
    assert_int_equal(ground_of(TOLERANCE + 999, TOLERANCE), FERRY_GROUND_OPT_OUT);
    assert_int_equal(ground_of(TOLERANCE + 1000, TOLERANCE), FERRY_GROUND_LATER);
    assert_int_equal(ground_of(999, 0), FERRY_GROUND_OPT_OUT);
    assert_int_equal(ground_of(1000, 0), FERRY_GROUND_LATER);
}

static void times_are_cut_towards_the_past(void **state)
{
    (void)state;
    assert_true(ferry_rule_cut(1999) == 1000);
    assert_true(ferry_rule_cut(2000) == 2000);
    assert_true(ferry_rule_cut(0) == 0);
    assert_true(ferry_rule_cut(-1) == -1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_both_ways_is_as_the_table_says),
        cmocka_unit_test(one_way_the_source_wins_whatever_rule_values_and_times),
        cmocka_unit_test(a_difference_of_the_tolerance_counts_as_equal_and_a_second_more_does_not),
        cmocka_unit_test(times_are_cut_towards_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
