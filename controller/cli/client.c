#include "controller/cli/client.h"

#include "core/base/buffer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S         60L
#define ANSWER_BYTES      (16u * 1024 * 1024)

struct ferry_client {
    CURL *curl;
    char *server;
    char user[80]; /* "X-Ferry-User: ann" */
};

struct ferry_client *ferry_client_new(const char *server)
{
    struct ferry_client *client = calloc(1, sizeof *client);
    const char *user = getenv("USER");
    size_t length;

    if (!client)
        return NULL;
    length = strlen(server);
    while (length > 0 && server[length - 1] == '/')
        length--;
    client->server = strndup(server, length);
    client->curl = curl_easy_init();
    if (!client->server || !client->curl) {
        ferry_client_free(client);
        return NULL;
    }
    snprintf(client->user, sizeof client->user, "X-Ferry-User: %.60s", user ? user : "unknown");
    for (char *at = client->user; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return client;
}

void ferry_client_free(struct ferry_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->server);
    free(client);
}

const char *ferry_client_server(const struct ferry_client *client)
{
    return client->server;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    return ferry_buffer_append(context, data, size * count) == FERRY_OK ? size * count : 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct ferry_client_answer *answer = context;
    size_t length = size * count;

    if (length > 5 && strncasecmp(data, "ETag:", 5) == 0) {
        const char *end = data + length;
        const char *at = data + 5;

        while (at < end && *at == ' ')
            at++;
        while (end > at && (end[-1] == '\r' || end[-1] == '\n'))
            end--;
        snprintf(answer->etag, sizeof answer->etag, "%.*s", (int)(end - at), at);
    }
    return length;
}

static struct curl_slist *make_headers(const struct ferry_client *client, const char *header)
{
    struct curl_slist *headers = curl_slist_append(NULL, client->user);

    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    return header ? curl_slist_append(headers, header) : headers;
}

static void prepare(const struct ferry_client *client, const char *method, const char *url,
                    struct ferry_buffer *body, struct ferry_client_answer *answer)
{
    CURL *curl = client->curl;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
}

static void run(const struct ferry_client *client, const char *url, const struct ferry_buffer *body,
                struct ferry_client_answer *answer)
{
    CURLcode code = curl_easy_perform(client->curl);
    long status = 0;

    if (code != CURLE_OK) {
        snprintf(answer->trouble, sizeof answer->trouble,
                 "cannot reach the controller at %.300s: %s", client->server,
                 curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    answer->body = json_loadb(body->data ? body->data : "", body->length, 0, NULL);
    /* The controller never refuses without a sentence. */
    if (answer->body && (status < 400 || json_object_get(answer->body, "detail")))
        answer->status = (int)status;
    else
        snprintf(answer->trouble, sizeof answer->trouble,
                 "what answers at %.300s is no Ferry controller (HTTP %ld)", url, status);
}

void ferry_client_ask(struct ferry_client *client, const char *method, const char *path,
                      const json_t *body, const char *header,
                      struct ferry_client_answer *ret_answer)
{
    struct curl_slist *headers = make_headers(client, header);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct ferry_buffer answer;
    char url[1024];

    *ret_answer = (struct ferry_client_answer){.status = 0};
    ferry_buffer_init(&answer, ANSWER_BYTES);
    snprintf(url, sizeof url, "%s%s", client->server, path);
    prepare(client, method, url, &answer, ret_answer);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    if (text || strcmp(method, "GET") != 0)
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text ? text : "");
    run(client, url, &answer, ret_answer);
    curl_slist_free_all(headers);
    ferry_buffer_done(&answer);
    free(text);
}

void ferry_client_done(struct ferry_client_answer *answer)
{
    json_decref(answer->body);
    answer->body = NULL;
}
