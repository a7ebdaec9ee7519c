#include "producers/sources/header.h"

#include <ctype.h>
#include <string.h>

/* NULL: this kind of log has no such column, or Ferry has no use for it. */
static const struct {
    const char *names[2]; /* of delivery logs, of tracking logs */
    const char
        *aliases[2]; /* the label that Campaign shows, where another spelling is not enough */
    bool required;
} columns[FERRY_COLUMNS] = {
    [FERRY_COLUMN_ID] = {{"deliveryLogId", "trackingLogId"}, {NULL, NULL}, true},
    [FERRY_COLUMN_CONTACT] = {{"externalId", "externalId"}, {NULL, NULL}, true},
    [FERRY_COLUMN_TYPE] = {{"status", "trackingUrlType"}, {NULL, NULL}, true},
    [FERRY_COLUMN_FAILURE] = {{"failureType", NULL}, {"Nature of failure", NULL}, true},
    [FERRY_COLUMN_DATE] = {{"eventDate", "logDate"}, {NULL, NULL}, true},
    [FERRY_COLUMN_CAMPAIGN] = {{"campaignName", "campaignName"}, {NULL, NULL}, false},
    [FERRY_COLUMN_DELIVERY] = {{"deliveryName", "deliveryName"}, {NULL, NULL}, false},
    [FERRY_COLUMN_MIRROR_PAGE] = {{"mirrorPageUrl", "mirrorPageUrl"}, {NULL, NULL}, false},
    [FERRY_COLUMN_URL] = {{NULL, "url"}, {NULL, NULL}, false},
};

const char *ferry_column_name(enum ferry_log_kind kind, enum ferry_column column)
{
    return columns[column].names[kind];
}

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
static enum ferry_status refuse_shared(const struct ferry_header *header, enum ferry_log_kind kind,
                                       const char *file, struct ferry_error *error)
{
    for (int i = 0; i < FERRY_COLUMNS; i++)
        for (int j = 0; j < i; j++) {
            if (header->index[i] == FERRY_NO_COLUMN || header->index[i] != header->index[j])
                continue;
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                       "column %d of the file %.200s is taken for \"%s\" and for \"%s\"",
                       header->index[i] + 1, file, columns[j].names[kind], columns[i].names[kind]);
            ferry_advise(error, "give each of them a column of its own in \"columns\" of the "
                                "configuration");
            return FERRY_INVALID;
        }
    return FERRY_OK;
}

enum ferry_status ferry_header_read(enum ferry_log_kind kind, const char *file,
                                    const struct ferry_slice *titles, size_t count,
                                    const struct ferry_export *export,
                                    struct ferry_header *ret_header, struct ferry_error *error)
{
    struct ferry_header header = {.count = count};
    for (int i = 0; i < FERRY_COLUMNS; i++) {
        const char *ours = columns[i].names[kind];
        header.index[i] = FERRY_NO_COLUMN;
        if (!ours)
            continue;
        const char *configured = json_string_value(json_object_get(export->columns, ours));
        const char *name = configured ? configured : ours;
        int found = count_matches(titles, count, name, is_same, &header.index[i]);
        if (!found)
            found = count_matches(titles, count, name, is_alike, &header.index[i]);
        if (!found && !configured)
            found =
                count_matches(titles, count, columns[i].aliases[kind], is_alike, &header.index[i]);
        if (found > 1 || (found == 0 && (columns[i].required || configured)))
            return refuse(error, file, name, found, count, export->delimiter);
    }
    enum ferry_status status = refuse_shared(&header, kind, file, error);
    if (status == FERRY_OK)
        *ret_header = header;
    return status;
}
