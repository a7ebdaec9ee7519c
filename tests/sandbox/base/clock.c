#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t sandbox_clock_ms(const struct sandbox_clock *clock)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + clock->ahead_ms;
}

bool sandbox_time_parse(const char *text, int64_t *ret_ms)
{
    struct tm parts = {0};
    const char *rest = strptime(text, strchr(text, 'T') ? "%Y-%m-%dT%T" : "%Y-%m-%d %T", &parts);
    int millis = 0, used = 0;

    if (rest && *rest == '.') {
        if (sscanf(rest, ".%3d%n", &millis, &used) != 1 || used != 4)
            return false;
        rest += used;
    }
    if (!rest || (*rest && strcmp(rest, "Z") != 0))
        return false;
    *ret_ms = (int64_t)timegm(&parts) * 1000 + millis;
    return true;
}

static struct tm split(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    return parts;
}

void sandbox_time_iso(int64_t ms, char text[static SANDBOX_TIME_SIZE])
{
    struct tm parts = split(ms);

    strftime(text, SANDBOX_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void sandbox_time_campaign(int64_t ms, char text[static SANDBOX_TIME_SIZE])
{
    struct tm parts = split(ms);
    size_t length = strftime(text, SANDBOX_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts);

    snprintf(text + length, SANDBOX_TIME_SIZE - length, ".%03dZ", (int)(ms % 1000));
}

void sandbox_time_token(int64_t ms, char text[static SANDBOX_TIME_SIZE])
{
    struct tm parts = split(ms);

    strftime(text, SANDBOX_TIME_SIZE, "%m/%d/%Y %H:%M:%S", &parts);
}

void sandbox_time_day(int64_t ms, char text[static SANDBOX_TIME_SIZE])
{
    struct tm parts = split(ms);

    strftime(text, SANDBOX_TIME_SIZE, "%Y-%m-%d", &parts);
}
