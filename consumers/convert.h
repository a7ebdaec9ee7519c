/* One source value to the JSON that its destination field takes: replacement, picklist label,
 * conversion. Pure; any thread. */
#ifndef FERRY_CONVERT_H
#define FERRY_CONVERT_H

#include "core/base/buffer.h"
#include "core/control/mapping.h"
#include "core/record/change.h"

/* Appends the JSON value. FERRY_BAD_RECORD names field and reason, never the value, and may leave a
 * partial value behind: the caller cuts `out` back. docs/mapping.md has the table of conversions.
 */
enum ferry_status ferry_convert_write(const struct ferry_mapping_field *field,
                                      const struct ferry_value *value, struct ferry_buffer *out,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

#endif
