/* Checks the shape of a JSON document by tables, and names every place that is wrong. Any thread.
 */
#ifndef FERRY_SHAPE_H
#define FERRY_SHAPE_H

#include "core/base/status.h"

#include <jansson.h>

/* Where in the document: a chain on the stack, written out only when there is a fault. */
struct ferry_place {
    const struct ferry_place *parent; /* NULL: the document */
    const char *name;                 /* NULL: index counts */
    size_t index;
};

struct ferry_shape {
    json_t *faults;
    bool out_of_memory;
};

typedef void (*ferry_shape_checker)(struct ferry_shape *shape, json_t *value,
                                    const struct ferry_place *place);

struct ferry_shape_member {
    const char *name;
    bool required;
    ferry_shape_checker check;
};

/* A whole document, whose faults are appended. `whole` (may be NULL) looks, when no member is
 * wrong, for what only shows when the defaults are there. FERRY_OK: no fault; FERRY_INVALID: at
 * least one; FERRY_NOMEM. */
enum ferry_status ferry_shape_document(json_t *document, const struct ferry_shape_member *members,
                                       void (*whole)(struct ferry_shape *shape,
                                                     const json_t *document),
                                       json_t *faults) FERRY_MUST_CHECK;

void ferry_shape_fault(struct ferry_shape *shape, const struct ferry_place *place,
                       const char *format, ...) FERRY_PRINTF(3, 4);

/* The same with another class than mapping. */
void ferry_shape_fault_of(struct ferry_shape *shape, enum ferry_class class,
                          const struct ferry_place *place, const char *format, ...)
    FERRY_PRINTF(4, 5);

/* Unknown members, missing ones, and each that is there by its own checker. The table ends with a
 * NULL name. */
void ferry_shape_object(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                        const struct ferry_shape_member *members);
void ferry_shape_array(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                       size_t minimum, size_t maximum, ferry_shape_checker check);
void ferry_shape_text(struct ferry_shape *shape, json_t *value, const struct ferry_place *place);
void ferry_shape_boolean(struct ferry_shape *shape, json_t *value, const struct ferry_place *place);
/* A text of this POSIX extended regular expression; `reason` follows otherwise: "must be a table's
 * logical name". */
void ferry_shape_pattern(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                         const char *pattern, const char *reason);
/* One of the names, which end with NULL. */
void ferry_shape_choice(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                        const char *const *names);

#endif
