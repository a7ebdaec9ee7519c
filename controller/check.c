#include "controller/check.h"

#include "controller/compile.h"
#include "controller/configuration.h"
#include "controller/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define KAFKA         "Kafka"
#define DYNAMICS      "Dynamics 365"
#define CAMPAIGN      "Adobe Campaign"
#define CONFIGURATION "Configuration"
#define WORKFLOW      "dynamics-to-campaign" /* the one that has mappings */

struct check;

/* What one mapping needs. Its lines stand in the answer from the beginning and are filled as
 * answers come. */
struct part {
    struct check *check;
    const char *table;
    const char *api;
    const char *resource;
    json_t *table_line;
    json_t *tracking_line;
    json_t *rows_line;
    json_t *resource_line;
    struct ferry_dataverse_call *call;
};

struct check {
    struct check *prev;
    struct check *next;
    struct ferry_checks *checks;
    struct ferry_server_exchange *exchange;
    json_t *mappings; /* owns the strings of the parts */
    json_t *items;
    struct part *parts;
    size_t count;
    size_t pending;
    struct ferry_compile *compile;
    json_t *configuration_line;
};

struct ferry_checks {
    struct ferry_launch_parts parts;
    struct check *first;
};

/* --- lines --- */

static json_t *add_line(struct check *check, const char *system, const char *format, const char *of)
{
    char what[320];
    json_t *line;

    snprintf(what, sizeof what, "%s %s", format, of);
    line = json_pack("{s:s, s:s, s:s, s:n, s:s, s:s}", "system", system, "check",
                     of[0] ? what : format, "result", "unknown", "class", "message",
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

static void fill_ok(json_t *line)
{
    fill(line, "ok", "", "");
}

/* "missing": a person has to act; "unknown": nobody could be asked. */
static void fill_error(json_t *line, const struct ferry_error *error, bool passing)
{
    fill(line, passing ? "unknown" : "missing", error->message, error->action);
    if (error->class != FERRY_CLASS_NONE)
        json_object_set_new(line, "class", json_string(ferry_class_name(error->class)));
}

static bool is_passing(const struct ferry_remote_answer *answer)
{
    return answer->verdict == FERRY_VERDICT_THROTTLED ||
           answer->verdict == FERRY_VERDICT_UNAVAILABLE ||
           answer->verdict == FERRY_VERDICT_UNKNOWN || answer->verdict == FERRY_VERDICT_ILL;
}

/* --- the end --- */

static void finish(struct check *check)
{
    const struct ferry_launch_parts *parts = &check->checks->parts;

    ferry_compile_cancel(check->compile);
    for (size_t i = 0; i < check->count; i++) {
        ferry_dataverse_forget(parts->dataverse, &check->parts[i]);
        ferry_campaign_forget(parts->campaign, &check->parts[i]);
    }
    DL_DELETE(check->checks->first, check);
    json_decref(check->mappings);
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

static void one_less(struct check *check)
{
    if (--check->pending > 0)
        return;
    ferry_reply_json(check->exchange, 200,
                     json_pack("{s:b, s:O}", "ok", is_all_ok(check->items), "items", check->items));
    finish(check);
}

/* --- Dynamics 365 --- */

static void on_rows(void *context, const struct ferry_remote_answer *answer)
{
    struct part *part = context;

    part->call = NULL;
    if (answer->verdict == FERRY_VERDICT_OK)
        fill_ok(part->rows_line);
    else
        fill_error(part->rows_line, &answer->error, is_passing(answer));
    one_less(part->check);
}

static void ask_rows(struct part *part, const struct ferry_dataverse_table *table)
{
    char path[512];
    struct ferry_dataverse_request request = {.path = path, .on_done = on_rows, .context = part};
    struct ferry_error error;

    snprintf(path, sizeof path, "%s?$select=%s&$top=1", table->entity_set, table->primary_id);
    part->check->pending++;
    if (ferry_dataverse_send(part->check->checks->parts.dataverse, &request, &part->call, &error) ==
        FERRY_OK)
        return;
    fill_error(part->rows_line, &error, true);
    one_less(part->check);
}

static void on_table(void *context, const struct ferry_dataverse_table *table,
                     const struct ferry_remote_answer *answer)
{
    struct part *part = context;

    if (!table) {
        fill_error(part->table_line, &answer->error, is_passing(answer));
    } else {
        fill_ok(part->table_line);
        if (table->change_tracking)
            fill_ok(part->tracking_line);
        else
            fill(part->tracking_line, "missing", "change tracking is off for this table",
                 "switch on Track changes in the properties of the table, and publish");
        ask_rows(part, table);
    }
    one_less(part->check);
}

/* --- Campaign --- */

static void on_resource(void *context, const struct ferry_campaign_resource *resource,
                        const struct ferry_remote_answer *answer)
{
    struct part *part = context;

    if (resource)
        fill_ok(part->resource_line);
    else
        fill_error(part->resource_line, &answer->error, is_passing(answer));
    one_less(part->check);
}

/* --- the configuration against both --- */

static void add_faults(struct check *check, const json_t *faults)
{
    size_t i;
    json_t *fault;

    json_array_foreach (faults, i, fault) {
        const char *path = json_string_value(json_object_get(fault, "path"));
        json_t *line = add_line(check, CONFIGURATION, path && *path ? path : "the systems", "");

        json_object_set(line, "message", json_object_get(fault, "reason"));
        json_object_set(line, "class", json_object_get(fault, "class"));
        json_object_set_new(line, "result", json_string("missing"));
    }
}

static void on_compiled(void *context, const struct ferry_compile_result *result)
{
    struct check *check = context;

    check->compile = NULL;
    if (result->status == FERRY_OK)
        fill_ok(check->configuration_line);
    else
        fill_error(check->configuration_line, &result->error, result->status == FERRY_RETRY);
    add_faults(check, result->faults);
    one_less(check);
}

static void compile(struct check *check, json_t *configuration)
{
    struct ferry_compile_options options = {.kind = &ferry_kind_mappings,
                                            .configuration = configuration,
                                            .dataverse = check->checks->parts.dataverse,
                                            .campaign = check->checks->parts.campaign,
                                            .on_done = on_compiled,
                                            .context = check};
    struct ferry_error error;

    check->pending++;
    if (ferry_compile_start(check->checks->parts.loop, &options, &check->compile, &error) ==
        FERRY_OK)
        return;
    fill_error(check->configuration_line, &error, true);
    one_less(check);
}

/* --- the beginning --- */

static void add_kafka(struct check *check)
{
    struct ferry_error error = {.class = FERRY_CLASS_NONE};
    json_t *line = add_line(check, KAFKA, "topics of this instance, and the right to write", "");

    if (ferry_store_writable(check->checks->parts.store, &error) == FERRY_OK)
        fill_ok(line);
    else
        fill_error(line, &error, false);
}

static void prepare_part(struct check *check, struct part *part, const json_t *mapping)
{
    const char *api = json_string_value(json_object_get(mapping, "api"));

    part->check = check;
    part->table = json_string_value(json_object_get(mapping, "table"));
    part->resource = json_string_value(json_object_get(mapping, "resource"));
    part->api = api ? api : FERRY_CONFIGURATION_API;
    part->table_line = add_line(check, DYNAMICS, "table", part->table);
    part->tracking_line = add_line(check, DYNAMICS, "change tracking of", part->table);
    part->rows_line = add_line(check, DYNAMICS, "the right to read", part->table);
    part->resource_line = add_line(check, CAMPAIGN, "resource", part->resource);
}

static void ask_part(struct part *part)
{
    const struct ferry_launch_parts *parts = &part->check->checks->parts;
    struct ferry_error error;

    part->check->pending += 2;
    if (ferry_dataverse_describe(parts->dataverse, part->table, on_table, part, &error) !=
        FERRY_OK) {
        fill_error(part->table_line, &error, true);
        one_less(part->check);
    }
    if (ferry_campaign_describe(parts->campaign, part->api, part->resource, on_resource, part,
                                &error) != FERRY_OK) {
        fill_error(part->resource_line, &error, true);
        one_less(part->check);
    }
}

static void begin(struct check *check, json_t *configuration)
{
    struct ferry_error error;

    check->pending = 1; /* ours, until all questions are asked */
    add_kafka(check);
    for (size_t i = 0; i < check->count; i++)
        prepare_part(check, &check->parts[i], json_array_get(check->mappings, i));
    check->configuration_line = add_line(check, CONFIGURATION, "fits both systems", "");
    for (size_t i = 0; i < check->count; i++)
        ask_part(&check->parts[i]);
    if (configuration)
        compile(check, configuration);
    else if (ferry_store_readable(check->checks->parts.store, &error) != FERRY_OK)
        fill_error(check->configuration_line, &error, true);
    else
        fill(check->configuration_line, "missing", WORKFLOW " has no configuration yet",
             "apply one with ferryctl apply -f FILE");
    one_less(check);
}

void ferry_checks_get(struct ferry_checks *checks, struct ferry_server_exchange *exchange)
{
    json_t *saved = ferry_documents_saved(ferry_store_documents(checks->parts.store), WORKFLOW, 0);
    json_t *configuration = json_object_get(saved, "configuration");
    json_t *mappings = json_incref(json_object_get(configuration, "mappings"));
    struct check *check = calloc(1, sizeof *check);

    if (json_array_size(mappings) == 0) {
        json_decref(mappings);
        mappings = json_pack("[{s:s, s:s}]", "table", "contact", "resource", "profile");
    }
    if (check)
        check->parts = calloc(json_array_size(mappings) + 1, sizeof *check->parts);
    if (!check || !check->parts) {
        json_decref(mappings);
        free(check);
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    check->checks = checks;
    check->exchange = exchange;
    check->mappings = mappings;
    check->count = json_array_size(mappings);
    check->items = json_array();
    DL_APPEND(checks->first, check);
    begin(check, configuration);
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
    struct check *check;
    struct check *next;

    if (!checks)
        return;
    DL_FOREACH_SAFE (checks->first, check, next)
        finish(check);
    free(checks);
}
