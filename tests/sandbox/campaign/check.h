/* Checks what a client writes into a field, and turns it into the text kept in the row. */
#ifndef SANDBOX_CAMPAIGN_CHECK_H
#define SANDBOX_CAMPAIGN_CHECK_H

#include "base/body.h"
#include "campaign/resource.h"

/* Adds the JSON text to `buf`, nothing when the field becomes unset; false with the error text of
 * the API. */
bool sandbox_field_check(const struct sandbox_resource *resource, const struct sandbox_field *field,
                         const struct sandbox_member *member,
                         const struct sandbox_campaign_settings *settings, struct sandbox_buf *buf,
                         char error[static 400]);

#endif
