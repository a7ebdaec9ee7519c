/* What Dataverse's service protection leaves us, by its own word: how many requests at once, and
 * how slowly when little of a limit is left. The limits differ between environments, so what was
 * seen at most stands for the whole. Pure. */
#ifndef FERRY_ALLOWANCE_H
#define FERRY_ALLOWANCE_H

#include "core/remote/dataverse_limits.h"

struct ferry_allowance {
    int most;             /* requests at once that we would make */
    int recommended;      /* by the service; 0: it has not said */
    int64_t requests_max; /* the most that was ever left */
    int64_t time_max;
    bool short_of_time;
};

void ferry_allowance_init(struct ferry_allowance *allowance, int most);
/* Returns how long to send nothing; 0: no longer than otherwise. */
int64_t ferry_allowance_heed(struct ferry_allowance *allowance,
                             const struct ferry_dataverse_limits *limits);
/* Requests that may be in flight. */
int ferry_allowance_ceiling(const struct ferry_allowance *allowance);

#endif
