#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DAY       86400 /* seconds */
#define DATE_SIZE 11    /* 2026-11-22T */

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

/* The last so many digits of the number, and what stands behind them. */
static char *put_digits(char *out, int number, int digits, char behind)
{
    for (int i = digits; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    out[digits] = behind;
    return out + digits + 1;
}

/* Most times are of the same day as the one before, and the library takes long to find it. */
static void put_date(time_t midnight, char *out)
{
    static _Thread_local struct {
        time_t midnight;
        char text[DATE_SIZE];
    } last = {0, "1970-01-01T"};
    struct tm utc;
    if (midnight != last.midnight) {
        gmtime_r(&midnight, &utc);
        char *at = put_digits(last.text, utc.tm_year + 1900, 4, '-');
        at = put_digits(at, utc.tm_mon + 1, 2, '-');
        put_digits(at, utc.tm_mday, 2, 'T');
        last.midnight = midnight;
    }
    memcpy(out, last.text, sizeof last.text);
}

void ferry_time_format(int64_t wall_ms, char out[FERRY_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int milliseconds = (int)(wall_ms % 1000);
    if (milliseconds < 0) {
        milliseconds += 1000;
        seconds--;
    }
    int of_day = (int)(seconds % DAY);
    if (of_day < 0)
        of_day += DAY;
    put_date(seconds - of_day, out);
    char *at = put_digits(out + DATE_SIZE, of_day / 3600, 2, ':');
    at = put_digits(at, of_day / 60 % 60, 2, ':');
    at = put_digits(at, of_day % 60, 2, '.');
    at = put_digits(at, milliseconds, 3, 'Z');
    *at = '\0';
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
