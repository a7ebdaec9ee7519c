/* HTTP listeners on 127.0.0.1, driven by the loop. A request is handed over whole; waiting ones
 * hold nobody up. */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/stats.h"

#define SANDBOX_PARAMS       32
#define SANDBOX_HEADERS      16
#define SANDBOX_SEGMENTS     12
#define SANDBOX_BODY_CEILING ((size_t)128 * 1024 * 1024)

struct MHD_Connection;
struct sandbox_request;

struct sandbox_pair {
    char *name;
    char *value;
};

/* Writes the next part of a long answer; returns its size, 0 at the end, -1 on failure. */
typedef ssize_t sandbox_stream(void *state, char *to, size_t room);

struct sandbox_reply {
    unsigned status;
    struct sandbox_pair headers[SANDBOX_HEADERS];
    size_t header_count;
    struct sandbox_buf body;
    bool cut;         /* close the connection instead of answering */
    unsigned slow_ms; /* dribble the body, 1 kB each so many ms */
    bool torn;        /* cut the connection after torn_at bytes of the body, -1: half of it */
    long torn_at;
    sandbox_stream *stream;
    void *stream_state;
    void (*stream_done)(void *state);
};

/* One imitated system behind one listener. */
struct sandbox_service {
    const char *name;
    void *context;
    /* Before the latency: may answer at once (sets reply.status) or add to delay_ms. */
    void (*arrive)(struct sandbox_request *request);
    void (*serve)(struct sandbox_request *request);
    void (*finish)(struct sandbox_request *request); /* optional: answered or cut */
    unsigned latency_ms;
    struct sandbox_stats stats;
};

struct sandbox_request {
    struct sandbox_service *service;
    struct MHD_Connection *connection; /* NULL inside $batch */
    enum sandbox_verb verb;
    char *target;                               /* as received */
    char *path;                                 /* of the target, still encoded */
    struct sandbox_pair params[SANDBOX_PARAMS]; /* decoded */
    size_t param_count;
    struct sandbox_pair headers[SANDBOX_HEADERS]; /* only inside $batch */
    size_t header_count;
    struct sandbox_buf body;
    struct sandbox_buf base; /* "http://host:port" that was called */
    struct sandbox_reply reply;
    enum sandbox_call call;
    uint64_t arrived_ms;
    uint64_t number; /* counts requests of the process */
    unsigned delay_ms;
    bool lose_reply;     /* fault: commit, then cut */
    unsigned stop_after; /* with it: so many parts of a $batch are carried out; 0: all */
    bool malformed;      /* a %XX that is none */
    bool too_large;      /* the body was over the ceiling */
    bool sent;           /* for finish: the last byte of the answer went out */
    bool closing;        /* internal */
    struct sandbox_timer timer;
    struct sandbox_http *http;
};

struct sandbox_http_options {
    uint16_t port;
    const char *tls_cert; /* PEM text or NULL */
    const char *tls_key;
};

struct sandbox_http *sandbox_http_new(struct sandbox_loop *loop, struct sandbox_service *service,
                                      const struct sandbox_http_options *options);
void sandbox_http_free(struct sandbox_http *http);
uint16_t sandbox_http_port(const struct sandbox_http *http);

const char *sandbox_request_header(const struct sandbox_request *request, const char *name);
const char *sandbox_request_param(const struct sandbox_request *request, const char *name);
/* Sets target, path and params. */
bool sandbox_request_target(struct sandbox_request *request, const char *target);
void sandbox_request_done(struct sandbox_request *request);

/* Splits a path at '/' and decodes each part into `buf`; returns the count, -1 when malformed.
 * Empty parts are skipped. */
ssize_t sandbox_request_segments(const char *path, struct sandbox_buf *buf,
                                 const char *ret_segments[static SANDBOX_SEGMENTS]);

void sandbox_reply_header(struct sandbox_request *request, const char *name, const char *value);
/* Sets status, Content-Type and a copy of the text. */
void sandbox_reply_text(struct sandbox_request *request, unsigned status, const char *type,
                        const char *text);
/* Takes the reference. */
void sandbox_reply_json(struct sandbox_request *request, unsigned status, json_t *json);

/* Counts a broken rule, with verb and path in front. */
void sandbox_breach(struct sandbox_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
