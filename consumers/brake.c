#include "consumers/brake.h"

uint64_t ferry_brake_limit(const struct ferry_brake *brake, const struct ferry_brake_view *view)
{
    uint64_t records = (uint64_t)((double)brake->limits.records * view->part);
    uint64_t before = view->rows + view->let; /* of the table that the hour began with */
    uint64_t share = before * (uint64_t)brake->limits.percent / 100;
    return records > share ? records : share;
}

bool ferry_brake_lets(const struct ferry_brake *brake, const struct ferry_brake_view *view)
{
    return !brake->on && view->calm &&
           view->let + view->queued + view->deletes <= ferry_brake_limit(brake, view);
}

bool ferry_brake_releases(struct ferry_brake *brake, const struct ferry_brake_view *view)
{
    if (view->deletes == 0)
        brake->on = false;
    else if (view->let + view->deletes > ferry_brake_limit(brake, view))
        brake->on = true;
    return ferry_brake_lets(brake, view);
}

void ferry_brake_decide(struct ferry_brake *brake, const struct ferry_deletion *deletion)
{
    if (deletion->decision <= brake->latest.decision)
        return;
    brake->latest = *deletion;
    brake->on = false;
}
