/* The shape of a configuration of e-mail events. */
#include "controller/email.h"
#include "controller/shape.h"
#include "controller/zone.h"

#include <string.h>

/* The same patterns stand in schemas/email-events.schema.json. */
#define SOURCE "^[A-Za-z0-9._-]{0,64}$"
#define TABLE  "^[a-z][a-z0-9_]{0,127}$"
#define FOLDER "^[^[:cntrl:]]{1,500}$"
#define FILES  "^[^[:cntrl:]/]{1,200}$"
#define HEADER "^[^[:cntrl:]]{1,128}$"
/* One byte that does not begin a value: a tab or punctuation. */
#define DELIMITER "^[\t !#$%&'()*+,/:;<=>?@^_`{|}~-]$"
#define QUOTE     "^[!\"#$%&'()*+/:;<=>?@^_`{|}~-]?$"

/* --- the document --- */

static void check_schema(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!json_is_string(value))
        ferry_shape_fault(shape, place, "must be a text");
}

static void check_source(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, SOURCE,
                        "must be at most 64 letters, digits, dots, - and _");
}

static void check_since(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    int64_t ms;

    if (!ferry_email_instant(value, &ms))
        ferry_shape_fault(shape, place, "must be an instant like 2026-11-01T00:00:00Z");
}

static void check_events(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"send", false, ferry_shape_boolean},
        {"open", false, ferry_shape_boolean},
        {"click", false, ferry_shape_boolean},
        {"bounce", false, ferry_shape_boolean},
        {NULL, false, NULL},
    };
    size_t off = 0;

    ferry_shape_object(shape, value, place, members);
    for (int i = 0; i < FERRY_EMAIL_KINDS; i++)
        off += json_is_false(json_object_get(value, ferry_email_kinds[i].member));
    if (off == FERRY_EMAIL_KINDS)
        ferry_shape_fault(shape, place,
                          "switches everything off, so there is nothing to carry: stop the "
                          "workflow instead");
}

/* --- export --- */

/* A folder of the server is named by its path, absolute or from the user's home. */
static bool climbs(const char *path)
{
    size_t length = strlen(path);

    return strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0 || strstr(path, "/../") ||
           (length > 3 && strcmp(path + length - 3, "/..") == 0);
}

static void check_folder(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    const char *path = json_string_value(value);

    ferry_shape_pattern(shape, value, place, FOLDER,
                        "must be the path of a folder on the sftp server, like "
                        "d365_loads/exports");
    if (path && climbs(path))
        ferry_shape_fault(shape, place, "must not lead upwards with ..");
}

static void check_files(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, FILES,
                        "must be a pattern of file names without a folder, like acs_broadlog_*");
}

static void check_finished(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    static const char *const names[] = {"move", "leave", NULL};

    ferry_shape_choice(shape, value, place, names);
}

static void check_delimiter(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, DELIMITER,
                        "must be one character that separates columns: a tab, or one like , ; |");
}

static void check_quote(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, QUOTE,
                        "must be one character that encloses values, like \\\", or empty");
}

static void check_encoding(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    static const char *const names[] = {"UTF-8", "ISO-8859-1", "windows-1252", NULL};

    ferry_shape_choice(shape, value, place, names);
}

static void check_timezone(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    const char *name = json_string_value(value);

    if (!name || !ferry_zone_is_name(name))
        ferry_shape_fault(shape, place,
                          "must be the name of a time zone, like UTC or Europe/Paris");
    else if (!ferry_zone_exists(name))
        ferry_shape_fault(shape, place, "the time zone %s is not known here", name);
}

static void check_header(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, HEADER,
                        "must be the title of a column in the files: 1 to 128 characters");
}

/* --- what must differ --- */

typedef bool may_share(const char *name, const char *other);

/* Two names of Ferry's in one column would make one of them wrong. */
static void check_distinct(struct ferry_shape *shape, json_t *columns,
                           const struct ferry_place *place, may_share *share, const char *rule)
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
            if (json_is_string(value) && json_equal(value, earlier) && !share(name, other))
                ferry_shape_fault(shape, &inner, "%s is already the column of %s: %s",
                                  json_string_value(value), other, rule);
        }
    }
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* They never stand in one file: one is of delivery logs, the other one of tracking logs. */
static bool is_of_other_logs(const char *name, const char *other)
{
    static const char *const delivery[] = {"deliveryLogId", "status", "failureType", "eventDate",
                                           NULL};
    static const char *const tracking[] = {"trackingLogId", "trackingUrlType", "logDate", "url",
                                           NULL};

    return (is_listed(delivery, name) && is_listed(tracking, other)) ||
           (is_listed(tracking, name) && is_listed(delivery, other));
}

static bool never(const char *name, const char *other)
{
    (void)name;
    (void)other;
    return false;
}

static void check_titles(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"deliveryLogId", false, check_header},
        {"trackingLogId", false, check_header},
        {"externalId", false, check_header},
        {"status", false, check_header},
        {"failureType", false, check_header},
        {"eventDate", false, check_header},
        {"trackingUrlType", false, check_header},
        {"logDate", false, check_header},
        {"url", false, check_header},
        {"deliveryName", false, check_header},
        {"campaignName", false, check_header},
        {"mirrorPageUrl", false, check_header},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
    check_distinct(shape, value, place, is_of_other_logs, "one column of a file holds one thing");
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

static bool same(const json_t *export, const char *a, const char *b)
{
    const json_t *left = json_object_get(export, a);

    return json_is_string(left) && json_equal(left, json_object_get(export, b));
}

static void check_export(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"folder", false, check_folder},
        {"deliveryLogs", false, check_files},
        {"trackingLogs", false, check_files},
        {"finished", false, check_finished},
        {"processed", false, check_folder},
        {"delimiter", false, check_delimiter},
        {"quote", false, check_quote},
        {"encoding", false, check_encoding},
        {"timezone", false, check_timezone},
        {"columns", false, check_titles},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
}

/* --- activities --- */

static void check_table(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, TABLE,
                        "must be the logical name of an activity table in Dynamics 365, like "
                        "ferry_emailsend");
}

static void check_column(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const char *const own[] = {"activityid", "subject", "regardingobjectid"};
    const char *name = json_string_value(value);

    ferry_shape_pattern(shape, value, place, TABLE,
                        "must be the logical name of a column in Dynamics 365, like "
                        "ferry_campaign");
    for (size_t i = 0; name && i < sizeof own / sizeof own[0]; i++)
        if (strcmp(name, own[i]) == 0)
            ferry_shape_fault(shape, place, "%s is written by Ferry itself: name another column",
                              name);
}

static void check_columns(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"campaign", false, check_column},
        {"delivery", false, check_column},
        {"date", false, check_column},
        {"mirrorPage", false, check_column},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
}

static void check_click_columns(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"campaign", false, check_column}, {"delivery", false, check_column},
        {"date", false, check_column},     {"mirrorPage", false, check_column},
        {"url", false, check_column},      {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
}

static void check_activity(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"table", false, check_table}, {"columns", false, check_columns}, {NULL, false, NULL}};

    ferry_shape_object(shape, value, place, members);
}

static void check_click(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {{"table", false, check_table},
                                                        {"columns", false, check_click_columns},
                                                        {NULL, false, NULL}};

    ferry_shape_object(shape, value, place, members);
}

static void check_activities(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"send", false, check_activity},
        {"open", false, check_activity},
        {"click", false, check_click},
        {"bounce", false, check_activity},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
}

/* --- what only shows when the defaults are there --- */

static void check_whole_export(struct ferry_shape *shape, const json_t *export)
{
    const struct ferry_place place = {NULL, "export", 0};
    const struct ferry_place tracking = {&place, "trackingLogs", 0};
    const struct ferry_place processed = {&place, "processed", 0};
    const struct ferry_place quote = {&place, "quote", 0};
    bool moves = strcmp(text_of(export, "finished"), "move") == 0;

    if (same(export, "deliveryLogs", "trackingLogs"))
        ferry_shape_fault(shape, &tracking,
                          "is the pattern of the delivery logs too: a file is one or the other");
    if (moves && is_same_folder(text_of(export, "folder"), text_of(export, "processed")))
        ferry_shape_fault(shape, &processed,
                          "is the folder that is read: finished files would be read again");
    if (same(export, "delimiter", "quote"))
        ferry_shape_fault(shape, &quote, "is the delimiter: no value could be told from the next");
}

static void check_whole(struct ferry_shape *shape, const json_t *configuration)
{
    const struct ferry_place activities = {NULL, "activities", 0};
    json_t *filled = ferry_email_fill(configuration);

    if (!filled) {
        shape->out_of_memory = true;
        return;
    }
    check_whole_export(shape, json_object_get(filled, "export"));
    for (int i = 0; i < FERRY_EMAIL_KINDS; i++) {
        const char *member = ferry_email_kinds[i].member;
        const struct ferry_place kind = {&activities, member, 0};
        const struct ferry_place columns = {&kind, "columns", 0};

        check_distinct(
            shape,
            json_object_get(json_object_get(json_object_get(filled, "activities"), member),
                            "columns"),
            &columns, never, "each is written into a column of its own");
    }
    json_decref(filled);
}

enum ferry_status ferry_email_check(json_t *configuration, json_t *faults)
{
    static const struct ferry_shape_member members[] = {
        {"$schema", false, check_schema},
        {"source", false, check_source},
        {"events", false, check_events},
        {"since", false, check_since},
        {"export", false, check_export},
        {"activities", false, check_activities},
        {NULL, false, NULL},
    };
    struct ferry_shape shape = {.faults = faults};
    size_t before = json_array_size(faults);

    ferry_shape_object(&shape, configuration, NULL, members);
    if (json_array_size(faults) == before)
        check_whole(&shape, configuration);
    if (shape.out_of_memory)
        return FERRY_NOMEM;
    return json_array_size(faults) == before ? FERRY_OK : FERRY_INVALID;
}
