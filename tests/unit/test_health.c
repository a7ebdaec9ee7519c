#include "core/io/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void health_without_an_address_is_nothing_and_is_accepted(void **state)
{
    uv_loop_t loop;
    struct ferry_health *health = NULL;
    struct ferry_error error;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(ferry_health_new(&loop, NULL, NULL, &health, &error), FERRY_OK);
    assert_null(health);
    ferry_health_beat(health);
    ferry_health_ask(health, NULL, NULL);
    ferry_health_free(health);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void health_listens_where_others_reach_it(void **state)
{
    uv_loop_t loop;
    struct ferry_health *health = NULL;
    struct ferry_metrics *metrics = ferry_metrics_new();
    struct ferry_error error;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(ferry_health_new(&loop, "0.0.0.0:0", metrics, &health, &error), FERRY_OK);
    ferry_health_free(health);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    ferry_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_without_an_address_is_nothing_and_is_accepted),
        cmocka_unit_test(health_listens_where_others_reach_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
