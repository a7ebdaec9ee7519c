/* start and stop, and waiting for what comes of them. */
#include "controller/cli/command.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS          250
#define STANDARD_TIMEOUT 60

/* What a wait ends with. */
struct goal {
    const char *status; /* RUNNING or STOPPED */
    const char *doing;  /* "starting" */
    bool failed_ends;   /* FAILED is an answer, too */
};

static const struct goal to_run = {"RUNNING", "starting", true};
static const struct goal to_stop = {"STOPPED", "stopping", false};

static bool is_stopping(const json_t *workflow)
{
    return json_is_true(json_object_get(workflow, "stopping"));
}

static bool is_reached(const struct goal *goal, const json_t *workflow)
{
    return strcmp(ferry_command_text(workflow, "status"), goal->status) == 0 &&
           !is_stopping(workflow);
}

static int print_failure(const json_t *workflow)
{
    const json_t *error = json_object_get(workflow, "error");
    const char *action = ferry_command_text(error, "action");

    fprintf(stderr, "ferryctl: %s is FAILED (%s): %s\n", ferry_command_text(workflow, "id"),
            ferry_command_text(error, "class"), ferry_command_text(error, "message"));
    if (*action)
        fprintf(stderr, "  what to do: %s\n", action);
    return FERRY_EXIT_REFUSED;
}

/* Says what is waited for whenever that changes. */
static void print_waiting(const json_t *workflow, char *said, size_t size)
{
    const json_t *list = json_object_get(workflow, "waitingFor");
    const char *first = json_string_value(json_array_get(list, 0));
    size_t more = json_array_size(list);
    char now[600] = "";

    if (first && more > 1)
        snprintf(now, sizeof now, "%s (and %zu more)", first, more - 1);
    else if (first)
        snprintf(now, sizeof now, "%s", first);
    if (!*now || strcmp(now, said) == 0)
        return;
    printf("waiting: %s\n", now);
    fflush(stdout);
    snprintf(said, size, "%s", now);
}

/* -1: not yet. */
static int judge(const struct goal *goal, const json_t *workflow)
{
    const char *status = ferry_command_text(workflow, "status");

    if (is_reached(goal, workflow)) {
        printf("workflow/%s is %s\n", ferry_command_text(workflow, "id"), status);
        return FERRY_EXIT_OK;
    }
    if (goal->failed_ends && strcmp(status, "FAILED") == 0)
        return print_failure(workflow);
    if (goal->failed_ends && (strcmp(status, "STOPPED") == 0 || is_stopping(workflow))) {
        fprintf(stderr, "ferryctl: %s was stopped while it was waited for\n",
                ferry_command_text(workflow, "id"));
        return FERRY_EXIT_REFUSED;
    }
    return -1;
}

static int wait_for(const struct ferry_command *command, const struct goal *goal)
{
    long seconds = command->timeout_s ? command->timeout_s : STANDARD_TIMEOUT;
    int64_t deadline = ferry_boot_ms() + (int64_t)seconds * 1000;
    char said[600] = "";
    char path[512];
    int code = -1;

    ferry_command_path(command, "", path, sizeof path);
    while (code < 0) {
        struct ferry_client_answer answer;

        /* A controller that restarts meanwhile goes on where it was: patience, too. */
        ferry_client_ask(command->client, "GET", path, NULL, NULL, &answer);
        if (answer.status == 200)
            code = judge(goal, answer.body);
        if (answer.status == 200 && code < 0)
            print_waiting(answer.body, said, sizeof said);
        if (code < 0 && ferry_boot_ms() >= deadline) {
            fprintf(stderr, "ferryctl: %s is not %s after %ld s: %s\n", command->argument,
                    goal->status, seconds,
                    answer.status == 0 ? answer.trouble
                    : *said            ? said
                                       : goal->doing);
            code = answer.status == 0 ? FERRY_EXIT_UNREACHABLE : FERRY_EXIT_TIMEOUT;
        }
        ferry_client_done(&answer);
        if (code < 0)
            ferry_command_pause(LOOK_MS);
    }
    return code;
}

static int launch(const struct ferry_command *command, const char *verb, const struct goal *goal)
{
    struct ferry_client_answer answer;
    char path[512];
    bool reached;
    int code;

    ferry_command_path(command, verb, path, sizeof path);
    code = ferry_command_ask(command, "POST", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    reached = is_reached(goal, answer.body);
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else if (!command->wait)
        printf("workflow/%s %s\n", command->argument, reached ? goal->status : goal->doing);
    ferry_client_done(&answer);
    return command->wait ? wait_for(command, goal) : FERRY_EXIT_OK;
}

int ferry_start(const struct ferry_command *command)
{
    return launch(command, "/start", &to_run);
}

int ferry_stop(const struct ferry_command *command)
{
    return launch(command, "/stop", &to_stop);
}
