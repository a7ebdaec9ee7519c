/* Which addresses may be called with our token. Pure; any thread. */
#ifndef FERRY_ORIGIN_H
#define FERRY_ORIGIN_H

#include "core/base/status.h"

/* FERRY_OK when `link` has the scheme, host, port and path prefix of `base` after normalising (dot
 * segments, case of scheme and host, default port), and no userinfo; FERRY_INVALID with a sentence
 * that names both hosts otherwise. */
enum ferry_status ferry_origin_check(const char *base, const char *link,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* A configured base URL: absolute, https (or http to loopback by name or literal address), no
 * query, no userinfo. */
enum ferry_status ferry_origin_base(const char *key, const char *url,
                                    struct ferry_error *error) FERRY_MUST_CHECK;

#endif
