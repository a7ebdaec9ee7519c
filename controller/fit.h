/* Can this column feed this field? What can never be carried is a fault, what may not always be is
 * a warning. Any thread. */
#ifndef FERRY_FIT_H
#define FERRY_FIT_H

#include "controller/shape.h"

struct ferry_fit {
    json_t *field;                   /* as configured: replacements, link, tooLong */
    const char *source;              /* name of the column */
    const json_t *column;            /* its description */
    const char *destination;         /* name of the field on the wire */
    const json_t *target;            /* its description */
    bool labels;                     /* options are written as labels */
    const struct ferry_place *place; /* of the field */
    struct ferry_shape *faults;
    struct ferry_shape *warnings;
};

void ferry_fit_check(const struct ferry_fit *fit);
/* Options are written as labels where a text is wanted; a number or a boolean can only take the
 * value. */
bool ferry_fit_takes_labels(const json_t *column, const json_t *target);

#endif
