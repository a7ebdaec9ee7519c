#include "consumers/allowance.h"

#include "cmocka_all.h"

static int64_t heed(struct ferry_allowance *allowance, int64_t parallel, int64_t requests,
                    int64_t time_ms)
{
    const struct ferry_dataverse_limits limits = {parallel, requests, time_ms};
    return ferry_allowance_heed(allowance, &limits);
}

static void what_the_service_recommends_is_the_ceiling_but_never_above_our_own(void **state)
{
    (void)state;
    struct ferry_allowance allowance;
    ferry_allowance_init(&allowance, 40);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 40);
    heed(&allowance, 16, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 16);
    heed(&allowance, -1, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 16);
    heed(&allowance, 0, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 16);
    heed(&allowance, 1000, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 40);
    ferry_allowance_init(&allowance, 1000);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 52);
    heed(&allowance, INT64_C(1) << 40, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 52);
}

static void the_fewer_requests_are_left_the_slower_they_are_made(void **state)
{
    (void)state;
    struct ferry_allowance allowance;
    int64_t before = 0;
    ferry_allowance_init(&allowance, 40);
    assert_int_equal(heed(&allowance, -1, 6000, -1), 0);
    assert_int_equal(heed(&allowance, -1, 600, -1), 0);
    for (int64_t left = 599; left >= 0; left--) {
        int64_t wait = heed(&allowance, -1, left, -1);
        assert_in_range(wait, before > 1 ? before : 1, 5000);
        before = wait;
    }
    assert_int_equal(before, 5000);
    assert_int_equal(heed(&allowance, -1, 5999, -1), 0);
}

static void little_time_left_means_one_request_at_a_time_until_there_is_more(void **state)
{
    (void)state;
    struct ferry_allowance allowance;
    ferry_allowance_init(&allowance, 40);
    heed(&allowance, 16, -1, 1200000);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 16);
    heed(&allowance, 16, -1, 119999);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 1);
    heed(&allowance, 16, -1, -1);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 1);
    heed(&allowance, 16, -1, 120000);
    assert_int_equal(ferry_allowance_ceiling(&allowance), 16);
}

static void the_numbers_of_the_headers_are_read_in_the_forms_they_have(void **state)
{
    (void)state;
    assert_int_equal(ferry_dataverse_parse_limit("5999", 1), 5999);
    assert_int_equal(ferry_dataverse_parse_limit(" 16", 1), 16);
    assert_int_equal(ferry_dataverse_parse_limit("1,199.97", 1000), 1199970);
    assert_int_equal(ferry_dataverse_parse_limit("1200", 1000), 1200000);
    assert_int_equal(ferry_dataverse_parse_limit("0.5", 1000), 500);
    assert_int_equal(ferry_dataverse_parse_limit("7.9", 1), 7);
    assert_int_equal(ferry_dataverse_parse_limit("99999999999999999999999", 1), 1000000000);
    assert_int_equal(ferry_dataverse_parse_limit("", 1), -1);
    assert_int_equal(ferry_dataverse_parse_limit("many", 1), -1);
    assert_int_equal(ferry_dataverse_parse_limit("-3", 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_service_recommends_is_the_ceiling_but_never_above_our_own),
        cmocka_unit_test(the_fewer_requests_are_left_the_slower_they_are_made),
        cmocka_unit_test(little_time_left_means_one_request_at_a_time_until_there_is_more),
        cmocka_unit_test(the_numbers_of_the_headers_are_read_in_the_forms_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
