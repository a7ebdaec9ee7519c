#include "consumers/brake.h"

#define FORGET_MS INT64_C(3600000)

uint64_t ferry_brake_limit(const struct ferry_brake *brake, const struct ferry_brake_view *view)
{
    uint64_t records = (uint64_t)((double)brake->limits.records * view->part);
    uint64_t before = view->rows + brake->let; /* of the table that the hour began with */
    uint64_t share = before * (uint64_t)brake->limits.percent / 100;
    return records > share ? records : share;
}

static uint64_t recently(struct ferry_brake *brake, int64_t now)
{
    if (now - brake->let_since >= FORGET_MS)
        brake->let = 0;
    return brake->let;
}

bool ferry_brake_lets(struct ferry_brake *brake, const struct ferry_brake_view *view, int64_t now)
{
    return !brake->on && view->calm &&
           recently(brake, now) + view->queued + view->deletes <= ferry_brake_limit(brake, view);
}

bool ferry_brake_releases(struct ferry_brake *brake, const struct ferry_brake_view *view,
                          int64_t now)
{
    if (view->deletes == 0)
        brake->on = false;
    else if (recently(brake, now) + view->deletes > ferry_brake_limit(brake, view))
        brake->on = true;
    return ferry_brake_lets(brake, view, now);
}

void ferry_brake_count(struct ferry_brake *brake, int64_t now)
{
    if (recently(brake, now) == 0)
        brake->let_since = now;
    brake->let++;
}

/* Whoever allows a thousand deletes starts counting afresh. */
void ferry_brake_decide(struct ferry_brake *brake, int64_t decision, bool approved)
{
    if (decision <= brake->decision)
        return;
    brake->decision = decision;
    brake->approved = approved;
    brake->on = false;
    brake->let = 0;
}
