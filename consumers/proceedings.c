#include "consumers/clerk_private.h"

#include "consumers/doubt.h"
#include "consumers/reject.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/io/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ORIGIN_SIZE         (FERRY_TOPIC_SIZE + 48)
#define KEY_SIZE            (FERRY_GUID_SIZE + 64)
#define PROFILE_WAITS       20 /* first waits of a request: 10 s with the default */
#define PROFILE_WAIT_CAP_MS INT64_C(600000)

static void run_out_of_memory(struct ferry_clerk *clerk)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_clerk_break(clerk, &error);
}

/* --- the end of a look --- */

static void settle(struct ferry_clerk *clerk, struct ferry_reason *reason)
{
    clerk->busy[!reason->feed->bulk]--;
    ferry_reason_settle(reason);
}

static void settle_all(struct ferry_clerk *clerk, struct ferry_person *person)
{
    struct ferry_reason *reason, *next;
    struct ferry_reason *list = person->now;
    person->now = NULL;
    DL_FOREACH_SAFE (list, reason, next)
        settle(clerk, reason);
}

/* The first tries are soon, as most profiles come a moment after their contact. */
static void await_profile(struct ferry_clerk *clerk, struct ferry_person *person)
{
    unsigned patience = person->absences < FERRY_CLERK_PATIENCES - 1 ? person->absences++
                                                                     : FERRY_CLERK_PATIENCES - 1;
    int64_t wait = PROFILE_WAITS * clerk->options.retry_ms << patience;
    ferry_clerk_await(clerk, person, patience,
                      wait < PROFILE_WAIT_CAP_MS ? wait : PROFILE_WAIT_CAP_MS);
}

static void set_profileless(struct ferry_clerk *clerk, struct ferry_person *person,
                            bool profileless)
{
    if (person->profileless == profileless)
        return;
    person->profileless = profileless;
    clerk->profileless = profileless ? clerk->profileless + 1 : clerk->profileless - 1;
    if (profileless)
        ferry_clerk_count(clerk, FERRY_CLERK_WITHOUT_PROFILE);
    else
        person->absences = 0;
}

static void await_certainty(struct ferry_clerk *clerk, struct ferry_person *person, int64_t until)
{
    int64_t wait = ferry_doubt_wait(clerk->options.consent, until, ferry_wall_ms());
    ferry_clerk_wait(clerk, person, wait);
}

/* The reasons have their fate. What came meanwhile is the next one's. */
static void end(struct ferry_clerk *clerk, struct ferry_person *person)
{
    int64_t again_at = person->look->dossier.again_at;
    settle_all(clerk, person);
    free(person->look);
    person->look = NULL;
    person->place = FERRY_PERSON_IDLE;
    person->again = false;
    person->born = person->born && person->profileless;
    person->attempts = 0;
    person->blamed = 0;
    person->now = person->later;
    person->later = NULL;
    if (person->now || (person->profileless && person->born)) {
        ferry_proceed_line_up(clerk, person);
    } else if (person->profileless) {
        await_profile(clerk, person);
    } else if (again_at != 0) {
        await_certainty(clerk, person, again_at);
    } else {
        HASH_DEL(clerk->people, person);
        ferry_person_free(person);
    }
}

/* --- making known --- */

static void count_record(struct ferry_clerk *clerk, const struct ferry_decision *decision)
{
    enum ferry_side loser =
        decision->winner == FERRY_SIDE_DYNAMICS ? FERRY_SIDE_CAMPAIGN : FERRY_SIDE_DYNAMICS;
    if (decision->state == FERRY_DECISION_DECIDED) {
        clerk->decided[decision->winner]++;
        ferry_metric_add(clerk->decided_series[decision->winner], 1);
    } else if (decision->state == FERRY_DECISION_WRITTEN) {
        clerk->written[loser]++;
        ferry_metric_add(clerk->written_series[loser], 1);
    } else if (decision->state == FERRY_DECISION_OVERTAKEN) {
        ferry_clerk_count(clerk, FERRY_CLERK_OVERTAKEN);
    }
}

static enum ferry_status tell_decision(struct ferry_clerk *clerk,
                                       const struct ferry_decision *decision)
{
    char key[KEY_SIZE];
    struct ferry_error error;
    snprintf(key, sizeof key, "%.*s/%s/%lld", (int)decision->contact.length, decision->contact.data,
             ferry_optout_name(decision->attribute), (long long)decision->number);
    size_t length = strlen(key);
    ferry_buffer_clear(&clerk->scratch);
    enum ferry_status status =
        ferry_decision_encode(decision, clerk->options.wire, &clerk->scratch, &error);
    if (status == FERRY_OK)
        status = ferry_ledger_add(clerk->options.ledger, clerk->decisions,
                                  ferry_kafka_partition(key, length, FERRY_DATA_PARTITIONS), key,
                                  length, clerk->scratch.data, clerk->scratch.length, NULL);
    clerk->added += status == FERRY_OK;
    return status;
}

/* False: memory is short. */
static bool tell(struct ferry_clerk *clerk, struct ferry_person *person,
                 const struct ferry_hearing *hearing)
{
    bool changed = false;
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && hearing && i < hearing->count; i++) {
        status = tell_decision(clerk, &hearing->records[i]);
        count_record(clerk, &hearing->records[i]);
    }
    if (status == FERRY_OK)
        status = ferry_archive_put(clerk->options.archive, person->contact, &person->look->dossier,
                                   &changed);
    clerk->added += changed;
    if (status == FERRY_OK)
        return true;
    ferry_clerk_retry(clerk, person, FERRY_CLERK_CAP_MS);
    run_out_of_memory(clerk);
    return false;
}

/* --- rejects --- */

void ferry_proceed_reject(struct ferry_clerk *clerk, struct ferry_reason *reason,
                          const struct ferry_error *error, unsigned attempts, int http)
{
    char origin[ORIGIN_SIZE];
    const struct ferry_feed *feed = reason->feed;
    const struct ferry_reject reject = {.origin = origin,
                                        .value = reason->value,
                                        .length = reason->length,
                                        .reason = error,
                                        .attempts = attempts,
                                        .status = http,
                                        .trace = ""};
    snprintf(origin, sizeof origin, "%s/%d/%lld", feed->topic, feed->partition,
             (long long)reason->entry->offset);
    ferry_log(FERRY_LOG_WARN, "rejected", FERRY_STR("topic", feed->topic),
              FERRY_INT("partition", feed->partition), FERRY_INT("offset", reason->entry->offset),
              FERRY_STR("class", ferry_class_name(error->class)), FERRY_INT("status", http));
    if (ferry_reject_add(clerk->options.ledger, clerk->rejects, &reject) != FERRY_OK) {
        run_out_of_memory(clerk); /* its offset stays open */
        free(reason);
        return;
    }
    clerk->added++;
    ferry_clerk_count(clerk, FERRY_CLERK_REJECTED);
    settle(clerk, reason);
}

/* One that a predecessor did not finish with has no reason any more: its dossier stands for it. */
static enum ferry_status reject_recalled(struct ferry_clerk *clerk, struct ferry_person *person,
                                         const struct ferry_error *error, int http)
{
    char origin[ORIGIN_SIZE];
    char *text = ferry_dossier_print(&person->look->dossier);
    if (!text)
        return FERRY_NOMEM;
    snprintf(origin, sizeof origin, "%s.optouts.state/%s", clerk->options.instance,
             person->contact);
    const struct ferry_reject reject = {.origin = origin,
                                        .value = text,
                                        .length = strlen(text),
                                        .reason = error,
                                        .attempts = person->attempts,
                                        .status = http,
                                        .trace = ""};
    enum ferry_status status = ferry_reject_add(clerk->options.ledger, clerk->rejects, &reject);
    free(text);
    clerk->added += status == FERRY_OK;
    ferry_clerk_count(clerk, FERRY_CLERK_REJECTED);
    return status;
}

void ferry_proceed_refused(struct ferry_clerk *clerk, struct ferry_person *person,
                           enum ferry_side side, const struct ferry_error *error, int http)
{
    struct ferry_reason *reason, *next;
    struct ferry_hearing hearing;
    const struct ferry_slice contact = {person->contact, FERRY_GUID_SIZE - 1};
    if (!person->now && reject_recalled(clerk, person, error, http) != FERRY_OK) {
        ferry_clerk_retry(clerk, person, FERRY_CLERK_CAP_MS);
        run_out_of_memory(clerk);
        return;
    }
    ferry_hearing_close(contact, side, FERRY_DECISION_REFUSED, &person->look->dossier, &hearing);
    if (!tell(clerk, person, &hearing))
        return;
    struct ferry_reason *list = person->now;
    person->now = NULL;
    DL_FOREACH_SAFE (list, reason, next)
        ferry_proceed_reject(clerk, reason, error, person->attempts, http);
    if (ferry_dossier_urgent(&person->look->dossier))
        ferry_proceed_on(clerk, person);
    else
        end(clerk, person);
}

/* --- one side is not there --- */

/* What was decided about somebody who is not there any more is of no use. */
static void close_all(struct ferry_person *person, struct ferry_hearing *both)
{
    struct ferry_hearing one;
    const struct ferry_slice contact = {person->contact, FERRY_GUID_SIZE - 1};
    struct ferry_dossier *dossier = &person->look->dossier;
    ferry_hearing_close(contact, FERRY_SIDE_DYNAMICS, FERRY_DECISION_OVERTAKEN, dossier, both);
    ferry_hearing_close(contact, FERRY_SIDE_CAMPAIGN, FERRY_DECISION_OVERTAKEN, dossier, &one);
    for (size_t i = 0; i < one.count; i++) {
        size_t at = both->count++;
        both->records[at] = one.records[i];
        memcpy(both->places[at], one.places[i], FERRY_PLACE_SIZE);
        both->records[at].place.data = both->places[at];
    }
}

/* Only how many decisions there were stays: should the contact be restored, it counts on. */
static void forget_contact(struct ferry_dossier *dossier)
{
    dossier->waiting_since = 0;
    dossier->again_at = 0;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        dossier->attributes[i] =
            (struct ferry_dossier_attribute){.count = dossier->attributes[i].count};
}

static void take_lost_contact(struct ferry_clerk *clerk, struct ferry_person *person)
{
    struct ferry_hearing hearing;
    close_all(person, &hearing);
    forget_contact(&person->look->dossier);
    if (!tell(clerk, person, &hearing))
        return;
    ferry_clerk_count(clerk, FERRY_CLERK_WITHOUT_CONTACT);
    set_profileless(clerk, person, false);
    end(clerk, person);
}

static void take_missing_profile(struct ferry_clerk *clerk, struct ferry_person *person)
{
    char place[FERRY_PLACE_SIZE];
    struct ferry_hearing hearing;
    struct ferry_dossier *dossier = &person->look->dossier;
    struct ferry_cause cause = ferry_person_cause(person, place);
    close_all(person, &hearing);
    if (dossier->waiting_since == 0) {
        dossier->waiting_since = ferry_wall_ms();
        dossier->waiting_side = cause.side;
        dossier->waiting_source = cause.source;
        snprintf(dossier->waiting_place, FERRY_PLACE_SIZE, "%s", cause.place);
    }
    if (!tell(clerk, person, &hearing))
        return;
    set_profileless(clerk, person, true);
    end(clerk, person);
}

/* --- deciding and writing --- */

static void take_hearing(struct ferry_clerk *clerk, struct ferry_person *person, bool decide)
{
    char place[FERRY_PLACE_SIZE];
    struct ferry_hearing hearing;
    struct ferry_look *look = person->look;
    const struct ferry_slice contact = {person->contact, FERRY_GUID_SIZE - 1};
    struct ferry_cause cause = ferry_person_cause(person, place);
    ferry_hearing_hold(clerk->options.consent, contact, look->views, &cause, ferry_wall_ms(),
                       decide, &look->dossier, &hearing);
    look->dossier.waiting_since = 0;
    look->dossier.again_at = ferry_doubt_until(clerk->options.consent, person,
                                               &look->views[FERRY_SIDE_DYNAMICS], ferry_wall_ms());
    if (!tell(clerk, person, &hearing))
        return;
    set_profileless(clerk, person, false);
    if (hearing.decided) {
        look->mark = clerk->added;
        person->place = FERRY_PERSON_NOTED;
        DL_APPEND(clerk->noted, person);
    } else if (!decide && (hearing.differs || ferry_dossier_urgent(&look->dossier))) {
        ferry_clerk_retry(clerk, person, 0); /* somebody changed one of them meanwhile */
    } else if (ferry_dossier_urgent(&look->dossier)) {
        ferry_proceed_on(clerk, person);
    } else {
        if (decide && hearing.count == 0 && person->now)
            ferry_clerk_count(clerk, FERRY_CLERK_EQUAL);
        end(clerk, person);
    }
}

static bool has_written(const struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (dossier->attributes[i].open && dossier->attributes[i].sent)
            return true;
    return false;
}

void ferry_proceed_on(struct ferry_clerk *clerk, struct ferry_person *person)
{
    struct ferry_optouts values;
    const struct ferry_dossier *dossier = &person->look->dossier;
    bool campaign = ferry_hearing_to_write(dossier, FERRY_SIDE_CAMPAIGN, &values);
    bool dynamics = ferry_hearing_to_write(dossier, FERRY_SIDE_DYNAMICS, &values);
    bool written = has_written(dossier);
    if (written && dynamics)
        ferry_crashpoint("consent-between");
    else if (written)
        ferry_crashpoint("consent-written");
    else
        ferry_crashpoint("consent-decided");
    if (campaign)
        ferry_clerk_queue(clerk, person, FERRY_ERRAND_WRITE_CAMPAIGN);
    else if (dynamics)
        ferry_clerk_queue(clerk, person, FERRY_ERRAND_WRITE_DYNAMICS);
    else
        take_hearing(clerk, person, false);
}

/* --- looking --- */

void ferry_proceed_line_up(struct ferry_clerk *clerk, struct ferry_person *person)
{
    enum ferry_side side = FERRY_SIDE_DYNAMICS;
    bool dynamics_first =
        ferry_person_one_sided(person, &side) && side == FERRY_SIDE_CAMPAIGN && !person->again;
    ferry_clerk_queue(clerk, person,
                      dynamics_first ? FERRY_ERRAND_LOOK_DYNAMICS : FERRY_ERRAND_LOOK_CAMPAIGN);
}

enum ferry_status ferry_proceed_begin(struct ferry_clerk *clerk, struct ferry_person *person,
                                      struct ferry_error *error)
{
    struct ferry_look *look = calloc(1, sizeof *look);
    if (!look)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status =
        ferry_archive_get(clerk->options.archive, person->contact, &look->dossier, error);
    if (status != FERRY_OK) {
        free(look);
        return status;
    }
    look->urgent = person->born;
    person->born = false;
    look->whole = person->again || ferry_dossier_urgent(&look->dossier);
    person->look = look;
    return FERRY_OK;
}

/* One look was enough: what the other side said is there already. */
static void take_echo(struct ferry_clerk *clerk, struct ferry_person *person, enum ferry_side side)
{
    struct ferry_dossier *dossier = &person->look->dossier;
    int64_t before = dossier->again_at;
    if (side == FERRY_SIDE_DYNAMICS)
        dossier->again_at = ferry_doubt_until(clerk->options.consent, person,
                                              &person->look->views[side], ferry_wall_ms());
    else if (ferry_doubt_settled(person))
        dossier->again_at = 0;
    if (dossier->again_at != before && !tell(clerk, person, NULL))
        return;
    ferry_clerk_count(clerk, FERRY_CLERK_EQUAL);
    end(clerk, person);
}

void ferry_proceed_seen(struct ferry_clerk *clerk, struct ferry_person *person,
                        enum ferry_side side)
{
    struct ferry_look *look = person->look;
    enum ferry_side speaker = side;
    look->seen[side] = true;
    bool first = !look->seen[FERRY_SIDE_DYNAMICS] || !look->seen[FERRY_SIDE_CAMPAIGN];
    if (look->seen[FERRY_SIDE_DYNAMICS] && !look->views[FERRY_SIDE_DYNAMICS].there) {
        take_lost_contact(clerk, person);
    } else if (first && !look->whole && look->views[side].there &&
               ferry_person_one_sided(person, &speaker) && speaker != side &&
               ferry_person_echoes(person, clerk->options.consent, &look->views[side])) {
        take_echo(clerk, person, side);
    } else if (first) {
        ferry_clerk_queue(clerk, person,
                          side == FERRY_SIDE_DYNAMICS ? FERRY_ERRAND_LOOK_CAMPAIGN
                                                      : FERRY_ERRAND_LOOK_DYNAMICS);
    } else if (!look->views[FERRY_SIDE_CAMPAIGN].there) {
        take_missing_profile(clerk, person);
    } else {
        take_hearing(clerk, person, true);
    }
}
