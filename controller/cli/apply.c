/* apply -f, rollback, edit: a configuration goes to the controller. */
#include "controller/cli/command.h"
#include "controller/cli/wish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_warnings(const json_t *answer)
{
    size_t i;
    json_t *warning;

    json_array_foreach (json_object_get(answer, "warnings"), i, warning) {
        const char *path = ferry_command_text(warning, "path");

        fprintf(stderr, "warning: %s%s%s\n", path, *path ? ": " : "",
                ferry_command_text(warning, "reason"));
    }
}

static void print_restart(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char path[512];

    ferry_command_path(command, "", path, sizeof path);
    ferry_client_ask(command->client, "GET", path, NULL, NULL, &answer);
    if (json_is_true(json_object_get(answer.body, "restartNeeded")))
        printf("it takes effect when %s is stopped and started again\n", command->argument);
    ferry_client_done(&answer);
}

static int put(const struct ferry_command *command, const json_t *configuration, const char *match)
{
    json_t *body = json_pack("{s:O}", "configuration", configuration);
    struct ferry_client_answer answer;
    char path[512];
    int code;

    ferry_command_path(command, "/configuration", path, sizeof path);
    code = ferry_command_ask(command, "PUT", path, body, match, &answer);
    json_decref(body);
    if (code != FERRY_EXIT_OK)
        return code;
    print_warnings(answer.body);
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        printf("workflow/%s configured (revision %lld)\n", command->argument,
               (long long)json_integer_value(json_object_get(answer.body, "revision")));
    ferry_client_done(&answer);
    if (command->output != FERRY_OUTPUT_JSON)
        print_restart(command);
    return FERRY_EXIT_OK;
}

/* The saved configuration as it is now; a body of NULL when there is none yet. */
static int get_saved(const struct ferry_command *command, struct ferry_client_answer *answer)
{
    char path[512];

    ferry_command_path(command, "/configuration", path, sizeof path);
    ferry_client_ask(command->client, "GET", path, NULL, NULL, answer);
    if (answer->status == 0)
        return ferry_command_unreachable(answer);
    if (answer->status == 404 && strstr(ferry_command_text(answer->body, "detail"), "no config")) {
        ferry_client_done(answer);
        return FERRY_EXIT_OK;
    }
    if (answer->status == 200)
        return FERRY_EXIT_OK;
    ferry_command_refused(answer);
    ferry_client_done(answer);
    return FERRY_EXIT_REFUSED;
}

static int apply_wish(const struct ferry_command *command, const struct ferry_wish *wish)
{
    struct ferry_client_answer saved;
    char match[96] = "If-None-Match: *";
    int code = get_saved(command, &saved);

    if (code != FERRY_EXIT_OK)
        return code;
    if (saved.body &&
        json_equal(json_object_get(saved.body, "configuration"), wish->configuration)) {
        printf("workflow/%s unchanged\n", command->argument);
        ferry_client_done(&saved);
        return FERRY_EXIT_OK;
    }
    if (wish->revision > 0)
        snprintf(match, sizeof match, "If-Match: \"%lld\"", (long long)wish->revision);
    else if (saved.body)
        snprintf(match, sizeof match, "If-Match: %s", saved.etag);
    ferry_client_done(&saved);
    return put(command, wish->configuration, match);
}

int ferry_apply(const struct ferry_command *command)
{
    struct ferry_command named = *command;
    struct ferry_wish wish;
    int code;

    if (!command->file) {
        fprintf(stderr, "ferryctl: apply needs -f FILE\n");
        return FERRY_EXIT_USAGE;
    }
    code = ferry_wish_read(command->file, &wish);
    if (code != FERRY_EXIT_OK)
        return code;
    named.argument = wish.workflow;
    code = apply_wish(&named, &wish);
    ferry_wish_done(&wish);
    return code;
}

/* --- rollback --- */

/* 0: there is none to go back to. */
static long older_revision(const struct ferry_command *command, json_int_t latest)
{
    if (command->to_revision > 0)
        return command->to_revision;
    return latest > 1 ? (long)latest - 1 : 0;
}

static int roll_back(const struct ferry_command *command, json_int_t latest, long to)
{
    struct ferry_client_answer older;
    struct ferry_wish wish = {.workflow = command->argument, .revision = latest};
    char path[512];
    char rest[64];
    int code;

    snprintf(rest, sizeof rest, "/configuration?revision=%ld", to);
    ferry_command_path(command, rest, path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &older);
    if (code != FERRY_EXIT_OK)
        return code;
    wish.configuration = json_object_get(older.body, "configuration");
    code = apply_wish(command, &wish);
    ferry_client_done(&older);
    return code;
}

int ferry_rollback(const struct ferry_command *command)
{
    struct ferry_client_answer saved;
    json_int_t latest;
    long to;
    int code = get_saved(command, &saved);

    if (code != FERRY_EXIT_OK)
        return code;
    latest = json_integer_value(json_object_get(saved.body, "revision"));
    to = older_revision(command, latest);
    ferry_client_done(&saved);
    if (latest > 0 && to > 0)
        return roll_back(command, latest, to);
    fprintf(stderr, "ferryctl: %s has no older revision to go back to\n", command->argument);
    return FERRY_EXIT_REFUSED;
}

/* --- edit --- */

static bool write_draft(const struct ferry_command *command, const json_t *saved, char *path)
{
    int fd = mkstemps(path, 5);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    json_t *draft = json_pack("{s:s, s:O*, s:o}", "workflow", command->argument, "revision",
                              json_object_get(saved, "revision"), "configuration",
                              saved ? json_incref(json_object_get(saved, "configuration"))
                                    : ferry_wish_draft(command->argument));
    bool written = file && json_dumpf(draft, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;

    if (file)
        written = fclose(file) == 0 && written;
    json_decref(draft);
    if (!written)
        fprintf(stderr, "ferryctl: cannot write %s: %s\n", path, strerror(errno));
    return written;
}

/* By the shell, because $EDITOR may hold arguments. */
static bool run_editor(const char *path)
{
    const char *editor = getenv("VISUAL") ? getenv("VISUAL") : getenv("EDITOR");
    char script[512];
    int status = 0;
    pid_t child;

    snprintf(script, sizeof script, "%.400s \"$1\"", editor && *editor ? editor : "vi");
    child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", script, "edit", path, (char *)NULL);
        _exit(127);
    }
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "ferryctl: the editor '%s' failed; set $EDITOR\n", editor ? editor : "vi");
    return false;
}

static bool asks_again(void)
{
    char line[16];

    if (!isatty(STDIN_FILENO))
        return false;
    printf("open it again? [Y/n] ");
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && line[0] != 'n' && line[0] != 'N';
}

static int edit_draft(const struct ferry_command *command, const json_t *saved, const char *path)
{
    struct ferry_wish wish;
    int code;

    do {
        if (!run_editor(path))
            return FERRY_EXIT_REFUSED;
        code = ferry_wish_read(path, &wish);
        if (code != FERRY_EXIT_OK)
            continue;
        if (saved && json_equal(json_object_get(saved, "configuration"), wish.configuration)) {
            printf("workflow/%s unchanged\n", command->argument);
        } else {
            code = apply_wish(command, &wish);
        }
        ferry_wish_done(&wish);
    } while (code == FERRY_EXIT_REFUSED && asks_again());
    return code;
}

int ferry_edit(const struct ferry_command *command)
{
    char path[] = "/tmp/ferryctl-XXXXXX.json";
    struct ferry_client_answer saved;
    int code = get_saved(command, &saved);

    if (code != FERRY_EXIT_OK)
        return code;
    printf(
        "If resources or tables in use are about to be published with other fields, links or keys, "
        "stop the workflow first.\n");
    fflush(stdout);
    code = write_draft(command, saved.body, path) ? edit_draft(command, saved.body, path)
                                                  : FERRY_EXIT_REFUSED;
    ferry_client_done(&saved);
    if (code == FERRY_EXIT_OK)
        unlink(path);
    else
        fprintf(stderr, "your edit is kept: mend it and run: ferryctl apply -f %s\n", path);
    return code;
}
