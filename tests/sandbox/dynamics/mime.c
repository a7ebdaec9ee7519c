#include "dynamics/mime.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool sandbox_mime_boundary(const char *type, char boundary[static 80])
{
    const char *at = type ? strstr(type, "boundary=") : NULL;

    if (!at || strncasecmp(type, "multipart/mixed", 15) != 0)
        return false;
    at += strlen("boundary=");
    const char *stop = *at == '"' ? "\"" : " ;\r\n";
    at += *at == '"';
    int length = (int)strcspn(at, stop);
    snprintf(boundary, 80, "%.*s", length, at);
    return length > 0 && length < 80;
}

struct sandbox_slice sandbox_mime_line(struct sandbox_slice *text)
{
    const char *end = memchr(text->at, '\n', text->length);
    size_t length = end ? (size_t)(end - text->at) : text->length;
    struct sandbox_slice line = {text->at, length};

    text->at += length + (end != NULL);
    text->length -= length + (end != NULL);
    if (line.length && line.at[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* 1: a delimiter, 2: the closing one. */
static int delimiter(struct sandbox_slice line, const char *boundary)
{
    size_t length = strlen(boundary);

    if (line.length < length + 2 || memcmp(line.at, "--", 2) != 0 ||
        memcmp(line.at + 2, boundary, length) != 0)
        return 0;
    if (line.length == length + 2)
        return 1;
    return line.length >= length + 4 && memcmp(line.at + length + 2, "--", 2) == 0 ? 2 : 0;
}

/* The line break before a delimiter belongs to it. */
static size_t trim(const char *from, size_t length)
{
    if (length && from[length - 1] == '\n')
        length--;
    if (length && from[length - 1] == '\r')
        length--;
    return length;
}

bool sandbox_mime_next(struct sandbox_slice *at, const char *boundary,
                       struct sandbox_slice *ret_part, bool *ret_broken)
{
    int kind = 0;

    *ret_broken = false;
    while (!kind && at->length)
        kind = delimiter(sandbox_mime_line(at), boundary);
    if (kind != 1) {
        *ret_broken = kind == 0;
        return false;
    }
    const char *from = at->at;
    while (at->length) {
        struct sandbox_slice before = *at;
        if (!delimiter(sandbox_mime_line(at), boundary))
            continue;
        *at = before; /* it opens the next part */
        *ret_part = (struct sandbox_slice){from, trim(from, (size_t)(before.at - from))};
        return true;
    }
    *ret_broken = true;
    return false;
}

void sandbox_mime_headers(struct sandbox_slice *text,
                          void (*header)(void *argument, const char *name, const char *value),
                          void *argument)
{
    char line_text[1024];

    while (text->length) {
        struct sandbox_slice line = sandbox_mime_line(text);
        if (!line.length)
            return;
        snprintf(line_text, sizeof line_text, "%.*s", (int)line.length, line.at);
        char *colon = strchr(line_text, ':');
        if (!colon)
            continue;
        *colon++ = '\0';
        header(argument, line_text, colon + strspn(colon, " \t"));
    }
}
