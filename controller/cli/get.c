/* get workflows, workflow, config, revisions, rejects; version. */
#include "controller/cli/columns.h"
#include "controller/cli/command.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WATCH_MS 1000

static const char *const columns_table[] = {"NAME",           "STATUS", "BACKLOG", "WAITING",
                                            "RESTART-NEEDED", "AGE",    NULL};
static const char *const columns_wide[] = {"NAME",           "STATUS",  "BACKLOG",   "WAITING",
                                           "RESTART-NEEDED", "AGE",     "WRITTEN/S", "REVISION",
                                           "SAVED",          "MESSAGE", NULL};

static void add_number(struct ferry_columns *columns, const json_t *number)
{
    char text[32] = "";

    if (json_is_integer(number))
        ferry_columns_number(json_integer_value(number), text);
    else if (json_is_real(number))
        snprintf(text, sizeof text, "%.1f", json_real_value(number));
    ferry_columns_add(columns, text);
}

static void add_age(struct ferry_columns *columns, const json_t *at)
{
    char text[16] = "";

    if (json_is_integer(at))
        ferry_columns_age((ferry_wall_ms() - json_integer_value(at)) / 1000, text);
    ferry_columns_add(columns, text);
}

static const char *message_of(const json_t *workflow)
{
    const char *error = ferry_command_text(json_object_get(workflow, "error"), "message");

    if (*error)
        return error;
    return ferry_command_text(json_object_get(workflow, "warning"), "message");
}

static void add_status(struct ferry_columns *columns, const json_t *workflow)
{
    char text[64];

    snprintf(text, sizeof text, "%s%s", ferry_command_text(workflow, "status"),
             json_is_true(json_object_get(workflow, "stopping")) ? ",stopping" : "");
    ferry_columns_add(columns, text);
}

static void add_workflow(struct ferry_columns *columns, const json_t *workflow, bool wide)
{
    ferry_columns_add(columns, ferry_command_text(workflow, "id"));
    add_status(columns, workflow);
    add_number(columns, json_object_get(workflow, "backlog"));
    add_number(columns, json_object_get(workflow, "waiting"));
    ferry_columns_add(columns,
                      json_is_true(json_object_get(workflow, "restartNeeded")) ? "yes" : "no");
    add_age(columns, json_object_get(workflow, "orderedAt"));
    if (!wide)
        return;
    add_number(columns, json_object_get(workflow, "writtenPerSecond"));
    add_number(columns, json_object_get(workflow, "revision"));
    add_number(columns, json_object_get(workflow, "savedRevision"));
    ferry_columns_add(columns, message_of(workflow));
}

static void print_workflows(const struct ferry_command *command, const json_t *items)
{
    bool wide = command->output == FERRY_OUTPUT_WIDE;
    struct ferry_columns *columns = ferry_columns_new(wide ? columns_wide : columns_table);
    size_t i;
    json_t *item;

    json_array_foreach (items, i, item) {
        if (command->output == FERRY_OUTPUT_NAME)
            printf("workflow/%s\n", ferry_command_text(item, "id"));
        else
            add_workflow(columns, item, wide);
    }
    if (command->output != FERRY_OUTPUT_NAME)
        ferry_columns_print(columns);
    ferry_columns_free(columns);
}

/* Without --watch once; with it until interrupted, a new print whenever something changed. */
static int show(const struct ferry_command *command, const char *path)
{
    json_t *before = NULL;
    int code;

    do {
        struct ferry_client_answer answer;
        json_t *items;

        code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
        if (code != FERRY_EXIT_OK)
            break;
        items = json_object_get(answer.body, "items");
        items = items ? json_incref(items) : json_pack("[O]", answer.body);
        if (!before || !json_equal(before, items)) {
            if (command->output == FERRY_OUTPUT_JSON)
                ferry_command_print(answer.body);
            else
                print_workflows(command, items);
            fflush(stdout);
        }
        json_decref(before);
        before = items;
        if (json_is_true(json_object_get(answer.body, "readOnly")) && !command->watch)
            fprintf(stderr, "ferryctl: this controller only reads: another one has taken over\n");
        ferry_client_done(&answer);
        if (command->watch)
            ferry_command_pause(WATCH_MS);
    } while (command->watch);
    json_decref(before);
    return code;
}

int ferry_get_workflows(const struct ferry_command *command)
{
    return show(command, "/v1/workflows");
}

int ferry_get_workflow(const struct ferry_command *command)
{
    char path[512];

    ferry_command_path(command, "", path, sizeof path);
    return show(command, path);
}

/* Always JSON: it is what `apply -f` takes. */
int ferry_get_config(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char path[512];
    char rest[128] = "/configuration";
    int code;

    if (command->running)
        snprintf(rest, sizeof rest, "/configuration?running=true");
    else if (command->revision)
        snprintf(rest, sizeof rest, "/configuration?revision=%.20s", command->revision);
    ferry_command_path(command, rest, path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    ferry_command_print(answer.body);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}

int ferry_get_revisions(const struct ferry_command *command)
{
    static const char *const titles[] = {"REVISION", "SAVED-BY", "AGE", NULL};
    struct ferry_client_answer answer;
    struct ferry_columns *columns;
    char path[512];
    size_t i;
    json_t *item;
    int code;

    ferry_command_path(command, "/configuration/revisions", path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    columns = ferry_columns_new(titles);
    json_array_foreach (json_object_get(answer.body, "items"), i, item) {
        add_number(columns, json_object_get(item, "revision"));
        ferry_columns_add(columns, ferry_command_text(item, "savedBy"));
        add_age(columns, json_object_get(item, "savedAt"));
    }
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        ferry_columns_print(columns);
    ferry_columns_free(columns);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}

int ferry_version(const struct ferry_command *command)
{
    struct ferry_client_answer answer;

    printf("ferryctl %s\n", FERRY_VERSION);
    fflush(stdout);
    ferry_client_ask(command->client, "GET", "/v1/version", NULL, NULL, &answer);
    if (answer.status == 0)
        return ferry_command_unreachable(&answer);
    printf("controller %s, instance %s, %s\n", ferry_command_text(answer.body, "version"),
           ferry_command_text(answer.body, "instance"),
           json_is_true(json_object_get(answer.body, "writable"))
               ? "writes"
               : ferry_command_text(answer.body, "reason"));
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
