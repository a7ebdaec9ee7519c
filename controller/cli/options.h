/* The options of ferryctl's command line, wherever they stand in it, and its help. */
#ifndef FERRY_OPTIONS_H
#define FERRY_OPTIONS_H

#include "controller/cli/commands.h"

/* -1: go on, *argc and *argv are the words that are left. Else the exit code; what there is to say
 * is printed. */
int ferry_options_parse(struct ferry_command *command, const char **server, int *argc,
                        char ***argv);

#endif
