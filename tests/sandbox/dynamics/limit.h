/* Service protection: requests and execution time in a sliding window, and requests at once. */
#ifndef SANDBOX_DYNAMICS_LIMIT_H
#define SANDBOX_DYNAMICS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"

struct sandbox_limits { /* 0 switches one off */
    unsigned requests;
    unsigned exec_ms;
    unsigned concurrent;
    unsigned window;
};

#define SANDBOX_LIMIT_PARTS 60

struct sandbox_limiter {
    struct {
        uint64_t epoch; /* which part of time this slot counts */
        uint64_t requests;
        uint64_t exec_us;
    } parts[SANDBOX_LIMIT_PARTS];
};

/* False: answered with 429. */
bool sandbox_limit_admit(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                         struct sandbox_request *request);
void sandbox_limit_spend(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                         uint64_t microseconds);
/* The two debug headers. */
void sandbox_limit_headers(struct sandbox_limiter *limiter, const struct sandbox_limits *limits,
                           struct sandbox_request *request);
/* Kind 0 requests, 1 execution time, 2 concurrency. */
void sandbox_limit_refuse(struct sandbox_request *request, const struct sandbox_limits *limits,
                          int kind, unsigned retry_after);

#endif
