#include "controller/check.h"

#include "controller/check_private.h"
#include "controller/configuration.h"
#include "controller/email.h"
#include "controller/optinout.h"
#include "controller/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define INGRESS  (&ferry_workflows[0])
#define EGRESS   (&ferry_workflows[1])
#define OPTINOUT (&ferry_workflows[2])

struct ferry_checks {
    struct ferry_launch_parts parts;
    struct ferry_check *first;
};

/* --- lines --- */

json_t *ferry_check_line(struct ferry_check *check, const char *system, const char *what,
                         const char *of)
{
    char whole[512];
    json_t *line;

    snprintf(whole, sizeof whole, "%s%s%s", what, *what && *of ? " " : "", of);
    line = json_pack("{s:s, s:s, s:s, s:n, s:s, s:s}", "system", system, "check", whole, "result",
                     "unknown", "class", "message",
                     "not asked, because something before it is missing", "action", "");
    json_array_append_new(check->items, line);
    return line;
}

static void fill(json_t *line, const char *result, const char *message, const char *action)
{
    json_object_set_new(line, "result", json_string(result));
    json_object_set_new(line, "message", json_string(message));
    json_object_set_new(line, "action", json_string(action));
}

void ferry_check_ok(json_t *line)
{
    fill(line, "ok", "", "");
}

void ferry_check_missing(json_t *line, const char *message, const char *action)
{
    fill(line, "missing", message, action);
}

void ferry_check_error(json_t *line, const struct ferry_error *error, bool passing)
{
    fill(line, passing ? "unknown" : "missing", error->message, error->action);
    if (error->class != FERRY_CLASS_NONE)
        json_object_set_new(line, "class", json_string(ferry_class_name(error->class)));
}

/* --- the end --- */

static void finish(struct ferry_check *check)
{
    const struct ferry_launch_parts *systems = check->systems;

    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        ferry_compile_cancel(check->subjects[i].compile);
    for (size_t i = 0; i < check->count; i++) {
        ferry_dataverse_forget(systems->dataverse, &check->parts[i]);
        ferry_campaign_forget(systems->campaign, &check->parts[i]);
    }
    ferry_registry_forget(systems->registry, check);
    ferry_check_drop_exports(check);
    DL_DELETE(check->checks->first, check);
    json_decref(check->names);
    json_decref(check->items);
    free(check->parts);
    free(check);
}

static bool is_all_ok(const json_t *items)
{
    size_t i;
    json_t *item;

    json_array_foreach (items, i, item)
        if (strcmp(json_string_value(json_object_get(item, "result")), "ok") != 0)
            return false;
    return true;
}

void ferry_check_answered(struct ferry_check *check)
{
    if (--check->pending > 0)
        return;
    ferry_reply_json(check->exchange, 200,
                     json_pack("{s:b, s:O}", "ok", is_all_ok(check->items), "items", check->items));
    finish(check);
}

/* --- Kafka and what is around it --- */

static void add_kafka(struct ferry_check *check)
{
    struct ferry_error error = {.class = FERRY_CLASS_NONE};
    json_t *line = ferry_check_line(check, FERRY_CHECK_KAFKA,
                                    "topics of this instance, and the right to write", "");

    if (ferry_store_writable(check->systems->store, &error) == FERRY_OK)
        ferry_check_ok(line);
    else
        ferry_check_error(line, &error, false);
}

static void on_registry(void *context, uint32_t schema_id, const struct ferry_error *error)
{
    struct ferry_check *check = context;

    (void)schema_id;
    if (error)
        ferry_check_error(check->registry_line, error, error->status == FERRY_RETRY);
    else
        ferry_check_ok(check->registry_line);
    ferry_check_answered(check);
}

static void ask_registry(struct ferry_check *check)
{
    struct ferry_error error;

    if (!check->registry_line)
        return;
    check->pending++;
    if (ferry_registry_ask(check->systems->registry, on_registry, check, &error) == FERRY_OK)
        return;
    ferry_check_error(check->registry_line, &error, true);
    ferry_check_answered(check);
}

/* --- a configuration against the systems --- */

static void add_faults(struct ferry_check *check, const json_t *faults)
{
    size_t i;
    json_t *fault;

    json_array_foreach (faults, i, fault) {
        const char *path = json_string_value(json_object_get(fault, "path"));
        json_t *line = ferry_check_line(check, FERRY_CHECK_CONFIGURATION,
                                        path && *path ? path : "the systems", "");

        json_object_set(line, "message", json_object_get(fault, "reason"));
        json_object_set(line, "class", json_object_get(fault, "class"));
        json_object_set_new(line, "result", json_string("missing"));
    }
}

static json_t *configuration_of(const struct ferry_check *check,
                                const struct ferry_workflow *workflow)
{
    return ferry_documents_configuration(ferry_store_documents(check->systems->store),
                                         workflow->id);
}

static void on_compiled(void *context, const struct ferry_compile_result *result)
{
    struct ferry_check_subject *subject = context;
    struct ferry_check *check = subject->check;

    subject->compile = NULL;
    if (result->status == FERRY_OK) {
        ferry_check_ok(subject->line);
        ferry_check_add_optouts(check, configuration_of(check, subject->workflow), result->order);
    } else {

        ferry_check_error(subject->line, &result->error, result->status == FERRY_RETRY);
    }
    add_faults(check, result->faults);
    ferry_check_answered(check);
}

static void compile(struct ferry_check_subject *subject, json_t *configuration)
{
    const struct ferry_launch_parts *systems = subject->check->systems;
    const struct ferry_documents *documents = ferry_store_documents(systems->store);
    const struct ferry_kind *kind = subject->workflow->kind;
    const struct ferry_compile_options options = {
        .kind = kind,
        .configuration = configuration,
        .dataverse = systems->dataverse,
        .campaign = systems->campaign,
        .before = ferry_documents_order(documents, subject->workflow->id),
        .beside = ferry_documents_configuration(documents, kind->beside),
        .on_done = on_compiled,
        .context = subject};
    struct ferry_error error;

    subject->check->pending++;
    if (ferry_compile_start(systems->loop, &options, &subject->compile, &error) == FERRY_OK)
        return;
    ferry_check_error(subject->line, &error, true);
    ferry_check_answered(subject->check);
}

/* --- what there is to look at --- */

static void add_mapping(struct ferry_check *check, const json_t *mapping)
{
    const char *api = json_string_value(json_object_get(mapping, "api"));

    check->parts[check->count++] = (struct ferry_check_part){
        .check = check,
        .table = json_string_value(json_object_get(mapping, "table")),
        .tracked = true,
        .api = api ? api : FERRY_CONFIGURATION_API,
        .resource = json_string_value(json_object_get(mapping, "resource"))};
}

static void add_activities(struct ferry_check *check, const json_t *settled)
{
    const json_t *events = json_object_get(settled, "events");
    const json_t *activities = json_object_get(settled, "activities");

    for (int i = 0; i < FERRY_EMAIL_KINDS; i++) {
        const char *member = ferry_email_kinds[i].member;
        const json_t *activity = json_object_get(activities, member);

        if (json_is_true(json_object_get(events, member)))
            check->parts[check->count++] = (struct ferry_check_part){
                .check = check, .table = json_string_value(json_object_get(activity, "table"))};
    }
}

/* Opt-In/Out reads contact and profile, mapped or not. */
static bool needs_contact(const struct ferry_check *check)
{
    if (!ferry_optinout_is_on(configuration_of(check, OPTINOUT)))
        return false;
    for (size_t i = 0; i < check->count; i++)
        if (strcmp(check->parts[i].table, FERRY_OPTINOUT_TABLE) == 0)
            return false;
    return true;
}

static void add_contact(struct ferry_check *check)
{
    check->parts[check->count++] = (struct ferry_check_part){.check = check,
                                                             .table = FERRY_OPTINOUT_TABLE,
                                                             .tracked = true,
                                                             .api = FERRY_CONFIGURATION_API,
                                                             .resource = FERRY_OPTINOUT_RESOURCE};
}

/* The mappings that are saved, or contact -> profile when nothing is; and the activity tables, when
 * events are configured. False: out of memory. */
static bool choose_parts(struct ferry_check *check)
{
    json_t *mappings = json_object_get(configuration_of(check, INGRESS), "mappings");
    const json_t *events = configuration_of(check, EGRESS);
    const json_t *opt_outs = configuration_of(check, OPTINOUT);
    json_t *settled = events ? ferry_email_fill(events) : json_object();
    json_t *kept = ferry_optinout_fill(opt_outs);
    size_t i;
    json_t *mapping;

    if (json_array_size(mappings) > 0 || events || opt_outs)
        mappings = mappings ? json_incref(mappings) : json_array();
    else
        mappings = json_pack("[{s:s, s:s}]", "table", "contact", "resource", "profile");
    check->names = json_pack("[o, o, o]", mappings, settled, kept);
    check->parts = calloc(json_array_size(mappings) + FERRY_EMAIL_KINDS + 2, sizeof *check->parts);
    if (!check->names || !check->parts)
        return false;
    json_array_foreach (mappings, i, mapping)
        add_mapping(check, mapping);
    add_activities(check, settled);
    if (needs_contact(check))
        add_contact(check);
    ferry_check_add_exports(check, EGRESS, settled);
    if (ferry_optinout_reads_files(kept))
        ferry_check_add_exports(check, OPTINOUT, kept);
    return true;
}

/* A workflow that nobody has configured is not missed where another one is. */
static bool is_subject(const struct ferry_check *check, const struct ferry_workflow *workflow)
{
    return configuration_of(check, workflow) ||
           (workflow == INGRESS && !configuration_of(check, EGRESS) &&
            !configuration_of(check, OPTINOUT));
}

static void prepare(struct ferry_check *check)
{
    const char *registry = check->systems->common->registry_url;

    add_kafka(check);
    if (check->systems->registry)
        check->registry_line =
            ferry_check_line(check, FERRY_CHECK_REGISTRY, "reached at", registry);
    for (size_t i = 0; i < check->count; i++)
        ferry_check_prepare_part(&check->parts[i]);
    ferry_check_prepare_exports(check);
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++) {
        const struct ferry_workflow *workflow = &ferry_workflows[i];

        check->subjects[i] = (struct ferry_check_subject){.check = check, .workflow = workflow};
        if (is_subject(check, workflow))
            check->subjects[i].line =
                ferry_check_line(check, FERRY_CHECK_CONFIGURATION, workflow->id, "fits");
    }
}

static void ask_subject(struct ferry_check_subject *subject)
{
    json_t *configuration;
    struct ferry_error error;

    if (!subject->line)
        return;
    configuration = configuration_of(subject->check, subject->workflow);
    if (configuration)
        compile(subject, configuration);
    else if (ferry_store_readable(subject->check->systems->store, &error) != FERRY_OK)
        ferry_check_error(subject->line, &error, true);
    else
        ferry_check_missing(subject->line, "there is no configuration yet",
                            "apply one with ferryctl apply -f FILE");
}

static void begin(struct ferry_check *check)
{
    check->pending = 1; /* ours, until all questions are asked */
    prepare(check);
    ask_registry(check);
    ferry_check_ask_exports(check);
    for (size_t i = 0; i < check->count; i++)
        ferry_check_ask_part(&check->parts[i]);
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++)
        ask_subject(&check->subjects[i]);
    ferry_check_answered(check);
}

/* --- asked from outside --- */

void ferry_checks_get(struct ferry_checks *checks, struct ferry_server_exchange *exchange)
{
    struct ferry_check *check = calloc(1, sizeof *check);

    if (!check) {
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    check->checks = checks;
    check->systems = &checks->parts;
    check->exchange = exchange;
    check->items = json_array();
    DL_APPEND(checks->first, check);
    if (check->items && choose_parts(check)) {
        begin(check);
    } else {
        ferry_reply_refuse(exchange, 503, "out of memory");
        finish(check);
    }
}

struct ferry_checks *ferry_checks_new(const struct ferry_launch_parts *parts)
{
    struct ferry_checks *checks = calloc(1, sizeof *checks);

    if (checks)
        checks->parts = *parts;
    return checks;
}

void ferry_checks_free(struct ferry_checks *checks)
{
    struct ferry_check *check;
    struct ferry_check *next;

    if (!checks)
        return;
    DL_FOREACH_SAFE (checks->first, check, next)
        finish(check);
    free(checks);
}
