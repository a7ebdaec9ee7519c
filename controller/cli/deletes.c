/* deletes approve, deletes drop: a person decides on the deletes that the brake holds. */
#include "controller/cli/command.h"

#include <stdio.h>

static int decide(const struct ferry_command *command, const char *rest, const char *outcome)
{
    struct ferry_client_answer answer;
    int code;

    if (!command->table) {
        fprintf(stderr, "ferryctl: say of which table: --table NAME\n");
        return FERRY_EXIT_USAGE;
    }
    code = ferry_command_post(command, rest, json_pack("{s:s}", "table", command->table), &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        printf("%lld deletes of table %s %s\n",
               (long long)json_integer_value(json_object_get(answer.body, "deletes")),
               command->table, outcome);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}

int ferry_approve_deletes(const struct ferry_command *command)
{
    return decide(command, "/deletes/approve", "go on");
}

int ferry_drop_deletes(const struct ferry_command *command)
{
    return decide(command, "/deletes/drop", "are dropped; the records stay in Adobe Campaign");
}
