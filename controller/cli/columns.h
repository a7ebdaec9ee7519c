/* Aligned columns on stdout, as kubectl prints them. */
#ifndef FERRY_COLUMNS_H
#define FERRY_COLUMNS_H

#include <stdint.h>

#define FERRY_COLUMNS 10

struct ferry_columns;

/* `titles` ends with NULL; at most FERRY_COLUMNS. NULL: out of memory; the calls below accept it.
 */
struct ferry_columns *ferry_columns_new(const char *const *titles);
/* The next cell of the present row; after the last column a new row begins. NULL or "" shows "-".
 */
void ferry_columns_add(struct ferry_columns *columns, const char *text);
void ferry_columns_print(const struct ferry_columns *columns);
void ferry_columns_free(struct ferry_columns *columns);

/* "45s", "12m", "3h5m", "8d" */
void ferry_columns_age(int64_t seconds, char out[16]);
/* 1234567 -> "1,234,567" */
void ferry_columns_number(int64_t number, char out[32]);

#endif
