#include "core/io/sftp.h"

#include "core/io/sftp_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_SIZE    1024
#define FOLDER_MODE  0750
#define MESSAGE_SIZE 200

/* ---- life ---- */

static void init_library(void)
{
    libssh2_init(0);
}

enum ferry_status ferry_sftp_new(const struct ferry_sftp_settings *settings,
                                 struct ferry_sftp **ret_sftp, struct ferry_error *error)
{
    static uv_once_t once = UV_ONCE_INIT;
    struct ferry_sftp *sftp = calloc(1, sizeof *sftp);
    if (!sftp || uv_mutex_init(&sftp->lock) != 0) {
        free(sftp);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    uv_once(&once, init_library);
    atomic_init(&sftp->interrupted, false);
    sftp->settings = settings;
    sftp->socket = -1;
    *ret_sftp = sftp;
    return FERRY_OK;
}

void ferry_sftp_free(struct ferry_sftp *sftp)
{
    if (!sftp)
        return;
    ferry_sftp_disconnect(sftp);
    uv_mutex_destroy(&sftp->lock);
    free(sftp);
}

static void keep_socket(struct ferry_sftp *sftp, int fd)
{
    uv_mutex_lock(&sftp->lock);
    sftp->socket = fd;
    if (atomic_load(&sftp->interrupted) && fd >= 0)
        shutdown(fd, SHUT_RDWR);
    uv_mutex_unlock(&sftp->lock);
}

void ferry_sftp_interrupt(struct ferry_sftp *sftp)
{
    uv_mutex_lock(&sftp->lock);
    atomic_store(&sftp->interrupted, true);
    if (sftp->socket >= 0)
        shutdown(sftp->socket, SHUT_RDWR);
    uv_mutex_unlock(&sftp->lock);
}

bool ferry_sftp_connected(const struct ferry_sftp *sftp)
{
    return sftp->channel && !sftp->broken;
}

/* What is open is still to be closed, or libssh2 never frees it; on a socket that was shut down
 * that does not wait for anybody. */
static void break_off(struct ferry_sftp *sftp)
{
    sftp->broken = true;
    if (sftp->socket >= 0)
        shutdown(sftp->socket, SHUT_RDWR);
}

void ferry_sftp_disconnect(struct ferry_sftp *sftp)
{
    int fd = sftp->socket;
    break_off(sftp); /* no farewells: on a dead connection each would wait for its time-out */
    if (sftp->channel)
        libssh2_sftp_shutdown(sftp->channel);
    if (sftp->session)
        libssh2_session_free(sftp->session);
    sftp->channel = NULL;
    sftp->session = NULL;
    sftp->broken = false;
    keep_socket(sftp, -1);
    if (fd >= 0)
        close(fd);
}

/* ---- errors ---- */

static enum ferry_status fail_network(struct ferry_sftp *sftp, const char *what, const char *why,
                                      struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    break_off(sftp);
    ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK, "sftp://%s:%lld: %s: %.*s", settings->host,
               (long long)settings->port, what, MESSAGE_SIZE, why);
    ferry_advise(error, "check sftp.host and sftp.port, and whether the server lets this machine's "
                        "address in; Ferry goes on by itself");
    return FERRY_RETRY;
}

/* By what the server answered about a path. */
static const struct {
    unsigned long code;
    enum ferry_class class;
    const char *message;
    const char *action;
} refusals[] = {
    {LIBSSH2_FX_NO_SUCH_FILE, FERRY_CLASS_MAPPING, "there is no such file or folder",
     "create it, or correct the export's folders in the configuration; paths are relative to the "
     "home folder of sftp.user"},
    {LIBSSH2_FX_NO_SUCH_PATH, FERRY_CLASS_MAPPING, "there is no such path",
     "create the folder, or correct it in the configuration"},
    {LIBSSH2_FX_PERMISSION_DENIED, FERRY_CLASS_PERMISSION, "permission denied",
     "give sftp.user the right to read the export's files and to rename them into the folder of "
     "finished files"},
    {LIBSSH2_FX_FILE_ALREADY_EXISTS, FERRY_CLASS_MAPPING, "it exists already",
     "remove or rename it"},
    {LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM, FERRY_CLASS_QUOTA, "the server's disk is full",
     "make room on the server"},
    {LIBSSH2_FX_QUOTA_EXCEEDED, FERRY_CLASS_QUOTA, "the server's quota is exceeded",
     "make room on the server"},
    {LIBSSH2_FX_WRITE_PROTECT, FERRY_CLASS_PERMISSION, "the server's disk is write-protected",
     "let sftp.user rename files, or set \"finished\" to \"leave\""},
    {LIBSSH2_FX_OP_UNSUPPORTED, FERRY_CLASS_PERMISSION, "the server does not do that",
     "try the same by hand with sftp, as sftp.user"},
};
#define REFUSALS (sizeof refusals / sizeof refusals[0])

enum ferry_status ferry_sftp_fail_path(struct ferry_sftp *sftp, unsigned long code,
                                       const char *what, const char *path,
                                       struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    char whole[MESSAGE_SIZE * 2];
    char why[MESSAGE_SIZE];
    size_t i = 0;
    while (i < REFUSALS && refusals[i].code != code)
        i++;
    if (i < REFUSALS) {
        ferry_fail(error, FERRY_INVALID, refusals[i].class, "sftp://%s:%lld: cannot %s %.200s: %s",
                   settings->host, (long long)settings->port, what, path, refusals[i].message);
        ferry_advise(error, "%s", refusals[i].action);
        return FERRY_INVALID;
    }
    /* Any other may pass: a server that is short of something says "failure", and no more. */
    snprintf(whole, sizeof whole, "cannot %s %.200s", what, path);
    snprintf(why, sizeof why, "the server failed (status %lu)", code);
    fail_network(sftp, whole, why, error);
    ferry_advise(error, "if it stays, try the same by hand with sftp, as sftp.user");
    return FERRY_RETRY;
}

/* After a call of libssh2 with a negative result. */
static enum ferry_status fail_call(struct ferry_sftp *sftp, int code, const char *what,
                                   const char *path, struct ferry_error *error)
{
    char *text = NULL;
    char why[MESSAGE_SIZE];
    char whole[MESSAGE_SIZE * 2];
    if (code == LIBSSH2_ERROR_SFTP_PROTOCOL)
        return ferry_sftp_fail_path(sftp, libssh2_sftp_last_error(sftp->channel), what, path,
                                    error);
    libssh2_session_last_error(sftp->session, &text, NULL, 0);
    snprintf(why, sizeof why, "%s",
             atomic_load(&sftp->interrupted) ? "interrupted"
             : text                          ? text
                                             : "no reason");
    snprintf(whole, sizeof whole, "cannot %s %.200s", what, path);
    return fail_network(sftp, whole, why, error);
}

/* ---- connecting ---- */

/* Within the time-out; -1 with errno. */
static int connect_to(struct ferry_sftp *sftp, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    keep_socket(sftp, fd);
    int fault = 0;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        fault = errno;
    if (fault == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof fault;
        if (poll(&wait, 1, (int)sftp->settings->timeout_ms) != 1)
            fault = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0)
            fault = errno;
    }
    if (fault == 0)
        return fd;
    keep_socket(sftp, -1);
    close(fd);
    errno = fault;
    return -1;
}

static enum ferry_status open_socket(struct ferry_sftp *sftp, struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *addresses = NULL;
    char port[16];
    snprintf(port, sizeof port, "%lld", (long long)settings->port);
    int code = getaddrinfo(settings->host, port, &hints, &addresses);
    if (code != 0)
        return fail_network(sftp, "cannot find the host", gai_strerror(code), error);
    int fd = -1;
    for (const struct addrinfo *at = addresses; at && fd < 0; at = at->ai_next)
        fd = connect_to(sftp, at);
    int fault = errno;
    freeaddrinfo(addresses);
    return fd < 0 ? fail_network(sftp, "cannot connect", strerror(fault), error) : FERRY_OK;
}

static enum ferry_status shake_hands(struct ferry_sftp *sftp, struct ferry_error *error)
{
    bool known = false;
    sftp->session = libssh2_session_init();
    if (!sftp->session)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    libssh2_session_set_blocking(sftp->session, 1);
    libssh2_session_set_timeout(sftp->session, (long)sftp->settings->timeout_ms);
    enum ferry_status status = ferry_sftp_prefer_known(sftp, &known, error);
    if (status != FERRY_OK)
        return status;
    int code = libssh2_session_handshake(sftp->session, sftp->socket);
    if (code == LIBSSH2_ERROR_KEX_FAILURE)
        return ferry_sftp_refuse_methods(sftp, error);
    if (code != 0)
        return fail_call(sftp, code, "agree on a connection with", "the server", error);
    return ferry_sftp_trust(sftp, known, error);
}

static enum ferry_status open_channel(struct ferry_sftp *sftp, struct ferry_error *error)
{
    sftp->channel = libssh2_sftp_init(sftp->session);
    if (sftp->channel)
        return FERRY_OK;
    return fail_call(sftp, LIBSSH2_ERROR_CHANNEL_FAILURE, "begin", "SFTP after the login", error);
}

enum ferry_status ferry_sftp_connect(struct ferry_sftp *sftp, struct ferry_error *error)
{
    if (ferry_sftp_connected(sftp))
        return FERRY_OK;
    ferry_sftp_disconnect(sftp);
    enum ferry_status status = open_socket(sftp, error);
    if (status == FERRY_OK)
        status = shake_hands(sftp, error);
    if (status == FERRY_OK)
        status = ferry_sftp_login(sftp, error);
    if (status == FERRY_OK)
        status = open_channel(sftp, error);
    if (status != FERRY_OK)
        ferry_sftp_disconnect(sftp);
    return status;
}

/* ---- folders ---- */

static struct ferry_sftp_attributes attributes_of(const LIBSSH2_SFTP_ATTRIBUTES *from)
{
    struct ferry_sftp_attributes attributes = {.size = -1};
    if (from->flags & LIBSSH2_SFTP_ATTR_SIZE)
        attributes.size = (int64_t)from->filesize;
    if (from->flags & LIBSSH2_SFTP_ATTR_ACMODTIME)
        attributes.modified_at = (int64_t)from->mtime;
    if (from->flags & LIBSSH2_SFTP_ATTR_PERMISSIONS)
        attributes.regular = LIBSSH2_SFTP_S_ISREG(from->permissions);
    return attributes;
}

static enum ferry_status read_folder(struct ferry_sftp *sftp, LIBSSH2_SFTP_HANDLE *handle,
                                     const char *folder, ferry_sftp_each each, void *context,
                                     struct ferry_error *error)
{
    char name[NAME_SIZE];
    LIBSSH2_SFTP_ATTRIBUTES found;
    for (;;) {
        int length = libssh2_sftp_readdir(handle, name, sizeof name - 1, &found);
        if (length == 0)
            return FERRY_OK;
        if (length < 0)
            return fail_call(sftp, length, "list", folder, error);
        name[length] = '\0';
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        struct ferry_sftp_attributes attributes = attributes_of(&found);
        enum ferry_status status = each(context, name, &attributes);
        if (status != FERRY_OK)
            return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot list %s: %s", folder,
                              ferry_status_name(status));
    }
}

/* NULL with the error filled. */
static LIBSSH2_SFTP_HANDLE *open_handle(struct ferry_sftp *sftp, const char *path, int type,
                                        const char *what, struct ferry_error *error)
{
    LIBSSH2_SFTP_HANDLE *handle =
        libssh2_sftp_open_ex(sftp->channel, path, (unsigned)strlen(path),
                             type == LIBSSH2_SFTP_OPENFILE ? LIBSSH2_FXF_READ : 0, 0, type);
    if (handle ||
        fail_call(sftp, libssh2_session_last_errno(sftp->session), what, path, error) == FERRY_OK)
        return handle;
    return NULL;
}

enum ferry_status ferry_sftp_list(struct ferry_sftp *sftp, const char *folder, ferry_sftp_each each,
                                  void *context, struct ferry_error *error)
{
    LIBSSH2_SFTP_HANDLE *handle = open_handle(sftp, folder, LIBSSH2_SFTP_OPENDIR, "list", error);
    if (!handle)
        return error->status;
    enum ferry_status status = read_folder(sftp, handle, folder, each, context, error);
    libssh2_sftp_closedir(handle);
    return status;
}

enum ferry_status ferry_sftp_stat(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_attributes *ret_attributes, bool *ret_there,
                                  struct ferry_error *error)
{
    LIBSSH2_SFTP_ATTRIBUTES found;
    int code = libssh2_sftp_stat_ex(sftp->channel, path, (unsigned)strlen(path), LIBSSH2_SFTP_STAT,
                                    &found);
    if (code == LIBSSH2_ERROR_SFTP_PROTOCOL &&
        libssh2_sftp_last_error(sftp->channel) == LIBSSH2_FX_NO_SUCH_FILE) {
        *ret_there = false;
        return FERRY_OK;
    }
    if (code != 0)
        return fail_call(sftp, code, "look at", path, error);
    *ret_attributes = attributes_of(&found);
    *ret_there = true;
    return FERRY_OK;
}

enum ferry_status ferry_sftp_rename(struct ferry_sftp *sftp, const char *from, const char *to,
                                    struct ferry_error *error)
{
    char whole[MESSAGE_SIZE * 2];
    int code = libssh2_sftp_rename_ex(sftp->channel, from, (unsigned)strlen(from), to,
                                      (unsigned)strlen(to), 0);
    if (code == 0)
        return FERRY_OK;
    snprintf(whole, sizeof whole, "%.190s to %.190s", from, to);
    return fail_call(sftp, code, "rename", whole, error);
}

/* One that is there already is as good as a new one; which of the two errors means that, servers
 * do not agree on. */
static enum ferry_status make_one(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_error *error)
{
    struct ferry_sftp_attributes attributes;
    bool there = false;
    enum ferry_status status = ferry_sftp_stat(sftp, path, &attributes, &there, error);
    if (status != FERRY_OK || there)
        return status;
    int code = libssh2_sftp_mkdir_ex(sftp->channel, path, (unsigned)strlen(path), FOLDER_MODE);
    return code == 0 ? FERRY_OK : fail_call(sftp, code, "create the folder", path, error);
}

enum ferry_status ferry_sftp_make_folder(struct ferry_sftp *sftp, const char *path,
                                         struct ferry_error *error)
{
    char part[NAME_SIZE];
    enum ferry_status status = FERRY_OK;
    for (const char *at = path; status == FERRY_OK && *at;) {
        const char *end = strchrnul(at + 1, '/');
        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        status = make_one(sftp, part, error);
        at = end;
    }
    return status;
}

/* ---- files ---- */

enum ferry_status ferry_sftp_open(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_file **ret_file, struct ferry_error *error)
{
    struct ferry_sftp_file *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        free(file);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    file->sftp = sftp;
    file->handle = open_handle(sftp, path, LIBSSH2_SFTP_OPENFILE, "read", error);
    if (!file->handle) {
        ferry_sftp_close(file);
        return error->status;
    }
    *ret_file = file;
    return FERRY_OK;
}

void ferry_sftp_seek(struct ferry_sftp_file *file, int64_t position)
{
    libssh2_sftp_seek64(file->handle, (libssh2_uint64_t)position);
}

enum ferry_status ferry_sftp_read(struct ferry_sftp_file *file, void *data, size_t size,
                                  size_t *ret_length, struct ferry_error *error)
{
    ssize_t length = libssh2_sftp_read(file->handle, data, size);
    if (length < 0)
        return fail_call(file->sftp, (int)length, "read", file->path, error);
    *ret_length = (size_t)length;
    return FERRY_OK;
}

void ferry_sftp_close(struct ferry_sftp_file *file)
{
    if (!file)
        return;
    if (file->handle)
        libssh2_sftp_close(file->handle);
    free(file->path);
    free(file);
}
