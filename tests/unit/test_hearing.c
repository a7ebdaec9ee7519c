/* The logic of a lane against a model of the rule that shares nothing with it: what the two systems
 * hold, and since when, is kept by the test alone. */
#include "consumers/hearing.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define D FERRY_SIDE_DYNAMICS
#define C FERRY_SIDE_CAMPAIGN

#define SECOND     INT64_C(1000)
#define START      INT64_C(1780000000000)
#define HISTORIES  10000
#define NUMBERS    512 /* decisions about one attribute in one history */
#define MOST_LOOKS 40

static const int used[] = {FERRY_DENY_LIST_EMAIL, FERRY_DENY_LIST_PHONE, FERRY_DENY_LIST_PUSH};
#define USED ((int)(sizeof used / sizeof used[0]))

/* What users and Ferry have done. */
struct world {
    uint64_t dice;
    struct ferry_consent consent;
    int64_t now;
    int64_t skew[FERRY_SIDES]; /* of that system's clock */
    bool value[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES];
    int64_t time[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES];
    int64_t since[FERRY_SIDES]
                 [FERRY_OPTOUT_ATTRIBUTES]; /* of the user's edit that it goes back to */
    /* An edit fell between what was read and what was written, or into the second of a write:
     * nobody can tell whose time it is. */
    bool blurred[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES];
    unsigned version; /* of Dynamics' row */
    /* What Ferry keeps. */
    char *committed; /* the document; NULL: none */
    enum ferry_decision_state states[FERRY_OPTOUT_ATTRIBUTES][NUMBERS];
    int64_t decided[FERRY_OPTOUT_ATTRIBUTES];
    unsigned writes[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES];
    unsigned lost[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES];   /* decisions against that side */
    unsigned undone[FERRY_SIDES][FERRY_OPTOUT_ATTRIBUTES]; /* by users, while a lane worked */
    bool calm; /* nobody dies and nobody edits while a lane works */
};

/* What happened in all histories: that the test can fail. */
static struct {
    unsigned checked, crashes, edits_between, refused, written, overtaken, later, opt_out, own;
} seen;

static unsigned roll(struct world *world, unsigned sides)
{
    world->dice = world->dice * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(world->dice >> 33) % sides;
}

static bool chance(struct world *world, unsigned percent)
{
    return roll(world, 100) < percent;
}

static bool has_time(int side, int which)
{
    return side == D || which != FERRY_DENY_LIST_PUSH;
}

/* --- the two systems --- */

static int64_t clock_of(const struct world *world, int side)
{
    int64_t at = world->now + world->skew[side];
    return side == D ? at / SECOND * SECOND : at; /* Dynamics keeps seconds */
}

static void stamp(struct world *world, int side, int which, int64_t since)
{
    world->time[side][which] = has_time(side, which) ? clock_of(world, side) : 0;
    world->since[side][which] = has_time(side, which) ? since : 0;
}

/* A save in Dynamics moves the time of the record; in Campaign that of an attribute that changes.
 */
static void edit(struct world *world, int side, int which, bool value, bool between)
{
    bool changes = world->value[side][which] != value;
    world->value[side][which] = value;
    world->version += side == D;
    world->undone[side][which] += changes && between;
    for (int i = 0; i < USED; i++) {
        int other = used[i];
        int64_t was = world->time[side][other];
        if (side == C && (other != which || !changes))
            continue;
        stamp(world, side, other, clock_of(world, side));
        world->blurred[side][other] = between || world->time[side][other] == was;
    }
}

static void edit_anything(struct world *world, bool between)
{
    seen.edits_between += between;
    edit(world, (int)roll(world, 2), used[roll(world, USED)], chance(world, 50), between);
}

static void write(struct world *world, int side, const struct ferry_optouts *values,
                  const struct ferry_dossier *dossier)
{
    world->now += roll(world, 900);
    world->version += side == D;
    for (int i = 0; i < USED; i++) {
        int which = used[i];
        int64_t was = world->time[side][which];
        if (side == D)
            world->time[D][which] = clock_of(world, D);
        if (!values->known[which])
            continue;
        const struct ferry_decision *decision = &dossier->attributes[which].decision;
        world->writes[side][which]++;
        if (world->value[side][which] == values->out[which])
            world->time[side][which] = side == C ? was : world->time[side][which];
        else
            stamp(world, side, which, decision->counted[decision->winner]);
        world->value[side][which] = values->out[which];
        if (world->blurred[decision->winner][which])
            world->blurred[side][which] = true;
    }
}

static struct ferry_view view_of(const struct world *world, int side)
{
    struct ferry_view view = {.there = true};
    memcpy(view.value, world->value[side], sizeof view.value);
    memcpy(view.time, world->time[side], sizeof view.time);
    return view;
}

/* --- the model of the rule, in words of its own --- */

static enum ferry_side expected_winner(const struct world *world, int which)
{
    int64_t dynamics = world->since[D][which] / SECOND;
    int64_t campaign = world->since[C][which] / SECOND;
    int64_t tolerance = world->consent.tolerance_ms / SECOND;
    bool timed = has_time(C, which) && campaign != 0 && dynamics != 0;
    bool campaign_newer = timed && campaign > dynamics + tolerance;
    bool dynamics_newer = timed && dynamics > campaign + tolerance;
    if (world->consent.direction == FERRY_DYNAMICS_TO_CAMPAIGN)
        return D;
    if (world->consent.direction == FERRY_CAMPAIGN_TO_DYNAMICS)
        return C;
    if (world->consent.rule != FERRY_RULE_OPT_OUT_WINS && campaign_newer)
        return C;
    if (world->consent.rule == FERRY_RULE_NEWEST_WINS && dynamics_newer)
        return D;
    return world->value[D][which] ? D : C;
}

static void check_decision(const struct world *world, const struct ferry_decision *decision)
{
    int which = (int)decision->attribute;
    if (world->blurred[D][which] || world->blurred[C][which])
        return;
    for (int side = 0; side < FERRY_SIDES; side++) {
        assert_int_equal(decision->value[side], world->value[side][which]);
        assert_true(decision->time[side] == world->time[side][which]);
        assert_true(decision->counted[side] == world->since[side][which] / SECOND * SECOND);
        seen.own += decision->counted[side] != decision->time[side] / SECOND * SECOND;
    }
    assert_int_equal(decision->winner, expected_winner(world, which));
    seen.checked++;
    seen.later += decision->ground == FERRY_GROUND_LATER;
    seen.opt_out += decision->ground == FERRY_GROUND_OPT_OUT;
}

/* --- what Ferry makes known --- */

static void take_record(struct world *world, const struct ferry_decision *decision)
{
    int which = (int)decision->attribute;
    int64_t number = decision->number;
    assert_in_range(number, 1, NUMBERS - 1);
    if (decision->state == FERRY_DECISION_DECIDED) {
        assert_true(number == world->decided[which] + 1);
        world->decided[which] = number;
        world->lost[decision->winner == D ? C : D][which]++;
    } else {
        assert_int_equal(world->states[which][number], FERRY_DECISION_DECIDED);
        seen.written += decision->state == FERRY_DECISION_WRITTEN;
        seen.overtaken += decision->state == FERRY_DECISION_OVERTAKEN;
        assert_true((decision->written_at != 0) == (decision->state == FERRY_DECISION_WRITTEN));
    }
    world->states[which][number] = decision->state;
}

/* One transaction. */
static void commit(struct world *world, const struct ferry_dossier *dossier,
                   const struct ferry_hearing *hearing)
{
    for (size_t i = 0; i < hearing->count; i++)
        take_record(world, &hearing->records[i]);
    free(world->committed);
    world->committed = ferry_dossier_print(dossier);
}

static void recall(const struct world *world, struct ferry_dossier *dossier)
{
    struct ferry_error error;
    memset(dossier, 0, sizeof *dossier);
    if (world->committed)
        assert_int_equal(
            ferry_dossier_parse(world->committed, strlen(world->committed), dossier, &error),
            FERRY_OK);
}

/* --- a lane --- */

/* True: the process dies here. Users go on, whatever we do. */
static bool step(struct world *world)
{
    world->now += roll(world, 300);
    if (world->calm)
        return false;
    if (chance(world, 8))
        edit_anything(world, true);
    bool dies = chance(world, 6);
    seen.crashes += dies;
    return dies;
}

/* False: it died, or Dynamics' row had changed. */
static bool write_side(struct world *world, int side, unsigned version,
                       struct ferry_view views[FERRY_SIDES], struct ferry_dossier *dossier)
{
    struct ferry_optouts values;
    if (!ferry_hearing_to_write(dossier, (enum ferry_side)side, &values))
        return true;
    if (step(world))
        return false;
    if (side == D && version != world->version) {
        seen.refused++;
        return false;
    }
    write(world, side, &values, dossier);
    if (step(world))
        return false;
    ferry_hearing_note_written((enum ferry_side)side, world->now, dossier);
    views[side] = view_of(world, side);
    return true;
}

/* One look and what follows from it; false: it is to be begun anew. */
static bool look(struct world *world)
{
    static struct ferry_hearing hearing;
    static struct ferry_dossier dossier;
    const struct ferry_cause cause = {D, FERRY_OPTOUT_DELTA, ""};
    const struct ferry_slice contact = {"c", 1};
    struct ferry_view views[FERRY_SIDES] = {view_of(world, D), view_of(world, C)};
    unsigned version = world->version;
    recall(world, &dossier);
    ferry_hearing_hold(&world->consent, contact, views, &cause, world->now, true, &dossier,
                       &hearing);
    for (size_t i = 0; i < hearing.count; i++)
        if (hearing.records[i].state == FERRY_DECISION_DECIDED)
            check_decision(world, &hearing.records[i]);
    if (step(world))
        return false;
    commit(world, &dossier, &hearing);
    if (!write_side(world, C, version, views, &dossier) ||
        !write_side(world, D, version, views, &dossier))
        return false;
    ferry_hearing_hold(&world->consent, contact, views, &cause, world->now, false, &dossier,
                       &hearing);
    if (step(world))
        return false;
    commit(world, &dossier, &hearing);
    return !ferry_dossier_urgent(&dossier) && !hearing.differs;
}

static void run_lane(struct world *world)
{
    int looks = 0;
    while (!look(world))
        assert_true(looks++ < (world->calm ? 3 : MOST_LOOKS * 10));
}

/* --- histories --- */

static void set_up(struct world *world, unsigned seed)
{
    memset(world, 0, sizeof *world);
    world->dice = seed * UINT64_C(2654435761) + 2026;
    world->now = START;
    world->consent.direction = FERRY_BOTH_WAYS;
    if (seed % 10 == 0)
        world->consent.direction =
            seed % 20 ? FERRY_DYNAMICS_TO_CAMPAIGN : FERRY_CAMPAIGN_TO_DYNAMICS;
    world->consent.rule = (enum ferry_rule)(seed % FERRY_RULES);
    world->consent.tolerance_ms = seed % 7 == 0 ? 0 : 60 * SECOND;
    for (int side = 0; side < FERRY_SIDES; side++)
        world->skew[side] = ((int64_t)roll(world, 61) - 30) * SECOND;
    for (int i = 0; i < USED; i++) {
        world->consent.attributes[used[i]].column = "column";
        for (int side = 0; side < FERRY_SIDES; side++) {
            world->value[side][used[i]] = false;
            stamp(world, side, used[i], side == D ? clock_of(world, D) : 0);
        }
        world->time[C][used[i]] = 0; /* never changed */
    }
}

static void assert_agreed(const struct world *world)
{
    for (int i = 0; i < USED; i++) {
        int which = used[i];
        assert_int_equal(world->value[D][which], world->value[C][which]);
        for (int64_t number = 1; number <= world->decided[which]; number++)
            assert_int_not_equal(world->states[which][number], FERRY_DECISION_DECIDED);
        for (int side = 0; side < FERRY_SIDES; side++)
            assert_true(world->writes[side][which] <=
                        world->lost[side][which] + world->undone[side][which]);
    }
}

static void live_through(struct world *world)
{
    unsigned events = 4 + roll(world, 14);
    for (unsigned i = 0; i < events; i++) {
        world->now += (int64_t)roll(world, 100) * (chance(world, 50) ? 0 : SECOND) + roll(world, 3);
        edit_anything(world, false);
        if (chance(world, 30))
            edit_anything(world, false);
        world->calm = chance(world, 40);
        if (chance(world, 80))
            run_lane(world);
    }
    world->calm = true;
    run_lane(world);
    assert_agreed(world);
    /* Nothing is left to do: an echo ends. */
    unsigned before = world->writes[D][used[0]] + world->writes[C][used[0]];
    assert_true(look(world));
    assert_int_equal(world->writes[D][used[0]] + world->writes[C][used[0]], before);
    free(world->committed);
}

static void histories_of_edits_deaths_and_skew_end_in_what_the_rule_says(void **state)
{
    static struct world world;
    (void)state;
    for (unsigned seed = 0; seed < HISTORIES; seed++) {
        set_up(&world, seed);
        live_through(&world);
    }
    assert_true(seen.checked > HISTORIES && seen.own > 100);
    assert_true(seen.crashes > HISTORIES / 10 && seen.edits_between > HISTORIES / 10);
    assert_true(seen.refused > 100 && seen.written > HISTORIES && seen.overtaken > 100);
    assert_true(seen.later > 1000 && seen.opt_out > 1000);
}

/* Dynamics is right; Campaign is wrong by up to the tolerance. */
static void skew_within_the_tolerance_never_undoes_an_opt_out(void **state)
{
    static struct world world;
    (void)state;
    for (int rule = 0; rule < FERRY_RULES; rule++) {
        if (rule == FERRY_RULE_NEWEST_WINS)
            continue;
        for (int64_t skew = -60; skew <= 60; skew++) {
            set_up(&world, 1);
            world.consent.rule = (enum ferry_rule)rule;
            world.skew[D] = 0;
            world.skew[C] = skew * SECOND;
            world.calm = true;
            edit(&world, C, FERRY_DENY_LIST_EMAIL, false, false);
            edit(&world, D, FERRY_DENY_LIST_EMAIL, true, false);
            world.value[C][FERRY_DENY_LIST_EMAIL] = false;
            stamp(&world, C, FERRY_DENY_LIST_EMAIL, clock_of(&world, C));
            run_lane(&world);
            assert_true(world.value[C][FERRY_DENY_LIST_EMAIL]);
            assert_true(world.value[D][FERRY_DENY_LIST_EMAIL]);
            free(world.committed);
        }
    }
}

static void a_decision_against_a_side_that_refuses_ends_so(void **state)
{
    static struct world world;
    static struct ferry_hearing hearing;
    static struct ferry_dossier dossier;
    const struct ferry_cause cause = {D, FERRY_OPTOUT_FILE, "optout.csv:3"};
    const struct ferry_slice contact = {"c", 1};
    (void)state;
    set_up(&world, 1);
    edit(&world, D, FERRY_DENY_LIST_PHONE, true, false);
    memset(&dossier, 0, sizeof dossier);
    const struct ferry_view views[FERRY_SIDES] = {view_of(&world, D), view_of(&world, C)};
    ferry_hearing_hold(&world.consent, contact, views, &cause, START, true, &dossier, &hearing);
    assert_int_equal(hearing.count, 1);
    assert_true(hearing.decided);
    assert_int_equal(hearing.records[0].place.length, strlen("optout.csv:3"));
    ferry_hearing_close(contact, D, FERRY_DECISION_REFUSED, &dossier, &hearing);
    assert_int_equal(hearing.count, 0);
    ferry_hearing_close(contact, C, FERRY_DECISION_REFUSED, &dossier, &hearing);
    assert_int_equal(hearing.count, 1);
    assert_int_equal(hearing.records[0].state, FERRY_DECISION_REFUSED);
    assert_true(hearing.records[0].written_at == 0);
    assert_false(ferry_dossier_urgent(&dossier));
    assert_false(ferry_dossier_empty(&dossier)); /* it goes on counting */
}

/* The view of it is empty, and so says what was decided: that nobody may be kept from mail. */
static void a_decision_about_what_is_mapped_no_more_is_overtaken(void **state)
{
    static struct world world;
    static struct ferry_hearing hearing;
    static struct ferry_dossier dossier;
    const struct ferry_cause cause = {C, FERRY_OPTOUT_API, ""};
    const struct ferry_slice contact = {"c", 1};
    const struct ferry_view nothing[FERRY_SIDES] = {{.there = true}, {.there = true}};
    (void)state;
    set_up(&world, 1);
    world.consent.direction = FERRY_CAMPAIGN_TO_DYNAMICS;
    edit(&world, D, FERRY_DENY_LIST_PHONE, true, false);
    memset(&dossier, 0, sizeof dossier);
    const struct ferry_view views[FERRY_SIDES] = {view_of(&world, D), view_of(&world, C)};
    ferry_hearing_hold(&world.consent, contact, views, &cause, START, true, &dossier, &hearing);
    assert_true(hearing.decided);
    assert_false(hearing.records[0].value[hearing.records[0].winner]);
    world.consent.attributes[FERRY_DENY_LIST_PHONE].column = NULL;
    ferry_hearing_hold(&world.consent, contact, nothing, &cause, START, true, &dossier, &hearing);
    assert_int_equal(hearing.count, 1);
    assert_int_equal(hearing.records[0].state, FERRY_DECISION_OVERTAKEN);
    assert_true(hearing.records[0].written_at == 0);
    assert_false(hearing.decided || hearing.differs);
    assert_false(ferry_dossier_urgent(&dossier));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_of_edits_deaths_and_skew_end_in_what_the_rule_says),
        cmocka_unit_test(skew_within_the_tolerance_never_undoes_an_opt_out),
        cmocka_unit_test(a_decision_against_a_side_that_refuses_ends_so),
        cmocka_unit_test(a_decision_about_what_is_mapped_no_more_is_overtaken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
