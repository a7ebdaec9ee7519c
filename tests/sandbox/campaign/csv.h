/* Text files as Campaign's "Extract file" writes them. */
#ifndef SANDBOX_CAMPAIGN_CSV_H
#define SANDBOX_CAMPAIGN_CSV_H

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

#include "base/buf.h"

struct sandbox_csv_format {
    char delimiter;
    char quote; /* 0: none; then texts lose what would tear the row */
    bool crlf;
    bool bom;
    bool gzip;
    const char *encoding; /* as iconv names it; NULL: UTF-8 */
};

struct sandbox_csv {
    struct sandbox_csv_format format;
    FILE *file;
    gzFile gz;
    iconv_t converter;
    struct sandbox_buf row;
    struct sandbox_buf block; /* rows on the way to the file */
    size_t rows, lines;
    size_t row_line; /* where the row at hand began */
    size_t bytes;    /* of the text, unpacked */
    bool failed;
    bool begun; /* the row at hand has a field */
};

/* False when the file cannot be made or the encoding is unknown. */
bool sandbox_csv_open(struct sandbox_csv *csv, const char *path,
                      const struct sandbox_csv_format *format);
/* False when something could not be written. */
bool sandbox_csv_close(struct sandbox_csv *csv);

void sandbox_csv_text(struct sandbox_csv *csv, const char *text);
void sandbox_csv_number(struct sandbox_csv *csv, uint64_t number);
/* Gives the line at which the row began, counted from 1. */
size_t sandbox_csv_end_row(struct sandbox_csv *csv);

#endif
