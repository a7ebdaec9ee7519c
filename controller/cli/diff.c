/* diff, check and get rejects: reports that the controller makes. */
#include "controller/cli/columns.h"
#include "controller/cli/command.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_value(const char *mark, const json_t *change, const char *key)
{
    const json_t *value = json_object_get(change, key);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (text)
        printf("%s %s: %s\n", mark, ferry_command_text(change, "path"), text);
    free(text);
}

int ferry_diff(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    const json_t *changes;
    char path[512];
    size_t i;
    json_t *change;
    int code;

    ferry_command_path(command, "/diff", path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    changes = json_object_get(answer.body, "changes");
    if (command->output == FERRY_OUTPUT_JSON) {
        ferry_command_print(answer.body);
    } else {
        printf("running revision %lld, saved revision %lld%s\n",
               (long long)json_integer_value(json_object_get(answer.body, "running")),
               (long long)json_integer_value(json_object_get(answer.body, "saved")),
               json_array_size(changes) ? "" : ": no difference");
        json_array_foreach (changes, i, change) {
            print_value("-", change, "from");
            print_value("+", change, "to");
        }
    }
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}

int ferry_check(const struct ferry_command *command)
{
    static const char *const titles[] = {"SYSTEM", "CHECK", "RESULT", "WHAT", NULL};
    struct ferry_client_answer answer;
    struct ferry_columns *columns;
    bool good;
    size_t i;
    json_t *item;
    int code = ferry_command_ask(command, "GET", "/v1/check", NULL, NULL, &answer);

    if (code != FERRY_EXIT_OK)
        return code;
    columns = ferry_columns_new(titles);
    json_array_foreach (json_object_get(answer.body, "items"), i, item) {
        const char *action = ferry_command_text(item, "action");
        char what[1024];

        snprintf(what, sizeof what, "%s%s%s", ferry_command_text(item, "message"),
                 *action ? "; " : "", action);
        ferry_columns_add(columns, ferry_command_text(item, "system"));
        ferry_columns_add(columns, ferry_command_text(item, "check"));
        ferry_columns_add(columns, ferry_command_text(item, "result"));
        ferry_columns_add(columns, what);
    }
    good = json_is_true(json_object_get(answer.body, "ok"));
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        ferry_columns_print(columns);
    ferry_columns_free(columns);
    ferry_client_done(&answer);
    return good ? FERRY_EXIT_OK : FERRY_EXIT_REFUSED;
}

/* As JSON, on one line, whatever is in it. */
static void add_value(struct ferry_columns *columns, const json_t *item)
{
    static const char *const members[] = {"fields", "raw", "rawHex"};
    const json_t *value = NULL;

    for (size_t i = 0; i < sizeof members / sizeof members[0] && !value; i++)
        value = json_object_get(item, members[i]);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    ferry_columns_add(columns, text);
    free(text);
}

static void print_rejects(const json_t *items, bool values)
{
    static const char *const titles[] = {"ORIGIN", "AGE", "CLASS", "KEY", "REASON", NULL};
    static const char *const more[] = {"ORIGIN", "AGE", "CLASS", "KEY", "REASON", "RECORD", NULL};
    struct ferry_columns *columns = ferry_columns_new(values ? more : titles);
    size_t i;
    json_t *item;

    json_array_foreach (items, i, item) {
        char age[16];

        ferry_columns_age(
            (ferry_wall_ms() - json_integer_value(json_object_get(item, "rejectedAt"))) / 1000,
            age);
        ferry_columns_add(columns, ferry_command_text(item, "origin"));
        ferry_columns_add(columns, age);
        ferry_columns_add(columns, ferry_command_text(item, "class"));
        ferry_columns_add(columns, ferry_command_text(item, "id"));
        ferry_columns_add(columns, ferry_command_text(item, "reason"));
        if (values)
            add_value(columns, item);
    }
    ferry_columns_print(columns);
    ferry_columns_free(columns);
}

int ferry_get_rejects(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char rest[64];
    char path[512];
    int code;

    snprintf(rest, sizeof rest, "/rejects?limit=%ld%s", command->limit,
             command->values ? "&values=true" : "");
    ferry_command_path(command, rest, path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_rejects(json_object_get(answer.body, "items"), command->values);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
