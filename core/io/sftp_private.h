/* What the sources of sftp share; nobody else includes it. */
#ifndef FERRY_SFTP_PRIVATE_H
#define FERRY_SFTP_PRIVATE_H

#include "core/io/sftp.h"

#include <libssh2.h>
#include <libssh2_sftp.h>
#include <stdatomic.h>
#include <uv.h>

struct ferry_sftp {
    const struct ferry_sftp_settings *settings;
    uv_mutex_t lock; /* of the socket, which an interrupt looks at */
    int socket;      /* -1: none */
    atomic_bool interrupted;
    LIBSSH2_SESSION *session;
    LIBSSH2_SFTP *channel; /* NULL: not connected */
    bool broken;           /* it is of no use any more, and still to be freed */
};

struct ferry_sftp_file {
    struct ferry_sftp *sftp;
    LIBSSH2_SFTP_HANDLE *handle;
    char *path;
};

/* The session, just connected, is told which of the host's keys we know; `ret_known` says whether
 * any is. */
enum ferry_status ferry_sftp_prefer_known(struct ferry_sftp *sftp, bool *ret_known,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
/* After the handshake: is it the key that we know? */
enum ferry_status ferry_sftp_trust(struct ferry_sftp *sftp, bool known,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* No kind of host key that the server has can be used. */
enum ferry_status ferry_sftp_refuse_methods(const struct ferry_sftp *sftp,
                                            struct ferry_error *error) FERRY_MUST_CHECK;
/* What is known to go wrong with a private key, told by its text; NULL: nothing. */
const char *ferry_sftp_key_flaw(const char *text);
/* The server answered with this status about a path. A refusal of the path is FERRY_INVALID; what
 * may pass is FERRY_RETRY, and the connection is of no more use. */
enum ferry_status ferry_sftp_fail_path(struct ferry_sftp *sftp, unsigned long code,
                                       const char *what, const char *path,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* By the private key. */
enum ferry_status ferry_sftp_login(struct ferry_sftp *sftp,
                                   struct ferry_error *error) FERRY_MUST_CHECK;

#endif
