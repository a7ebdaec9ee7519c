/* The work of a task that reads one table of Dynamics: for its mapping, or contact for its
 * opt-outs. Loop thread only. */
#ifndef FERRY_TABLEWORK_H
#define FERRY_TABLEWORK_H

#include "core/control/consent.h"
#include "producers/reading.h"
#include "producers/task.h"

/* The subject of such a task. */
struct ferry_table_subject {
    struct ferry_dataverse_source *source; /* borrowed while the task lives */
    const struct ferry_mapping *mapping;   /* NULL: the consent's */
    const struct ferry_consent *consent;   /* NULL: rows become what the mapping says */
    const char *state_dir;                 /* of the consent's memory; NULL: none */
};

extern const struct ferry_work_type ferry_table_work;

#endif
