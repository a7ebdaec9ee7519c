#include "tests/bench/usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double microseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct bench_usage bench_usage_now(void)
{
    return (struct bench_usage){microseconds(CLOCK_PROCESS_CPUTIME_ID),
                                microseconds(CLOCK_MONOTONIC)};
}

struct bench_usage bench_usage_since(struct bench_usage begun)
{
    struct bench_usage now = bench_usage_now();
    return (struct bench_usage){now.cpu_us - begun.cpu_us, now.wall_us - begun.wall_us};
}

void bench_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}
