/* E-mail events: the activity table of each kind that is switched on is asked about. */
#include "controller/compile_private.h"
#include "controller/email.h"
#include "controller/fault.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 1024

/* One kind of event. */
struct event_part {
    struct ferry_compile_part part;
    const struct ferry_email_kind *kind;
    json_t *activity;  /* as configured, with its defaults; borrowed from the compile */
    json_t *regarding; /* the navigation property that leads to a contact; NULL: there is none */
    bool create_multiple;
    struct ferry_compile_reply regarding_reply;
    struct ferry_compile_reply multiple_reply;
};

static struct event_part *own(struct ferry_compile_part *part)
{
    return (struct event_part *)(void *)part;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool is_on(const struct ferry_compile *compile, const struct ferry_email_kind *kind)
{
    return json_is_true(json_object_get(json_object_get(compile->settled, "events"), kind->member));
}

/* --- the parts --- */

static json_t *begin_events(const struct ferry_compile *compile)
{
    int64_t since;
    json_t *events =
        json_pack("{s:O, s:[], s:O, s:{}}", "source", json_object_get(compile->settled, "source"),
                  "kinds", "export", json_object_get(compile->settled, "export"), "activities");

    if (events && ferry_email_since(compile->configuration, &since))
        json_object_set_new(events, "since", json_integer(since));
    return events;
}

/* It is a part of every activity's id: an event that is exported again would be another activity.
 */
static void check_source(struct ferry_compile *compile)
{
    const char *before = text_of(json_object_get(compile->before, "events"), "source");
    const char *source = text_of(compile->settled, "source");

    if (!before || !source || strcmp(before, source) == 0)
        return;
    if (!ferry_fault_add(
            compile->result.faults, FERRY_CLASS_MAPPING, "/source",
            "the last start was with \"%s\", which is a part of every activity's id: "
            "with \"%s\", an event that comes again would stand on the timeline twice; "
            "keep \"%s\", or see docs/events.md for how to change it on purpose",
            before, source, before))
        compile->out_of_memory = true;
}

static size_t begin(struct ferry_compile *compile)
{
    size_t count = 0;

    compile->settled = ferry_email_fill(compile->configuration);
    if (!compile->settled ||
        json_object_set_new(compile->result.order, "events", begin_events(compile)) != 0)
        compile->out_of_memory = true;
    check_source(compile);
    for (int i = 0; i < FERRY_EMAIL_KINDS; i++)
        count += is_on(compile, &ferry_email_kinds[i]);
    return count;
}

static void fill(struct ferry_compile *compile, struct ferry_compile_part *part, size_t index)
{
    const struct ferry_email_kind *kind = ferry_email_kinds;

    for (; !is_on(compile, kind) || index > 0; kind++)
        index -= is_on(compile, kind);
    own(part)->kind = kind;
    own(part)->activity =
        json_object_get(json_object_get(compile->settled, "activities"), kind->member);
}

static void done(struct ferry_compile_part *part)
{
    json_decref(own(part)->regarding);
}

/* --- asking --- */

static enum ferry_status ask_table(struct ferry_compile_part *part, struct ferry_error *error)
{
    return ferry_compile_ask_table(part, text_of(own(part)->activity, "table"), error);
}

/* The first of the list that an answer is; borrowed from `body`. */
static json_t *first_of(json_t *body)
{
    return json_array_get(json_object_get(body, "value"), 0);
}

static void on_regarding(void *context, const struct ferry_remote_answer *answer)
{
    struct event_part *event = context;
    json_t *body = answer->verdict == FERRY_VERDICT_OK
                       ? json_loadb(answer->body, answer->length, 0, NULL)
                       : NULL;

    if (answer->verdict != FERRY_VERDICT_OK)
        ferry_compile_failed(&event->regarding_reply, answer);
    event->regarding =
        json_incref(json_object_get(first_of(body), "ReferencingEntityNavigationPropertyName"));
    json_decref(body);
    ferry_compile_answered(&event->part);
}

static void on_multiple(void *context, const struct ferry_remote_answer *answer)
{
    struct event_part *event = context;
    json_t *body = answer->verdict == FERRY_VERDICT_OK
                       ? json_loadb(answer->body, answer->length, 0, NULL)
                       : NULL;

    if (answer->verdict != FERRY_VERDICT_OK)
        ferry_compile_failed(&event->multiple_reply, answer);
    event->create_multiple = first_of(body) != NULL;
    json_decref(body);
    ferry_compile_answered(&event->part);
}

static enum ferry_status ask_dataverse(struct ferry_compile_part *part, const char *path,
                                       ferry_remote_callback on_done, struct ferry_error *error)
{
    const struct ferry_dataverse_request request = {
        .path = path, .fresh = true, .on_done = on_done, .context = part};

    return ferry_dataverse_send(part->compile->dataverse, &request, NULL, error);
}

/* Its name is case-sensitive and follows no rule that holds everywhere. */
static enum ferry_status ask_regarding(struct ferry_compile_part *part, struct ferry_error *error)
{
    char path[PATH_SIZE];

    snprintf(
        path, sizeof path,
        "RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
        "?$select=SchemaName,ReferencingAttribute,ReferencingEntityNavigationPropertyName"
        "&$filter=ReferencedEntity%%20eq%%20'contact'%%20and%%20ReferencingEntity%%20eq%%20'%s'"
        "%%20and%%20ReferencingAttribute%%20eq%%20'regardingobjectid'",
        text_of(own(part)->activity, "table"));
    return ask_dataverse(part, path, on_regarding, error);
}

static enum ferry_status ask_multiple(struct ferry_compile_part *part, struct ferry_error *error)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path,
             "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name%%20eq%%20@m"
             "%%20and%%20primaryobjecttypecode%%20eq%%20@t&@m='CreateMultiple'&@t='%s'",
             text_of(own(part)->activity, "table"));
    return ask_dataverse(part, path, on_multiple, error);
}

static void ask(struct ferry_compile_part *part)
{
    ferry_compile_ask(part, ask_table, &part->table_reply);
    ferry_compile_ask(part, ask_regarding, &own(part)->regarding_reply);
    ferry_compile_ask(part, ask_multiple, &own(part)->multiple_reply);
}

/* --- judging --- */

FERRY_PRINTF(3, 4)
static void fault(struct event_part *event, const char *member, const char *format, ...)
{
    char path[256];
    char reason[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "/activities/%s/%s", event->kind->member, member);
    if (!ferry_fault_add(event->part.compile->result.faults, FERRY_CLASS_SCHEMA, path, "%s",
                         reason))
        event->part.compile->out_of_memory = true;
}

static bool judge_table_reply(struct event_part *event)
{
    const struct ferry_compile_reply *reply = &event->part.table_reply;
    char path[128];

    if (reply->failed && reply->verdict == FERRY_VERDICT_ABSENT) {
        fault(event, "table", "Dynamics 365 has no table \"%s\": " FERRY_EMAIL_SETUP,
              text_of(event->activity, "table"));
        return false;
    }
    snprintf(path, sizeof path, "/activities/%s/table", event->kind->member);
    return ferry_compile_judge_reply(event->part.compile, path, reply);
}

/* Without it no activity finds its contact. */
static bool judge_regarding(struct event_part *event)
{
    const char *table = text_of(event->activity, "table");
    char path[128];

    snprintf(path, sizeof path, "/activities/%s/table", event->kind->member);
    if (!ferry_compile_judge_reply(event->part.compile, path, &event->regarding_reply))
        return false;
    if (!json_is_true(json_object_get(event->part.table, "activity")))
        fault(event, "table",
              "%s is no activity table: its rows would stand on nobody's timeline; name an "
              "activity table, or let " FERRY_EMAIL_COMMAND " create one under another name",
              table);
    else if (!json_is_string(event->regarding))
        fault(event, "table",
              "%s cannot regard a contact: allow activities for the table contact in Dynamics 365, "
              "and publish",
              table);
    else
        return true;
    return false;
}

/* NULL: the column can hold the attribute; else why not, and what to do. */
static const char *refusal(const struct ferry_email_attribute *attribute, const json_t *column)
{
    const char *type = text_of(column, "type");

    if (!type)
        return "does not exist: " FERRY_EMAIL_SETUP;
    return ferry_email_refusal(attribute, type, json_is_true(json_object_get(column, "creatable")));
}

static json_t *judge_column(struct event_part *event, const struct ferry_email_attribute *attribute,
                            const char *name)
{
    const json_t *column = json_object_get(json_object_get(event->part.table, "columns"), name);
    const char *reason = refusal(attribute, column);
    json_int_t length = json_integer_value(json_object_get(column, "length"));
    char member[64];

    if (reason) {
        snprintf(member, sizeof member, "columns/%s", attribute->name);
        fault(event, member, "the column %s of %s %s", name, text_of(event->activity, "table"),
              reason);
        return NULL;
    }
    if (!attribute->format || length == 0)
        return json_pack("{s:s}", "name", name);
    return json_pack("{s:s, s:I}", "name", name, "length", length);
}

/* A new object; NULL when a column was refused. */
static json_t *judge_columns(struct event_part *event)
{
    const json_t *configured = json_object_get(event->activity, "columns");
    json_t *columns = json_object();
    bool good = true;

    for (int i = 0; i < FERRY_EMAIL_ATTRIBUTES; i++) {
        const struct ferry_email_attribute *attribute = &ferry_email_attributes[i];
        const char *name = text_of(configured, attribute->name);
        json_t *column = name ? judge_column(event, attribute, name) : NULL;

        if (column)
            json_object_set_new(columns, attribute->name, column);
        good = good && (column || !name);
    }
    if (good)
        return columns;
    json_decref(columns);
    return NULL;
}

static json_int_t subject_length(const struct event_part *event)
{
    const json_t *columns = json_object_get(event->part.table, "columns");

    return json_integer_value(json_object_get(json_object_get(columns, "subject"), "length"));
}

static void add(struct event_part *event, json_t *columns)
{
    struct ferry_compile *compile = event->part.compile;
    json_t *events = json_object_get(compile->result.order, "events");
    json_t *activity = json_pack("{s:O, s:O, s:O, s:b, s:I, s:o}", "table",
                                 json_object_get(event->activity, "table"), "entitySet",
                                 json_object_get(event->part.table, "entitySet"), "regarding",
                                 event->regarding, "createMultiple", (int)event->create_multiple,
                                 "subjectLength", subject_length(event), "columns", columns);

    if (json_object_set_new(json_object_get(events, "activities"), event->kind->name, activity) !=
            0 ||
        json_array_append_new(json_object_get(events, "kinds"), json_string(event->kind->name)) !=
            0)
        compile->out_of_memory = true;
}

/* Whoever cannot look it up does without, because batches serve as well: a service that fails at
 * this question alone would hold a start for ever. */
static void note_multiple(const struct event_part *event)
{
    if (event->multiple_reply.failed)
        ferry_log(FERRY_LOG_WARN, "create_multiple_unknown",
                  FERRY_STR("table", text_of(event->activity, "table")),
                  FERRY_STR("message", event->multiple_reply.error.message),
                  FERRY_STR("going_on", "with batches"));
}

static void judge(struct ferry_compile_part *part)
{
    struct event_part *event = own(part);
    json_t *columns;
    bool can_regard;

    if (!judge_table_reply(event))
        return;
    can_regard = judge_regarding(event);
    note_multiple(event);
    columns = judge_columns(event);
    if (columns && can_regard)
        add(event, columns);
    else
        json_decref(columns);
}

const struct ferry_compile_way ferry_compile_events = {
    .part_size = sizeof(struct event_part),
    .begin = begin,
    .fill = fill,
    .ask = ask,
    .judge = judge,
    .done = done,
};
