#include "core/io/registry.h"

#include "core/io/origin.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TIMEOUT_MS 10000

static const char *const headers[] = {
    "Content-Type: application/vnd.schemaregistry.v1+json",
    "Accept: application/vnd.schemaregistry.v1+json, application/json",
    NULL,
};

struct question {
    struct ferry_registry *registry;
    struct question *prev;
    struct question *next;
    struct ferry_http_call *call;
    char *subject;
    ferry_registry_callback callback;
    void *context;
};

struct ferry_registry {
    struct ferry_http *http;
    char *url;
    struct question *questions;
};

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

static void question_free(struct question *question)
{
    free(question->subject);
    free(question);
}

enum ferry_status ferry_registry_new(struct ferry_http *http, const char *url,
                                     struct ferry_registry **ret_registry,
                                     struct ferry_error *error)
{
    enum ferry_status status = ferry_origin_base("schema.registry.url", url, error);
    if (status != FERRY_OK)
        return status;
    struct ferry_registry *registry = calloc(1, sizeof *registry);
    if (!registry || !(registry->url = strdup(url))) {
        free(registry);
        return out_of_memory(error);
    }
    size_t length = strlen(registry->url);
    if (length > 0 && registry->url[length - 1] == '/')
        registry->url[length - 1] = '\0';
    registry->http = http;
    *ret_registry = registry;
    return FERRY_OK;
}

void ferry_registry_free(struct ferry_registry *registry)
{
    if (!registry)
        return;
    struct question *question;
    struct question *next;
    DL_FOREACH_SAFE (registry->questions, question, next) {
        ferry_http_cancel(question->call);
        question_free(question);
    }
    free(registry->url);
    free(registry);
}

/* {"error_code":409,"message":"..."}, from Confluent's own and from those that imitate it. */
static void refuse(const struct question *question, const struct ferry_http_answer *answer,
                   struct ferry_error *error)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const char *message = json_string_value(json_object_get(body, "message"));
    bool theirs = answer->status >= 500 || answer->status == 429 || answer->status == 408;
    ferry_fail(error, theirs ? FERRY_RETRY : FERRY_INVALID,
               theirs ? FERRY_CLASS_NETWORK : FERRY_CLASS_SCHEMA,
               "the schema registry answered %d for subject %s: %.200s", answer->status,
               question->subject, message ? message : "(no message)");
    if (answer->status == 409)
        ferry_advise(
            error,
            "set the subject's compatibility to BACKWARD or NONE, or delete its other versions");
    json_decref(body);
}

static bool read_id(const struct ferry_http_answer *answer, uint32_t *ret_id)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *id = json_object_get(body, "id");
    bool good =
        json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= UINT32_MAX;
    if (good)
        *ret_id = (uint32_t)json_integer_value(id);
    json_decref(body);
    return good;
}

static enum ferry_status judge(const struct question *question,
                               const struct ferry_http_answer *answer, uint32_t *ret_id,
                               struct ferry_error *error)
{
    if (answer->outcome != FERRY_HTTP_ANSWERED)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                          "the schema registry %s does not answer: %.200s", question->registry->url,
                          answer->error);
    if (answer->status != 200) {
        refuse(question, answer, error);
        return error->status;
    }
    if (!read_id(answer, ret_id))
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                          "%s did not answer as a schema registry does; is its path right?",
                          question->registry->url);
    return FERRY_OK;
}

static void on_done(void *context, const struct ferry_http_answer *answer)
{
    struct question *question = context;
    struct ferry_error error;
    uint32_t id = 0;
    ferry_error_clear(&error);
    enum ferry_status status = judge(question, answer, &id, &error);
    DL_DELETE(question->registry->questions, question);
    question->callback(question->context, id, status == FERRY_OK ? NULL : &error);
    question_free(question);
}

static enum ferry_status ask(struct question *question, const char *schema,
                             struct ferry_error *error)
{
    json_t *body = json_pack("{ss}", "schema", schema);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    char *url = NULL;
    json_decref(body);
    if (!text ||
        asprintf(&url, "%s/subjects/%s/versions", question->registry->url, question->subject) < 0) {
        free(text);
        return out_of_memory(error);
    }
    const struct ferry_http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = text,
        .body_length = strlen(text),
        .timeout_ms = TIMEOUT_MS,
        .on_done = on_done,
        .context = question,
    };
    enum ferry_status status =
        ferry_http_send(question->registry->http, &request, &question->call, error);
    free(text);
    free(url);
    return status;
}

enum ferry_status ferry_registry_register(struct ferry_registry *registry, const char *topic,
                                          const char *schema, ferry_registry_callback callback,
                                          void *context, struct ferry_error *error)
{
    struct question *question = calloc(1, sizeof *question);
    if (!question || asprintf(&question->subject, "%s-value", topic) < 0) {
        free(question);
        return out_of_memory(error);
    }
    question->registry = registry;
    question->callback = callback;
    question->context = context;
    enum ferry_status status = ask(question, schema, error);
    if (status != FERRY_OK) {
        question_free(question);
        return status;
    }
    DL_APPEND(registry->questions, question);
    return FERRY_OK;
}
