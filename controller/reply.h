/* Answers of the API: JSON, and RFC 9457 problems. Loop thread only. */
#ifndef FERRY_REPLY_H
#define FERRY_REPLY_H

#include "core/base/status.h"
#include "core/io/server.h"

#include <jansson.h>

/* Takes the reference; NULL answers 500. */
void ferry_reply_json(struct ferry_server_exchange *exchange, int status, json_t *json);
/* `faults`: [{"path","reason"}] for "errors"; or NULL. */
void ferry_reply_problem(struct ferry_server_exchange *exchange, int status,
                         const struct ferry_error *error, const json_t *faults);
/* A problem of one sentence. */
void ferry_reply_refuse(struct ferry_server_exchange *exchange, int status, const char *format, ...)
    FERRY_PRINTF(3, 4);
/* The body as a JSON object, a new reference; NULL when it is none and 400 has been answered. */
json_t *ferry_reply_body(struct ferry_server_exchange *exchange);
/* Who asks, as he says himself: nobody is authenticated yet. For the record only. */
const char *ferry_reply_user(const struct ferry_server_exchange *exchange);

#endif
