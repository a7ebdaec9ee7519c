/* ferryctl: the controller's API for people and scripts. */
#include "controller/cli/options.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SERVER "http://127.0.0.1:8080"

static bool matches(const struct ferry_command_row *row, int count, char **words)
{
    int fixed = row->noun ? 2 : 1;

    return count >= fixed && strcmp(words[0], row->verb) == 0 &&
           (!row->noun || strcmp(words[1], row->noun) == 0);
}

/* Somebody who has half of it is shown what there is of it. */
static void refuse(int count, char **words)
{
    const char *before = "; there is";

    if (count == 0) {
        fprintf(stderr, "ferryctl: say what to do; see ferryctl --help\n");
        return;
    }
    fprintf(stderr, "ferryctl: there is no command '%s%s%s'", words[0], count > 1 ? " " : "",
            count > 1 ? words[1] : "");
    for (size_t i = 0; i < ferry_commands_count; i++) {
        const struct ferry_command_row *row = &ferry_commands[i];

        if (!row->noun || strcmp(words[0], row->verb) != 0)
            continue;
        fprintf(stderr, "%s %s %s%s%s", before, row->verb, row->noun, row->argument ? " " : "",
                row->argument ? row->argument : "");
        before = ",";
    }
    fprintf(stderr, "; see ferryctl --help\n");
}

static const struct ferry_command_row *find_command(struct ferry_command *command, int count,
                                                    char **words)
{
    for (size_t i = 0; i < ferry_commands_count; i++) {
        const struct ferry_command_row *row = &ferry_commands[i];
        int fixed = row->noun ? 2 : 1;

        if (!matches(row, count, words))
            continue;
        if (count == fixed + (row->argument ? 1 : 0)) {
            command->argument = row->argument ? words[fixed] : NULL;
            return row;
        }
        fprintf(stderr, "ferryctl: usage: ferryctl %s%s%s%s%s: %s\n", row->verb,
                row->noun ? " " : "", row->noun ? row->noun : "", row->argument ? " " : "",
                row->argument ? row->argument : "", row->help);
        return NULL;
    }
    refuse(count, words);
    return NULL;
}

int main(int argc, char **argv)
{
    struct ferry_command command = {
        .limit = 20,
    };
    const char *server = getenv("FERRY_SERVER");
    const struct ferry_command_row *row;
    int code = ferry_options_parse(&command, &server, &argc, &argv);

    if (code >= 0)
        return code;
    row = find_command(&command, argc, argv);
    if (!row)
        return FERRY_EXIT_USAGE;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    command.client = ferry_client_new(server && *server ? server : DEFAULT_SERVER);
    code = command.client ? row->run(&command) : FERRY_EXIT_REFUSED;
    ferry_client_free(command.client);
    json_decref(command.ids);
    curl_global_cleanup();
    return code;
}
