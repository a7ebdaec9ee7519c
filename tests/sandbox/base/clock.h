/* The time that the imitated systems believe in: real time plus what the control API added. */
#ifndef SANDBOX_CLOCK_H
#define SANDBOX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SANDBOX_TIME_SIZE 32

struct sandbox_clock {
    int64_t ahead_ms;
};

int64_t sandbox_clock_ms(const struct sandbox_clock *clock); /* since 1970 */

/* Either of the two forms below, also without milliseconds or the Z. */
bool sandbox_time_parse(const char *text, int64_t *ret_ms);

/* "2026-11-21T08:15:30Z" */
void sandbox_time_iso(int64_t ms, char text[static SANDBOX_TIME_SIZE]);
/* "2026-11-21 08:15:30.123Z" */
void sandbox_time_campaign(int64_t ms, char text[static SANDBOX_TIME_SIZE]);
/* "11/21/2026 08:15:30" */
void sandbox_time_token(int64_t ms, char text[static SANDBOX_TIME_SIZE]);
/* "2026-11-21" */
void sandbox_time_day(int64_t ms, char text[static SANDBOX_TIME_SIZE]);

#endif
