#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sandbox_buf_done(struct sandbox_buf *buf)
{
    free(buf->data);
    *buf = (struct sandbox_buf){0};
}

void sandbox_buf_clear(struct sandbox_buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

static bool grow(struct sandbox_buf *buf, size_t need)
{
    size_t size = buf->size ? buf->size : 256;

    while (size < need)
        size *= 2;
    char *data = need > SANDBOX_BUF_CEILING ? NULL : realloc(buf->data, size);
    if (!data) {
        buf->failed = true;
        return false;
    }
    data[buf->length] = '\0';
    buf->data = data;
    buf->size = size;
    return true;
}

bool sandbox_buf_reserve(struct sandbox_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (buf->size - buf->length > more)
        return true;
    return grow(buf, buf->length + more + 1);
}

void sandbox_buf_add(struct sandbox_buf *buf, const char *data, size_t length)
{
    if (!sandbox_buf_reserve(buf, length))
        return;
    if (length)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void sandbox_buf_adds(struct sandbox_buf *buf, const char *text)
{
    sandbox_buf_add(buf, text, strlen(text));
}

void sandbox_buf_addc(struct sandbox_buf *buf, char c)
{
    sandbox_buf_add(buf, &c, 1);
}

void sandbox_buf_addf(struct sandbox_buf *buf, const char *format, ...)
{
    va_list args, again;

    if (!sandbox_buf_reserve(buf, 128))
        return;
    size_t room = buf->size - buf->length;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(buf->data + buf->length, room, format, args);
    if (length > 0 && (size_t)length >= room) {
        if (sandbox_buf_reserve(buf, (size_t)length))
            vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        else
            length = 0;
    }
    va_end(again);
    va_end(args);
    buf->length += length > 0 ? (size_t)length : 0;
    buf->data[buf->length] = '\0';
}

void sandbox_buf_addu(struct sandbox_buf *buf, unsigned long long number)
{
    char digits[24];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    sandbox_buf_add(buf, digits + at, sizeof digits - at);
}

const char *sandbox_buf_text(const struct sandbox_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *sandbox_buf_take(struct sandbox_buf *buf, size_t *ret_length)
{
    char *data = buf->data;

    if (ret_length)
        *ret_length = buf->length;
    *buf = (struct sandbox_buf){0};
    return data;
}
