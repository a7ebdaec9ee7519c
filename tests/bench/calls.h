/* Requests by one curl multi handle on epoll, so many at once. */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <curl/curl.h>
#include <stddef.h>

#define BENCH_CONCURRENCY 1024
#define BENCH_IDLE_MS     50 /* how long we wait when nothing is in flight */

struct bench_call {
    CURL *easy;
    void *cargo;             /* its user's, until it is done */
    struct bench_call *next; /* among the idle */
};

struct bench_calls {
    void (*on_done)(struct bench_call *call);
    CURLM *multi;
    int epoll;
    long timeout_ms; /* what curl asked for; -1: nothing */
    struct curl_slist *headers;
    struct bench_call calls[BENCH_CONCURRENCY];
    struct bench_call *idle;
    int concurrency, in_flight;
    size_t failed;
};

/* Before the opening; NULL ends the process. */
void bench_calls_header(struct bench_calls *calls, const char *name, const char *value);
void bench_calls_open(struct bench_calls *calls, const char *method, int concurrency);
void bench_calls_close(struct bench_calls *calls);
/* The body is not copied. There must be an idle one: in_flight says so. */
void bench_calls_send(struct bench_calls *calls, void *cargo, const char *url, const void *body,
                      size_t length);
/* Waits for the network, a little, and does what is to do. */
void bench_calls_turn(struct bench_calls *calls);

#endif
