/* A growing byte buffer with a mandatory ceiling. Always NUL-terminated when not empty; not
 * thread-safe. */
#ifndef FERRY_BUFFER_H
#define FERRY_BUFFER_H

#include "core/base/status.h"

#include <stddef.h>
#include <string.h>

struct ferry_buffer {
    char *data; /* NULL until the first byte; data[length] is NUL */
    size_t length;
    size_t capacity;
    size_t ceiling; /* bytes; an append beyond it fails with FERRY_FULL and changes nothing */
};

void ferry_buffer_init(struct ferry_buffer *buffer, size_t ceiling);
void ferry_buffer_done(struct ferry_buffer *buffer);
/* Forgets the content and keeps the memory. */
void ferry_buffer_clear(struct ferry_buffer *buffer);
/* Room for `length` more bytes after data + length, without changing length. */
enum ferry_status ferry_buffer_reserve(struct ferry_buffer *buffer, size_t length) FERRY_MUST_CHECK;
/* FERRY_OK, FERRY_FULL or FERRY_NOMEM; on failure the content is unchanged. Here, so that what is
 * done dozens of times a record is no call where there is room. */
FERRY_MUST_CHECK static inline enum ferry_status
ferry_buffer_append(struct ferry_buffer *buffer, const void *data, size_t length)
{
    if (length >= buffer->capacity - buffer->length || length > buffer->ceiling - buffer->length) {
        enum ferry_status status = ferry_buffer_reserve(buffer, length);
        if (status != FERRY_OK)
            return status;
    }
    if (length > 0)
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return FERRY_OK;
}
FERRY_MUST_CHECK static inline enum ferry_status
ferry_buffer_append_text(struct ferry_buffer *buffer, const char *text)
{
    return ferry_buffer_append(buffer, text, strlen(text));
}
enum ferry_status ferry_buffer_printf(struct ferry_buffer *buffer, const char *format,
                                      ...) FERRY_MUST_CHECK FERRY_PRINTF(2, 3);
/* Gives the memory to the caller, who frees it with free(); the buffer is empty afterwards. */
char *ferry_buffer_take(struct ferry_buffer *buffer);

#endif
