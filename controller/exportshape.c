/* The defaults and the shape of where exports are and how they are written. */
#include "controller/exportshape.h"

#include "controller/zone.h"

#include <string.h>

/* The same patterns stand in schemas/email-events.schema.json and opt-in-out.schema.json. */
#define FOLDER "^[^[:cntrl:]]{1,500}$"
#define FILES  "^[^[:cntrl:]/]{1,200}$"
#define HEADER "^[^[:cntrl:]]{1,128}$"
/* One byte that does not begin a value: a tab or punctuation. */
#define DELIMITER "^[\t !#$%&'()*+,/:;<=>?@^_`{|}~-]$"
#define QUOTE     "^[!\"#$%&'()*+/:;<=>?@^_`{|}~-]?$"

json_t *ferry_exportshape_defaults(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{}}", "folder", "d365_loads/exports",
                     "finished", "move", "processed", "d365_loads/processed", "delimiter", ",",
                     "quote", "\"", "encoding", "UTF-8", "timezone", "UTC", "columns");
}

/* A folder of the server is named by its path, absolute or from the user's home. */
static bool climbs(const char *path)
{
    size_t length = strlen(path);

    return strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0 || strstr(path, "/../") ||
           (length > 3 && strcmp(path + length - 3, "/..") == 0);
}

void ferry_exportshape_folder(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place)
{
    const char *path = json_string_value(value);

    ferry_shape_pattern(shape, value, place, FOLDER,
                        "must be the path of a folder on the sftp server, like "
                        "d365_loads/exports");
    if (path && climbs(path))
        ferry_shape_fault(shape, place, "must not lead upwards with ..");
}

void ferry_exportshape_files(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, FILES,
                        "must be a pattern of file names without a folder, like acs_broadlog_*");
}

void ferry_exportshape_finished(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place)
{
    static const char *const names[] = {"move", "leave", NULL};

    ferry_shape_choice(shape, value, place, names);
}

void ferry_exportshape_delimiter(struct ferry_shape *shape, json_t *value,
                                 const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, DELIMITER,
                        "must be one character that separates columns: a tab, or one like , ; |");
}

void ferry_exportshape_quote(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, QUOTE,
                        "must be one character that encloses values, like \\\", or empty");
}

void ferry_exportshape_encoding(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place)
{
    static const char *const names[] = {"UTF-8", "ISO-8859-1", "windows-1252", NULL};

    ferry_shape_choice(shape, value, place, names);
}

void ferry_exportshape_timezone(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place)
{
    const char *name = json_string_value(value);

    if (!name || !ferry_zone_is_name(name))
        ferry_shape_fault(shape, place,
                          "must be the name of a time zone, like UTC or Europe/Paris");
    else if (!ferry_zone_exists(name))
        ferry_shape_fault(shape, place, "the time zone %s is not known here", name);
}

void ferry_exportshape_header(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, HEADER,
                        "must be the title of a column in the files: 1 to 128 characters");
}

/* --- what must differ --- */

/* Two names of Ferry's in one column would make one of them wrong. */
void ferry_exportshape_distinct(struct ferry_shape *shape, json_t *columns,
                                const struct ferry_place *place, ferry_exportshape_share *share,
                                const char *rule)
{
    const char *name;
    const char *other;
    json_t *value;
    json_t *earlier;

    json_object_foreach (columns, name, value) {
        const struct ferry_place inner = {place, name, 0};

        json_object_foreach (columns, other, earlier) {
            if (strcmp(name, other) == 0)
                break;
            if (json_is_string(value) && json_equal(value, earlier) &&
                !(share && share(name, other)))
                ferry_shape_fault(shape, &inner, "%s is already the column of %s: %s",
                                  json_string_value(value), other, rule);
        }
    }
}

/* The next name in a path; names that lead nowhere are passed over. */
static size_t next_name(const char **path)
{
    size_t length;

    for (;;) {
        *path += strspn(*path, "/");
        length = strcspn(*path, "/");
        if (length != 1 || **path != '.')
            return length;
        *path += length;
    }
}

static bool is_same_folder(const char *a, const char *b)
{
    bool same = (*a == '/') == (*b == '/');

    for (bool more = same; more;) {
        size_t length = next_name(&a);

        same = length == next_name(&b) && strncmp(a, b, length) == 0;
        more = same && length > 0;
        a += length;
        b += length;
    }
    return same;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool ferry_exportshape_same(const json_t *export, const char *a, const char *b)
{
    const json_t *left = json_object_get(export, a);

    return json_is_string(left) && json_equal(left, json_object_get(export, b));
}

void ferry_exportshape_whole(struct ferry_shape *shape, const json_t *export,
                             const struct ferry_place *place)
{
    const struct ferry_place processed = {place, "processed", 0};
    const struct ferry_place quote = {place, "quote", 0};
    bool moves = strcmp(text_of(export, "finished"), "move") == 0;

    if (moves && is_same_folder(text_of(export, "folder"), text_of(export, "processed")))
        ferry_shape_fault(shape, &processed,
                          "is the folder that is read: finished files would be read again");
    if (ferry_exportshape_same(export, "delimiter", "quote"))
        ferry_shape_fault(shape, &quote, "is the delimiter: no value could be told from the next");
}
