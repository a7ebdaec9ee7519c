#include "consumers/allowance.h"

#define CEILING       52 /* a server takes no more, whatever it recommends */
#define LOW_PART      10 /* a tenth is little */
#define SPREAD_MS     INT64_C(30000)
#define WAIT_CAP_MS   INT64_C(5000)
#define SHORT_CEILING 1 /* a request at a time uses less than the window gives back */

void ferry_allowance_init(struct ferry_allowance *allowance, int most)
{
    *allowance = (struct ferry_allowance){.most = most};
}

/* Remembers the most, and says whether little of it is left. */
static bool is_low(int64_t *most, int64_t left)
{
    if (left > *most)
        *most = left;
    return left < *most / LOW_PART;
}

int64_t ferry_allowance_heed(struct ferry_allowance *allowance,
                             const struct ferry_dataverse_limits *limits)
{
    if (limits->parallel > 0)
        allowance->recommended = limits->parallel < CEILING ? (int)limits->parallel : CEILING;
    if (limits->time_ms >= 0)
        allowance->short_of_time = is_low(&allowance->time_max, limits->time_ms);
    if (limits->requests < 0 || !is_low(&allowance->requests_max, limits->requests))
        return 0;
    int64_t wait = SPREAD_MS / (limits->requests + 1);
    return wait < WAIT_CAP_MS ? wait : WAIT_CAP_MS;
}

int ferry_allowance_ceiling(const struct ferry_allowance *allowance)
{
    int ceiling = allowance->most < CEILING ? allowance->most : CEILING;
    if (allowance->recommended != 0 && allowance->recommended < ceiling)
        ceiling = allowance->recommended;
    return allowance->short_of_time ? SHORT_CEILING : ceiling;
}
