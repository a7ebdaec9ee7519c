/* The commands of ferryctl in one table: it parses, documents and completes. */
#ifndef FERRY_COMMANDS_H
#define FERRY_COMMANDS_H

#include "controller/cli/command.h"

#include <stddef.h>

struct ferry_command_row {
    const char *verb;
    const char *noun;     /* NULL: the verb alone */
    const char *argument; /* ID, SHELL; NULL: none */
    ferry_command_function *run;
    const char *help;
};

extern const struct ferry_command_row ferry_commands[];
extern const size_t ferry_commands_count;

struct ferry_command_option {
    const char *name;     /* without the dashes */
    char letter;          /* 0: only the long form */
    const char *argument; /* NULL: none */
    const char *help;
};

extern const struct ferry_command_option ferry_command_options[];
extern const size_t ferry_command_options_count;

#endif
