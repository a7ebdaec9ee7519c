/* The shape of a configuration of e-mail events. */
#include "controller/email.h"
#include "controller/exportshape.h"

#include <string.h>

/* The same patterns stand in schemas/email-events.schema.json. */
#define SOURCE "^[A-Za-z0-9._-]{0,64}$"
#define TABLE  "^[a-z][a-z0-9_]{0,127}$"

/* --- the document --- */

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

static void check_titles(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"deliveryLogId", false, ferry_exportshape_header},
        {"trackingLogId", false, ferry_exportshape_header},
        {"externalId", false, ferry_exportshape_header},
        {"status", false, ferry_exportshape_header},
        {"failureType", false, ferry_exportshape_header},
        {"eventDate", false, ferry_exportshape_header},
        {"trackingUrlType", false, ferry_exportshape_header},
        {"logDate", false, ferry_exportshape_header},
        {"url", false, ferry_exportshape_header},
        {"deliveryName", false, ferry_exportshape_header},
        {"campaignName", false, ferry_exportshape_header},
        {"mirrorPageUrl", false, ferry_exportshape_header},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
    ferry_exportshape_distinct(shape, value, place, is_of_other_logs,
                               "one column of a file holds one thing");
}

static void check_export(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"folder", false, ferry_exportshape_folder},
        {"deliveryLogs", false, ferry_exportshape_files},
        {"trackingLogs", false, ferry_exportshape_files},
        {"finished", false, ferry_exportshape_finished},
        {"processed", false, ferry_exportshape_folder},
        {"delimiter", false, ferry_exportshape_delimiter},
        {"quote", false, ferry_exportshape_quote},
        {"encoding", false, ferry_exportshape_encoding},
        {"timezone", false, ferry_exportshape_timezone},
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

    if (ferry_exportshape_same(export, "deliveryLogs", "trackingLogs"))
        ferry_shape_fault(shape, &tracking,
                          "is the pattern of the delivery logs too: a file is one or the other");
    ferry_exportshape_whole(shape, export, &place);
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

        ferry_exportshape_distinct(
            shape,
            json_object_get(json_object_get(json_object_get(filled, "activities"), member),
                            "columns"),
            &columns, NULL, "each is written into a column of its own");
    }
    json_decref(filled);
}

enum ferry_status ferry_email_check(json_t *configuration, json_t *faults)
{
    static const struct ferry_shape_member members[] = {
        {"$schema", false, ferry_shape_text},
        {"source", false, check_source},
        {"events", false, check_events},
        {"since", false, check_since},
        {"export", false, check_export},
        {"activities", false, check_activities},
        {NULL, false, NULL},
    };

    return ferry_shape_document(configuration, members, check_whole, faults);
}
