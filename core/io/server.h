/* HTTP server: libmicrohttpd on the libuv loop, plain HTTP. Loop thread only.
 *
 * Limits: 16 KiB of headers, 1 MiB of body, 30 s, 128 connections. Host must equal the address
 * listened on (or localhost), and an unsafe method with a foreign Origin is refused: the answer to
 * DNS rebinding. */
#ifndef FERRY_SERVER_H
#define FERRY_SERVER_H

#include "core/base/buffer.h"
#include "core/base/status.h"

#include <stddef.h>
#include <uv.h>

struct ferry_server;
struct ferry_server_exchange; /* one request; lives until it is answered */

struct ferry_server_route {
    const char *method;
    const char *path; /* "/v1/workflows/{id}": a segment in braces matches any one segment */
    void (*handle)(void *context, struct ferry_server_exchange *exchange);
};
struct ferry_server_options {
    const char *listen; /* "127.0.0.1:8080"; port 0: any free one */
    const struct ferry_server_route *routes;
    size_t route_count;
    void *context;
};
/* Refuses an address that is not loopback unless `anywhere` (health ports carry no data and may
 * listen anywhere). */
enum ferry_status ferry_server_new(uv_loop_t *loop, const struct ferry_server_options *options,
                                   bool anywhere, struct ferry_server **ret_server,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* Exchanges that nobody has answered get 503 and are gone: forget them first. Closes its libuv
 * handles, so run the loop once more afterwards. */
void ferry_server_free(struct ferry_server *server);
const char *ferry_server_address(const struct ferry_server *server); /* "127.0.0.1:41231" */

/* A segment in braces of the matched route, decoded; "" when there is none of that name. */
const char *ferry_server_parameter(const struct ferry_server_exchange *exchange, const char *name);
const char *ferry_server_query(const struct ferry_server_exchange *exchange,
                               const char *name); /* or NULL */
const char *ferry_server_header(const struct ferry_server_exchange *exchange,
                                const char *name); /* or NULL */
const char *ferry_server_body(const struct ferry_server_exchange *exchange, size_t *ret_length);
/* Answers now or later (the connection is suspended meanwhile); takes nothing: `body` is copied. */
void ferry_server_answer(struct ferry_server_exchange *exchange, int status,
                         const char *content_type, const char *body, size_t length);
/* A refusal as RFC 9457 has it: application/problem+json with status, title and this sentence. */
void ferry_server_refuse(struct ferry_server_exchange *exchange, int status, const char *sentence);
/* One extra header for the answer to come. */
void ferry_server_set_header(struct ferry_server_exchange *exchange, const char *name,
                             const char *value);

#endif
