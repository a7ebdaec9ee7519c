#include "controller/setup.h"

#include "controller/reply.h"
#include "controller/setup_definition.h"
#include "controller/setup_private.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKFLOW  "campaign-to-dynamics"
#define ENGLISH   1033
#define PATH_SIZE 256

/* --- the report --- */

json_t *ferry_setup_add_item(struct ferry_setup *setup, const char *column, const char *result)
{
    json_t *item = json_pack("{s:s, s:s?, s:s, s:n, s:s, s:s}", "table", setup->table, "column",
                             column, "result", result, "class", "message", "", "action", "");

    json_array_append_new(setup->items, item);
    return item;
}

void ferry_setup_set_error(json_t *item, const char *result, const struct ferry_error *error)
{
    json_object_set_new(item, "result", json_string(result));
    json_object_set_new(item, "message", json_string(error->message));
    json_object_set_new(item, "action", json_string(error->action));
    if (error->class != FERRY_CLASS_NONE)
        json_object_set_new(item, "class", json_string(ferry_class_name(error->class)));
}

static bool is_good(const json_t *item)
{
    const char *result = json_string_value(json_object_get(item, "result"));

    return result && strcmp(result, "failed") != 0;
}

void ferry_setup_finish(struct ferry_setup *setup)
{
    bool good = true;
    size_t i;
    json_t *item;

    json_array_foreach (setup->items, i, item)
        good = good && is_good(item);
    json_object_set_new(setup->report, "ok", json_boolean(good));
    json_object_set_new(setup->report, "running", json_false());
    ferry_log(FERRY_LOG_INFO, "setup_done", FERRY_STR("ok", good ? "true" : "false"),
              FERRY_INT("made", (int64_t)json_array_size(setup->made)));
}

static bool is_dry(const struct ferry_setup *setup)
{
    return json_is_true(json_object_get(setup->report, "dryRun"));
}

/* --- what is missing --- */

static void plan(struct ferry_setup *setup, const char *path, json_t *body, const char *column)
{
    json_t *item = ferry_setup_add_item(setup, column, "missing");
    json_t *todo = json_pack("{s:s, s:o, s:O}", "path", path, "body", body, "item", item);

    if (!todo || json_array_append_new(setup->todo, todo) != 0)
        json_object_set_new(item, "message", json_string("out of memory"));
}

static const json_t *columns_of(const struct ferry_setup *setup)
{
    const json_t *activities = json_object_get(setup->settled, "activities");
    const json_t *activity = json_object_get(activities, ferry_email_kinds[setup->kind - 1].member);

    return json_object_get(activity, "columns");
}

/* `table` NULL: it is about to be made, without any. */
static void look_at_column(struct ferry_setup *setup, const struct ferry_email_attribute *attribute,
                           const struct ferry_dataverse_table *table)
{
    const char *name = json_string_value(json_object_get(columns_of(setup), attribute->name));
    const struct ferry_dataverse_column *column =
        table && name ? ferry_dataverse_column(table, name) : NULL;
    const char *refusal =
        column ? ferry_email_refusal(attribute, column->type, column->creatable) : NULL;
    struct ferry_error error;
    char path[PATH_SIZE];

    if (!name)
        return;
    if (column && !refusal) {
        ferry_setup_add_item(setup, name, "exists");
    } else if (column) {
        ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "it %s", refusal);
        ferry_setup_set_error(ferry_setup_add_item(setup, name, "failed"), "failed", &error);
    } else {
        snprintf(path, sizeof path, "EntityDefinitions(LogicalName='%s')/Attributes", setup->table);
        plan(setup, path, ferry_setup_column(attribute, name, setup->language), name);
    }
}

static void look_at_table(struct ferry_setup *setup, const struct ferry_dataverse_table *table)
{
    const struct ferry_email_kind *kind = &ferry_email_kinds[setup->kind - 1];
    struct ferry_error error;

    if (table && !table->activity) {
        ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "it is there, and is no activity table");
        ferry_advise(&error, "name another table in the configuration (/activities/%s/table)",
                     kind->member);
        ferry_setup_set_error(ferry_setup_add_item(setup, NULL, "failed"), "failed", &error);
        return;
    }
    if (table)
        ferry_setup_add_item(setup, NULL, "exists");
    else
        plan(setup, "EntityDefinitions", ferry_setup_table(kind, setup->table, setup->language),
             NULL);
    for (int i = 0; i < FERRY_EMAIL_ATTRIBUTES; i++)
        look_at_column(setup, &ferry_email_attributes[i], table);
}

static void on_table(void *context, const struct ferry_dataverse_table *table,
                     const struct ferry_remote_answer *answer)
{
    struct ferry_setup *setup = context;

    if (table || answer->verdict == FERRY_VERDICT_ABSENT)
        look_at_table(setup, table);
    else
        ferry_setup_set_error(ferry_setup_add_item(setup, NULL, "failed"), "failed",
                              &answer->error);
    if (is_dry(setup))
        json_array_clear(setup->todo);
    ferry_setup_make_next(setup);
}

/* --- one table after the other --- */

void ferry_setup_next_table(struct ferry_setup *setup)
{
    const json_t *events = json_object_get(setup->settled, "events");
    const json_t *activities = json_object_get(setup->settled, "activities");

    while (setup->kind < FERRY_EMAIL_KINDS) {
        const char *member = ferry_email_kinds[setup->kind++].member;
        const json_t *activity = json_object_get(activities, member);
        struct ferry_error error;

        if (!json_is_true(json_object_get(events, member)))
            continue;
        setup->table = json_string_value(json_object_get(activity, "table"));
        if (ferry_dataverse_describe(setup->parts.dataverse, setup->table, on_table, setup,
                                     &error) == FERRY_OK)
            return;
        ferry_setup_set_error(ferry_setup_add_item(setup, NULL, "failed"), "failed", &error);
    }
    if (json_array_size(setup->made) > 0)
        ferry_setup_publish(setup);
    else
        ferry_setup_finish(setup);
}

/* Titles must be in the language that the environment was made in; where it does not say which, it
 * is taken for English. */
static void on_language(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_setup *setup = context;
    json_t *body = answer->verdict == FERRY_VERDICT_OK
                       ? json_loadb(answer->body, answer->length, 0, NULL)
                       : NULL;
    json_int_t code = json_integer_value(
        json_object_get(json_array_get(json_object_get(body, "value"), 0), "languagecode"));

    if (code > 0 && code < 100000)
        setup->language = (int)code;
    json_decref(body);
    ferry_setup_next_table(setup);
}

static void begin(struct ferry_setup *setup)
{
    const struct ferry_dataverse_request request = {
        .path = "organizations?$select=languagecode", .on_done = on_language, .context = setup};
    struct ferry_error error;

    setup->kind = 0;
    setup->language = ENGLISH;
    json_array_clear(setup->made);
    json_array_clear(setup->todo);
    if (ferry_dataverse_send(setup->parts.dataverse, &request, NULL, &error) != FERRY_OK)
        ferry_setup_next_table(setup);
}

/* --- the requests --- */

static bool is_running(const struct ferry_setup *setup)
{
    return json_is_true(json_object_get(setup->report, "running"));
}

/* The configuration that came with the request, else the saved one, else all defaults. A new
 * reference. */
static json_t *choose(const struct ferry_setup *setup, const json_t *body)
{
    json_t *sent = json_object_get(body, "configuration");
    json_t *saved = ferry_documents_saved(ferry_store_documents(setup->parts.store), WORKFLOW, 0);
    json_t *chosen = sent ? sent : json_object_get(saved, "configuration");

    return chosen ? json_incref(chosen) : json_object();
}

/* With its defaults; a new reference. NULL: it was refused. */
static json_t *settle(json_t *configuration, struct ferry_server_exchange *exchange)
{
    json_t *faults = json_array();
    size_t count;
    enum ferry_status status = ferry_email_check(configuration, faults);
    json_t *settled = status == FERRY_OK ? ferry_email_fill(configuration) : NULL;
    struct ferry_error error;

    if (status == FERRY_INVALID) {
        count = json_array_size(faults);
        ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_NONE,
                   "nothing is set up: the configuration has %zu fault%s", count,
                   count == 1 ? "" : "s");
        ferry_reply_problem(exchange, 422, &error, faults);
    } else if (!settled) {
        ferry_reply_refuse(exchange, 503, "out of memory");
    }
    json_decref(faults);
    return settled;
}

/* False: out of memory. */
static bool prepare(struct ferry_setup *setup, json_t *settled, bool dry)
{
    json_decref(setup->report);
    json_decref(setup->settled);
    setup->settled = json_incref(settled);
    setup->report =
        json_pack("{s:b, s:b, s:b, s:[]}", "running", 1, "dryRun", (int)dry, "ok", 1, "items");
    setup->items = json_object_get(setup->report, "items");
    return setup->report;
}

static void set_up(struct ferry_setup *setup, json_t *settled, bool dry,
                   struct ferry_server_exchange *exchange)
{
    if (is_running(setup) && dry == is_dry(setup) && json_equal(settled, setup->settled)) {
        ferry_reply_json(exchange, 200, json_deep_copy(setup->report));
    } else if (is_running(setup)) {
        ferry_reply_refuse(exchange, 409, "a setup is under way; wait until it has ended");
    } else if (!prepare(setup, settled, dry)) {
        ferry_reply_refuse(exchange, 503, "out of memory");
    } else {
        begin(setup);
        ferry_reply_json(exchange, 202, json_deep_copy(setup->report));
    }
}

void ferry_setup_post(struct ferry_setup *setup, struct ferry_server_exchange *exchange)
{
    struct ferry_error error;
    json_t *body;
    json_t *configuration;
    json_t *settled;

    if (ferry_store_readable(setup->parts.store, &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    if (!(body = ferry_reply_body(exchange)))
        return;
    configuration = choose(setup, body);
    settled = settle(configuration, exchange);
    if (settled)
        set_up(setup, settled, json_is_true(json_object_get(body, "dryRun")), exchange);
    json_decref(settled);
    json_decref(configuration);
    json_decref(body);
}

void ferry_setup_get(const struct ferry_setup *setup, struct ferry_server_exchange *exchange)
{
    if (setup->report)
        ferry_reply_json(exchange, 200, json_deep_copy(setup->report));
    else
        ferry_reply_refuse(
            exchange, 404,
            "nothing was set up since this controller was started: run " FERRY_EMAIL_COMMAND);
}

/* --- life --- */

struct ferry_setup *ferry_setup_new(const struct ferry_launch_parts *parts)
{
    struct ferry_setup *setup = calloc(1, sizeof *setup);

    if (!setup)
        return NULL;
    setup->parts = *parts;
    setup->todo = json_array();
    setup->made = json_array();
    if (setup->todo && setup->made)
        return setup;
    ferry_setup_free(setup);
    return NULL;
}

void ferry_setup_free(struct ferry_setup *setup)
{
    if (!setup)
        return;
    ferry_dataverse_forget(setup->parts.dataverse, setup);
    json_decref(setup->report);
    json_decref(setup->settled);
    json_decref(setup->todo);
    json_decref(setup->made);
    free(setup);
}
