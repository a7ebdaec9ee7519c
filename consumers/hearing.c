#include "consumers/hearing.h"

#include "consumers/rule.h"

#include <stdio.h>
#include <string.h>

static enum ferry_side loser_of(const struct ferry_decision *decision)
{
    return ferry_rule_other(decision->winner);
}

static void record(struct ferry_hearing *hearing, struct ferry_slice contact,
                   const struct ferry_dossier_attribute *attribute)
{
    char *place = hearing->places[hearing->count];
    struct ferry_decision *made = &hearing->records[hearing->count++];
    memcpy(place, attribute->place, FERRY_PLACE_SIZE);
    *made = attribute->decision;
    made->contact = contact;
    made->place = (struct ferry_slice){place, strlen(place)};
}

static void end(struct ferry_hearing *hearing, struct ferry_slice contact,
                struct ferry_dossier_attribute *attribute, enum ferry_decision_state state)
{
    attribute->decision.state = state;
    record(hearing, contact, attribute);
    attribute->open = false;
    attribute->sent = false;
}

/* --- what became of what was decided --- */

/* At what the order does not map any more nobody looks: the views say nothing about it. */
static void end_what_is_not_mapped(struct ferry_hearing *hearing,
                                   const struct ferry_consent *consent, struct ferry_slice contact,
                                   struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (dossier->attributes[i].open && !consent->attributes[i].column)
            end(hearing, contact, &dossier->attributes[i], FERRY_DECISION_OVERTAKEN);
}

/* A decision is only made where the sides differ, so a loser that now says what the winner said has
 * been written to. By us, or by somebody who was of the same mind: then his time is taken for ours,
 * and counts for a little less than it might. */
static bool has_landed(const struct ferry_dossier_attribute *attribute, int which,
                       const struct ferry_view views[FERRY_SIDES])
{
    const struct ferry_decision *decision = &attribute->decision;
    return views[loser_of(decision)].value[which] == decision->value[decision->winner];
}

static void end_written(struct ferry_hearing *hearing, struct ferry_slice contact,
                        struct ferry_dossier_attribute *attribute, int which,
                        const struct ferry_view views[FERRY_SIDES], int64_t now)
{
    struct ferry_decision *decision = &attribute->decision;
    enum ferry_side loser = loser_of(decision);
    if (decision->written_at == 0)
        decision->written_at = now;
    if (has_landed(attribute, which, views)) {
        decision->written_time = views[loser].time[which];
        attribute->pair[loser] =
            (struct ferry_dossier_pair){.known = true,
                                        .value = views[loser].value[which],
                                        .time = views[loser].time[which],
                                        .origin = decision->counted[decision->winner]};
    }
    end(hearing, contact, attribute, FERRY_DECISION_WRITTEN);
}

/* Our write of one column moved the time of the whole row: what else stands in it is as old as it
 * was. */
static void carry_row(struct ferry_dossier *dossier, const struct ferry_view *dynamics)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_dossier_pair *pair = &dossier->attributes[i].pair[FERRY_SIDE_DYNAMICS];
        if (pair->known && pair->value == dynamics->value[i])
            pair->time = dynamics->time[i];
    }
}

static bool row_was_written(const struct ferry_dossier *dossier,
                            const struct ferry_view views[FERRY_SIDES])
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        if (attribute->open && loser_of(&attribute->decision) == FERRY_SIDE_DYNAMICS &&
            has_landed(attribute, i, views))
            return true;
    }
    return false;
}

static void end_what_is_done(struct ferry_hearing *hearing, struct ferry_slice contact,
                             const struct ferry_view views[FERRY_SIDES], int64_t now,
                             struct ferry_dossier *dossier)
{
    if (row_was_written(dossier, views))
        carry_row(dossier, &views[FERRY_SIDE_DYNAMICS]);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        if (attribute->open && (attribute->sent || has_landed(attribute, i, views)))
            end_written(hearing, contact, attribute, i, views, now);
    }
}

/* --- deciding --- */

static int64_t counted_of(const struct ferry_dossier_pair *pair, bool value, int64_t time)
{
    if (time != 0 && pair->known && pair->value == value && pair->time == time)
        return ferry_rule_cut(pair->origin);
    return ferry_rule_cut(time);
}

static void judge(const struct ferry_consent *consent, const struct ferry_view views[FERRY_SIDES],
                  int which, const struct ferry_dossier_attribute *attribute,
                  struct ferry_decision *decision)
{
    for (int side = 0; side < FERRY_SIDES; side++) {
        decision->value[side] = views[side].value[which];
        decision->time[side] = views[side].time[which];
        decision->counted[side] =
            counted_of(&attribute->pair[side], decision->value[side], decision->time[side]);
    }
    struct ferry_ruling ruling =
        ferry_rule_judge(consent->direction, consent->rule, consent->tolerance_ms, decision->value,
                         decision->counted);
    decision->winner = ruling.winner;
    decision->ground = ruling.ground;
    decision->direction = consent->direction;
    decision->rule = consent->rule;
    decision->tolerance_ms = consent->tolerance_ms;
}

/* What was decided stands: nobody has changed what it was decided on. */
static bool stands(const struct ferry_decision *open, const struct ferry_decision *now)
{
    for (int side = 0; side < FERRY_SIDES; side++)
        if (open->value[side] != now->value[side] || open->time[side] != now->time[side] ||
            open->counted[side] != now->counted[side])
            return false;
    return open->winner == now->winner;
}

static void open_decision(struct ferry_hearing *hearing, struct ferry_slice contact,
                          const struct ferry_cause *cause, int64_t now,
                          struct ferry_dossier_attribute *attribute,
                          const struct ferry_decision *judged)
{
    attribute->decision = *judged;
    attribute->decision.number = ++attribute->count;
    attribute->decision.state = FERRY_DECISION_DECIDED;
    attribute->decision.cause = cause->side;
    attribute->decision.source = cause->source;
    attribute->decision.decided_at = now;
    snprintf(attribute->place, sizeof attribute->place, "%s", cause->place);
    attribute->open = true;
    attribute->sent = false;
    record(hearing, contact, attribute);
    hearing->decided = true;
}

static void decide(const struct ferry_consent *consent, struct ferry_slice contact,
                   const struct ferry_view views[FERRY_SIDES], const struct ferry_cause *cause,
                   int64_t now, int which, struct ferry_dossier *dossier,
                   struct ferry_hearing *hearing)
{
    struct ferry_dossier_attribute *attribute = &dossier->attributes[which];
    struct ferry_decision judged = {.attribute = (enum ferry_optout_attribute)which};
    bool differ =
        views[FERRY_SIDE_DYNAMICS].value[which] != views[FERRY_SIDE_CAMPAIGN].value[which];
    judge(consent, views, which, attribute, &judged);
    if (attribute->open && differ && stands(&attribute->decision, &judged))
        return;
    if (attribute->open)
        end(hearing, contact, attribute, FERRY_DECISION_OVERTAKEN);
    if (differ)
        open_decision(hearing, contact, cause, now, attribute, &judged);
}

/* Before Dynamics is written to: what its row says now, and since when, for whoever finds it
 * written. */
static void remember_row(const struct ferry_consent *consent, const struct ferry_view *dynamics,
                         struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_dossier_pair *pair = &dossier->attributes[i].pair[FERRY_SIDE_DYNAMICS];
        if (!consent->attributes[i].column)
            continue;
        *pair = (struct ferry_dossier_pair){
            .known = true,
            .value = dynamics->value[i],
            .time = dynamics->time[i],
            .origin = counted_of(pair, dynamics->value[i], dynamics->time[i])};
    }
}

void ferry_hearing_hold(const struct ferry_consent *consent, struct ferry_slice contact,
                        const struct ferry_view views[FERRY_SIDES], const struct ferry_cause *cause,
                        int64_t now, bool may_decide, struct ferry_dossier *dossier,
                        struct ferry_hearing *ret_hearing)
{
    struct ferry_optouts to_write;
    ret_hearing->count = 0;
    ret_hearing->decided = false;
    ret_hearing->differs = false;
    end_what_is_not_mapped(ret_hearing, consent, contact, dossier);
    end_what_is_done(ret_hearing, contact, views, now, dossier);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        if (!consent->attributes[i].column)
            continue;
        if (may_decide)
            decide(consent, contact, views, cause, now, i, dossier, ret_hearing);
        if (!dossier->attributes[i].open)
            ret_hearing->differs |=
                views[FERRY_SIDE_DYNAMICS].value[i] != views[FERRY_SIDE_CAMPAIGN].value[i];
    }
    if (ret_hearing->decided && ferry_hearing_to_write(dossier, FERRY_SIDE_DYNAMICS, &to_write))
        remember_row(consent, &views[FERRY_SIDE_DYNAMICS], dossier);
}

void ferry_hearing_close(struct ferry_slice contact, enum ferry_side loser,
                         enum ferry_decision_state state, struct ferry_dossier *dossier,
                         struct ferry_hearing *ret_hearing)
{
    ret_hearing->count = 0;
    ret_hearing->decided = false;
    ret_hearing->differs = false;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        if (attribute->open && loser_of(&attribute->decision) == loser)
            end(ret_hearing, contact, attribute, state);
    }
}

void ferry_hearing_note_written(enum ferry_side loser, int64_t now, struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        if (!attribute->open || loser_of(&attribute->decision) != loser)
            continue;
        attribute->sent = true;
        attribute->decision.written_at = now;
    }
}

bool ferry_hearing_to_write(const struct ferry_dossier *dossier, enum ferry_side side,
                            struct ferry_optouts *ret_values)
{
    bool any = false;
    *ret_values = (struct ferry_optouts){.known = {false}};
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        const struct ferry_decision *decision = &attribute->decision;
        if (!attribute->open || attribute->sent || loser_of(decision) != side)
            continue;
        ret_values->known[i] = true;
        ret_values->out[i] = decision->value[decision->winner];
        any = true;
    }
    return any;
}
