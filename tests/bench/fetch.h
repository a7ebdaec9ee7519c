/* Pages of Dataverse by one curl handle, with the headers that Ferry sends. */
#ifndef BENCH_FETCH_H
#define BENCH_FETCH_H

#include <curl/curl.h>

struct bench_fetch {
    CURL *curl;
    struct curl_slist *headers;
};

/* BENCH_AUTHORIZATION is the header with the token. */
void bench_fetch_init(struct bench_fetch *fetch);
void bench_fetch_done(struct bench_fetch *fetch);
void bench_fetch_get(struct bench_fetch *fetch, const char *url, curl_write_callback on_data,
                     void *context);

#endif
