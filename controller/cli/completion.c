/* completion bash|zsh, from the tables of commands and options. */
#include "controller/cli/commands.h"

#include <stdio.h>
#include <string.h>

static void print_verbs(void)
{
    for (size_t i = 0; i < ferry_commands_count; i++)
        if (i == 0 || strcmp(ferry_commands[i].verb, ferry_commands[i - 1].verb) != 0)
            printf("%s ", ferry_commands[i].verb);
}

static void print_nouns(const char *verb)
{
    for (size_t i = 0; i < ferry_commands_count; i++)
        if (ferry_commands[i].noun && strcmp(ferry_commands[i].verb, verb) == 0)
            printf("%s ", ferry_commands[i].noun);
}

/* What stands before a noun: "get", "describe". */
static void print_noun_cases(void)
{
    for (size_t i = 0; i < ferry_commands_count; i++) {
        const char *verb = ferry_commands[i].verb;

        if (!ferry_commands[i].noun || (i > 0 && strcmp(verb, ferry_commands[i - 1].verb) == 0))
            continue;
        printf("        '%s') words='", verb);
        print_nouns(verb);
        printf("' ;;\n");
    }
}

static void print_options(void)
{
    for (size_t i = 0; i < ferry_command_options_count; i++)
        printf("--%s ", ferry_command_options[i].name);
}

/* What stands before an ID: "start", "get|config". */
static void print_id_cases(void)
{
    for (size_t i = 0; i < ferry_commands_count; i++) {
        const struct ferry_command_row *row = &ferry_commands[i];

        if (row->argument && strcmp(row->argument, "ID") == 0)
            printf("        '%s%s%s') words=$(ferryctl get workflows -o name 2>/dev/null | "
                   "sed 's,.*/,,') ;;\n",
                   row->verb, row->noun ? " " : "", row->noun ? row->noun : "");
    }
}

static void print_bash(void)
{
    printf("_ferryctl() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words=''\n"
           "    case \"${COMP_WORDS[*]:1:COMP_CWORD-1}\" in\n"
           "        '') words='");
    print_verbs();
    printf("' ;;\n");
    print_noun_cases();
    printf("        'completion') words='bash zsh' ;;\n"
           "        *' -o' | *' --output') words='json wide name' ;;\n"
           "        *' -f' | *' --file') COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
    print_id_cases();
    printf("    esac\n    case $cur in -*) words='");
    print_options();
    printf("' ;; esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -F _ferryctl ferryctl\n");
}

int ferry_completion(const struct ferry_command *command)
{
    if (strcmp(command->argument, "zsh") == 0) {
        printf("autoload -U +X bashcompinit && bashcompinit\n");
    } else if (strcmp(command->argument, "bash") != 0) {
        fprintf(stderr, "ferryctl: there is completion for bash and zsh, not for '%s'\n",
                command->argument);
        return FERRY_EXIT_USAGE;
    }
    print_bash();
    return FERRY_EXIT_OK;
}
