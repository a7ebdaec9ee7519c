#include "dynamics/limit.h"

#include <stdio.h>
#include <string.h>

#include "dynamics/dynamics.h"

static uint64_t part_ms(const struct sandbox_limits *limits)
{
    uint64_t ms = (uint64_t)limits->window * 1000 / SANDBOX_LIMIT_PARTS;

    return ms ? ms : 1;
}

struct usage {
    uint64_t requests;
    uint64_t exec_ms;
    unsigned relief; /* seconds until the oldest part leaves the window */
};

static struct usage sum(const struct sandbox_limiter *limiter, const struct sandbox_limits *limits)
{
    uint64_t now = sandbox_loop_now() / part_ms(limits), oldest = now, exec_us = 0;
    struct usage usage = {0};

    for (size_t i = 0; i < SANDBOX_LIMIT_PARTS; i++) {
        uint64_t epoch = limiter->parts[i].epoch;
        if (epoch + SANDBOX_LIMIT_PARTS <= now || !limiter->parts[i].requests)
            continue;
        usage.requests += limiter->parts[i].requests;
        exec_us += limiter->parts[i].exec_us;
        if (epoch < oldest)
            oldest = epoch;
    }
    usage.exec_ms = exec_us / 1000;
    usage.relief = 1 + (unsigned)((oldest + SANDBOX_LIMIT_PARTS - now) * part_ms(limits) / 1000);
    return usage;
}

static void add(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                uint64_t requests, uint64_t exec_us)
{
    uint64_t epoch = sandbox_loop_now() / part_ms(limits);
    size_t at = epoch % SANDBOX_LIMIT_PARTS;

    if (limiter->parts[at].epoch != epoch) {
        limiter->parts[at].epoch = epoch;
        limiter->parts[at].requests = limiter->parts[at].exec_us = 0;
    }
    limiter->parts[at].requests += requests;
    limiter->parts[at].exec_us += exec_us;
}

void sandbox_limit_refuse(struct sandbox_request *request, const struct sandbox_limits *limits,
                          int kind, unsigned retry_after)
{
    char seconds[16], budget[32];

    snprintf(seconds, sizeof seconds, "%u", retry_after);
    sandbox_reply_header(request, "Retry-After", seconds);
    if (limits->exec_ms >= 1000000)
        snprintf(budget, sizeof budget, "%u,%03u,%03u", limits->exec_ms / 1000000,
                 limits->exec_ms / 1000 % 1000, limits->exec_ms % 1000);
    else
        snprintf(budget, sizeof budget, "%u", limits->exec_ms);
    if (kind == 0)
        sandbox_dynamics_error(request, 429, "0x80072322",
                               "Number of requests exceeded the limit of %u over time window of "
                               "%u seconds.",
                               limits->requests, limits->window);
    else if (kind == 1)
        sandbox_dynamics_error(request, 429, "0x80072321",
                               "Combined execution time of incoming requests exceeded limit of %s "
                               "milliseconds over time window of %u seconds. Decrease number of "
                               "concurrent requests or reduce the duration of requests and try "
                               "again later.",
                               budget, limits->window);
    else
        sandbox_dynamics_error(request, 429, "0x80072326",
                               "Number of concurrent requests exceeded the limit of %u.",
                               limits->concurrent);
}

/* A refused request still counts: who keeps pushing waits longer. */
bool sandbox_limit_admit(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                         struct sandbox_request *request)
{
    if (!limits->requests && !limits->exec_ms)
        return true;
    struct usage usage = sum(limiter, limits);
    add(limiter, limits, 1, 0);
    if (limits->requests && usage.requests >= limits->requests)
        sandbox_limit_refuse(request, limits, 0, usage.relief);
    else if (limits->exec_ms && usage.exec_ms >= limits->exec_ms)
        sandbox_limit_refuse(request, limits, 1, usage.relief);
    return !request->reply.status;
}

void sandbox_limit_spend(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                         uint64_t microseconds)
{
    if (limits->exec_ms)
        add(limiter, limits, 0, microseconds);
}

void sandbox_limit_headers(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                           struct sandbox_request *request)
{
    char text[32];

    if (!limits->requests && !limits->exec_ms)
        return;
    struct usage usage = sum(limiter, limits);
    if (limits->requests) {
        uint64_t left = usage.requests < limits->requests ? limits->requests - usage.requests : 0;
        snprintf(text, sizeof text, "%llu", (unsigned long long)left);
        sandbox_reply_header(request, "x-ms-ratelimit-burst-remaining-xrm-requests", text);
    }
    if (limits->exec_ms) {
        uint64_t left = usage.exec_ms < limits->exec_ms ? limits->exec_ms - usage.exec_ms : 0;
        unsigned seconds = (unsigned)(left / 1000), rest = (unsigned)(left % 1000 / 10);
        if (seconds >= 1000)
            snprintf(text, sizeof text, "%u,%03u.%02u", seconds / 1000, seconds % 1000, rest);
        else
            snprintf(text, sizeof text, "%u.%02u", seconds, rest);
        sandbox_reply_header(request, "x-ms-ratelimit-time-remaining-xrm-requests", text);
    }
}
