/* libssh2 as the baseline uses it: one connection, files read from their beginning to their end. */
#ifndef BENCH_SFTP_H
#define BENCH_SFTP_H

#include <libssh2_sftp.h>
#include <stddef.h>

#define BENCH_SFTP_CHUNK ((size_t)256 << 10) /* as Ferry's: libssh2 asks ahead for so much */

struct bench_sftp {
    int socket;
    LIBSSH2_SESSION *session;
    LIBSSH2_SFTP *channel;
    char *chunk;
};

typedef void (*bench_sftp_data)(void *context, const char *data, size_t length);

/* The host key is not looked at. */
void bench_sftp_init(struct bench_sftp *sftp, const char *host, const char *port, const char *user,
                     const char *key_file);
void bench_sftp_done(struct bench_sftp *sftp);
void bench_sftp_read(struct bench_sftp *sftp, const char *path, bench_sftp_data on_data,
                     void *context);

#endif
