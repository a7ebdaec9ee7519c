#include "core/io/token.h"

#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/settings.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <utlist.h>

#define ANSWER_BYTES    (256 * 1024)
#define FORM_BYTES      (512 * 1024)
#define BEARER_BYTES    (32 * 1024)
#define TIMEOUT_MS      30000
#define LIFE_UNKNOWN_S  300
#define LIFE_MAX_S      (7 * 24 * 3600)
#define EARLY_MS        (5 * 60 * 1000)
#define QUIET_MS        1000 /* after a failure everybody gets its error so long, and longer each time */
#define QUIET_MAX_MS    10000
#define RETRY_AFTER_MAX 60000

struct waiter {
    ferry_token_callback callback;
    void *context;
    struct waiter *prev, *next;
};

struct ferry_token {
    struct ferry_http *http;
    char *name;
    char *url;
    char *client_id;
    char *secret_file;
    char *scope;
    struct ferry_http_call *call; /* the one request under way */
    char *secret;                 /* as it was sent with it */
    struct ferry_http_task fail;  /* tells an error that was known without asking anybody */
    char *bearer;
    unsigned number; /* of the bearer */
    bool refused;
    int64_t expires_at; /* boot time */
    int64_t renew_at;
    int64_t quiet_until;
    unsigned failures; /* in a row */
    struct ferry_error error;
    struct waiter *waiters;
    struct waiter *told; /* those of `waiters` whose turn it is */
    unsigned depth;      /* frames of ours that still need this object */
    bool closing;
};

static void secret_drop(struct ferry_token *token)
{
    ferry_secret_free(token->secret);
    token->secret = NULL;
}

static void waiters_free(struct waiter **list)
{
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE (*list, waiter, next)
        free(waiter);
    *list = NULL;
}

static void destroy(struct ferry_token *token)
{
    ferry_http_cancel(token->call);
    ferry_http_unpost(token->http, &token->fail);
    waiters_free(&token->waiters);
    waiters_free(&token->told);
    secret_drop(token);
    ferry_secret_free(token->bearer);
    free(token->name);
    free(token->url);
    free(token->client_id);
    free(token->secret_file);
    free(token->scope);
    free(token);
}

static void leave(struct ferry_token *token)
{
    if (--token->depth == 0 && token->closing)
        destroy(token);
}

static bool is_usable(const struct ferry_token *token)
{
    return token->bearer && !token->refused && ferry_boot_ms() < token->expires_at;
}

static void tell_all(struct ferry_token *token)
{
    token->depth++;
    DL_CONCAT(token->told, token->waiters);
    token->waiters = NULL;
    while (!token->closing && token->told) {
        struct waiter *waiter = token->told;
        ferry_token_callback callback = waiter->callback;
        void *context = waiter->context;

        DL_DELETE(token->told, waiter);
        free(waiter);
        if (is_usable(token))
            callback(context, token->bearer, NULL);
        else
            callback(context, NULL, &token->error);
    }
    leave(token);
}

static void on_fail(void *context)
{
    tell_all(context);
}

/* The service's own words, without anything after the first line (trace ids) and never with our
 * secret in them. */
static void quote(const struct ferry_token *token, const json_t *answer, char *out, size_t size)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *text = json_string_value(json_object_get(answer, "error_description"));

    out[0] = '\0';
    if (text && token->secret && strstr(text, token->secret))
        text = NULL;
    if (error && token->secret && strstr(error, token->secret))
        error = NULL;
    if (error || text)
        snprintf(out, size, ": %.60s%s%.*s", error ? error : "", error && text ? ": " : "",
                 text ? (int)strcspn(text, "\r\n") : 0, text ? text : "");
}

/* Entra answers 400 also when it is itself in trouble. */
static bool is_passing(const json_t *answer)
{
    static const char *const errors[] = {"temporarily_unavailable", "server_error"};
    static const char *const codes[] = {"AADSTS90033", "AADSTS50196"};
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *text = json_string_value(json_object_get(answer, "error_description"));

    for (size_t i = 0; error && i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strcmp(error, errors[i]) == 0)
            return true;
    for (size_t i = 0; text && i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strncmp(text, codes[i], strlen(codes[i])) == 0)
            return true;
    return false;
}

static void explain(struct ferry_token *token, const struct ferry_http_answer *answer,
                    const json_t *body)
{
    bool denied = (answer->status == 400 || answer->status == 401 || answer->status == 403) &&
                  !is_passing(body);
    char words[300];

    quote(token, body, words, sizeof(words));
    if (denied) {
        ferry_fail(&token->error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
                   "%s refuses our credentials (HTTP %d)%s", token->name, answer->status, words);
        ferry_advise(&token->error,
                     "Check the client id, and the client secret in %s: it may have expired.",
                     token->secret_file);
        return;
    }
    ferry_fail(&token->error, FERRY_RETRY,
               answer->status == 429 ? FERRY_CLASS_QUOTA : FERRY_CLASS_NETWORK,
               "%s gives no token now (HTTP %d)%s", token->name, answer->status, words);
}

static int64_t life_ms(const json_t *answer)
{
    const json_t *value = json_object_get(answer, "expires_in");
    json_int_t seconds = json_integer_value(value);

    if (json_is_string(value))
        seconds = strtoll(json_string_value(value), NULL, 10);
    if (seconds <= 0)
        seconds = LIFE_UNKNOWN_S;
    return (seconds > LIFE_MAX_S ? LIFE_MAX_S : seconds) * 1000;
}

/* It goes into a header. */
static bool is_bearer(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return false;
    return length > 0 && length <= BEARER_BYTES;
}

static bool keep(struct ferry_token *token, const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "access_token"));
    int64_t life = life_ms(answer);
    int64_t early = life / 10 < EARLY_MS ? life / 10 : EARLY_MS;
    char *bearer = is_bearer(text) ? strdup(text) : NULL;

    if (!bearer)
        return false;
    ferry_secret_free(token->bearer);
    token->bearer = bearer;
    token->number++;
    token->refused = false;
    token->failures = 0;
    token->expires_at = ferry_boot_ms() + life;
    token->renew_at = token->expires_at - early;
    return true;
}

/* A failure that everybody gets who asks within the next moment: 64 writers must not make 64
 * requests of it. */
static void be_quiet(struct ferry_token *token, int64_t retry_after_ms)
{
    int64_t pause = ferry_backoff_ms(token->failures++, QUIET_MS, QUIET_MAX_MS);

    if (retry_after_ms > pause)
        pause = retry_after_ms < RETRY_AFTER_MAX ? retry_after_ms : RETRY_AFTER_MAX;
    token->quiet_until = ferry_boot_ms() + pause;
}

static void judge(struct ferry_token *token, const struct ferry_http_answer *answer)
{
    json_t *body;

    if (answer->outcome != FERRY_HTTP_ANSWERED) {
        bool ours = answer->outcome == FERRY_HTTP_REFUSED;

        ferry_fail(&token->error, ours ? FERRY_INVALID : FERRY_RETRY,
                   ours ? FERRY_CLASS_CREDENTIALS : FERRY_CLASS_NETWORK,
                   "cannot ask for a token of %s at %.150s: %s", token->name, token->url,
                   answer->error);
        be_quiet(token, -1);
        return;
    }
    body = json_loadb(answer->body, answer->length, 0, NULL);
    if (answer->status != 200 || !keep(token, body)) {
        explain(token, answer, body);
        be_quiet(token, answer->retry_after_ms);
    }
    json_decref(body);
}

static void on_answer(void *context, const struct ferry_http_answer *answer)
{
    struct ferry_token *token = context;

    token->call = NULL;
    judge(token, answer);
    secret_drop(token);
    tell_all(token);
}

static enum ferry_status add(struct ferry_buffer *form, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(NULL, value, 0);
    enum ferry_status status;

    if (!escaped)
        return FERRY_NOMEM;
    status = ferry_buffer_printf(form, "%s%s=%s", form->length > 0 ? "&" : "", name, escaped);
    explicit_bzero(escaped, strlen(escaped));
    curl_free(escaped);
    return status;
}

static enum ferry_status send_form(struct ferry_token *token, const struct ferry_buffer *form)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json", NULL};
    const struct ferry_http_request request = {.method = "POST",
                                               .url = token->url,
                                               .headers = headers,
                                               .body = form->data,
                                               .body_length = form->length,
                                               .secret = true,
                                               .timeout_ms = TIMEOUT_MS,
                                               .max_answer_bytes = ANSWER_BYTES,
                                               .on_done = on_answer,
                                               .context = token};

    return ferry_http_send(token->http, &request, &token->call, &token->error);
}

static enum ferry_status ask(struct ferry_token *token)
{
    struct ferry_buffer form;
    enum ferry_status status = ferry_secret_read(token->secret_file, &token->secret, &token->error);

    if (status != FERRY_OK)
        return status;
    ferry_buffer_init(&form, FORM_BYTES);
    /* All room at once: a buffer that grows leaves copies of the secret behind. */
    if (ferry_buffer_reserve(
            &form, 3 * (strlen(token->secret) + strlen(token->client_id) + strlen(token->scope)) +
                       128) != FERRY_OK ||
        add(&form, "grant_type", "client_credentials") != FERRY_OK ||
        add(&form, "client_id", token->client_id) != FERRY_OK ||
        add(&form, "scope", token->scope) != FERRY_OK ||
        add(&form, "client_secret", token->secret) != FERRY_OK)
        status = ferry_fail(&token->error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    else
        status = send_form(token, &form);
    if (form.data)
        explicit_bzero(form.data, form.length);
    ferry_buffer_done(&form);
    return status;
}

static void request(struct ferry_token *token)
{
    if (token->call || token->fail.posted)
        return;
    if (ferry_boot_ms() >= token->quiet_until) {
        if (ask(token) == FERRY_OK)
            return;
        secret_drop(token);
        be_quiet(token, -1);
    }
    if (token->waiters)
        ferry_http_post(token->http, &token->fail);
}

enum ferry_status ferry_token_new(struct ferry_http *http,
                                  const struct ferry_token_options *options,
                                  struct ferry_token **ret_token, struct ferry_error *error)
{
    struct ferry_token *token = calloc(1, sizeof(*token));

    if (!token)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    token->http = http;
    token->fail = (struct ferry_http_task){.run = on_fail, .context = token};
    token->name = strdup(options->name);
    token->url = strdup(options->url);
    token->client_id = strdup(options->client_id);
    token->secret_file = strdup(options->secret_file);
    token->scope = strdup(options->scope);
    if (!token->name || !token->url || !token->client_id || !token->secret_file || !token->scope) {
        destroy(token);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    *ret_token = token;
    return FERRY_OK;
}

void ferry_token_free(struct ferry_token *token)
{
    if (!token)
        return;
    token->closing = true;
    if (token->depth == 0)
        destroy(token);
}

unsigned ferry_token_number(const struct ferry_token *token)
{
    return token->number;
}

void ferry_token_get(struct ferry_token *token, ferry_token_callback callback, void *context)
{
    static const struct ferry_error no_memory = {
        .status = FERRY_NOMEM, .class = FERRY_CLASS_BUG, .message = "out of memory"};
    struct waiter *waiter;

    if (is_usable(token)) {
        if (ferry_boot_ms() >= token->renew_at) /* beside the work, not before it */
            request(token);
        token->depth++;
        callback(context, token->bearer, NULL);
        leave(token);
        return;
    }
    waiter = malloc(sizeof(*waiter));
    if (!waiter) {
        callback(context, NULL, &no_memory);
        return;
    }
    *waiter = (struct waiter){.callback = callback, .context = context};
    DL_APPEND(token->waiters, waiter);
    request(token);
}

static void forget(struct waiter **list, const void *context)
{
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE (*list, waiter, next) {
        if (waiter->context != context)
            continue;
        DL_DELETE(*list, waiter);
        free(waiter);
    }
}

void ferry_token_forget(struct ferry_token *token, void *context)
{
    forget(&token->waiters, context);
    forget(&token->told, context);
}

void ferry_token_refused(struct ferry_token *token, unsigned number)
{
    if (number == token->number)
        token->refused = true;
}
