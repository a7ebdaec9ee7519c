#include "controller/reply.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEM "application/problem+json"
#define USER    "X-Ferry-User"

static void answer(struct ferry_server_exchange *exchange, int status, const char *type,
                   json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    if (text)
        ferry_server_answer(exchange, status, type, text, strlen(text));
    else
        ferry_server_refuse(exchange, 500, "out of memory for the answer");
    free(text);
    json_decref(json);
}

void ferry_reply_json(struct ferry_server_exchange *exchange, int status, json_t *json)
{
    answer(exchange, status, "application/json", json);
}

void ferry_reply_problem(struct ferry_server_exchange *exchange, int status,
                         const struct ferry_error *error, const json_t *faults)
{
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                                MHD_get_reason_phrase_for((unsigned)status), "status", status,
                                "detail", error->message);

    if (error->class != FERRY_CLASS_NONE)
        json_object_set_new(problem, "class", json_string(ferry_class_name(error->class)));
    if (error->action[0])
        json_object_set_new(problem, "action", json_string(error->action));
    if (faults)
        json_object_set_new(problem, "errors", json_deep_copy(faults));
    answer(exchange, status, PROBLEM, problem);
}

void ferry_reply_refuse(struct ferry_server_exchange *exchange, int status, const char *format, ...)
{
    struct ferry_error error;

    ferry_error_clear(&error);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    ferry_reply_problem(exchange, status, &error, NULL);
}

json_t *ferry_reply_body(struct ferry_server_exchange *exchange)
{
    size_t length;
    const char *text = ferry_server_body(exchange, &length);
    json_error_t fault;
    json_t *body = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);

    if (!body)
        ferry_reply_refuse(exchange, 400, "the body is no JSON: line %d, column %d: %s", fault.line,
                           fault.column, fault.text);
    else if (!json_is_object(body))
        ferry_reply_refuse(exchange, 400, "the body must be a JSON object");
    else
        return body;
    json_decref(body);
    return NULL;
}

const char *ferry_reply_user(const struct ferry_server_exchange *exchange)
{
    const char *user = ferry_server_header(exchange, USER);

    for (const char *at = user; at && *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f || at - user > 60)
            return "unknown";
    return user && *user ? user : "unknown";
}
