#include "base/ndjson.h"

#include <stdlib.h>
#include <string.h>

static ssize_t stream(void *state, char *to, size_t room)
{
    struct sandbox_ndjson *lines = state;

    if (lines->sent == lines->buf.length) {
        sandbox_buf_clear(&lines->buf);
        lines->sent = 0;
        while (lines->buf.length < room && lines->next(lines, &lines->buf))
            continue;
    }
    if (lines->buf.failed)
        return -1;
    size_t size = lines->buf.length - lines->sent;
    if (size > room)
        size = room;
    if (size)
        memcpy(to, lines->buf.data + lines->sent, size);
    lines->sent += size;
    return (ssize_t)size;
}

static void done(void *state)
{
    struct sandbox_ndjson *lines = state;

    sandbox_buf_done(&lines->buf);
    free(lines);
}

void sandbox_ndjson_reply(struct sandbox_request *request, struct sandbox_ndjson *lines)
{
    request->reply.stream = stream;
    request->reply.stream_state = lines;
    request->reply.stream_done = done;
    request->reply.status = 200;
    sandbox_reply_header(request, "Content-Type", "application/x-ndjson");
}
