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
    char *subject; /* NULL: only whether it is there */
    ferry_registry_callback callback;
    void *context;
};

struct ferry_registry {
    struct ferry_http *http;
    const struct ferry_common *common;
    char *url; /* without a slash at its end */
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

enum ferry_status ferry_registry_new(struct ferry_http *http, const struct ferry_common *common,
                                     struct ferry_registry **ret_registry,
                                     struct ferry_error *error)
{
    *ret_registry = NULL;
    if (!common->registry_url)
        return FERRY_OK;
    enum ferry_status status =
        ferry_origin_base("schema.registry.url", common->registry_url, error);
    if (status != FERRY_OK)
        return status;
    struct ferry_registry *registry = calloc(1, sizeof *registry);
    if (!registry || !(registry->url = strdup(common->registry_url))) {
        free(registry);
        return out_of_memory(error);
    }
    size_t length = strlen(registry->url);
    if (length > 0 && registry->url[length - 1] == '/')
        registry->url[length - 1] = '\0';
    registry->http = http;
    registry->common = common;
    *ret_registry = registry;
    return FERRY_OK;
}

static void drop(struct question *question)
{
    DL_DELETE(question->registry->questions, question);
    ferry_http_cancel(question->call);
    question_free(question);
}

void ferry_registry_forget(struct ferry_registry *registry, const void *context)
{
    struct question *question;
    struct question *next;
    if (!registry)
        return;
    DL_FOREACH_SAFE (registry->questions, question, next) {
        if (question->context == context)
            drop(question);
    }
}

void ferry_registry_free(struct ferry_registry *registry)
{
    struct question *question;
    struct question *next;
    if (!registry)
        return;
    DL_FOREACH_SAFE (registry->questions, question, next)
        drop(question);
    free(registry->url);
    free(registry);
}

/* --- answers --- */

#define URL_ADVICE                                                                                 \
    "schema.registry.url must lead to Confluent's API: with its path, as "                         \
    "https://registry.example/apis/ccompat/v7"

/* What an answer other than 200 means; 0 ends the list and stands for all others. */
static const struct refusal {
    int status;
    enum ferry_status verdict;
    enum ferry_class class;
    const char *action;
} refusals[] = {
    {401, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
     "set schema.registry.user and schema.registry.password.file to what the registry knows"},
    {403, FERRY_INVALID, FERRY_CLASS_PERMISSION,
     "give the user of schema.registry.user the right to register schemas"},
    {408, FERRY_RETRY, FERRY_CLASS_NETWORK, ""},
    {409, FERRY_INVALID, FERRY_CLASS_SCHEMA,
     "set the subject's compatibility to BACKWARD or NONE, or delete its other versions"},
    {422, FERRY_INVALID, FERRY_CLASS_SCHEMA,
     "the registry must take Avro schemas; see its log for what it has against this one"},
    {429, FERRY_RETRY, FERRY_CLASS_QUOTA, ""},
    {0, FERRY_INVALID, FERRY_CLASS_MAPPING, URL_ADVICE},
};

static const struct refusal *find_refusal(int status)
{
    static const struct refusal ill = {0, FERRY_RETRY, FERRY_CLASS_NETWORK, ""};
    const struct refusal *refusal = refusals;
    if (status >= 500)
        return &ill;
    while (refusal->status != 0 && refusal->status != status)
        refusal++;
    return refusal;
}

/* {"error_code":409,"message":"..."}, from Confluent's own and from those that imitate it. */
static enum ferry_status refuse(const struct question *question,
                                const struct ferry_http_answer *answer, struct ferry_error *error)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const char *message = json_string_value(json_object_get(body, "message"));
    const struct refusal *refusal = find_refusal(answer->status);
    ferry_fail(error, refusal->verdict, refusal->class,
               "The schema registry %.150s answered %d%s%.100s: %.180s", question->registry->url,
               answer->status, question->subject ? " for subject " : "",
               question->subject ? question->subject : "", message ? message : "(no message)");
    ferry_advise(error, "%s", refusal->action);
    json_decref(body);
    return refusal->verdict;
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

/* ["AVRO","JSON",...] */
static bool has_avro(const struct ferry_http_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    bool found = false;
    for (size_t i = 0; i < json_array_size(body); i++) {
        const char *type = json_string_value(json_array_get(body, i));
        found = found || (type && strcmp(type, "AVRO") == 0);
    }
    json_decref(body);
    return found;
}

static enum ferry_status judge(const struct question *question,
                               const struct ferry_http_answer *answer, uint32_t *ret_id,
                               struct ferry_error *error)
{
    const char *url = question->registry->url;
    if (answer->outcome != FERRY_HTTP_ANSWERED)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                          "The schema registry %.200s does not answer: %.200s", url, answer->error);
    if (answer->status != 200)
        return refuse(question, answer, error);
    if (question->subject ? read_id(answer, ret_id) : has_avro(answer))
        return FERRY_OK;
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
               "What answers at %.200s is no schema registry: it %s%.100s.", url,
               question->subject ? "gave no id for subject " : "names no schemas of type AVRO",
               question->subject ? question->subject : "");
    ferry_advise(error, URL_ADVICE);
    return FERRY_INVALID;
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

/* --- questions --- */

static enum ferry_status send_as(struct question *question, const char *url, const char *body,
                                 const char *password, struct ferry_error *error)
{
    const struct ferry_registry *registry = question->registry;
    const struct ferry_http_request request = {
        .method = body ? "POST" : "GET",
        .url = url,
        .headers = headers,
        .user = registry->common->registry_user,
        .password = password,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .timeout_ms = TIMEOUT_MS,
        .on_done = on_done,
        .context = question,
    };
    return ferry_http_send(registry->http, &request, &question->call, error);
}

/* `body` NULL: a question that changes nothing. */
static enum ferry_status send_body(struct question *question, const char *url, const char *body,
                                   struct ferry_error *error)
{
    const char *file = question->registry->common->registry_password_file;
    char *password = NULL;
    enum ferry_status status = file ? ferry_secret_read(file, &password, error) : FERRY_OK;
    if (status == FERRY_OK)
        status = send_as(question, url, body, password, error);
    ferry_secret_free(password);
    return status;
}

static enum ferry_status ask(struct question *question, const char *schema,
                             struct ferry_error *error)
{
    const char *base = question->registry->url;
    json_t *body = json_pack("{ss}", "schema", schema);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    char *url = NULL;
    json_decref(body);
    if (!text || asprintf(&url, "%s/subjects/%s/versions", base, question->subject) < 0) {
        free(text);
        return out_of_memory(error);
    }
    enum ferry_status status = send_body(question, url, text, error);
    free(text);
    free(url);
    return status;
}

static enum ferry_status begin(struct question *question, struct ferry_registry *registry,
                               enum ferry_status sent)
{
    if (sent == FERRY_OK)
        DL_APPEND(registry->questions, question);
    else
        question_free(question);
    return sent;
}

enum ferry_status ferry_registry_ask(struct ferry_registry *registry,
                                     ferry_registry_callback callback, void *context,
                                     struct ferry_error *error)
{
    struct question *question = calloc(1, sizeof *question);
    char *url = NULL;
    if (!question || asprintf(&url, "%s/schemas/types", registry->url) < 0) {
        free(question);
        return out_of_memory(error);
    }
    *question = (struct question){.registry = registry, .callback = callback, .context = context};
    enum ferry_status status = begin(question, registry, send_body(question, url, NULL, error));
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
    return begin(question, registry, ask(question, schema, error));
}
