/* What was decided about one attribute of one person, and its Avro form
 * (schemas/opt-out-decision.avsc). Any thread. */
#ifndef FERRY_DECISION_H
#define FERRY_DECISION_H

#include "core/record/optout.h"

/* Of all these the order is that of the symbols in the schema. */
enum ferry_decision_state {
    FERRY_DECISION_DECIDED,
    FERRY_DECISION_WRITTEN,
    FERRY_DECISION_OVERTAKEN,
    FERRY_DECISION_REFUSED,
};
#define FERRY_DECISION_STATES (FERRY_DECISION_REFUSED + 1)

enum ferry_direction {
    FERRY_DYNAMICS_TO_CAMPAIGN,
    FERRY_CAMPAIGN_TO_DYNAMICS,
    FERRY_BOTH_WAYS,
};
#define FERRY_DIRECTIONS (FERRY_BOTH_WAYS + 1)

enum ferry_rule { FERRY_RULE_ORIGINAL, FERRY_RULE_NEWEST_WINS, FERRY_RULE_OPT_OUT_WINS };
#define FERRY_RULES (FERRY_RULE_OPT_OUT_WINS + 1)

enum ferry_ground { FERRY_GROUND_ONE_WAY, FERRY_GROUND_LATER, FERRY_GROUND_OPT_OUT };
#define FERRY_GROUNDS (FERRY_GROUND_OPT_OUT + 1)

struct ferry_decision {
    struct ferry_slice contact; /* GUID, lower case */
    enum ferry_optout_attribute attribute;
    int64_t number; /* of this attribute of this person, from 1 */
    enum ferry_decision_state state;
    enum ferry_side cause; /* the side that gave the reason to look */
    enum ferry_optout_source source;
    struct ferry_slice place;     /* empty: none */
    bool value[FERRY_SIDES];      /* by side, as read */
    int64_t time[FERRY_SIDES];    /* ms since the epoch, as read; 0: none */
    int64_t counted[FERRY_SIDES]; /* ms, cut to the second, without our own writes; 0: none */
    enum ferry_direction direction;
    enum ferry_rule rule;
    int64_t tolerance_ms;
    enum ferry_ground ground;
    enum ferry_side winner;
    int64_t decided_at;   /* ms since the epoch */
    int64_t written_at;   /* when the other side had taken it; 0: it has not */
    int64_t written_time; /* what that side calls the time of the write; 0: none */
};

/* Appends framing and record. */
enum ferry_status ferry_decision_encode(const struct ferry_decision *decision,
                                        const struct ferry_wire *wire, struct ferry_buffer *out,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
/* Slices point into `data`. FERRY_BAD_RECORD when the bytes are no OptOutDecision, are cut, or are
 * followed by more; *ret_decision is untouched then. */
enum ferry_status ferry_decision_decode(const void *data, size_t length,
                                        struct ferry_decision *ret_decision,
                                        struct ferry_error *error) FERRY_MUST_CHECK;

const char *ferry_decision_state_name(enum ferry_decision_state state); /* "DECIDED" */
const char *ferry_direction_name(enum ferry_direction direction);       /* "BOTH" */
const char *ferry_rule_name(enum ferry_rule rule);                      /* "ORIGINAL" */
const char *ferry_ground_name(enum ferry_ground ground);                /* "ONE_WAY" */

#endif
