/* A growing byte buffer. A failed allocation sticks in `failed`, so that a writer checks once at
 * the end. */
#ifndef SANDBOX_BUF_H
#define SANDBOX_BUF_H

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_BUF_CEILING ((size_t)256 * 1024 * 1024)

struct sandbox_buf {
    char *data; /* NULL while empty; always NUL-terminated otherwise */
    size_t length;
    size_t size;
    bool failed;
};

void sandbox_buf_done(struct sandbox_buf *buf);
void sandbox_buf_clear(struct sandbox_buf *buf);

/* Makes room for `more` bytes and a NUL. */
bool sandbox_buf_reserve(struct sandbox_buf *buf, size_t more);

void sandbox_buf_add(struct sandbox_buf *buf, const char *data, size_t length);
void sandbox_buf_adds(struct sandbox_buf *buf, const char *text);
void sandbox_buf_addc(struct sandbox_buf *buf, char c);
void sandbox_buf_addf(struct sandbox_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sandbox_buf_addu(struct sandbox_buf *buf, unsigned long long number);

/* The text, or "" while nothing was added. */
const char *sandbox_buf_text(const struct sandbox_buf *buf);

/* Gives the bytes away (malloc'ed); the buffer is empty afterwards. */
char *sandbox_buf_take(struct sandbox_buf *buf, size_t *ret_length);

#endif
