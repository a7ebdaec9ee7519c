/* Rows of a CSV text, one after the other, as they come out of a stream. libcsv knows what a field
 * is; what a row is, where it began and how to go on behind a broken one is known here. Any
 * thread, one at a time.
 *
 * Rows end with LF or CR LF outside of quotes; blank lines are none. The memory is bounded: a row
 * that is longer than FERRY_CSV_ROW_CEILING is broken. */
#ifndef FERRY_CSV_H
#define FERRY_CSV_H

#include "core/base/buffer.h"
#include "core/record/change.h"

#include <csv.h>

#define FERRY_CSV_ROW_CEILING ((size_t)64 << 10)
#define FERRY_CSV_COLUMNS     1000

struct ferry_csv_options {
    char delimiter;
    char quote; /* '\0': quotes are text */
    /* Fills `data` with up to `size` bytes; *ret_length 0: the end. */
    enum ferry_status (*read)(void *context, char *data, size_t size, size_t *ret_length,
                              struct ferry_error *error);
    void *context;
    int64_t position; /* of the first byte that is read, in the text */
    int64_t line;     /* of that byte; the first line is 1 */
};

/* All slices point into the reader, until its next call. */
struct ferry_csv_row {
    struct ferry_slice raw; /* without the end of the line; of a row too long its beginning */
    int64_t line;           /* on which it begins */
    const struct ferry_slice *fields;
    size_t count;
    const char *flaw; /* why it is broken, for people; NULL: it is whole */
};

struct ferry_csv {
    struct ferry_csv_options options;
    struct csv_parser parser;
    char *window;            /* text that was read */
    size_t row, at, end;     /* in it: begin of the row, what libcsv has not seen, end */
    size_t first_line;       /* end of the row's first line; 0: not yet seen */
    int64_t line, next_line; /* on which the row begins; that of `at` */
    int64_t position;        /* of the row's begin, in the text */
    bool ended, done;
    bool forgiving;           /* libcsv stumbled over a quote of this row, and may forgive it */
    struct ferry_buffer text; /* of the fields */
    struct ferry_slice fields[FERRY_CSV_COLUMNS];
    size_t count;
    bool too_many, out_of_memory;
};

enum ferry_status ferry_csv_init(struct ferry_csv *csv, const struct ferry_csv_options *options,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_csv_done(struct ferry_csv *csv);
/* *ret_more false: the end. A row with a flaw is FERRY_OK too. What else comes is what `read` said,
 * and then there is no going on. */
enum ferry_status ferry_csv_next(struct ferry_csv *csv, struct ferry_csv_row *ret_row,
                                 bool *ret_more, struct ferry_error *error) FERRY_MUST_CHECK;
/* Behind the row that was given last: bytes of the text, and the line there. */
int64_t ferry_csv_position(const struct ferry_csv *csv);
int64_t ferry_csv_line(const struct ferry_csv *csv);

#endif
