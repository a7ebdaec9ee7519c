/* Who wins when the two systems differ about one opt-out of one person: the tables of ADR 5. Pure.
 */
#ifndef FERRY_RULE_H
#define FERRY_RULE_H

#include "core/record/decision.h"

struct ferry_ruling {
    enum ferry_side winner;
    enum ferry_ground ground;
};

/* Of two values that differ; `counted` as in a decision: ms, 0 for none. */
struct ferry_ruling ferry_rule_judge(enum ferry_direction direction, enum ferry_rule rule,
                                     int64_t tolerance_ms, const bool value[FERRY_SIDES],
                                     const int64_t counted[FERRY_SIDES]);
/* Cut to the second, as both systems' times are compared. */
int64_t ferry_rule_cut(int64_t ms);
enum ferry_side ferry_rule_other(enum ferry_side side);

#endif
