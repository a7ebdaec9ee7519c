/* The work of a task that reads one table of Dynamics. Loop thread only. */
#ifndef FERRY_TABLEWORK_H
#define FERRY_TABLEWORK_H

#include "producers/reading.h"
#include "producers/task.h"

/* The subject of such a task. */
struct ferry_table_subject {
    struct ferry_dataverse_source *source; /* borrowed while the task lives */
    const struct ferry_mapping *mapping;
};

extern const struct ferry_work_type ferry_table_work;

#endif
