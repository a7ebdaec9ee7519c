#include "base/row.h"

#include <stdlib.h>
#include <string.h>

#define WORDS (SANDBOX_COLUMNS / 64)

/* `data` holds the end of each set value as uint16_t, then the text. */
struct sandbox_row {
    uint64_t set[WORDS];
    uint16_t count;
    uint16_t data[];
};

static const char *text_of(const struct sandbox_row *row)
{
    return (const char *)(row->data + row->count);
}

static bool measure(const struct sandbox_values *values, size_t *ret_count, size_t *ret_length)
{
    size_t count = 0, length = 0;

    for (size_t i = 0; i < SANDBOX_COLUMNS; i++)
        if (values->of[i].at) {
            count++;
            length += values->of[i].length;
        }
    *ret_count = count;
    *ret_length = length;
    return length <= SANDBOX_ROW_TEXT;
}

struct sandbox_row *sandbox_row_new(const struct sandbox_values *values)
{
    size_t count, length;

    if (!measure(values, &count, &length))
        return NULL;
    struct sandbox_row *row = malloc(sizeof *row + count * sizeof row->data[0] + length);
    if (!row)
        return NULL;
    memset(row->set, 0, sizeof row->set);
    row->count = (uint16_t)count;
    char *text = (char *)(row->data + count);
    uint16_t end = 0;
    for (size_t i = 0, at = 0; i < SANDBOX_COLUMNS; i++) {
        if (!values->of[i].at)
            continue;
        memcpy(text + end, values->of[i].at, values->of[i].length);
        end = (uint16_t)(end + values->of[i].length);
        row->data[at++] = end;
        row->set[i / 64] |= (uint64_t)1 << i % 64;
    }
    return row;
}

struct sandbox_row *sandbox_row_copy(const struct sandbox_row *row)
{
    size_t text = row->count ? row->data[row->count - 1] : 0;
    size_t size = sizeof *row + row->count * sizeof row->data[0] + text;
    struct sandbox_row *copy = malloc(size);

    if (copy)
        memcpy(copy, row, size);
    return copy;
}

void sandbox_row_free(struct sandbox_row *row)
{
    free(row);
}

static size_t rank_of(const struct sandbox_row *row, size_t column)
{
    size_t rank = 0;

    for (size_t word = 0; word < column / 64; word++)
        rank += (size_t)__builtin_popcountll(row->set[word]);
    uint64_t below = row->set[column / 64] & (((uint64_t)1 << column % 64) - 1);
    return rank + (size_t)__builtin_popcountll(below);
}

struct sandbox_slice sandbox_row_get(const struct sandbox_row *row, size_t column)
{
    if (!(row->set[column / 64] >> column % 64 & 1))
        return (struct sandbox_slice){0};
    size_t rank = rank_of(row, column);
    size_t from = rank ? row->data[rank - 1] : 0;
    return (struct sandbox_slice){text_of(row) + from, row->data[rank] - from};
}

void sandbox_row_unpack(const struct sandbox_row *row, struct sandbox_values *ret_values)
{
    const char *text = text_of(row);
    size_t from = 0, rank = 0;

    memset(ret_values, 0, sizeof *ret_values);
    for (size_t word = 0; word < WORDS; word++)
        for (uint64_t left = row->set[word]; left; left &= left - 1) {
            size_t column = word * 64 + (size_t)__builtin_ctzll(left);
            ret_values->of[column] = (struct sandbox_slice){text + from, row->data[rank] - from};
            from = row->data[rank++];
        }
}
