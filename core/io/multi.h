/* curl's multi handles on a libuv loop: their sockets, their timers, and which transfer goes to
 * which. A part of http; loop thread only. */
#ifndef FERRY_MULTI_H
#define FERRY_MULTI_H

#include "core/base/status.h"

#include <curl/curl.h>
#include <uv.h>

struct ferry_multi;

/* Comes after every step of curl, never from inside it: the moment to collect what has ended. */
typedef void (*ferry_multi_callback)(void *context);

struct ferry_multi_options {
    size_t connections; /* at most; at least 1 */
    ferry_multi_callback on_step;
    void *context;
};

enum ferry_status ferry_multi_new(uv_loop_t *loop, const struct ferry_multi_options *options,
                                  struct ferry_multi **ret_multi,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Closes every connection; every easy handle has been removed before. The memory goes when libuv
 * has closed its handles, on the next turn of the loop; on_step does not come again. */
void ferry_multi_free(struct ferry_multi *multi);

/* For CURLOPT_SHARE of every transfer. */
CURLSH *ferry_multi_share(const struct ferry_multi *multi);

/* `lot` is where it went, for its removal. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_multi_add(struct ferry_multi *multi, CURL *easy,
                                  size_t *ret_lot) FERRY_MUST_CHECK;
void ferry_multi_remove(struct ferry_multi *multi, CURL *easy, size_t lot);
/* During on_step: the next transfer that has ended, still to be removed; NULL: no more. */
CURL *ferry_multi_ended(struct ferry_multi *multi, CURLcode *ret_code);
/* True inside a callback of curl, where its multi interface must not be called. */
bool ferry_multi_inside(const struct ferry_multi *multi);
/* on_step comes on the next turn of the loop, whether curl has something to do or not. */
void ferry_multi_wake(struct ferry_multi *multi);
/* Continues a paused transfer; its write callback may run meanwhile. */
void ferry_multi_unpause(struct ferry_multi *multi, CURL *easy);

/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, so that a connection keeps one
 * poll handle for life. */
curl_socket_t ferry_multi_open(struct ferry_multi *multi, const struct curl_sockaddr *address);
int ferry_multi_close(void *context, curl_socket_t fd); /* context: the multi */

#endif
