#include "base/http.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *sandbox_request_header(const struct sandbox_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    if (!request->connection)
        return NULL;
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *sandbox_request_param(const struct sandbox_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}

static char *decoded(struct sandbox_request *request, const char *text, size_t length)
{
    struct sandbox_buf buf = {0};

    if (!sandbox_percent_decode(&buf, text, length, true))
        request->malformed = true;
    return sandbox_buf_take(&buf, NULL);
}

static void add_param(struct sandbox_request *request, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length;

    if (request->param_count == SANDBOX_PARAMS) {
        request->malformed = true;
        return;
    }
    struct sandbox_pair *pair = &request->params[request->param_count++];
    pair->name = decoded(request, text, name);
    pair->value = equals ? decoded(request, equals + 1, length - name - 1) : strdup("");
    if (!pair->name || !pair->value)
        request->malformed = true;
}

static void split_query(struct sandbox_request *request, const char *query)
{
    while (*query) {
        size_t length = strcspn(query, "&");
        if (length)
            add_param(request, query, length);
        query += length + (query[length] == '&');
    }
}

bool sandbox_request_target(struct sandbox_request *request, const char *target)
{
    size_t path = strcspn(target, "?");

    request->target = strdup(target);
    request->path = strndup(target, path);
    if (!request->target || !request->path) {
        sandbox_request_done(request);
        return false;
    }
    if (target[path])
        split_query(request, target + path + 1);
    return true;
}

static void free_pairs(struct sandbox_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

static void reply_clear(struct sandbox_reply *reply)
{
    free_pairs(reply->headers, reply->header_count);
    sandbox_buf_done(&reply->body);
    if (reply->stream_done)
        reply->stream_done(reply->stream_state);
    *reply = (struct sandbox_reply){0};
}

void sandbox_request_done(struct sandbox_request *request)
{
    free(request->target);
    free(request->path);
    free_pairs(request->params, request->param_count);
    free_pairs(request->headers, request->header_count);
    sandbox_buf_done(&request->body);
    sandbox_buf_done(&request->base);
    reply_clear(&request->reply);
}

ssize_t sandbox_request_segments(const char *path, struct sandbox_buf *buf,
                                 const char *ret_segments[static SANDBOX_SEGMENTS])
{
    size_t starts[SANDBOX_SEGMENTS], count = 0;

    while (*path) {
        size_t length = strcspn(path, "/");
        if (length) {
            if (count == SANDBOX_SEGMENTS)
                return -1;
            starts[count++] = buf->length;
            if (!sandbox_percent_decode(buf, path, length, false))
                return -1;
            sandbox_buf_add(buf, "", 1);
        }
        path += length + (path[length] == '/');
    }
    for (size_t i = 0; i < count; i++)
        ret_segments[i] = buf->data + starts[i];
    return (ssize_t)count;
}

void sandbox_reply_header(struct sandbox_request *request, const char *name, const char *value)
{
    struct sandbox_reply *reply = &request->reply;

    if (reply->header_count == SANDBOX_HEADERS)
        return;
    struct sandbox_pair pair = {strdup(name), strdup(value)};
    if (pair.name && pair.value) {
        reply->headers[reply->header_count++] = pair;
        return;
    }
    free_pairs(&pair, 1);
}

void sandbox_reply_text(struct sandbox_request *request, unsigned status, const char *type,
                        const char *text)
{
    sandbox_buf_clear(&request->reply.body);
    sandbox_buf_adds(&request->reply.body, text);
    sandbox_reply_header(request, "Content-Type", type);
    request->reply.status = status;
}

void sandbox_reply_json(struct sandbox_request *request, unsigned status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    sandbox_reply_text(request, text ? status : 500, "application/json", text ? text : "{}");
    free(text);
    json_decref(json);
}

void sandbox_breach(struct sandbox_request *request, const char *format, ...)
{
    char text[400];
    int at = snprintf(text, sizeof text, "%s %.200s: ", sandbox_verb_names[request->verb],
                      request->path);
    va_list args;

    va_start(args, format);
    vsnprintf(text + at, sizeof text - (size_t)at, format, args);
    va_end(args);
    sandbox_stats_breach(&request->service->stats, text);
}
