#include "core/io/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void match_accepts_exactly_the_same_path(void **state)
{
    struct ferry_route route;

    (void)state;
    assert_true(ferry_route_match("/v1/workflows", "/v1/workflows", &route));
    assert_false(ferry_route_match("/v1/workflows", "/v1/workflow", &route));
    assert_false(ferry_route_match("/v1/workflows", "/v1/workflows/", &route));
    assert_false(ferry_route_match("/v1/workflows", "/v1", &route));
    assert_false(ferry_route_match("/v1/workflows", "", &route));
}

static void match_decodes_the_segment_in_braces(void **state)
{
    struct ferry_route route;

    (void)state;
    assert_true(ferry_route_match("/v1/w/{id}/{what}", "/v1/w/a%20b%2Fc/start", &route));
    assert_string_equal(ferry_route_parameter(&route, "id"), "a b/c");
    assert_string_equal(ferry_route_parameter(&route, "what"), "start");
    assert_string_equal(ferry_route_parameter(&route, "other"), "");
}

static void match_refuses_segments_that_are_not_text(void **state)
{
    static const char *const bad[] = {"/w/", "/w/%00", "/w/a%0", "/w/%zz", "/w/a%"};
    struct ferry_route route;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ferry_route_match("/w/{id}", bad[i], &route));
}

static void match_refuses_a_segment_that_is_too_long(void **state)
{
    struct ferry_route route;
    char path[FERRY_ROUTE_VALUE_SIZE + 8] = "/w/";

    (void)state;
    memset(path + 3, 'x', FERRY_ROUTE_VALUE_SIZE);
    path[3 + FERRY_ROUTE_VALUE_SIZE] = '\0';
    assert_false(ferry_route_match("/w/{id}", path, &route));
    path[2 + FERRY_ROUTE_VALUE_SIZE] = '\0';
    assert_true(ferry_route_match("/w/{id}", path, &route));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_accepts_exactly_the_same_path),
        cmocka_unit_test(match_decodes_the_segment_in_braces),
        cmocka_unit_test(match_refuses_segments_that_are_not_text),
        cmocka_unit_test(match_refuses_a_segment_that_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
