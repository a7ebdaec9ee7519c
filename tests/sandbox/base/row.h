/* One row packed for memory and speed: only values that are set, each as the JSON text that goes on
 * the wire. */
#ifndef SANDBOX_ROW_H
#define SANDBOX_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define SANDBOX_COLUMNS  192   /* a table's columns at most */
#define SANDBOX_ROW_TEXT 60000 /* a row's text at most */

struct sandbox_row;

/* The values of a row by column; at == NULL: not set. */
struct sandbox_values {
    struct sandbox_slice of[SANDBOX_COLUMNS];
};

/* NULL when memory is short or the text is longer than SANDBOX_ROW_TEXT. */
struct sandbox_row *sandbox_row_new(const struct sandbox_values *values);
struct sandbox_row *sandbox_row_copy(const struct sandbox_row *row);
void sandbox_row_free(struct sandbox_row *row);

/* Borrowed from the row. */
struct sandbox_slice sandbox_row_get(const struct sandbox_row *row, size_t column);
void sandbox_row_unpack(const struct sandbox_row *row, struct sandbox_values *ret_values);

#endif
