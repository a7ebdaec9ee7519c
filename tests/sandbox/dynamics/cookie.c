#include "dynamics/cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static uint64_t seal(const char *text, size_t length)
{
    return XXH64(text, length, 0x5eed5eed);
}

static void write_inner(const struct sandbox_cookie *cookie, const char *id_name,
                        struct sandbox_buf *buf)
{
    char first[SANDBOX_GUID_SIZE], last[SANDBOX_GUID_SIZE];
    struct sandbox_buf inner = {0};

    sandbox_guid_format(cookie->first, first);
    sandbox_guid_format(cookie->last, last);
    sandbox_buf_addf(&inner, "<cookie page=\"%u\"><%s last=\"{%s}\" first=\"{%s}\" /></cookie>",
                     cookie->page_number - 1, id_name, last, first);
    sandbox_percent_encode(buf, sandbox_buf_text(&inner), "/_-.");
    sandbox_buf_done(&inner);
}

void sandbox_cookie_write(const struct sandbox_cookie *cookie, const char *id_name, bool tracking,
                          struct sandbox_buf *buf)
{
    sandbox_buf_addf(buf, "<cookie pagenumber=\"%u\" pagingcookie=\"", cookie->page_number);
    write_inner(cookie, id_name, buf);
    sandbox_buf_addf(buf, "\" istracking=\"%s\" session=\"%" PRIu64 ".%c.%" PRIu64 ".%" PRIu64 ".",
                     tracking ? "True" : "False", cookie->read, cookie->phase, cookie->position,
                     cookie->page);
    sandbox_buf_addf(buf, "%016" PRIx64 "\" />", seal(sandbox_buf_text(buf), buf->length));
}

bool sandbox_cookie_read(const char *text, struct sandbox_cookie *ret_cookie, bool *ret_tracking)
{
    const char *session = strstr(text, "\" session=\"");
    size_t length = strlen(text);
    char expected[32];

    if (!session || length < 20)
        return false;
    size_t sealed = length - strlen("0123456789abcdef\" />");
    snprintf(expected, sizeof expected, "%016" PRIx64 "\" />", seal(text, sealed));
    if (strcmp(text + sealed, expected) != 0)
        return false;
    *ret_tracking = strstr(text, "istracking=\"True\"");
    return sscanf(text, "<cookie pagenumber=\"%u\"", &ret_cookie->page_number) == 1 &&
           sscanf(session + strlen("\" session=\""), "%" SCNu64 ".%c.%" SCNu64 ".%" SCNu64,
                  &ret_cookie->read, &ret_cookie->phase, &ret_cookie->position,
                  &ret_cookie->page) == 4;
}
