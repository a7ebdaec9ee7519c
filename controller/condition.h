/* The filter of a mapping: its shape, and, once the columns are known, whether its comparisons make
 * sense. Any thread. */
#ifndef FERRY_CONDITION_H
#define FERRY_CONDITION_H

#include "controller/shape.h"

/* A ferry_shape_checker: what can be said without asking anybody. */
void ferry_condition_check(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place);

/* Calls `visit` for each comparison of a filter that passed the check. */
typedef void (*ferry_condition_visitor)(void *context, json_t *leaf,
                                        const struct ferry_place *place);
void ferry_condition_visit(json_t *filter, const struct ferry_place *place,
                           ferry_condition_visitor visit, void *context);

/* Does this comparison suit a column of this Dataverse type? Adds faults otherwise. */
void ferry_condition_suits(struct ferry_shape *shape, json_t *leaf, const struct ferry_place *place,
                           const char *source_type);

#endif
