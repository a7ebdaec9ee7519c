/* Named places where a kill test ends the process: FERRY_CRASH_AT=<step>[:<n>] in the environment
 * chooses the n-th time (1 when left out) that a step is reached. Unset, the calls cost a
 * comparison. Any thread. */
#ifndef FERRY_CRASHPOINT_H
#define FERRY_CRASHPOINT_H

#include <stdbool.h>

/* Ends the process with SIGKILL when this is the chosen time. */
void ferry_crashpoint(const char *step);
/* For a fault that the caller plays instead of dying: true exactly once, at the chosen time. */
bool ferry_crashpoint_reached(const char *step);

#endif
