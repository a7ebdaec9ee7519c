/* $filter: comparisons joined by and, or, not; contains, startswith, endswith;
 * Microsoft.Dynamics.CRM.In. */
#ifndef SANDBOX_DYNAMICS_FILTER_H
#define SANDBOX_DYNAMICS_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox_filter;

enum sandbox_filter_kind {
    SANDBOX_FILTER_UNKNOWN, /* no such property */
    SANDBOX_FILTER_NULL,
    SANDBOX_FILTER_TEXT,
    SANDBOX_FILTER_NUMBER,
    SANDBOX_FILTER_BOOLEAN, /* number 0 or 1 */
};

struct sandbox_filter_value {
    enum sandbox_filter_kind kind;
    const char *text; /* NUL-terminated */
    double number;
};

/* The value of a property of the row at hand. */
typedef struct sandbox_filter_value sandbox_filter_get(void *row, const char *name);

/* NULL with the reason in `error`. */
struct sandbox_filter *sandbox_filter_parse(const char *text, char error[static 160]);
void sandbox_filter_free(struct sandbox_filter *filter);
bool sandbox_filter_matches(const struct sandbox_filter *filter, sandbox_filter_get *get,
                            void *row);
/* The first property that `get` does not know, or NULL. */
const char *sandbox_filter_unknown(const struct sandbox_filter *filter, sandbox_filter_get *get,
                                   void *row);

#endif
