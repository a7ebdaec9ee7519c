/* One decision, for a person. */
#include "controller/consentlog.h"

/* 0: there is none. */
static json_t *time_or_null(int64_t ms)
{
    return ms > 0 ? json_integer(ms) : json_null();
}

static json_t *view_side(const struct ferry_decision *decision, enum ferry_side side)
{
    return json_pack("{s:b, s:o, s:o}", "value", (int)decision->value[side], "changedAt",
                     time_or_null(decision->time[side]), "countedAt",
                     time_or_null(decision->counted[side]));
}

static void add_reason(json_t *json, const struct ferry_decision *decision)
{
    json_t *place = decision->place.length > 0
                        ? json_stringn(decision->place.data, decision->place.length)
                        : json_null();

    json_object_set_new(json, "cause", json_string(ferry_side_name(decision->cause)));
    json_object_set_new(json, "source", json_string(ferry_optout_source_name(decision->source)));
    json_object_set_new(json, "place", place ? place : json_null());
}

static void add_rule(json_t *json, const struct ferry_decision *decision)
{
    json_object_set_new(json, "direction", json_string(ferry_direction_name(decision->direction)));
    json_object_set_new(json, "rule", json_string(ferry_rule_name(decision->rule)));
    json_object_set_new(json, "toleranceMs", json_integer(decision->tolerance_ms));
    json_object_set_new(json, "ground", json_string(ferry_ground_name(decision->ground)));
    json_object_set_new(json, "winner", json_string(ferry_side_name(decision->winner)));
}

json_t *ferry_consentlog_view(const struct ferry_decision *decision)
{
    json_t *json = json_pack(
        "{s:s%, s:s, s:I, s:s, s:o, s:o, s:I, s:o, s:o}", "contact", decision->contact.data,
        decision->contact.length, "attribute", ferry_optout_name(decision->attribute), "number",
        (json_int_t)decision->number, "state", ferry_decision_state_name(decision->state),
        "dynamics", view_side(decision, FERRY_SIDE_DYNAMICS), "campaign",
        view_side(decision, FERRY_SIDE_CAMPAIGN), "decidedAt", (json_int_t)decision->decided_at,
        "writtenAt", time_or_null(decision->written_at), "writtenTimeAt",
        time_or_null(decision->written_time));

    if (!json)
        return NULL;
    add_reason(json, decision);
    add_rule(json, decision);
    return json;
}
