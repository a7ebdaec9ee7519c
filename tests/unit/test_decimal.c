#include "core/record/decimal.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct ferry_slice slice(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

static struct ferry_decimal decimal(const char *text)
{
    struct ferry_decimal result;
    if (!ferry_decimal_parse(slice(text), &result))
        fail_msg("%s should be a number", text);
    return result;
}

static void parse_refuses_what_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",   "+",   ".5",      "5.",   "1,5", " 1",
                                      "1 ",  "1e",  "e5",  "1.2.3",   "0x1",  "1e+", "--1",
                                      "inf", "nan", "1_0", "1e99999", "1.e5", "12a"};
    struct ferry_decimal ignored;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ferry_decimal_parse(slice(bad[i]), &ignored))
            fail_msg("%s should be refused", bad[i]);
    assert_false(ferry_decimal_parse((struct ferry_slice){NULL, 0}, &ignored));
}

static void parse_looks_only_at_its_slice(void **state)
{
    (void)state;
    struct ferry_decimal result;
    assert_true(ferry_decimal_parse((struct ferry_slice){"12x", 2}, &result));
    assert_int_equal(result.whole.length, 2);
}

static void compare_orders_by_value_not_by_form(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int order;
    } cases[] = {
        {"1", "1", 0},
        {"1.50", "1.5", 0},
        {"20000.0000", "20000", 0},
        {"007", "7", 0},
        {"-0", "0", 0},
        {"0.000", "-0e5", 0},
        {"1e3", "1000", 0},
        {"1.5e-2", "0.015", 0},
        {"2", "10", -1},
        {"-2", "1", -1},
        {"-10", "-2", -1},
        {"0", "0.0000001", -1},
        {"-0.1", "0", -1},
        {"0.09", "0.1", -1},
        {"99999999999999999999.98", "99999999999999999999.99", -1},
        {"9007199254740992", "9007199254740993", -1},
        {"1e-300", "1e300", -1},
        {"-1e300", "-1e-300", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_decimal a = decimal(cases[i].a);
        struct ferry_decimal b = decimal(cases[i].b);
        if (ferry_decimal_compare(&a, &b) != cases[i].order ||
            ferry_decimal_compare(&b, &a) != -cases[i].order)
            fail_msg("%s against %s", cases[i].a, cases[i].b);
    }
}

static void compare_agrees_with_integer_arithmetic(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 20000; i++) {
        /* Hundredths, so that both forms of a number appear. */
        int a = rand() % 4001 - 2000;
        int b = rand() % 4001 - 2000;
        char text_a[32];
        char text_b[32];
        snprintf(text_a, sizeof text_a, "%s%d.%02d", a < 0 ? "-" : "", abs(a) / 100, abs(a) % 100);
        snprintf(text_b, sizeof text_b, "%de-2", b);
        struct ferry_decimal decimal_a = decimal(text_a);
        struct ferry_decimal decimal_b = decimal(text_b);
        if (ferry_decimal_compare(&decimal_a, &decimal_b) != (a > b) - (a < b))
            fail_msg("%s against %s, seed %u", text_a, text_b, seed);
    }
}

static void integer_takes_whole_numbers_that_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fits;
        int64_t integer;
    } cases[] = {
        {"0", true, 0},
        {"-0.000", true, 0},
        {"0e9", true, 0},
        {"20000.0000", true, 20000},
        {"1.5e1", true, 15},
        {"1200e-2", true, 12},
        {"-42", true, -42},
        {"000000000000000000000000042", true, 42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"1e30", false, 0},
        {"0.5", false, 0},
        {"1.0001", false, 0},
        {"1201e-2", false, 0},
        {"1e-9999", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_decimal number = decimal(cases[i].text);
        int64_t integer = -1;
        if (ferry_decimal_integer(&number, &integer) != cases[i].fits)
            fail_msg("%s", cases[i].text);
        assert_int_equal(integer, cases[i].fits ? cases[i].integer : -1);
    }
}

static void write_keeps_the_digits_and_gives_a_json_number(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"20000.0000", "20000.0000"},
        {"007.50", "7.50"},
        {"+5", "5"},
        {"-0.0", "0.0"},
        {"-3", "-3"},
        {"1e5", "1e5"},
        {"1E+05", "1e5"},
        {"2e-7", "2e-7"},
        {"000", "0"},
        {"12345678901234567890.12345678901", "12345678901234567890.12345678901"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_buffer buffer;
        ferry_buffer_init(&buffer, 100);
        struct ferry_decimal number = decimal(cases[i][0]);
        assert_int_equal(ferry_decimal_write(&number, &buffer), FERRY_OK);
        assert_string_equal(buffer.data, cases[i][1]);
        ferry_buffer_done(&buffer);
    }
}

static void format_is_short_and_gives_the_same_double_again(void **state)
{
    (void)state;
    char text[FERRY_DOUBLE_SIZE];
    assert_true(ferry_decimal_format(0.1, text));
    assert_string_equal(text, "0.1");
    assert_true(ferry_decimal_format(60.39299, text));
    assert_string_equal(text, "60.39299");
    const double hard[] = {1.0 / 3, 2.2250738585072014e-308, -1.7976931348623157e308, 5e-324, -0.0};
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        assert_true(ferry_decimal_format(hard[i], text));
        assert_true(strtod(text, NULL) == hard[i]);
        decimal(text);
    }
    assert_false(ferry_decimal_format(strtod("inf", NULL), text));
    assert_false(ferry_decimal_format(strtod("nan", NULL), text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_refuses_what_is_no_number),
        cmocka_unit_test(parse_looks_only_at_its_slice),
        cmocka_unit_test(compare_orders_by_value_not_by_form),
        cmocka_unit_test(compare_agrees_with_integer_arithmetic),
        cmocka_unit_test(integer_takes_whole_numbers_that_fit),
        cmocka_unit_test(write_keeps_the_digits_and_gives_a_json_number),
        cmocka_unit_test(format_is_short_and_gives_the_same_double_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
