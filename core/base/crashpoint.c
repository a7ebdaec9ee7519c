#include "core/base/crashpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long times;

bool ferry_crashpoint_reached(const char *step)
{
    const char *chosen = getenv("FERRY_CRASH_AT");
    if (!chosen)
        return false;
    size_t length = strcspn(chosen, ":");
    if (strlen(step) != length || strncmp(chosen, step, length) != 0)
        return false;
    long wanted = chosen[length] ? strtol(chosen + length + 1, NULL, 10) : 1;
    return atomic_fetch_add(&times, 1) + 1 == wanted;
}

void ferry_crashpoint(const char *step)
{
    /* SIGKILL, so that no handler, buffer or destructor softens it. */
    if (ferry_crashpoint_reached(step))
        raise(SIGKILL);
}
