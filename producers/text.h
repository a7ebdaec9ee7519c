/* Looks for what no reader of a topic could decode in JSON text that arrives in pieces: bytes that
 * are no UTF-8, and \u escapes of half a surrogate pair. A parser would stop at the one and
 * silently put '?' for the other. Any thread. */
#ifndef FERRY_TEXT_H
#define FERRY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ferry_text {
    unsigned char need;      /* continuation bytes still to come */
    unsigned char low, high; /* what the next of them may be */
    unsigned char escape;    /* 0: none; 1: after a backslash; 2 to 5: digits of \u */
    uint16_t unit;           /* of the \u under way */
    bool half;               /* a high surrogate waits for its low one */
};

void ferry_text_init(struct ferry_text *text);
/* The next bytes; false when there is a fault in them. Goes on behind a fault. */
bool ferry_text_clean(struct ferry_text *text, const char *data, size_t length);

#endif
