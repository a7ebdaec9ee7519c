/* One request of the HTTP client: what curl is told, what its callbacks keep, what is answered. A
 * part of http. */
#ifndef FERRY_HTTP_CALL_H
#define FERRY_HTTP_CALL_H

#include "core/base/buffer.h"
#include "core/io/http.h"
#include "core/io/multi.h"

#include <curl/curl.h>

enum ferry_http_state {
    FERRY_CALL_IDLE,
    FERRY_CALL_QUEUED,  /* curl shall get it at the next step */
    FERRY_CALL_RUNNING, /* curl has it */
    FERRY_CALL_DROPPED, /* curl has it, nobody waits for it */
    FERRY_CALL_ENDED,   /* on_done is running */
};

/* Why we ended a request ourselves. */
enum ferry_http_refusal {
    FERRY_CALL_NOT_REFUSED,
    FERRY_CALL_PLAIN,
    FERRY_CALL_LARGE,
    FERRY_CALL_STOPPED,
    FERRY_CALL_MEMORY,
};

struct ferry_http_call {
    struct ferry_http *http;
    struct ferry_multi *multi;
    struct ferry_http_call *prev, *next;
    CURL *easy;
    size_t lot; /* of the multi, while curl has it */
    enum ferry_http_state state;
    struct ferry_http_headers *headers;
    CURLU *address;             /* where curl sends to, without the path */
    struct ferry_buffer origin; /* the same as text; empty: curl has the whole URL */
    struct ferry_buffer body;
    struct ferry_buffer answer;
    enum ferry_http_flow (*on_body)(void *context, const char *data, size_t length);
    void (*on_done)(void *context, const struct ferry_http_answer *answer);
    void *context;
    bool plain;      /* http, not https */
    bool repeatable; /* curl may send it twice */
    char method[16]; /* of the request before this one, as curl was told it */
    bool had_body;
    bool secret;
    bool sent;
    bool resume; /* at the next step */
    enum ferry_http_refusal refusal;
    char trouble[CURL_ERROR_SIZE];
};

struct ferry_http_call *ferry_http_call_new(struct ferry_http *http, struct ferry_multi *multi,
                                            int64_t connect_timeout_ms);
void ferry_http_call_free(struct ferry_http_call *call);
enum ferry_status ferry_http_call_fill(struct ferry_http_call *call,
                                       const struct ferry_http_request *request,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* Forgets the request, wipes a secret and keeps the memory for the next one. */
void ferry_http_call_clear(struct ferry_http_call *call);
/* Takes this body and leaves another one in its place. */
void ferry_http_call_swap_body(struct ferry_http_call *call, struct ferry_buffer *body);
const char *ferry_http_call_header(const struct ferry_http_call *call, const char *name);
/* The answer borrows from the call. */
void ferry_http_call_answer(struct ferry_http_call *call, CURLcode code,
                            struct ferry_http_answer *ret_answer);

#endif
