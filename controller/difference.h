/* What changed from one JSON document to another. Pure.
 *
 * Lists whose elements have a name ("table" of a mapping, "destination" of a field, "from" of a
 * replacement) are compared by it, so that an element added in front does not look like a change of
 * all. */
#ifndef FERRY_DIFFERENCE_H
#define FERRY_DIFFERENCE_H

#include <jansson.h>

/* A new array of {"op": "add" | "remove" | "replace", "path", "from"?, "to"?}. The path is a JSON
 * pointer: into `to`, or into `from` for what is removed. Either may be NULL. NULL: out of memory.
 */
json_t *ferry_difference(json_t *from, json_t *to);

#endif
