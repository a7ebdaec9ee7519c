/* A listening TCP socket from "127.0.0.1:8080", "[::1]:0" or "localhost:8080". Any thread. */
#ifndef FERRY_LISTENER_H
#define FERRY_LISTENER_H

#include "core/base/status.h"

struct ferry_listener {
    int fd;
    int port; /* the real one when 0 was asked for */
    bool loopback;
    char address[64]; /* "127.0.0.1:41231" */
};

/* The caller closes fd. An address that is not loopback is refused unless `anywhere`, because
 * nothing behind it asks who is calling. */
enum ferry_status ferry_listener_open(const char *listen, bool anywhere,
                                      struct ferry_listener *ret_listener,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

#endif
