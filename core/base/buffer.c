#include "core/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

void ferry_buffer_init(struct ferry_buffer *buffer, size_t ceiling)
{
    *buffer = (struct ferry_buffer){.ceiling = ceiling};
}

void ferry_buffer_done(struct ferry_buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (struct ferry_buffer){.ceiling = buffer->ceiling};
}

void ferry_buffer_clear(struct ferry_buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

enum ferry_status ferry_buffer_reserve(struct ferry_buffer *buffer, size_t length)
{
    if (length > buffer->ceiling - buffer->length)
        return FERRY_FULL;
    size_t needed = buffer->length + length + 1;
    if (needed <= buffer->capacity)
        return FERRY_OK;
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return FERRY_NOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return FERRY_OK;
}

/* Is there room for it, and may it have it? */
static bool fits(const struct ferry_buffer *buffer, size_t length)
{
    return length < buffer->capacity - buffer->length && length <= buffer->ceiling - buffer->length;
}

/* Most texts fit where there is room already; one that does not is printed once more. */
enum ferry_status ferry_buffer_printf(struct ferry_buffer *buffer, const char *format, ...)
{
    char *end = buffer->data ? buffer->data + buffer->length : NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = end ? vsnprintf(end, buffer->capacity - buffer->length, format, arguments)
                     : vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && fits(buffer, (size_t)length)) {
        buffer->length += (size_t)length;
        return FERRY_OK;
    }
    if (end)
        *end = '\0';
    enum ferry_status status =
        length < 0 ? FERRY_INVALID : ferry_buffer_reserve(buffer, (size_t)length);
    if (status != FERRY_OK)
        return status;
    va_start(arguments, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
    return FERRY_OK;
}

char *ferry_buffer_take(struct ferry_buffer *buffer)
{
    char *data = buffer->data;
    *buffer = (struct ferry_buffer){.ceiling = buffer->ceiling};
    return data;
}
