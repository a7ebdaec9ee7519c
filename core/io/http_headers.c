#include "core/io/http_headers.h"

#include <stdlib.h>
#include <string.h>

struct ferry_http_headers {
    struct curl_slist *list; /* ours, then those of `rest` */
    struct curl_slist *last; /* of ours; NULL: none is */
    struct ferry_http_headers *rest;
    unsigned references;
};

static bool no_control_characters(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static enum ferry_status append(struct ferry_http_headers *headers, const char *line,
                                struct ferry_error *error)
{
    struct curl_slist *node;

    if (!no_control_characters(line))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a request header contains a control character");
    node = curl_slist_append(NULL, line);
    if (!node)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (headers->last)
        headers->last->next = node;
    else
        headers->list = node;
    headers->last = node;
    return FERRY_OK;
}

/* Nothing is gained by asking before a body is sent, and some gateways never answer the question.
 * Our name stands here because curl prints what it is told by CURLOPT_USERAGENT twice a request. */
static enum ferry_status append_ours(struct ferry_http_headers *headers, struct ferry_error *error)
{
    enum ferry_status status = append(headers, "User-Agent: ferry/" FERRY_VERSION, error);

    return status == FERRY_OK ? append(headers, "Expect:", error) : status;
}

static enum ferry_status end(struct ferry_http_headers *headers, struct ferry_http_headers *rest,
                             struct ferry_error *error)
{
    if (!rest)
        return append_ours(headers, error);
    headers->rest = ferry_http_headers_ref(rest);
    if (headers->last)
        headers->last->next = rest->list;
    else
        headers->list = rest->list;
    return FERRY_OK;
}

enum ferry_status ferry_http_headers_new(const char *const *lines, struct ferry_http_headers *rest,
                                         struct ferry_http_headers **ret_headers,
                                         struct ferry_error *error)
{
    struct ferry_http_headers *headers = calloc(1, sizeof(*headers));
    enum ferry_status status = FERRY_OK;

    if (!headers)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    headers->references = 1;
    for (; status == FERRY_OK && lines && *lines; lines++)
        status = append(headers, *lines, error);
    if (status == FERRY_OK)
        status = end(headers, rest, error);
    if (status != FERRY_OK) {
        ferry_http_headers_unref(headers);
        return status;
    }
    *ret_headers = headers;
    return FERRY_OK;
}

struct ferry_http_headers *ferry_http_headers_ref(struct ferry_http_headers *headers)
{
    headers->references++;
    return headers;
}

void ferry_http_headers_unref(struct ferry_http_headers *headers)
{
    if (!headers || --headers->references > 0)
        return;
    if (headers->last) {
        headers->last->next = NULL;
        for (struct curl_slist *node = headers->list; node; node = node->next)
            explicit_bzero(node->data, strlen(node->data));
        curl_slist_free_all(headers->list);
    }
    ferry_http_headers_unref(headers->rest);
    free(headers);
}

struct curl_slist *ferry_http_headers_list(const struct ferry_http_headers *headers)
{
    return headers->list;
}
