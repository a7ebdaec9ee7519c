/* Files on an SFTP server, by libssh2. Every call blocks, for sftp.timeout.ms at most where the
 * server says nothing: from a thread of the pool, one at a time. Only ferry_sftp_interrupt may come
 * from another thread meanwhile.
 *
 * Errors name host, path and what to do. FERRY_RETRY: the network, or what may pass on the
 * server; the connection is of no more use, but what is open on it is to be closed.
 * FERRY_INVALID with FERRY_CLASS_CREDENTIALS: host key or login; with another class: the server
 * refuses this path. */
#ifndef FERRY_SFTP_H
#define FERRY_SFTP_H

#include "core/base/settings.h"

#include <stdbool.h>

struct ferry_sftp;
struct ferry_sftp_file;

struct ferry_sftp_attributes {
    int64_t size;
    int64_t modified_at; /* seconds since the epoch, as the protocol has it */
    bool regular;        /* neither a folder nor anything else */
};

/* `settings` are borrowed. Does not connect. */
enum ferry_status ferry_sftp_new(const struct ferry_sftp_settings *settings,
                                 struct ferry_sftp **ret_sftp,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_sftp_free(struct ferry_sftp *sftp);
/* The call under way in another thread, and every later one, fails soon. */
void ferry_sftp_interrupt(struct ferry_sftp *sftp);

/* Does nothing when connected. The host key must stand in sftp.known.hosts.file. */
enum ferry_status ferry_sftp_connect(struct ferry_sftp *sftp,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_sftp_connected(const struct ferry_sftp *sftp);
void ferry_sftp_disconnect(struct ferry_sftp *sftp);

/* Calls `each` for what the folder holds, without "." and ".."; stops at the first that is not
 * FERRY_OK and returns it. */
typedef enum ferry_status (*ferry_sftp_each)(void *context, const char *name,
                                             const struct ferry_sftp_attributes *attributes);
enum ferry_status ferry_sftp_list(struct ferry_sftp *sftp, const char *folder, ferry_sftp_each each,
                                  void *context, struct ferry_error *error) FERRY_MUST_CHECK;
/* *ret_there is false when there is nothing of that name. */
enum ferry_status ferry_sftp_stat(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_attributes *ret_attributes, bool *ret_there,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Refuses to overwrite, as the protocol does. */
enum ferry_status ferry_sftp_rename(struct ferry_sftp *sftp, const char *from, const char *to,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* With those above it, as far as they are missing. */
enum ferry_status ferry_sftp_make_folder(struct ferry_sftp *sftp, const char *path,
                                         struct ferry_error *error) FERRY_MUST_CHECK;

enum ferry_status ferry_sftp_open(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_file **ret_file,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* The next read begins there; asks nothing of the server. */
void ferry_sftp_seek(struct ferry_sftp_file *file, int64_t position);
/* *ret_length 0: the end. */
enum ferry_status ferry_sftp_read(struct ferry_sftp_file *file, void *data, size_t size,
                                  size_t *ret_length, struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_sftp_close(struct ferry_sftp_file *file);

#endif
