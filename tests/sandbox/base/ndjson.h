/* A long answer of one JSON object a line, made while it is sent. */
#ifndef SANDBOX_NDJSON_H
#define SANDBOX_NDJSON_H

#include "base/http.h"

struct sandbox_ndjson {
    /* Appends the next line (or lines) with its newline; false at the end. */
    bool (*next)(struct sandbox_ndjson *lines, struct sandbox_buf *buf);
    void *context;
    size_t position;
    size_t inner;
    char text[256]; /* for the maker: names it was asked for */
    bool flag;      /* for the maker */
    struct sandbox_buf buf;
    size_t sent;
};

/* Takes `lines` (malloc'ed). */
void sandbox_ndjson_reply(struct sandbox_request *request, struct sandbox_ndjson *lines);

#endif
