/* Time. Wall time for what others read, boot time (goes on through suspend and SIGSTOP) for
 * time-outs. Any thread. */
#ifndef FERRY_CLOCK_H
#define FERRY_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t ferry_wall_ms(void); /* milliseconds since the epoch */
int64_t ferry_boot_ms(void); /* CLOCK_BOOTTIME, milliseconds */
/* "2026-11-22T07:00:00.123Z", of the years 0000 to 9999. */
#define FERRY_TIME_SIZE 32
void ferry_time_format(int64_t wall_ms, char out[FERRY_TIME_SIZE]);
/* Exponential with full jitter: a random time between half and all of min(base * 2^attempt, cap).
 */
int64_t ferry_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms);

#endif
