/* Checks what a client writes into a column, and turns it into the text kept in the row. */
#ifndef SANDBOX_DYNAMICS_VALUE_H
#define SANDBOX_DYNAMICS_VALUE_H

#include "base/body.h"
#include "dynamics/schema.h"

struct sandbox_value_error {
    const char *code;
    char message[320];
};

/* Adds the JSON text to `buf`, nothing for null; false with the error filled. */
bool sandbox_value_check(const struct sandbox_column *column, const char *table,
                         const struct sandbox_member *member, bool ascii, struct sandbox_buf *buf,
                         struct sandbox_value_error *error);

#endif
