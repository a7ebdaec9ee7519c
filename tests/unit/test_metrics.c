#include "core/base/metrics.h"

#include "cmocka_all.h"

static void series_of_one_name_share_their_head(void **state)
{
    (void)state;
    struct ferry_metrics *metrics = ferry_metrics_new();
    struct ferry_buffer out;
    ferry_buffer_init(&out, 10000);
    struct ferry_metric *contact = ferry_metric(metrics, FERRY_COUNTER, "ferry_records_total",
                                                "Records.", "table=\"contact\"");
    ferry_metric_add(contact, 2);
    ferry_metric_set(ferry_metric(metrics, FERRY_GAUGE, "ferry_age_seconds", "Age.", NULL), 1.5);
    ferry_metric_add(ferry_metric(metrics, FERRY_COUNTER, "ferry_records_total", "Records.",
                                  "table=\"account\""),
                     1);
    ferry_metric_add(ferry_metric(metrics, FERRY_COUNTER, "ferry_records_total", "Records.",
                                  "table=\"contact\""),
                     1);
    assert_int_equal(ferry_metrics_render(metrics, &out), FERRY_OK);
    assert_string_equal(out.data, "# HELP ferry_records_total Records.\n"
                                  "# TYPE ferry_records_total counter\n"
                                  "ferry_records_total{table=\"contact\"} 3\n"
                                  "ferry_records_total{table=\"account\"} 1\n"
                                  "# HELP ferry_age_seconds Age.\n"
                                  "# TYPE ferry_age_seconds gauge\n"
                                  "ferry_age_seconds 1.5\n");
    ferry_buffer_done(&out);
    ferry_metrics_free(metrics);
}

static void a_missing_series_is_harmless(void **state)
{
    (void)state;
    ferry_metric_add(NULL, 1);
    ferry_metric_set(NULL, 1);
    assert_true(ferry_metric_value(NULL) == 0.0);
    assert_null(ferry_metric(NULL, FERRY_GAUGE, "x", "x", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_one_name_share_their_head),
        cmocka_unit_test(a_missing_series_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
