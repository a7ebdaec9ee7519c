/* PKeys: opaque, made from resource, row and a salt that changes with each start; several texts
 * mean one row. */
#ifndef SANDBOX_CAMPAIGN_PKEY_H
#define SANDBOX_CAMPAIGN_PKEY_H

#include <stdbool.h>
#include <stdint.h>

#define SANDBOX_PKEY_SIZE 93 /* "@", 91 characters, NUL */

struct sandbox_pkeys {
    uint64_t salt;
};

/* `variant` makes another text for the same row. */
void sandbox_pkey_write(const struct sandbox_pkeys *pkeys, unsigned resource, uint64_t id,
                        unsigned variant, char text[static SANDBOX_PKEY_SIZE]);
/* False: not made by this instance. */
bool sandbox_pkey_read(const struct sandbox_pkeys *pkeys, const char *text, unsigned *ret_resource,
                       uint64_t *ret_id);

#endif
