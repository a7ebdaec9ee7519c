/* One record of a page while its keys and values arrive: keeps the selected columns, the id and the
 * number of the ETag. Keys and texts are given as a parser has them and are copied. Loop thread
 * only. */
#ifndef FERRY_ROW_H
#define FERRY_ROW_H

#include "core/record/change.h"

#include <stddef.h>

enum ferry_row_number {
    FERRY_ROW_INTEGER,
    FERRY_ROW_DOUBLE,
    FERRY_ROW_DIGITS,
    FERRY_ROW_BOOLEAN, /* true or false, so that a number is a fault */
};

struct ferry_row_column {
    const char *name;
    enum ferry_row_number number; /* what a number in this column becomes */
};

struct ferry_row;

/* The columns and the name of the primary id are borrowed. `ceiling`: bytes of all values of a
 * record. */
enum ferry_status ferry_row_new(const char *primary_id, const struct ferry_row_column *columns,
                                size_t count, size_t ceiling,
                                struct ferry_row **ret_row) FERRY_MUST_CHECK;
void ferry_row_free(struct ferry_row *row);

void ferry_row_begin(struct ferry_row *row);
void ferry_row_key(struct ferry_row *row, const char *key, size_t length);
/* The value of the last key; FERRY_FULL beyond the ceiling, FERRY_NOMEM. */
enum ferry_status ferry_row_text(struct ferry_row *row, const char *text,
                                 size_t length) FERRY_MUST_CHECK;
enum ferry_status ferry_row_number(struct ferry_row *row, const char *digits,
                                   size_t length) FERRY_MUST_CHECK;
void ferry_row_null(struct ferry_row *row);
void ferry_row_boolean(struct ferry_row *row, bool boolean);
void ferry_row_nested(struct ferry_row *row); /* a list or an object, which no column should hold */

/* NULL when the record can be carried: *ret_change then has id, op, version and fields, valid until
 * the next begin. Otherwise why not: a sentence that names the column and not its value. */
const char *ferry_row_finish(struct ferry_row *row, struct ferry_change **ret_change);
struct ferry_slice ferry_row_id(const struct ferry_row *row); /* empty: not seen */

#endif
