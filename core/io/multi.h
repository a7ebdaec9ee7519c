/* curl's multi handle on a libuv loop: its sockets and its timer. A part of http; loop thread only.
 */
#ifndef FERRY_MULTI_H
#define FERRY_MULTI_H

#include "core/base/status.h"

#include <curl/curl.h>
#include <uv.h>

struct ferry_multi;

/* Comes after every step of curl, never from inside it: the moment to collect what has ended. */
typedef void (*ferry_multi_callback)(void *context);

enum ferry_status ferry_multi_new(uv_loop_t *loop, ferry_multi_callback on_step, void *context,
                                  struct ferry_multi **ret_multi,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Closes every connection; every easy handle has been removed before. The memory goes when libuv
 * has closed its handles, on the next turn of the loop; on_step does not come again. */
void ferry_multi_free(struct ferry_multi *multi);

CURLM *ferry_multi_curl(const struct ferry_multi *multi);
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
