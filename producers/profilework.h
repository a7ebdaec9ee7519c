/* The work of a task that reads the opt-outs of Campaign's profiles. Loop thread only. */
#ifndef FERRY_PROFILEWORK_H
#define FERRY_PROFILEWORK_H

#include "producers/profiles.h"
#include "producers/task.h"

/* The subject of such a task. */
struct ferry_profile_subject {
    struct ferry_campaign_source *source; /* borrowed while the task lives; NULL: none is set */
    const struct ferry_consent *consent;
};

/* Topics: that of the first read, that of what comes afterwards. */
extern const struct ferry_work_type ferry_profile_work;

#endif
