#include "controller/cli/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 3

struct ferry_columns {
    unsigned count;
    size_t widths[FERRY_COLUMNS];
    char **cells;
    size_t used;
};

/* Characters, not bytes: names may be in any script. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

struct ferry_columns *ferry_columns_new(const char *const *titles)
{
    struct ferry_columns *columns = calloc(1, sizeof *columns);

    if (!columns)
        return NULL;
    while (titles[columns->count])
        columns->count++;
    for (unsigned i = 0; i < columns->count; i++)
        ferry_columns_add(columns, titles[i]);
    return columns;
}

void ferry_columns_add(struct ferry_columns *columns, const char *text)
{
    char **cells;
    size_t width;

    if (!columns)
        return;
    text = text && *text ? text : "-";
    cells = realloc(columns->cells, (columns->used + 1) * sizeof *cells);
    if (!cells)
        return;
    columns->cells = cells;
    cells[columns->used] = strdup(text);
    if (!cells[columns->used])
        return;
    width = width_of(text);
    if (width > columns->widths[columns->used % columns->count])
        columns->widths[columns->used % columns->count] = width;
    columns->used++;
}

void ferry_columns_print(const struct ferry_columns *columns)
{
    for (size_t i = 0; columns && i < columns->used; i++) {
        unsigned column = (unsigned)(i % columns->count);

        if (column + 1 == columns->count)
            printf("%s\n", columns->cells[i]);
        else
            printf("%s%*s", columns->cells[i],
                   (int)(columns->widths[column] - width_of(columns->cells[i]) + GAP), "");
    }
}

void ferry_columns_free(struct ferry_columns *columns)
{
    if (!columns)
        return;
    for (size_t i = 0; i < columns->used; i++)
        free(columns->cells[i]);
    free(columns->cells);
    free(columns);
}

void ferry_columns_age(int64_t seconds, char out[16])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 120)
        snprintf(out, 16, "%ds", (int)seconds);
    else if (seconds < 2 * 3600)
        snprintf(out, 16, "%dm", (int)(seconds / 60));
    else if (seconds < 48 * 3600)
        snprintf(out, 16, "%dh%dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    else
        snprintf(out, 16, "%" PRId32 "d", (int32_t)(seconds / 86400));
}

void ferry_columns_number(int64_t number, char out[32])
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRId64, number);
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        out[used++] = digits[i];
        if (i + 1 < length && (length - i - 1) % 3 == 0 && digits[i] != '-')
            out[used++] = ',';
    }
    out[used] = '\0';
}
