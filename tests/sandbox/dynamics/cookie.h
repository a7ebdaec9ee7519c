/* The $skiptoken of a tracked read: where the next page starts, sealed against rebuilding. */
#ifndef SANDBOX_DYNAMICS_COOKIE_H
#define SANDBOX_DYNAMICS_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct sandbox_cookie {
    unsigned page_number; /* of the page it leads to */
    uint64_t read;
    char phase; /* 'u': rows, 'd': deletes */
    uint64_t position;
    uint64_t page; /* the served page that gave the link */
    uint8_t first[16];
    uint8_t last[16];
};

/* The text as it stands decoded in the query. */
void sandbox_cookie_write(const struct sandbox_cookie *cookie, const char *id_name, bool tracking,
                          struct sandbox_buf *buf);
/* False: not one of ours, or altered. Does not read back first and last. */
bool sandbox_cookie_read(const char *text, struct sandbox_cookie *ret_cookie, bool *ret_tracking);

#endif
