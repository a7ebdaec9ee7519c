#include "producers/sources/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER       ((size_t)128 << 10)
#define GZIP_ONLY    (16 + MAX_WBITS)
#define MAGIC_LENGTH 2

struct ferry_unpack {
    int fd;
    int64_t offset;   /* of what is read next, in the file */
    int64_t position; /* of what is given next, in the text */
    bool begun, packed, ended;
    bool within; /* a member of the archive */
    z_stream stream;
    unsigned char buffer[BUFFER]; /* what stream has not yet seen of it is in next_in, avail_in */
};

/* ---- the file ---- */

/* To what is left of the buffer; nothing more: the end of the file. */
static enum ferry_status load(struct ferry_unpack *unpack, struct ferry_error *error)
{
    z_stream *stream = &unpack->stream;
    if (stream->avail_in > 0)
        memmove(unpack->buffer, stream->next_in, stream->avail_in);
    stream->next_in = unpack->buffer;
    ssize_t length = 0;
    do
        length = pread(unpack->fd, unpack->buffer + stream->avail_in, BUFFER - stream->avail_in,
                       unpack->offset);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_QUOTA, "%s", strerror(errno));
    stream->avail_in += (uInt)length;
    unpack->offset += length;
    return FERRY_OK;
}

static bool has_magic(const z_stream *stream)
{
    return stream->avail_in >= MAGIC_LENGTH && stream->next_in[0] == 0x1f &&
           stream->next_in[1] == 0x8b;
}

static enum ferry_status begin(struct ferry_unpack *unpack, struct ferry_error *error)
{
    unpack->offset = unpack->position = 0;
    unpack->stream.avail_in = 0;
    unpack->begun = true;
    unpack->ended = false;
    enum ferry_status status = load(unpack, error);
    if (status != FERRY_OK)
        return status;
    unpack->packed = unpack->within = has_magic(&unpack->stream);
    if (unpack->packed && inflateReset(&unpack->stream) != Z_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return FERRY_OK;
}

/* ---- the text ---- */

static void take_plain(struct ferry_unpack *unpack, char *data, size_t size, size_t *ret_length)
{
    z_stream *stream = &unpack->stream;
    size_t length = stream->avail_in < size ? stream->avail_in : size;
    memcpy(data, stream->next_in, length);
    stream->next_in += length;
    stream->avail_in -= (uInt)length;
    *ret_length = length;
}

static enum ferry_status take_member(struct ferry_unpack *unpack, char *data, size_t size,
                                     size_t *ret_length, struct ferry_error *error)
{
    z_stream *stream = &unpack->stream;
    stream->next_out = (unsigned char *)data;
    stream->avail_out = (uInt)size;
    int code = inflate(stream, Z_NO_FLUSH);
    *ret_length = size - stream->avail_out;
    if (code == Z_MEM_ERROR)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (code == Z_STREAM_END)
        unpack->within = false;
    else if (code != Z_OK && code != Z_BUF_ERROR && *ret_length == 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "%s",
                          stream->msg ? stream->msg : "it is damaged");
    return FERRY_OK;
}

/* Behind a member of an archive another one may follow, or zeros that fill it up. */
static enum ferry_status pass_member(struct ferry_unpack *unpack, struct ferry_error *error)
{
    z_stream *stream = &unpack->stream;
    enum ferry_status status = FERRY_OK;
    if (stream->avail_in < MAGIC_LENGTH)
        status = load(unpack, error);
    if (status != FERRY_OK)
        return status;
    if (has_magic(stream)) {
        unpack->within = true;
        return inflateReset(stream) == Z_OK
                   ? FERRY_OK
                   : ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    while (stream->avail_in > 0) {
        for (; stream->avail_in > 0 && *stream->next_in == 0; stream->avail_in--)
            stream->next_in++;
        if (stream->avail_in > 0)
            return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                              "there is something behind the end of the archive");
        status = load(unpack, error);
        if (status != FERRY_OK)
            return status;
    }
    unpack->ended = true;
    return FERRY_OK;
}

static enum ferry_status step(struct ferry_unpack *unpack, char *data, size_t size,
                              size_t *ret_length, struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    if (unpack->packed && !unpack->within)
        return pass_member(unpack, error);
    bool loaded = unpack->stream.avail_in == 0;
    if (loaded)
        status = load(unpack, error);
    if (status != FERRY_OK)
        return status;
    bool over = loaded && unpack->stream.avail_in == 0;
    if (over && !unpack->packed)
        unpack->ended = true;
    else if (!unpack->packed)
        take_plain(unpack, data, size, ret_length);
    else
        status = take_member(unpack, data, size, ret_length, error);
    if (status == FERRY_OK && over && unpack->within && *ret_length == 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "it ends in the middle");
    return status;
}

enum ferry_status ferry_unpack_read(struct ferry_unpack *unpack, char *data, size_t size,
                                    size_t *ret_length, struct ferry_error *error)
{
    enum ferry_status status = unpack->begun ? FERRY_OK : begin(unpack, error);
    size_t length = 0;
    while (status == FERRY_OK && length == 0 && !unpack->ended)
        status = step(unpack, data, size, &length, error);
    if (status != FERRY_OK)
        return status;
    unpack->position += (int64_t)length;
    *ret_length = length;
    return FERRY_OK;
}

enum ferry_status ferry_unpack_seek(struct ferry_unpack *unpack, int64_t position,
                                    struct ferry_error *error)
{
    char passed[4096];
    enum ferry_status status = FERRY_OK;
    if (!unpack->begun || position < unpack->position)
        status = begin(unpack, error);
    while (status == FERRY_OK && unpack->position < position && !unpack->ended) {
        size_t length = 0;
        int64_t left = position - unpack->position;
        status = ferry_unpack_read(unpack, passed,
                                   left < (int64_t)sizeof passed ? (size_t)left : sizeof passed,
                                   &length, error);
    }
    return status;
}

/* ---- life ---- */

enum ferry_status ferry_unpack_new(int fd, struct ferry_unpack **ret_unpack,
                                   struct ferry_error *error)
{
    struct ferry_unpack *unpack = calloc(1, sizeof *unpack);
    if (!unpack || inflateInit2(&unpack->stream, GZIP_ONLY) != Z_OK) {
        free(unpack);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    unpack->fd = fd;
    *ret_unpack = unpack;
    return FERRY_OK;
}

void ferry_unpack_free(struct ferry_unpack *unpack)
{
    if (!unpack)
        return;
    inflateEnd(&unpack->stream);
    free(unpack);
}
