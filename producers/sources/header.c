#include "producers/sources/header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_same(struct ferry_slice title, const char *name)
{
    return title.length == strlen(name) && memcmp(title.data, name, title.length) == 0;
}

/* All beyond ASCII is taken for a letter. */
static bool counts(char byte)
{
    return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* Letters and digits count, their case does not. */
static bool is_alike(struct ferry_slice title, const char *name)
{
    size_t i = 0;
    for (bool any = false;; any = true) {
        while (i < title.length && !counts(title.data[i]))
            i++;
        while (*name && !counts(*name))
            name++;
        if (i == title.length || !*name)
            return any && i == title.length && !*name;
        if (tolower((unsigned char)title.data[i++]) != tolower((unsigned char)*name++))
            return false;
    }
}

/* How often, and where for the first time. */
static int count_matches(const struct ferry_slice *titles, size_t count, const char *name,
                         bool (*matches)(struct ferry_slice title, const char *name),
                         int *ret_index)
{
    int found = 0;
    for (size_t i = 0; name && i < count; i++)
        if (matches(titles[i], name) && found++ == 0)
            *ret_index = (int)i;
    return found;
}

static enum ferry_status refuse(struct ferry_error *error, const char *file, const char *name,
                                int found, size_t count, char delimiter)
{
    if (found > 1) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "the file %.200s has the column \"%.100s\" more than once", file, name);
        ferry_advise(error, "leave one of them out of the export, or name the right one in "
                            "\"columns\" of the configuration");
        return FERRY_INVALID;
    }
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
               "the file %.200s has no column \"%.100s\"; its first line has %zu, separated by "
               "\"%c\"",
               file, name, count, delimiter);
    ferry_advise(error, count == 1
                            ? "is \"delimiter\" of the configuration that of the file?"
                            : "add it to the export, or name its header in \"columns\" of the "
                              "configuration; the other files are read meanwhile");
    return FERRY_INVALID;
}

/* Two of our columns cannot be the same one of the file. */
static enum ferry_status refuse_shared(const struct ferry_header *header,
                                       const struct ferry_header_column *ours, size_t our_count,
                                       const char *file, struct ferry_error *error)
{
    for (size_t i = 0; i < our_count; i++)
        for (size_t j = 0; j < i; j++) {
            if (header->index[i] == FERRY_NO_COLUMN || header->index[i] != header->index[j])
                continue;
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                       "column %d of the file %.200s is taken for \"%s\" and for \"%s\"",
                       header->index[i] + 1, file, ours[j].name, ours[i].name);
            ferry_advise(error, "give each of them a column of its own in \"columns\" of the "
                                "configuration");
            return FERRY_INVALID;
        }
    return FERRY_OK;
}

/* How often, as with count_matches. */
static int find(const struct ferry_header_column *column, const char *configured,
                const struct ferry_slice *titles, size_t count, int *ret_index)
{
    const char *name = configured ? configured : column->name;
    int found = count_matches(titles, count, name, is_same, ret_index);
    if (!found)
        found = count_matches(titles, count, name, is_alike, ret_index);
    if (!found && !configured)
        found = count_matches(titles, count, column->other, is_alike, ret_index);
    return found;
}

enum ferry_status ferry_header_read(const struct ferry_header_column *ours, size_t our_count,
                                    const char *file, const struct ferry_slice *titles,
                                    size_t count, const struct ferry_export *export,
                                    struct ferry_header *ret_header, struct ferry_error *error)
{
    struct ferry_header header = {.count = count};
    for (size_t i = 0; i < our_count; i++) {
        const struct ferry_header_column *column = &ours[i];
        header.index[i] = FERRY_NO_COLUMN;
        if (!column->name)
            continue;
        const char *configured = json_string_value(json_object_get(export->columns, column->name));
        int found = find(column, configured, titles, count, &header.index[i]);
        if (found > 1 || (found == 0 && (column->required || configured)))
            return refuse(error, file, configured ? configured : column->name, found, count,
                          export->delimiter);
    }
    enum ferry_status status = refuse_shared(&header, ours, our_count, file, error);
    if (status == FERRY_OK)
        *ret_header = header;
    return status;
}

struct ferry_slice ferry_header_field(const struct ferry_header *header,
                                      const struct ferry_csv_row *row, int column)
{
    int index = header->index[column];
    return index == FERRY_NO_COLUMN ? (struct ferry_slice){NULL, 0} : row->fields[index];
}

bool ferry_header_fits(const struct ferry_header *header, const struct ferry_csv_row *row,
                       char reason[FERRY_ROW_REASON_SIZE])
{
    if (row->flaw) {
        snprintf(reason, FERRY_ROW_REASON_SIZE, "The row cannot be read: %s.", row->flaw);
        return false;
    }
    if (row->count == header->count)
        return true;
    snprintf(reason, FERRY_ROW_REASON_SIZE,
             "The row has %zu columns, and the first line of the file %zu.", row->count,
             header->count);
    return false;
}
