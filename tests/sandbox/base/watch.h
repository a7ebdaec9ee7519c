/* Who is told of every change of a row, while the old row is still there. */
#ifndef SANDBOX_WATCH_H
#define SANDBOX_WATCH_H

#include "base/row.h"

/* One bit a column. */
struct sandbox_columns {
    uint64_t bits[SANDBOX_COLUMNS / 64];
};

struct sandbox_write {
    const void *of;                           /* the table or resource */
    const uint8_t *id;                        /* 16 bytes, of a row of Dynamics */
    const struct sandbox_row *before, *after; /* NULL: none */
    struct sandbox_columns columns;           /* what the request wrote, changed or not */
    uint64_t version;                         /* that the row of Dynamics gets, or loses again */
    bool admin;                               /* by the control API */
    bool undone;                              /* takes back what was told before */
};

struct sandbox_watch {
    void (*tell)(void *context, const struct sandbox_write *write);
    void *context;
};

static inline void sandbox_columns_add(struct sandbox_columns *columns, size_t column)
{
    columns->bits[column / 64] |= (uint64_t)1 << column % 64;
}

static inline bool sandbox_columns_have(const struct sandbox_columns *columns, size_t column)
{
    return columns->bits[column / 64] >> column % 64 & 1;
}

/* `watch` NULL: nobody looks. */
static inline void sandbox_watch_tell(const struct sandbox_watch *watch,
                                      const struct sandbox_write *write)
{
    if (watch)
        watch->tell(watch->context, write);
}

#endif
