#include "consumers/rule.h"

#define SECOND_MS 1000

int64_t ferry_rule_cut(int64_t ms)
{
    int64_t rest = ms % SECOND_MS;
    return ms - (rest < 0 ? rest + SECOND_MS : rest);
}

enum ferry_side ferry_rule_other(enum ferry_side side)
{
    return side == FERRY_SIDE_DYNAMICS ? FERRY_SIDE_CAMPAIGN : FERRY_SIDE_DYNAMICS;
}

static bool is_later(const int64_t counted[FERRY_SIDES], enum ferry_side side, int64_t tolerance_ms)
{
    int64_t mine = counted[side];
    int64_t other = counted[ferry_rule_other(side)];
    return mine != 0 && other != 0 && ferry_rule_cut(mine) - ferry_rule_cut(other) > tolerance_ms;
}

/* A later time decides only where the rule heeds times, and Dynamics' only under newest-wins. */
static bool wins_by_time(enum ferry_rule rule, enum ferry_side side)
{
    return rule == FERRY_RULE_NEWEST_WINS ||
           (rule == FERRY_RULE_ORIGINAL && side == FERRY_SIDE_CAMPAIGN);
}

struct ferry_ruling ferry_rule_judge(enum ferry_direction direction, enum ferry_rule rule,
                                     int64_t tolerance_ms, const bool value[FERRY_SIDES],
                                     const int64_t counted[FERRY_SIDES])
{
    if (direction == FERRY_DYNAMICS_TO_CAMPAIGN)
        return (struct ferry_ruling){FERRY_SIDE_DYNAMICS, FERRY_GROUND_ONE_WAY};
    if (direction == FERRY_CAMPAIGN_TO_DYNAMICS)
        return (struct ferry_ruling){FERRY_SIDE_CAMPAIGN, FERRY_GROUND_ONE_WAY};
    for (int side = 0; side < FERRY_SIDES; side++)
        if (wins_by_time(rule, (enum ferry_side)side) &&
            is_later(counted, (enum ferry_side)side, tolerance_ms))
            return (struct ferry_ruling){(enum ferry_side)side, FERRY_GROUND_LATER};
    enum ferry_side out = value[FERRY_SIDE_DYNAMICS] ? FERRY_SIDE_DYNAMICS : FERRY_SIDE_CAMPAIGN;
    return (struct ferry_ruling){out, FERRY_GROUND_OPT_OUT};
}
