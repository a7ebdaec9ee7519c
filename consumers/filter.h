/* Does a change pass its mapping's filter? Compares what the source said, before any replacement.
 * Pure; any thread. */
#ifndef FERRY_FILTER_H
#define FERRY_FILTER_H

#include "core/record/change.h"

#include <jansson.h>

/* `filter` as in a run order: {"all":[…]}, {"any":[…]}, nested, or a leaf
 * {"field","is","value","type"} where "type" is the AttributeType that the controller adds; NULL
 * passes every record. docs/mapping.md has the comparisons and what null means.
 *
 * FERRY_BAD_RECORD: the answer depends on a column that the change does not carry, or on a value
 * that is not what the column promises: the record must be rejected, never dropped. FERRY_INVALID:
 * the filter itself cannot be read. A delete has no columns: do not ask. */
enum ferry_status ferry_filter_match(const json_t *filter, const struct ferry_change *change,
                                     bool *ret_match, struct ferry_error *error) FERRY_MUST_CHECK;

#endif
