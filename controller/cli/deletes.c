/* deletes approve, deletes drop: a person decides on the deletes that the brake holds. */
#include "controller/cli/command.h"

#include <stdio.h>

/* What becomes of one, and of many. */
struct outcome {
    const char *one;
    const char *many;
};

static int decide(const struct ferry_command *command, const char *rest, struct outcome outcome)
{
    struct ferry_client_answer answer;
    json_t *body;
    long long count;
    int code;

    if (!command->table) {
        fprintf(stderr, "ferryctl: say of which table: --table NAME\n");
        return FERRY_EXIT_USAGE;
    }
    body = json_pack("{s:s}", "table", command->table);
    if (command->expect > 0)
        json_object_set_new(body, "expect", json_integer(command->expect));
    code = ferry_command_post(command, rest, body, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    count = (long long)json_integer_value(json_object_get(answer.body, "deletes"));
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        printf("%lld delete%s of table %s %s\n", count, count == 1 ? "" : "s", command->table,
               count == 1 ? outcome.one : outcome.many);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}

int ferry_approve_deletes(const struct ferry_command *command)
{
    return decide(command, "/deletes/approve", (struct outcome){"goes on", "go on"});
}

int ferry_drop_deletes(const struct ferry_command *command)
{
    return decide(command, "/deletes/drop",
                  (struct outcome){"is dropped; the record stays in Adobe Campaign",
                                   "are dropped; the records stay in Adobe Campaign"});
}
