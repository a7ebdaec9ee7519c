/* replay: a table, or some rows of it, is read again at the next start. */
#include "controller/cli/command.h"

#include <stdio.h>

static void print_rows(const json_t *answer, const char *table)
{
    const json_t *records = json_object_get(answer, "records");

    if (!records)
        printf("%s", table);
    else
        printf("%s%lld row%s of %s",
               json_is_true(json_object_get(answer, "more")) ? "more than " : "",
               (long long)json_integer_value(records), json_integer_value(records) == 1 ? "" : "s",
               table);
}

static void print_answer(const struct ferry_command *command, const json_t *answer)
{
    if (command->cancel) {
        printf("the replay of %s is cancelled\n", command->table);
        return;
    }
    print_rows(answer, command->table);
    if (command->dry_run)
        printf(" would be read again\n");
    else
        printf(" will be read again at the next start: ferryctl stop %s --wait && ferryctl start "
               "%s\n",
               command->argument, command->argument);
}

static json_t *make_body(const struct ferry_command *command)
{
    json_t *body = json_pack("{s:s, s:O*, s:s*, s:s*}", "table", command->table, "ids",
                             command->ids, "filter", command->filter, "since", command->since);

    if (command->dry_run)
        json_object_set_new(body, "dryRun", json_true());
    return body;
}

static int refuse_usage(const struct ferry_command *command)
{
    if (!command->table)
        fprintf(stderr,
                "ferryctl: say which table is to be read again: ferryctl replay %s --table NAME\n",
                command->argument);
    else
        fprintf(stderr, "ferryctl: --cancel takes back the replay of a table: it goes with --table "
                        "and nothing else\n");
    return FERRY_EXIT_USAGE;
}

int ferry_replay(const struct ferry_command *command)
{
    bool narrowed = command->ids || command->filter || command->since || command->dry_run;
    struct ferry_client_answer answer;
    int code;

    if (!command->table || (command->cancel && narrowed))
        return refuse_usage(command);
    code = ferry_command_post(command, command->cancel ? "/replay/cancel" : "/replay",
                              make_body(command), &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_answer(command, answer.body);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
