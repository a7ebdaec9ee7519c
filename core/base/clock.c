#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ferry_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t ferry_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

void ferry_time_format(int64_t wall_ms, char out[FERRY_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int milliseconds = (int)(wall_ms % 1000);
    if (milliseconds < 0) {
        milliseconds += 1000;
        seconds--;
    }
    struct tm utc;
    char date[FERRY_TIME_SIZE - 5];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, FERRY_TIME_SIZE, "%s.%03dZ", date, milliseconds);
}

int64_t ferry_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t wait = base_ms;
    for (unsigned i = 0; i < attempt && wait < cap_ms; i++)
        wait *= 2;
    if (wait > cap_ms)
        wait = cap_ms;
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof dice, GRND_NONBLOCK) != (ssize_t)sizeof dice)
        dice = (uint32_t)ferry_boot_ms() * 2654435761U;
    int64_t half = wait / 2;
    return half > 0 ? wait - (int64_t)(dice % (uint64_t)(half + 1)) : wait;
}
