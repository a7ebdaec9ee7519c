#include "core/base/crashpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *chosen;
static size_t chosen_length; /* of the step's name */
static long wanted;
static atomic_long times;

static void read_choice(void)
{
    chosen = getenv("FERRY_CRASH_AT");
    if (!chosen)
        return;
    chosen_length = strcspn(chosen, ":");
    wanted = chosen[chosen_length] ? strtol(chosen + chosen_length + 1, NULL, 10) : 1;
}

bool ferry_crashpoint_reached(const char *step)
{
    pthread_once(&once, read_choice);
    if (!chosen || strlen(step) != chosen_length || strncmp(chosen, step, chosen_length) != 0)
        return false;
    return atomic_fetch_add(&times, 1) + 1 == wanted;
}

void ferry_crashpoint(const char *step)
{
    /* SIGKILL, so that no handler, buffer or destructor softens it. */
    if (ferry_crashpoint_reached(step))
        raise(SIGKILL);
}
