/* replay: a whole table is read again at the next start. */
#include "controller/cli/command.h"

#include <stdio.h>

static void print_replay(const struct ferry_command *command)
{
    printf(
        "%s will be read again at the next start: ferryctl stop %s --wait && ferryctl start %s\n",
        command->table, command->argument, command->argument);
}

int ferry_replay(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char path[512];
    json_t *body;
    int code;

    if (!command->table) {
        fprintf(stderr,
                "ferryctl: say which table is to be read again: ferryctl replay %s --table "
                "NAME\n",
                command->argument);
        return FERRY_EXIT_USAGE;
    }
    ferry_command_path(command, "/replay", path, sizeof path);
    body = json_pack("{s:s}", "table", command->table);
    code = ferry_command_ask(command, "POST", path, body, NULL, &answer);
    json_decref(body);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_replay(command);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
