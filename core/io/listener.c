#include "core/io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static enum ferry_status refuse(struct ferry_error *error, const char *listen, const char *why)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE, "cannot listen on '%s': %s", listen,
                      why);
}

static bool parse_port(const char *text, in_port_t *ret_port)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || port > 65535)
        return false;
    *ret_port = htons((in_port_t)port);
    return true;
}

/* "[::1]" without its brackets, "localhost" as its address. */
static bool parse_host(const char *text, size_t length, char host[INET6_ADDRSTRLEN])
{
    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= INET6_ADDRSTRLEN)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
    return true;
}

static bool parse(const char *listen, union address *address, socklen_t *ret_size)
{
    const char *colon = strrchr(listen, ':');
    char host[INET6_ADDRSTRLEN];
    in_port_t port;

    memset(address, 0, sizeof(*address));
    if (!colon || !parse_port(colon + 1, &port) ||
        !parse_host(listen, (size_t)(colon - listen), host))
        return false;
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = port;
        *ret_size = sizeof(address->v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = port;
        *ret_size = sizeof(address->v6);
        return true;
    }
    return false;
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static int open_socket(const union address *address, socklen_t size)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, &address->any, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

static void describe(struct ferry_listener *listener, const union address *address)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
        listener->port = ntohs(address->v4.sin_port);
        snprintf(listener->address, sizeof(listener->address), "%s:%d", host, listener->port);
    } else {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
        listener->port = ntohs(address->v6.sin6_port);
        snprintf(listener->address, sizeof(listener->address), "[%s]:%d", host, listener->port);
    }
}

enum ferry_status ferry_listener_open(const char *listen, bool anywhere,
                                      struct ferry_listener *ret_listener,
                                      struct ferry_error *error)
{
    struct ferry_listener listener = {.fd = -1};
    union address address;
    socklen_t size;

    if (!parse(listen, &address, &size))
        return refuse(error, listen, "it is no address and port, as in 127.0.0.1:8080");
    listener.loopback = is_loopback(&address);
    if (!listener.loopback && !anywhere)
        return refuse(error, listen,
                      "it is not a loopback address, and this version has no TLS and no "
                      "authentication to protect it");
    listener.fd = open_socket(&address, size);
    if (listener.fd < 0 || getsockname(listener.fd, &address.any, &size) < 0) {
        int code = errno;

        if (listener.fd >= 0)
            close(listener.fd);
        return refuse(error, listen, strerror(code));
    }
    describe(&listener, &address);
    *ret_listener = listener;
    return FERRY_OK;
}
