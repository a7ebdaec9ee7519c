#include "core/record/trace.h"

#include "cmocka_all.h"

#include <string.h>

static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static void each_record_has_a_trace_and_each_page_a_span(void **state)
{
    (void)state;
    struct ferry_tracer tracer;
    char first[FERRY_TRACE_SIZE], second[FERRY_TRACE_SIZE], third[FERRY_TRACE_SIZE];
    ferry_tracer_init(&tracer);
    ferry_tracer_turn(&tracer);
    assert_true(ferry_trace_read(ferry_tracer_next(&tracer), FERRY_TRACE_SIZE - 1, first));
    assert_true(ferry_trace_read(ferry_tracer_next(&tracer), FERRY_TRACE_SIZE - 1, second));
    ferry_tracer_turn(&tracer);
    assert_true(ferry_trace_read(ferry_tracer_next(&tracer), FERRY_TRACE_SIZE - 1, third));
    assert_memory_not_equal(first + 3, second + 3, 32);
    assert_memory_not_equal(second + 3, third + 3, 32);
    assert_memory_equal(first + 36, second + 36, 16);
    assert_memory_not_equal(second + 36, third + 36, 16);
}

static void two_processes_do_not_share_their_ids(void **state)
{
    (void)state;
    struct ferry_tracer one, other;
    ferry_tracer_init(&one);
    ferry_tracer_init(&other);
    assert_memory_not_equal(one.text + 3, other.text + 3, 16);
}

static void what_a_stranger_sent_is_taken_only_when_it_is_well_formed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\r\n",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    char out[FERRY_TRACE_SIZE];
    assert_true(ferry_trace_read(good, sizeof good - 1, out));
    assert_string_equal(out, good);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ferry_trace_read(bad[i], strlen(bad[i]), out));
        assert_string_equal(out, "");
    }
    assert_false(ferry_trace_read(NULL, 0, out));
}

static void what_has_a_name_of_its_own_has_its_trace_in_the_span_of_now(void **state)
{
    (void)state;
    struct ferry_tracer tracer;
    char first[FERRY_TRACE_SIZE], second[FERRY_TRACE_SIZE], read[FERRY_TRACE_SIZE];
    ferry_tracer_init(&tracer);
    ferry_tracer_name(&tracer, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", first);
    assert_true(ferry_trace_read(first, strlen(first), read));
    assert_memory_equal(first, "00-4bf92f3577b34da6a3ce929d0e0e4736-", 36);
    assert_string_equal(first + 36, tracer.text + 36);
    ferry_tracer_turn(&tracer);
    ferry_tracer_name(&tracer, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", second);
    assert_memory_equal(first, second, 36);
    assert_string_not_equal(first, second);
}

static void the_trace_id_is_cut_out_for_a_log(void **state)
{
    (void)state;
    char id[FERRY_TRACE_ID_SIZE];
    ferry_trace_id(good, id);
    assert_string_equal(id, "4bf92f3577b34da6a3ce929d0e0e4736");
    ferry_trace_id("", id);
    assert_string_equal(id, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_has_a_trace_and_each_page_a_span),
        cmocka_unit_test(two_processes_do_not_share_their_ids),
        cmocka_unit_test(what_a_stranger_sent_is_taken_only_when_it_is_well_formed),
        cmocka_unit_test(what_has_a_name_of_its_own_has_its_trace_in_the_span_of_now),
        cmocka_unit_test(the_trace_id_is_cut_out_for_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
