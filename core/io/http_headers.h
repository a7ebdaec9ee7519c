/* Header lines that many requests have in common: checked and copied once, and kept until the last
 * request that bears them has ended. Loop thread only. */
#ifndef FERRY_HTTP_HEADERS_H
#define FERRY_HTTP_HEADERS_H

#include "core/base/status.h"

#include <curl/curl.h>

struct ferry_http_headers;

/* `lines`: "Name: value", NULL-terminated; NULL for none. `rest`, unless NULL, follows them and is
 * kept as long. */
enum ferry_status ferry_http_headers_new(const char *const *lines, struct ferry_http_headers *rest,
                                         struct ferry_http_headers **ret_headers,
                                         struct ferry_error *error) FERRY_MUST_CHECK;
struct ferry_http_headers *ferry_http_headers_ref(struct ferry_http_headers *headers);
/* The last one wipes them: one is a token. NULL is fine. */
void ferry_http_headers_unref(struct ferry_http_headers *headers);

/* For curl, which only reads it. */
struct curl_slist *ferry_http_headers_list(const struct ferry_http_headers *headers);

#endif
