/* A decimal number as text, compared and narrowed without going through a double. Borrows the text.
 * Any thread. */
#ifndef FERRY_DECIMAL_H
#define FERRY_DECIMAL_H

#include "core/record/change.h"

struct ferry_decimal {
    bool negative;
    struct ferry_slice whole;    /* digits before the point, at least one */
    struct ferry_slice fraction; /* digits after it */
    int power;                   /* of ten, from an exponent */
};

/* [+-]digits[.digits][e[+-]digits], nothing before or after. */
bool ferry_decimal_parse(struct ferry_slice text, struct ferry_decimal *ret_decimal);
/* -1, 0 or 1; 1.50 equals 1.5. */
int ferry_decimal_compare(const struct ferry_decimal *a, const struct ferry_decimal *b);
/* False when there is a fraction other than zeros, or the number does not fit. */
bool ferry_decimal_integer(const struct ferry_decimal *decimal, int64_t *ret_integer);
/* As a JSON number with the digits it came with: no leading zeros, no plus, no negative zero. */
enum ferry_status ferry_decimal_write(const struct ferry_decimal *decimal,
                                      struct ferry_buffer *out) FERRY_MUST_CHECK;
/* The shortest text that gives the same double again; false for infinities and NaN. */
#define FERRY_DOUBLE_SIZE 32
bool ferry_decimal_format(double real, char out[FERRY_DOUBLE_SIZE]);

#endif
