#include "producers/sources/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libssh2 asks ahead for as much as the buffer holds. */
#define CHUNK    ((size_t)256 << 10)
#define FILEMODE 0600

void ferry_copy_init(struct ferry_copy *copy)
{
    *copy = (struct ferry_copy){.fd = -1};
}

void ferry_copy_done(struct ferry_copy *copy)
{
    if (copy->fd >= 0)
        close(copy->fd);
    EVP_MD_CTX_free(copy->digest);
    ferry_copy_init(copy);
}

void ferry_copy_path(const char *folder, const char *name, char out[FERRY_PATH_SIZE])
{
    size_t length = strlen(folder);
    const char *slash = length == 0 || folder[length - 1] == '/' ? "" : "/";
    snprintf(out, FERRY_PATH_SIZE, "%s%s%s", folder, slash, name);
}

/* What one copying carries through its steps. */
struct copying {
    struct ferry_copy *copy;
    struct ferry_sftp *sftp;
    const struct ferry_listing_file *file;
    const char *state_dir;
    const atomic_bool *cancelled;
    struct ferry_sftp_file *source;
    char *chunk;
};

static bool is_short_of_room(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

/* What the disk did not take whole is no beginning. */
static enum ferry_status fail_local(const struct copying *copying, int code,
                                    struct ferry_error *error)
{
    ferry_copy_done(copying->copy);
    bool full = is_short_of_room(code);
    ferry_fail(
        error, full ? FERRY_FULL : FERRY_RETRY, full ? FERRY_CLASS_QUOTA : FERRY_CLASS_PERMISSION,
        "the file %.200s (%lld bytes) cannot be copied into state.dir %.150s: %s",
        copying->file->name, (long long)copying->file->size, copying->state_dir, strerror(code));
    if (full)
        ferry_advise(error, "make room there, or set state.dir to a larger disk: it has to hold a "
                            "copy of the largest export; Ferry tries again by itself");
    else
        ferry_advise(error, "let the reader create files in state.dir; Ferry tries again by "
                            "itself");
    return error->status;
}

/* Not every file system knows files without a name. The folder is made, for it may be emptied, or
 * its disk be new, at any time. */
static int open_unnamed(const char *folder)
{
    char path[FERRY_PATH_SIZE];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return -1;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, FILEMODE);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    ferry_copy_path(folder, "export-XXXXXX", path);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* Asked for before the first byte comes: it would be in vain. A file system that cannot promise
 * room says so with the write that finds none. */
static enum ferry_status reserve(const struct copying *copying, struct ferry_error *error)
{
    if (fallocate(copying->copy->fd, FALLOC_FL_KEEP_SIZE, 0, copying->file->size) == 0 ||
        !is_short_of_room(errno))
        return FERRY_OK;
    return fail_local(copying, errno, error);
}

static enum ferry_status write_all(struct copying *copying, const char *data, size_t length,
                                   struct ferry_error *error)
{
    while (length > 0) {
        ssize_t written = write(copying->copy->fd, data, length);
        if (written < 0 && errno != EINTR)
            return fail_local(copying, errno, error);
        if (written < 0)
            continue;
        data += written;
        length -= (size_t)written;
    }
    return FERRY_OK;
}

static void look_at_bytes(struct ferry_copy *copy, const char *chunk, size_t length)
{
    for (size_t i = 0; i < length && copy->length + (int64_t)i < 2; i++)
        copy->first[copy->length + (int64_t)i] = (unsigned char)chunk[i];
    if (length > 0)
        copy->last = (unsigned char)chunk[length - 1];
}

/* What is packed knows its end by itself. */
static bool is_unended(const struct ferry_copy *copy)
{
    bool packed = copy->first[0] == 0x1f && copy->first[1] == 0x8b;
    return copy->length > 0 && !packed && copy->last != '\n';
}

static enum ferry_status copy_bytes(struct copying *copying, struct ferry_error *error)
{
    struct ferry_copy *copy = copying->copy;
    size_t length = 0;
    do {
        if (atomic_load(copying->cancelled))
            return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NONE, "copying was stopped");
        enum ferry_status status =
            ferry_sftp_read(copying->source, copying->chunk, CHUNK, &length, error);
        if (status == FERRY_OK)
            status = write_all(copying, copying->chunk, length, error);
        if (status != FERRY_OK)
            return status;
        if (EVP_DigestUpdate(copy->digest, copying->chunk, length) != 1)
            return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "the hash cannot be computed");
        look_at_bytes(copy, copying->chunk, length);
        copy->length += (int64_t)length;
    } while (length > 0 && copy->length <= copying->file->size); /* else it grows */
    return FERRY_OK;
}

static enum ferry_status finish(struct ferry_copy *copy, struct ferry_error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(copy->digest, digest, &length) != 1 ||
        2 * (size_t)length + 1 != FERRY_SHA256_SIZE)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "the hash cannot be computed");
    for (unsigned i = 0; i < length; i++)
        snprintf(copy->sha256 + (size_t)2 * i, 3, "%02x", digest[i]);
    copy->unended = is_unended(copy);
    copy->whole = true;
    return FERRY_OK;
}

static enum ferry_status begin(struct copying *copying, struct ferry_error *error)
{
    struct ferry_copy *copy = copying->copy;
    ferry_copy_done(copy);
    copy->file = *copying->file;
    copy->digest = EVP_MD_CTX_new();
    if (!copy->digest || EVP_DigestInit_ex(copy->digest, EVP_sha256(), NULL) != 1)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    copy->fd = open_unnamed(copying->state_dir);
    if (copy->fd < 0)
        return fail_local(copying, errno, error);
    return reserve(copying, error);
}

/* Is it still what was listed? */
static enum ferry_status look(struct copying *copying, const char *path, bool *ret_still,
                              struct ferry_error *error)
{
    const struct ferry_listing_file *file = copying->file;
    struct ferry_sftp_attributes now = {.size = -1};
    bool there = false;
    enum ferry_status status = ferry_sftp_stat(copying->sftp, path, &now, &there, error);
    *ret_still = status == FERRY_OK && there && now.size == file->size &&
                 now.modified_at * 1000 == file->modified_at;
    return status;
}

/* Behind what is here of it. */
static enum ferry_status open_source(struct copying *copying, const char *path,
                                     struct ferry_error *error)
{
    copying->chunk = malloc(CHUNK);
    if (!copying->chunk)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_sftp_open(copying->sftp, path, &copying->source, error);
    if (status == FERRY_OK)
        ferry_sftp_seek(copying->source, copying->copy->length);
    return status;
}

static void tell_rest(const struct ferry_copy *copy, struct ferry_error *error)
{
    size_t length = strlen(error->message);
    snprintf(error->message + length, sizeof error->message - length,
             "; %lld of its %lld bytes are copied", (long long)copy->length,
             (long long)copy->file.size);
}

/* One that was taken away between listing and copying is no trouble. */
static enum ferry_status is_gone(struct copying *copying, const char *path,
                                 struct ferry_error *error)
{
    struct ferry_sftp_attributes now;
    struct ferry_error unused;
    bool there = true;
    if (ferry_sftp_stat(copying->sftp, path, &now, &there, &unused) == FERRY_OK && !there)
        return FERRY_OK;
    return error->status;
}

/* *ret_still: as it was listed, before what is missing of it came and behind that. */
static enum ferry_status make(struct copying *copying, const char *path, bool *ret_still,
                              struct ferry_error *error)
{
    struct ferry_copy *copy = copying->copy;
    bool begun = copy->fd >= 0 && !copy->whole && ferry_listing_same(&copy->file, copying->file);
    enum ferry_status status =
        begun ? look(copying, path, ret_still, error) : begin(copying, error);
    if (begun && status == FERRY_OK && !*ret_still)
        return FERRY_OK;
    if (status == FERRY_OK)
        status = open_source(copying, path, error);
    if (status == FERRY_OK)
        status = copy_bytes(copying, error);
    if (status == FERRY_OK)
        status = look(copying, path, ret_still, error);
    if (status == FERRY_OK && copy->length != copying->file->size)
        *ret_still = false;
    return status == FERRY_OK && *ret_still ? finish(copy, error) : status;
}

enum ferry_status ferry_copy_make(struct ferry_copy *copy, struct ferry_sftp *sftp,
                                  const char *folder, const struct ferry_listing_file *file,
                                  const char *state_dir, const atomic_bool *cancelled,
                                  bool *ret_still, struct ferry_error *error)
{
    char path[FERRY_PATH_SIZE];
    struct copying copying = {
        .copy = copy, .sftp = sftp, .file = file, .state_dir = state_dir, .cancelled = cancelled};
    *ret_still = false;
    ferry_copy_path(folder, file->name, path);
    enum ferry_status status = make(&copying, path, ret_still, error);
    ferry_sftp_close(copying.source);
    free(copying.chunk);
    if (status == FERRY_INVALID)
        status = is_gone(&copying, path, error);
    if (status == FERRY_RETRY && copy->length > 0)
        tell_rest(copy, error);
    else if (!copy->whole)
        ferry_copy_done(copy);
    return status;
}
