#include "controller/cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 24
#define MANY        1000000

static void print_help(FILE *out)
{
    fprintf(out,
            "ferryctl starts, stops, shows and configures the workflows of Ferry.\n\nUsage:\n");
    for (size_t i = 0; i < ferry_commands_count; i++) {
        const struct ferry_command_row *row = &ferry_commands[i];
        char words[64];

        snprintf(words, sizeof words, "%s%s%s%s%s", row->verb, row->noun ? " " : "",
                 row->noun ? row->noun : "", row->argument ? " " : "",
                 row->argument ? row->argument : "");
        fprintf(out, "  ferryctl %-24s%s\n", words, row->help);
    }
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < ferry_command_options_count; i++) {
        const struct ferry_command_option *option = &ferry_command_options[i];
        char words[64];
        char letter[8] = "    ";

        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(words, sizeof words, "%s--%s%s%s", letter, option->name,
                 option->argument ? " " : "", option->argument ? option->argument : "");
        fprintf(out, "  %-26s%s\n", words, option->help);
    }
    fprintf(out, "\nExit codes:\n"
                 "  0  done\n"
                 "  1  refused or failed; the reason stands on stderr\n"
                 "  2  the command line is wrong\n"
                 "  3  the controller was not reached\n"
                 "  4  --wait ran out of time\n");
}

static bool parse_number(const char *name, const char *text, long most, long *ret_number)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text && !*end && number > 0 && number <= most) {
        *ret_number = number;
        return true;
    }
    fprintf(stderr, "ferryctl: --%s takes a number from 1 to %ld, not '%s'\n", name, most, text);
    return false;
}

static bool parse_output(const char *text, enum ferry_output *ret_output)
{
    static const char *const names[] = {"table", "wide", "json", "name"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_output = (enum ferry_output)i;
            return true;
        }
    }
    fprintf(stderr, "ferryctl: -o takes json, wide or name, not '%s'\n", text);
    return false;
}

static bool take_flag(struct ferry_command *command, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"watch", &command->watch},     {"wait", &command->wait},
                 {"running", &command->running}, {"values", &command->values},
                 {"dry-run", &command->dry_run}, {"cancel", &command->cancel}};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(name, flags[i].name) == 0)
            *flags[i].flag = true;
    return true;
}

/* Those of replay, rollback, deletes and decisions. */
static bool take_more(struct ferry_command *command, const char *name)
{
    if (strcmp(name, "to-revision") == 0)
        return parse_number(name, optarg, MANY, &command->to_revision);
    if (strcmp(name, "expect") == 0)
        return parse_number(name, optarg, 1000L * MANY, &command->expect);
    if (strcmp(name, "filter") == 0)
        command->filter = optarg;
    else if (strcmp(name, "since") == 0)
        command->since = optarg;
    else if (strcmp(name, "contact") == 0)
        command->contact = optarg;
    else if (strcmp(name, "id") != 0)
        return take_flag(command, name);
    else if (!command->ids)
        command->ids = json_pack("[s]", optarg);
    else
        json_array_append_new(command->ids, json_string(optarg));
    return true;
}

/* What one option does; false: the sentence is printed. */
static bool take_option(struct ferry_command *command, const char **server, const char *name)
{
    if (strcmp(name, "server") == 0)
        *server = optarg;
    else if (strcmp(name, "output") == 0)
        return parse_output(optarg, &command->output);
    else if (strcmp(name, "timeout") == 0)
        return parse_number(name, optarg, MANY, &command->timeout_s);
    else if (strcmp(name, "limit") == 0)
        return parse_number(name, optarg, MANY, &command->limit);
    else if (strcmp(name, "file") == 0)
        command->file = optarg;
    else if (strcmp(name, "revision") == 0)
        command->revision = optarg;
    else if (strcmp(name, "table") == 0)
        command->table = optarg;
    else
        return take_more(command, name);
    return true;
}

static const struct ferry_command_option *find_option(int letter, int index)
{
    if (letter == 0)
        return &ferry_command_options[index];
    for (size_t i = 0; i < ferry_command_options_count; i++)
        if (ferry_command_options[i].letter == letter)
            return &ferry_command_options[i];
    return NULL;
}

/* The tables in getopt's form. */
static void make_getopt(struct option longs[OPTIONS_MAX], char letters[2 * OPTIONS_MAX + 1])
{
    size_t used = 0;

    for (size_t i = 0; i < ferry_command_options_count; i++) {
        const struct ferry_command_option *option = &ferry_command_options[i];

        longs[i] = (struct option){option->name, option->argument ? required_argument : no_argument,
                                   NULL, 0};
        if (!option->letter)
            continue;
        letters[used++] = option->letter;
        if (option->argument)
            letters[used++] = ':';
    }
    longs[ferry_command_options_count] = (struct option){NULL, 0, NULL, 0};
    letters[used] = '\0';
}

int ferry_options_parse(struct ferry_command *command, const char **server, int *argc, char ***argv)
{
    struct option longs[OPTIONS_MAX];
    char letters[2 * OPTIONS_MAX + 1];
    int letter;
    int index = 0;

    make_getopt(longs, letters);
    while ((letter = getopt_long(*argc, *argv, letters, longs, &index)) != -1) {
        const struct ferry_command_option *option = find_option(letter, index);

        if (!option)
            return FERRY_EXIT_USAGE; /* getopt has said why */
        if (strcmp(option->name, "help") == 0) {
            print_help(stdout);
            return FERRY_EXIT_OK;
        }
        if (!take_option(command, server, option->name))
            return FERRY_EXIT_USAGE;
    }
    *argc -= optind;
    *argv += optind;
    return -1;
}
