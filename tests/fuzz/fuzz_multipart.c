/* Whatever is answered to a $batch, in whatever pieces it comes: each part that is told is one
 * answer of HTTP, and pieces change nothing. */
#include "fuzz_target.h"

#include "core/remote/multipart.h"

#include <stdlib.h>
#include <string.h>

#define PART_MAX ((size_t)2 << 20)

struct told {
    size_t count;
    size_t sum; /* of all that was told, in its order */
};

static void on_part(void *context, const struct ferry_multipart_part *part)
{
    struct told *told = context;
    if (part->status < 100 || part->status > 599 || part->length > PART_MAX ||
        part->body[part->length] != '\0' || part->retry_after_ms < -1)
        abort();
    told->count++;
    told->sum = told->sum * 31 + (size_t)part->status + part->length +
                (size_t)part->retry_after_ms + strlen(part->content_type);
}

static enum ferry_status feed(const char *data, size_t size, size_t piece, struct told *told)
{
    struct ferry_multipart multipart;
    enum ferry_status status = FERRY_OK;
    ferry_multipart_init(&multipart, on_part, told);
    for (size_t at = 0; at < size && status == FERRY_OK; at += piece)
        status = ferry_multipart_feed(&multipart, data + at, size - at < piece ? size - at : piece);
    ferry_multipart_done(&multipart);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = {0, 0};
    struct told pieces = {0, 0};
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    enum ferry_status status = feed(text, size - 1, size, &whole);
    if (feed(text, size - 1, 1 + (size_t)data[0] % 40, &pieces) != status ||
        whole.count != pieces.count || whole.sum != pieces.sum)
        abort();
    return 0;
}
