#include "core/record/moment.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct ferry_slice slice(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

static struct ferry_moment moment(const char *text)
{
    struct ferry_moment result;
    const char *reason = NULL;
    if (!ferry_moment_parse(slice(text), &result, &reason))
        fail_msg("%s %s", text, reason);
    return result;
}

static void parse_takes_the_forms_of_both_systems(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        /* text, day in UTC, instant in UTC */
        {"2026-04-07T21:59:01Z", "2026-04-07", "2026-04-07 21:59:01.000Z"},
        {"2026-11-21 08:15:30.123Z", "2026-11-21", "2026-11-21 08:15:30.123Z"},
        {"2026-11-21T08:15:30.1Z", "2026-11-21", "2026-11-21 08:15:30.100Z"},
        {"2026-11-21T08:15:30.1239999Z", "2026-11-21", "2026-11-21 08:15:30.123Z"},
        {"2026-11-21T23:30:00-08:00", "2026-11-22", "2026-11-22 07:30:00.000Z"},
        {"2026-01-01T00:30:00+02:00", "2025-12-31", "2025-12-31 22:30:00.000Z"},
        {"1980-04-05", "1980-04-05", "1980-04-05 00:00:00.000Z"},
        {"2024-02-29", "2024-02-29", "2024-02-29 00:00:00.000Z"},
        {"1753-01-01T00:00:00Z", "1753-01-01", "1753-01-01 00:00:00.000Z"},
        {"0001-01-01", "0001-01-01", "0001-01-01 00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31", "9999-12-31 23:59:59.999Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31", "1969-12-31 23:59:59.500Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_moment result = moment(cases[i][0]);
        char text[FERRY_MOMENT_SIZE];
        assert_int_equal(ferry_moment_format_day(&result, text), strlen(cases[i][1]));
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(ferry_moment_format(&result, text), strlen(cases[i][2]));
        assert_string_equal(text, cases[i][2]);
    }
}

static void parse_refuses_everything_else_with_a_reason(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "is empty"},
        {"yesterday", "is no date"},
        {"26-04-07", "is no date"},
        {"2026/04/07", "is no date"},
        {"07.04.2026", "is no date"},
        {"2026-4-7", "is no date"},
        {" 2026-04-07", "is no date"},
        {"2026-04-07 ", "is no date with a time"},
        {"2026-04-07T21:59Z", "is no date with a time"},
        {"2026-04-07T21:59:01.Z", "is no date with a time"},
        {"2026-04-07T21:59:01z", "is no date with a time"},
        {"2026-04-07T21:59:01Zx", "is no date with a time"},
        {"2026-04-07T21:59:01+0200", "is no date with a time"},
        {"2026-04-07T21:59:01+15:00", "is no date with a time"},
        {"2026-04-07T21:59:01.1234567890Z", "is no date with a time"},
        {"2026-04-07T21:59:01", "is a time without a time zone"},
        {"2026-04-07T21:59:01.5", "is a time without a time zone"},
        {"2026-02-29", "is a day or a time that does not exist"},
        {"2026-13-01", "is a day or a time that does not exist"},
        {"2026-00-10", "is a day or a time that does not exist"},
        {"2026-04-31T10:00:00Z", "is a day or a time that does not exist"},
        {"2026-04-07T24:00:00Z", "is a day or a time that does not exist"},
        {"2026-04-07T23:59:60Z", "is a day or a time that does not exist"},
        {"0000-01-01", "is not within the years 0001 to 9999"},
        {"0001-01-01T00:00:00+01:00", "is not within the years 0001 to 9999"},
        {"9999-12-31T23:59:59-01:00", "is not within the years 0001 to 9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_moment ignored;
        const char *reason = "";
        if (ferry_moment_parse(slice(cases[i][0]), &ignored, &reason))
            fail_msg("%s should be refused", cases[i][0]);
        assert_string_equal(reason, cases[i][1]);
    }
    struct ferry_moment ignored;
    const char *reason = "";
    assert_false(ferry_moment_parse((struct ferry_slice){NULL, 0}, &ignored, &reason));
    assert_false(ferry_moment_parse((struct ferry_slice){"2026-04-07\0Z", 12}, &ignored, &reason));
}

static void compare_orders_instants_to_the_millisecond(void **state)
{
    (void)state;
    struct ferry_moment early = moment("2026-01-01T00:00:00.001Z");
    struct ferry_moment late = moment("2026-01-01T01:00:00.002+01:00");
    assert_int_equal(ferry_moment_compare(&early, &late), -1);
    assert_int_equal(ferry_moment_compare(&late, &early), 1);
    assert_int_equal(ferry_moment_compare(&late, &late), 0);
}

static void day_is_midnight_also_before_the_epoch(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"2026-04-07T21:59:01Z", "2026-04-07"},
                                           {"1969-12-31T23:59:59Z", "1969-12-31"},
                                           {"1900-01-01T00:00:00Z", "1900-01-01"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_moment instant = moment(cases[i][0]);
        struct ferry_moment cut = ferry_moment_day(&instant);
        struct ferry_moment day = moment(cases[i][1]);
        assert_int_equal(ferry_moment_compare(&cut, &day), 0);
    }
}

static void what_is_formatted_is_read_back_the_same(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 20000; i++) {
        struct ferry_moment written = {.seconds =
                                           ((int64_t)rand() * 200 + rand()) % INT64_C(253402300799),
                                       .milliseconds = rand() % 1000};
        if (rand() % 4 == 0)
            written.seconds = -(written.seconds % INT64_C(62135596800));
        char text[FERRY_MOMENT_SIZE];
        ferry_moment_format(&written, text);
        struct ferry_moment read = moment(text);
        if (ferry_moment_compare(&written, &read) != 0)
            fail_msg("%s, seed %u", text, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_takes_the_forms_of_both_systems),
        cmocka_unit_test(parse_refuses_everything_else_with_a_reason),
        cmocka_unit_test(compare_orders_instants_to_the_millisecond),
        cmocka_unit_test(day_is_midnight_also_before_the_epoch),
        cmocka_unit_test(what_is_formatted_is_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
