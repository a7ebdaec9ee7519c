/* What this process has used up so far, and how a baseline says what it did. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

struct bench_usage {
    double cpu_us; /* user and system, all threads */
    double wall_us;
};

struct bench_usage bench_usage_now(void);
struct bench_usage bench_usage_since(struct bench_usage begun);

/* Ends the process: a baseline that failed measured nothing. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
