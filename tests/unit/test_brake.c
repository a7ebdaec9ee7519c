#include "consumers/brake.h"

#include "cmocka_all.h"

static struct ferry_brake fresh(void)
{
    return (struct ferry_brake){.limits = {.records = 1000, .percent = 5}};
}

/* Read to the end, a whole table of so many rows. */
static struct ferry_brake_view of(uint64_t rows, size_t queued, size_t deletes)
{
    return (struct ferry_brake_view){
        .part = 1, .rows = rows, .queued = queued, .deletes = deletes, .calm = true};
}

static void limit_is_the_larger_of_records_and_share(void **state)
{
    static const struct {
        double part;
        uint64_t rows, limit;
    } rows[] = {{1, 100, 1000}, {1, 20000, 1000}, {1, 100000, 5000}, {0.5, 100, 500}};
    struct ferry_brake brake = fresh();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ferry_brake_view view = of(rows[i].rows, 0, 0);
        view.part = rows[i].part;
        assert_int_equal(ferry_brake_limit(&brake, &view), rows[i].limit);
    }
}

static void few_deletes_go_at_once(void **state)
{
    struct ferry_brake brake = fresh();
    struct ferry_brake_view view = of(10000, 12, 0);
    (void)state;
    assert_true(ferry_brake_lets(&brake, &view));
}

static void deletes_wait_while_more_may_follow(void **state)
{
    struct ferry_brake brake = fresh();
    struct ferry_brake_view reading = of(10000, 12, 0);
    struct ferry_brake_view full = of(10000, 1001, 0);
    (void)state;
    reading.calm = false;
    assert_false(ferry_brake_lets(&brake, &reading));
    assert_false(ferry_brake_lets(&brake, &full));
    assert_false(brake.on);
}

static void what_was_set_aside_goes_when_it_was_few(void **state)
{
    struct ferry_brake brake = fresh();
    struct ferry_brake_view view = of(10000, 0, 900);
    (void)state;
    assert_true(ferry_brake_releases(&brake, &view));
    assert_false(brake.on);
}

static void too_many_wait_for_a_person(void **state)
{
    struct ferry_brake brake = fresh();
    struct ferry_brake_view many = of(10000, 0, 1001);
    struct ferry_brake_view fewer = of(10000, 0, 10);
    (void)state;
    assert_false(ferry_brake_releases(&brake, &many));
    assert_true(brake.on);
    assert_false(ferry_brake_lets(&brake, &fewer));
    assert_false(ferry_brake_releases(&brake, &fewer)); /* it does not come off by itself */
}

static void what_went_within_the_hour_counts(void **state)
{
    struct ferry_brake brake = fresh();
    struct ferry_brake_view view = of(10000, 0, 200);
    (void)state;
    view.let = 801;
    assert_false(ferry_brake_releases(&brake, &view));
    brake.on = false;
    view.let = 800;
    assert_true(ferry_brake_releases(&brake, &view));
}

static void a_hundred_percent_is_no_brake(void **state)
{
    struct ferry_brake brake = {.limits = {.records = 0, .percent = 100}};
    (void)state;
    for (uint64_t rows = 500; rows > 0; rows--) {
        struct ferry_brake_view view = of(rows, 1, 0);
        view.let = 500 - rows;
        assert_true(ferry_brake_lets(&brake, &view));
    }
}

static void decision_takes_the_brake_off_once(void **state)
{
    const struct ferry_deletion first = {.decision = 1, .approved = true};
    struct ferry_brake brake = fresh();
    struct ferry_brake_view many = of(10000, 0, 5000);
    struct ferry_brake_view none = of(10000, 0, 0);
    (void)state;
    assert_false(ferry_brake_releases(&brake, &many));
    ferry_brake_decide(&brake, &first);
    assert_true(brake.latest.approved);
    assert_true(ferry_brake_lets(&brake, &none));
    assert_false(ferry_brake_releases(&brake, &many)); /* what came after it */
    ferry_brake_decide(&brake, &first);
    assert_true(brake.on);
}

static void limits_of_zero_ask_for_each_delete(void **state)
{
    struct ferry_brake brake = {.on = false};
    struct ferry_brake_view view = of(10000, 1, 0);
    (void)state;
    assert_false(ferry_brake_lets(&brake, &view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_is_the_larger_of_records_and_share),
        cmocka_unit_test(few_deletes_go_at_once),
        cmocka_unit_test(deletes_wait_while_more_may_follow),
        cmocka_unit_test(what_was_set_aside_goes_when_it_was_few),
        cmocka_unit_test(too_many_wait_for_a_person),
        cmocka_unit_test(what_went_within_the_hour_counts),
        cmocka_unit_test(a_hundred_percent_is_no_brake),
        cmocka_unit_test(decision_takes_the_brake_off_once),
        cmocka_unit_test(limits_of_zero_ask_for_each_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
