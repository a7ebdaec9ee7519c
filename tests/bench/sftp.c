#include "tests/bench/sftp.h"

#include "tests/bench/usage.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    if (getaddrinfo(host, port, &hints, &address) != 0)
        bench_die("no host %s", host);
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        bench_die("nobody listens at %s:%s", host, port);
    freeaddrinfo(address);
    return fd;
}

static _Noreturn void fail(struct bench_sftp *sftp, const char *what)
{
    char *text = NULL;
    libssh2_session_last_error(sftp->session, &text, NULL, 0);
    bench_die("%s: %s", what, text);
}

void bench_sftp_init(struct bench_sftp *sftp, const char *host, const char *port, const char *user,
                     const char *key_file)
{
    libssh2_init(0);
    sftp->socket = connect_to(host, port);
    sftp->session = libssh2_session_init();
    sftp->chunk = malloc(BENCH_SFTP_CHUNK);
    if (!sftp->session || !sftp->chunk)
        bench_die("out of memory");
    if (libssh2_session_handshake(sftp->session, sftp->socket) != 0)
        fail(sftp, "handshake");
    if (libssh2_userauth_publickey_fromfile(sftp->session, user, NULL, key_file, NULL) != 0)
        fail(sftp, "login");
    sftp->channel = libssh2_sftp_init(sftp->session);
    if (!sftp->channel)
        fail(sftp, "sftp");
}

void bench_sftp_done(struct bench_sftp *sftp)
{
    libssh2_sftp_shutdown(sftp->channel);
    libssh2_session_disconnect(sftp->session, "done");
    libssh2_session_free(sftp->session);
    close(sftp->socket);
    free(sftp->chunk);
    libssh2_exit();
}

void bench_sftp_read(struct bench_sftp *sftp, const char *path, bench_sftp_data on_data,
                     void *context)
{
    ssize_t length;
    LIBSSH2_SFTP_HANDLE *file = libssh2_sftp_open_ex(sftp->channel, path, (unsigned)strlen(path),
                                                     LIBSSH2_FXF_READ, 0, LIBSSH2_SFTP_OPENFILE);
    if (!file)
        fail(sftp, path);
    while ((length = libssh2_sftp_read(file, sftp->chunk, BENCH_SFTP_CHUNK)) > 0)
        on_data(context, sftp->chunk, (size_t)length);
    if (length < 0)
        fail(sftp, path);
    libssh2_sftp_close(file);
}
