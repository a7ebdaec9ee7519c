#include "core/record/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* An exponent beyond this is no number of a business system, and keeps `power` far from overflow.
 */
#define POWER_DIGITS 4

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Takes the digits at *at. */
static struct ferry_slice take_digits(const char **at, const char *end)
{
    struct ferry_slice digits = {*at, 0};
    while (*at < end && is_digit(**at))
        ++*at;
    digits.length = (size_t)(*at - digits.data);
    return digits;
}

static bool take_sign(const char **at, const char *end)
{
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+'))
        ++*at;
    return negative;
}

static bool take_power(const char **at, const char *end, int *ret_power)
{
    bool negative = take_sign(at, end);
    struct ferry_slice digits = take_digits(at, end);
    if (digits.length == 0 || digits.length > POWER_DIGITS)
        return false;
    int power = 0;
    for (size_t i = 0; i < digits.length; i++)
        power = power * 10 + (digits.data[i] - '0');
    *ret_power = negative ? -power : power;
    return true;
}

bool ferry_decimal_parse(struct ferry_slice text, struct ferry_decimal *ret_decimal)
{
    if (text.length == 0)
        return false;
    const char *at = text.data;
    const char *end = text.data + text.length;
    struct ferry_decimal decimal = {.negative = take_sign(&at, end)};
    decimal.whole = take_digits(&at, end);
    if (decimal.whole.length == 0)
        return false;
    decimal.fraction = (struct ferry_slice){at, 0};
    if (at < end && *at == '.') {
        at++;
        decimal.fraction = take_digits(&at, end);
        if (decimal.fraction.length == 0)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (!take_power(&at, end, &decimal.power))
            return false;
    }
    if (at != end)
        return false;
    *ret_decimal = decimal;
    return true;
}

/* The digit at `index` of whole and fraction together; zeros follow for ever. */
static int digit_at(const struct ferry_decimal *decimal, size_t index)
{
    if (index < decimal->whole.length)
        return decimal->whole.data[index] - '0';
    index -= decimal->whole.length;
    return index < decimal->fraction.length ? decimal->fraction.data[index] - '0' : 0;
}

static size_t digit_count(const struct ferry_decimal *decimal)
{
    return decimal->whole.length + decimal->fraction.length;
}

/* Index of the first digit that is not 0; the count when there is none. */
static size_t first_digit(const struct ferry_decimal *decimal)
{
    size_t count = digit_count(decimal);
    size_t index = 0;
    while (index < count && digit_at(decimal, index) == 0)
        index++;
    return index;
}

static bool is_zero(const struct ferry_decimal *decimal)
{
    return first_digit(decimal) == digit_count(decimal);
}

/* The number is 0.d1d2d3… times ten to this. */
static int64_t magnitude(const struct ferry_decimal *decimal)
{
    return (int64_t)decimal->whole.length - (int64_t)first_digit(decimal) + decimal->power;
}

static int sign(const struct ferry_decimal *decimal)
{
    if (is_zero(decimal))
        return 0;
    return decimal->negative ? -1 : 1;
}

/* Of two numbers that are not 0, without their signs. */
static int compare_sizes(const struct ferry_decimal *a, const struct ferry_decimal *b)
{
    int64_t size_a = magnitude(a);
    int64_t size_b = magnitude(b);
    if (size_a != size_b)
        return size_a < size_b ? -1 : 1;
    size_t at_a = first_digit(a);
    size_t at_b = first_digit(b);
    for (; at_a < digit_count(a) || at_b < digit_count(b); at_a++, at_b++) {
        int difference = digit_at(a, at_a) - digit_at(b, at_b);
        if (difference != 0)
            return difference < 0 ? -1 : 1;
    }
    return 0;
}

int ferry_decimal_compare(const struct ferry_decimal *a, const struct ferry_decimal *b)
{
    int sign_a = sign(a);
    int sign_b = sign(b);
    if (sign_a != sign_b)
        return sign_a < sign_b ? -1 : 1;
    return sign_a == 0 ? 0 : sign_a * compare_sizes(a, b);
}

bool ferry_decimal_integer(const struct ferry_decimal *decimal, int64_t *ret_integer)
{
    if (is_zero(decimal)) {
        *ret_integer = 0;
        return true;
    }
    int64_t digits = magnitude(decimal);
    if (digits < 1 || digits > 19)
        return false;
    int64_t integer = 0;
    size_t index = first_digit(decimal);
    for (; digits > 0; digits--, index++) {
        /* Counted downwards: the negative side reaches one further. */
        if (__builtin_mul_overflow(integer, 10, &integer) ||
            __builtin_sub_overflow(integer, digit_at(decimal, index), &integer))
            return false;
    }
    for (; index < digit_count(decimal); index++)
        if (digit_at(decimal, index) != 0)
            return false;
    if (!decimal->negative && integer == INT64_MIN)
        return false;
    *ret_integer = decimal->negative ? integer : -integer;
    return true;
}

enum ferry_status ferry_decimal_write(const struct ferry_decimal *decimal, struct ferry_buffer *out)
{
    struct ferry_slice whole = decimal->whole;
    while (whole.length > 1 && whole.data[0] == '0') {
        whole.data++;
        whole.length--;
    }
    const char *minus = decimal->negative && !is_zero(decimal) ? "-" : "";
    enum ferry_status status = ferry_buffer_append_text(out, minus);
    if (status == FERRY_OK)
        status = ferry_buffer_append(out, whole.data, whole.length);
    if (status == FERRY_OK && decimal->fraction.length > 0)
        status = ferry_buffer_append(out, ".", 1);
    if (status == FERRY_OK)
        status = ferry_buffer_append(out, decimal->fraction.data, decimal->fraction.length);
    if (status == FERRY_OK && decimal->power != 0)
        status = ferry_buffer_printf(out, "e%d", decimal->power);
    return status;
}

bool ferry_decimal_format(double real, char out[FERRY_DOUBLE_SIZE])
{
    if (!isfinite(real))
        return false;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, FERRY_DOUBLE_SIZE, "%.*g", digits, real);
        if (strtod(out, NULL) == real)
            break;
    }
    return true;
}
