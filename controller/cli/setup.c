/* setup dynamics: what is missing in Dynamics 365 is made, and shown until it is done. */
#include "controller/cli/columns.h"
#include "controller/cli/command.h"
#include "controller/cli/wish.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#define PATH             "/v1/setup/dynamics"
#define WORKFLOW         "campaign-to-dynamics"
#define LOOK_MS          250
#define STANDARD_TIMEOUT 600

static void print_items(const json_t *items, bool dry)
{
    static const char *const titles[] = {"TABLE", "COLUMN", "RESULT", "WHAT", NULL};
    struct ferry_columns *columns = ferry_columns_new(titles);
    size_t i;
    json_t *item;

    json_array_foreach (items, i, item) {
        const char *result = ferry_command_text(item, "result");
        const char *action = ferry_command_text(item, "action");
        char what[1024];

        snprintf(what, sizeof what, "%s%s%s", ferry_command_text(item, "message"),
                 *action ? "; " : "", action);
        ferry_columns_add(columns, ferry_command_text(item, "table"));
        ferry_columns_add(columns, ferry_command_text(item, "column"));
        ferry_columns_add(columns,
                          dry && strcmp(result, "missing") == 0 ? "would be created" : result);
        ferry_columns_add(columns, what);
    }
    ferry_columns_print(columns);
    ferry_columns_free(columns);
}

/* The answer to take with it when it is done; else an exit code. */
static int wait_for(const struct ferry_command *command, struct ferry_client_answer *answer)
{
    long seconds = command->timeout_s ? command->timeout_s : STANDARD_TIMEOUT;
    int64_t deadline = ferry_boot_ms() + (int64_t)seconds * 1000;

    while (json_is_true(json_object_get(answer->body, "running"))) {
        int code;

        ferry_client_done(answer);
        if (ferry_boot_ms() >= deadline) {
            fprintf(stderr,
                    "ferryctl: the setup is not done after %ld s; it goes on, and running it again "
                    "shows how far it came\n",
                    seconds);
            return FERRY_EXIT_TIMEOUT;
        }
        ferry_command_pause(LOOK_MS);
        code = ferry_command_ask(command, "GET", PATH, NULL, NULL, answer);
        if (code != FERRY_EXIT_OK)
            return code;
    }
    return FERRY_EXIT_OK;
}

/* With -f, what a file names that is not saved yet. An exit code. */
static int add_configuration(const struct ferry_command *command, json_t *body)
{
    struct ferry_wish wish;
    int code;

    if (!command->file)
        return FERRY_EXIT_OK;
    code = ferry_wish_read(command->file, &wish);
    if (code != FERRY_EXIT_OK)
        return code;
    if (strcmp(wish.workflow, WORKFLOW) == 0) {
        json_object_set_new(body, "configuration", json_deep_copy(wish.configuration));
    } else {
        fprintf(stderr, "ferryctl: %s is for %s; setup dynamics takes one of " WORKFLOW "\n",
                command->file, wish.workflow);
        code = FERRY_EXIT_REFUSED;
    }
    ferry_wish_done(&wish);
    return code;
}

int ferry_setup_dynamics(const struct ferry_command *command)
{
    json_t *body = json_pack("{s:b}", "dryRun", (int)command->dry_run);
    struct ferry_client_answer answer;
    bool good;
    int code = add_configuration(command, body);

    if (code == FERRY_EXIT_OK)
        code = ferry_command_ask(command, "POST", PATH, body, NULL, &answer);
    json_decref(body);
    if (code == FERRY_EXIT_OK)
        code = wait_for(command, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    good = json_is_true(json_object_get(answer.body, "ok"));
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_items(json_object_get(answer.body, "items"), command->dry_run);
    ferry_client_done(&answer);
    return good ? FERRY_EXIT_OK : FERRY_EXIT_REFUSED;
}
