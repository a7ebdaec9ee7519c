/* HTTP client: curl's multi interface on the libuv loop. Loop thread only.
 *
 * Always: TLS verified, https only (http where the socket's address is loopback), no redirects, no
 * proxy from the environment, no cookies, keep-alive, response size capped. */
#ifndef FERRY_HTTP_H
#define FERRY_HTTP_H

#include "core/base/buffer.h"
#include "core/base/status.h"
#include "core/io/http_headers.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct ferry_http;      /* connection pool */
struct ferry_http_call; /* one request under way; valid until on_done returns or it is cancelled */

struct ferry_http_options {
    int64_t connect_timeout_ms; /* 0: 10,000 */
    size_t max_connections;     /* 0: 64; further requests wait inside curl */
};

enum ferry_http_outcome {
    FERRY_HTTP_ANSWERED, /* a complete answer came; look at status */
    FERRY_HTTP_NOT_SENT, /* the server cannot have seen the request */
    FERRY_HTTP_UNKNOWN,  /* cut or timed out: the server may have done it */
    FERRY_HTTP_REFUSED,  /* our own word: bad URL, not loopback, too large an answer, on_body's STOP
                          */
};

struct ferry_http_answer {
    enum ferry_http_outcome outcome;
    int status;       /* HTTP status, 0 unless ANSWERED */
    const char *body; /* NUL-terminated; empty when on_body took it */
    size_t length;
    const char *content_type;     /* "" when absent */
    int64_t retry_after_ms;       /* -1 when absent; from seconds or an HTTP date */
    char error[256];              /* why, unless ANSWERED */
    struct ferry_http_call *call; /* for ferry_http_header; NULL in an answer that was made up */
};

enum ferry_http_flow { FERRY_HTTP_GO_ON, FERRY_HTTP_PAUSE, FERRY_HTTP_STOP };

struct ferry_http_request {
    const char *method;
    const char *url;
    const char *const *headers;        /* "Name: value", NULL-terminated; copied */
    struct ferry_http_headers *common; /* sent too; NULL for none */
    const char *user;                  /* for basic authentication; copied; NULL for none */
    const char *password;
    const char *body; /* copied; NULL for none */
    size_t body_length;
    bool secret;                     /* body and answer are wiped behind on_done */
    struct ferry_buffer *large_body; /* instead: its memory is taken, and another one left */
    /* Of the whole request; 0: 70,000. A stream (on_body) is instead cut after that long without a
     * byte, in whole seconds; paused time does not count. */
    int64_t timeout_ms;
    size_t max_answer_bytes; /* unpacked; 0: 1 MiB; not applied to what on_body takes */
    /* With on_body a 2xx body is streamed and not kept. PAUSE: these bytes were NOT taken and come
     * again after ferry_http_resume. */
    enum ferry_http_flow (*on_body)(void *context, const char *data, size_t length);
    /* Exactly once, never from inside send; it may send, cancel and free. */
    void (*on_done)(void *context, const struct ferry_http_answer *answer);
    void *context;
};

enum ferry_status ferry_http_new(uv_loop_t *loop, const struct ferry_http_options *options,
                                 struct ferry_http **ret_http,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* Cancels what is under way without calling on_done; closes its libuv handles, so run the loop once
 * more afterwards. */
void ferry_http_free(struct ferry_http *http);
enum ferry_status ferry_http_send(struct ferry_http *http, const struct ferry_http_request *request,
                                  struct ferry_http_call **ret_call,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* From anywhere, also from on_body; the bytes come on the next turn of the loop. */
void ferry_http_resume(struct ferry_http_call *call);
/* on_done is not called. */
void ferry_http_cancel(struct ferry_http_call *call);
/* The value of a header of the answer, NULL when it has none; during on_done. */
const char *ferry_http_header(const struct ferry_http_answer *answer, const char *name);
/* During on_done: gives the body back that was taken, to be sent again. */
void ferry_http_return_body(const struct ferry_http_answer *answer, struct ferry_buffer *body);

/* Something to run on the next turn of the loop, once however often it is posted: for callers whose
 * callbacks must not come from inside a call. Lives in its owner's memory, zeroed but for `run` and
 * `context`. */
struct ferry_http_task {
    void (*run)(void *context);
    void *context;
    bool posted;
    struct ferry_http_task *prev, *next;
};
void ferry_http_post(struct ferry_http *http, struct ferry_http_task *task);
void ferry_http_unpost(struct ferry_http *http, struct ferry_http_task *task);

#endif
