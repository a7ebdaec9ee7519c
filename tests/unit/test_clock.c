#include "core/base/clock.h"

#include "cmocka_all.h"

static void times_are_written_as_rfc_3339(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1780000000123, "2026-05-28T20:26:40.123Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-6847804800000, "1753-01-01T00:00:00.000Z"},
        {253402300799009, "9999-12-31T23:59:59.009Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[FERRY_TIME_SIZE];
        ferry_time_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void back_off_doubles_with_jitter_and_stays_under_its_cap(void **state)
{
    (void)state;
    for (unsigned attempt = 0; attempt < 70; attempt++) {
        for (int i = 0; i < 50; i++) {
            int64_t wait = ferry_backoff_ms(attempt, 100, 30000);
            int64_t whole = attempt < 9 ? 100LL << attempt : 30000;
            whole = whole > 30000 ? 30000 : whole;
            assert_true(wait >= whole / 2 && wait <= whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_rfc_3339),
        cmocka_unit_test(back_off_doubles_with_jitter_and_stays_under_its_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
