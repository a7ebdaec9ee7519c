#include "consumers/clerk_private.h"

#include "consumers/destinations/optouts.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CONCURRENCY   16 /* of each system, beside what bulk may have in flight */
#define SCRATCH_BYTES ((size_t)64 << 10)

static const struct {
    const char *key;  /* in the report */
    const char *name; /* label of the series */
} count_names[] = {
    [FERRY_CLERK_EQUAL] = {"equal", "equal"},
    [FERRY_CLERK_OVERTAKEN] = {"overtaken", "overtaken"},
    [FERRY_CLERK_WITHOUT_PROFILE] = {"withoutProfile", "without_profile"},
    [FERRY_CLERK_WITHOUT_CONTACT] = {"withoutContact", "without_contact"},
    [FERRY_CLERK_IGNORED] = {"ignored", "ignored"},
    [FERRY_CLERK_REJECTED] = {"rejected", "rejected"},
    [FERRY_CLERK_RETRIED] = {"retried", "retried"},
};
static const char *const side_names[] = {"dynamics", "campaign"};

void ferry_clerk_count(struct ferry_clerk *clerk, enum ferry_clerk_count which)
{
    clerk->counts[which]++;
    ferry_metric_add(clerk->series[which], 1);
}

void ferry_clerk_break(struct ferry_clerk *clerk, const struct ferry_error *error)
{
    clerk->open = false;
    clerk->options.on_broken(clerk->options.context, error);
}

/* --- places of a person --- */

void ferry_clerk_queue(struct ferry_clerk *clerk, struct ferry_person *person,
                       enum ferry_errand errand)
{
    struct ferry_clerk_side *side = &clerk->sides[ferry_errand_side(errand)];
    person->errand = errand;
    person->place = FERRY_PERSON_READY;
    /* What has begun goes before what has not: it holds up its offsets and its memory. */
    if (!ferry_person_live(person))
        DL_APPEND(side->bulk, person);
    else if (person->look)
        DL_PREPEND(side->live, person);
    else
        DL_APPEND(side->live, person);
}

void ferry_clerk_wait(struct ferry_clerk *clerk, struct ferry_person *person, int64_t ms)
{
    person->place = FERRY_PERSON_WAITING;
    person->due_at = ferry_boot_ms() + ms;
    if (clerk->due_at == 0 || person->due_at < clerk->due_at)
        clerk->due_at = person->due_at;
    DL_APPEND(clerk->waiting, person);
}

void ferry_clerk_await(struct ferry_clerk *clerk, struct ferry_person *person, unsigned patience,
                       int64_t ms)
{
    person->place = FERRY_PERSON_ABSENT;
    person->due_at = ferry_boot_ms() + ms;
    person->patience = patience;
    DL_APPEND(clerk->absent[patience], person);
}

/* It waits no more. */
static void interrupt(struct ferry_clerk *clerk, struct ferry_person *person)
{
    if (person->place == FERRY_PERSON_WAITING)
        DL_DELETE(clerk->waiting, person);
    else if (person->place == FERRY_PERSON_ABSENT)
        DL_DELETE(clerk->absent[person->patience], person);
}

void ferry_clerk_retry(struct ferry_clerk *clerk, struct ferry_person *person, int64_t ms)
{
    free(person->look);
    person->look = NULL;
    person->again = true;
    ferry_clerk_count(clerk, FERRY_CLERK_RETRIED);
    ferry_clerk_wait(clerk, person, ms);
}

static void wake_absent(struct ferry_clerk *clerk, int64_t now)
{
    struct ferry_person *person;
    for (int i = 0; i < FERRY_CLERK_PATIENCES; i++)
        while ((person = clerk->absent[i]) && person->due_at <= now) {
            interrupt(clerk, person);
            ferry_proceed_line_up(clerk, person);
        }
}

static void wake_due(struct ferry_clerk *clerk, int64_t now)
{
    struct ferry_person *person, *next;
    if (clerk->due_at == 0 || clerk->due_at > now)
        return;
    clerk->due_at = 0;
    DL_FOREACH_SAFE (clerk->waiting, person, next) {
        if (person->due_at <= now) {
            DL_DELETE(clerk->waiting, person);
            ferry_proceed_line_up(clerk, person);
        } else if (clerk->due_at == 0 || person->due_at < clerk->due_at) {
            clerk->due_at = person->due_at;
        }
    }
}

/* --- people --- */

static struct ferry_person *find(const struct ferry_clerk *clerk, const char *contact)
{
    struct ferry_person *person;
    HASH_FIND_STR(clerk->people, contact, person);
    return person;
}

static struct ferry_person *add(struct ferry_clerk *clerk, const char *contact)
{
    struct ferry_person *person = ferry_person_new(clerk, contact);
    if (person)
        HASH_ADD_STR(clerk->people, contact, person);
    return person;
}

enum ferry_status ferry_clerk_recall(struct ferry_clerk *clerk, const char *contact)
{
    struct ferry_person *person = find(clerk, contact) ? NULL : add(clerk, contact);
    if (!person)
        return find(clerk, contact) ? FERRY_OK : FERRY_NOMEM;
    person->again = true;
    ferry_proceed_line_up(clerk, person);
    return FERRY_OK;
}

void ferry_clerk_born(struct ferry_clerk *clerk, const char *contact)
{
    struct ferry_person *person = find(clerk, contact);
    bool waits = person && person->place == FERRY_PERSON_ABSENT;
    if (person)
        person->born = waits || person->look;
    if (!waits)
        return;
    interrupt(clerk, person);
    ferry_proceed_line_up(clerk, person);
}

/* Somebody who waits for a profile is looked at at once; a request that failed is not hurried. */
static void join(struct ferry_clerk *clerk, struct ferry_person *person,
                 struct ferry_reason *reason)
{
    bool begun = person->look != NULL;
    bool live = ferry_person_live(person);
    if (begun)
        DL_APPEND(person->later, reason);
    else
        DL_APPEND(person->now, reason);
    if (begun || (person->place == FERRY_PERSON_WAITING && person->attempts > 0))
        return;
    if (person->place == FERRY_PERSON_READY && (live || reason->feed->bulk))
        return;
    if (person->place == FERRY_PERSON_READY)
        DL_DELETE(clerk->sides[ferry_errand_side(person->errand)].bulk, person);
    interrupt(clerk, person);
    ferry_proceed_line_up(clerk, person);
}

enum ferry_status ferry_clerk_take(struct ferry_clerk *clerk, struct ferry_reason *reason)
{
    static const enum ferry_side sources[] = {
        [FERRY_DYNAMICS_TO_CAMPAIGN] = FERRY_SIDE_DYNAMICS,
        [FERRY_CAMPAIGN_TO_DYNAMICS] = FERRY_SIDE_CAMPAIGN,
    };
    enum ferry_direction direction = clerk->options.consent->direction;
    char contact[FERRY_GUID_SIZE] = "";
    if (direction != FERRY_BOTH_WAYS && reason->change.side != sources[direction]) {
        ferry_clerk_count(clerk, FERRY_CLERK_IGNORED);
        ferry_reason_settle(reason);
        return FERRY_OK;
    }
    memcpy(contact, reason->change.contact.data, FERRY_GUID_SIZE - 1);
    struct ferry_person *person = find(clerk, contact);
    if (!person)
        person = add(clerk, contact);
    if (!person) {
        free(reason);
        return FERRY_NOMEM;
    }
    clerk->busy[!reason->feed->bulk]++;
    join(clerk, person, reason);
    return FERRY_OK;
}

void ferry_clerk_reject(struct ferry_clerk *clerk, struct ferry_reason *reason,
                        const struct ferry_error *error)
{
    clerk->busy[!reason->feed->bulk]++;
    ferry_proceed_reject(clerk, reason, error, 0, 0);
}

/* --- requests --- */

static enum ferry_status send_to_campaign(struct ferry_clerk *clerk, struct ferry_person *person,
                                          const struct ferry_optouts *values,
                                          struct ferry_error *error)
{
    const struct ferry_consent *consent = clerk->options.consent;
    struct ferry_buffer *body = &clerk->scratch;
    ferry_buffer_clear(body);
    if (values && ferry_optouts_write(consent, FERRY_SIDE_CAMPAIGN, values, body) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "no room for a write to Campaign");
    const struct ferry_campaign_request request = {.method = values ? "PATCH" : "GET",
                                                   .api = consent->api,
                                                   .resource = consent->resource,
                                                   .key = person->contact,
                                                   .body = values ? body->data : NULL,
                                                   .length = values ? body->length : 0,
                                                   .on_done = ferry_finding_answer,
                                                   .context = person};
    return ferry_campaign_send(clerk->options.campaign, &request, &person->campaign, error);
}

static enum ferry_status send_to_dynamics(struct ferry_clerk *clerk, struct ferry_person *person,
                                          const struct ferry_optouts *values,
                                          struct ferry_error *error)
{
    const struct ferry_consent *consent = clerk->options.consent;
    struct ferry_buffer body;
    ferry_buffer_init(&body, SCRATCH_BYTES);
    ferry_buffer_clear(&clerk->scratch);
    enum ferry_status status = ferry_optouts_path(consent, person->contact, &clerk->scratch);
    if (status == FERRY_OK && values)
        status = ferry_optouts_write(consent, FERRY_SIDE_DYNAMICS, values, &body);
    if (status != FERRY_OK) {
        ferry_buffer_done(&body);
        return ferry_fail(error, status, FERRY_CLASS_BUG, "no room for a request to Dynamics");
    }
    const struct ferry_dataverse_request request = {
        .method = values ? "PATCH" : "GET",
        .path = clerk->scratch.data,
        .prefer = values ? "return=representation" : NULL,
        .match = values ? person->look->views[FERRY_SIDE_DYNAMICS].etag : NULL,
        .body = values ? body.data : NULL,
        .on_done = ferry_finding_answer,
        .context = person};
    status = ferry_dataverse_send(clerk->options.dataverse, &request, &person->dataverse, error);
    ferry_buffer_done(&body);
    return status;
}

static enum ferry_status send_request(struct ferry_clerk *clerk, struct ferry_person *person,
                                      struct ferry_error *error)
{
    struct ferry_optouts values;
    bool writes = person->errand == FERRY_ERRAND_WRITE_CAMPAIGN ||
                  person->errand == FERRY_ERRAND_WRITE_DYNAMICS;
    enum ferry_side side = ferry_errand_side(person->errand);
    if (writes)
        ferry_hearing_to_write(&person->look->dossier, side, &values);
    return side == FERRY_SIDE_DYNAMICS
               ? send_to_dynamics(clerk, person, writes ? &values : NULL, error)
               : send_to_campaign(clerk, person, writes ? &values : NULL, error);
}

/* The person, who is in no queue any more, is placed. */
static void start(struct ferry_clerk *clerk, struct ferry_person *person)
{
    struct ferry_clerk_side *side = &clerk->sides[ferry_errand_side(person->errand)];
    struct ferry_error error;
    enum ferry_status status = person->look ? FERRY_OK : ferry_proceed_begin(clerk, person, &error);
    if (status == FERRY_OK)
        status = send_request(clerk, person, &error);
    if (status == FERRY_OK) {
        person->ticket = ferry_pace_send(&side->pace);
        person->place = FERRY_PERSON_SENT;
        DL_APPEND(side->sent, person);
        return;
    }
    ferry_clerk_retry(clerk, person, FERRY_CLERK_CAP_MS);
    ferry_clerk_break(clerk, &error);
}

/* --- whose turn it is --- */

static struct ferry_person *next_of(struct ferry_clerk_side *side)
{
    struct ferry_person *person = side->live ? side->live : side->bulk;
    if (!person)
        return NULL;
    if (side->live)
        DL_DELETE(side->live, person);
    else
        DL_DELETE(side->bulk, person);
    return person;
}

static void run_side(struct ferry_clerk *clerk, struct ferry_clerk_side *side, int64_t now)
{
    struct ferry_person *person;
    while (clerk->open && ferry_pace_admits(&side->pace, now) &&
           clerk->options.may_send(clerk->options.context) && (person = next_of(side)))
        start(clerk, person);
}

void ferry_clerk_run(struct ferry_clerk *clerk)
{
    if (clerk->running || !clerk->open)
        return;
    int64_t now = ferry_boot_ms();
    clerk->running = true;
    wake_due(clerk, now);
    wake_absent(clerk, now);
    for (int side = 0; side < FERRY_SIDES; side++)
        run_side(clerk, &clerk->sides[side], now);
    clerk->running = false;
    ferry_metric_set(clerk->waiting_series, (double)clerk->profileless);
    clerk->options.on_progress(clerk->options.context);
}

void ferry_clerk_committed(struct ferry_clerk *clerk)
{
    uint64_t known = clerk->added - ferry_ledger_count(clerk->options.ledger);
    struct ferry_person *person;
    while ((person = clerk->noted) && person->look->mark <= known) {
        DL_DELETE(clerk->noted, person);
        ferry_proceed_on(clerk, person);
    }
}

/* --- life --- */

static void register_series(struct ferry_clerk *clerk)
{
    char labels[64];
    for (int i = 0; i < FERRY_CLERK_COUNTS; i++) {
        snprintf(labels, sizeof labels, "fate=\"%s\"", count_names[i].name);
        clerk->series[i] =
            ferry_metric(clerk->options.metrics, FERRY_COUNTER, "ferry_writer_optouts_total",
                         "What became of reasons to look at opt-outs", labels);
    }
    for (int side = 0; side < FERRY_SIDES; side++) {
        snprintf(labels, sizeof labels, "winner=\"%s\"", side_names[side]);
        clerk->decided_series[side] = ferry_metric(clerk->options.metrics, FERRY_COUNTER,
                                                   "ferry_writer_optouts_decided_total",
                                                   "Decisions about opt-outs, by winner", labels);
        snprintf(labels, sizeof labels, "side=\"%s\"", side_names[side]);
        clerk->written_series[side] = ferry_metric(
            clerk->options.metrics, FERRY_COUNTER, "ferry_writer_optouts_written_total",
            "Opt-outs written, by the system written to", labels);
    }
    clerk->waiting_series =
        ferry_metric(clerk->options.metrics, FERRY_GAUGE, "ferry_writer_optouts_waiting",
                     "Contacts whose opt-outs wait for a profile", NULL);
}

enum ferry_status ferry_clerk_new(const struct ferry_clerk_options *options,
                                  struct ferry_clerk **ret_clerk, struct ferry_error *error)
{
    struct ferry_clerk *clerk = calloc(1, sizeof *clerk);
    if (!clerk)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    clerk->options = *options;
    ferry_buffer_init(&clerk->scratch, SCRATCH_BYTES);
    for (int i = 0; i < FERRY_SIDES; i++) {
        ferry_allowance_init(&clerk->sides[i].allowance, CONCURRENCY);
        ferry_pace_init(&clerk->sides[i].pace, CONCURRENCY);
        ferry_pace_lead(&clerk->sides[i].pace, options->pairs[i]);
    }
    ferry_topic_name(options->instance, (struct ferry_topic){FERRY_TOPIC_CONSENT, "decisions"},
                     clerk->decisions);
    ferry_topic_name(options->instance,
                     (struct ferry_topic){FERRY_TOPIC_REJECTS, options->workflow}, clerk->rejects);
    register_series(clerk);
    *ret_clerk = clerk;
    return FERRY_OK;
}

void ferry_clerk_free(struct ferry_clerk *clerk)
{
    if (!clerk)
        return;
    ferry_clerk_drop(clerk);
    for (int i = 0; i < FERRY_SIDES; i++)
        ferry_pace_leave(&clerk->sides[i].pace, clerk->options.pairs[i]);
    ferry_buffer_done(&clerk->scratch);
    free(clerk);
}

void ferry_clerk_open(struct ferry_clerk *clerk, bool open)
{
    clerk->open = open;
}

void ferry_clerk_abandon(struct ferry_clerk *clerk)
{
    for (int i = 0; i < FERRY_SIDES; i++) {
        struct ferry_clerk_side *side = &clerk->sides[i];
        struct ferry_person *person, *next;
        DL_FOREACH_SAFE (side->sent, person, next) {
            DL_DELETE(side->sent, person);
            if (i == FERRY_SIDE_DYNAMICS)
                ferry_dataverse_cancel(person->dataverse);
            else
                ferry_campaign_cancel(person->campaign);
            ferry_pace_cancel(&side->pace);
            ferry_clerk_retry(clerk, person, 0);
        }
    }
}

void ferry_clerk_drop(struct ferry_clerk *clerk)
{
    struct ferry_person *person;
    ferry_clerk_abandon(clerk);
    while ((person = clerk->people)) {
        HASH_DEL(clerk->people, person);
        ferry_person_free(person);
    }
    for (int i = 0; i < FERRY_SIDES; i++) {
        clerk->sides[i].live = NULL;
        clerk->sides[i].bulk = NULL;
    }
    clerk->waiting = NULL;
    memset(clerk->absent, 0, sizeof clerk->absent);
    clerk->noted = NULL;
    clerk->due_at = 0;
    clerk->profileless = 0;
    clerk->busy[false] = 0;
    clerk->busy[true] = 0;
}

/* --- what it looks like --- */

int ferry_clerk_in_flight(const struct ferry_clerk *clerk)
{
    return clerk->sides[FERRY_SIDE_DYNAMICS].pace.in_flight +
           clerk->sides[FERRY_SIDE_CAMPAIGN].pace.in_flight;
}

size_t ferry_clerk_busy(const struct ferry_clerk *clerk, bool live)
{
    return clerk->busy[live];
}

static json_t *by_side(const uint64_t counts[FERRY_SIDES])
{
    json_t *json = json_object();
    for (int side = 0; side < FERRY_SIDES; side++)
        json_object_set_new(json, ferry_side_name((enum ferry_side)side),
                            json_integer((json_int_t)counts[side]));
    return json;
}

json_t *ferry_clerk_counters(const struct ferry_clerk *clerk)
{
    json_t *counters = json_object();
    for (int i = 0; i < FERRY_CLERK_COUNTS; i++)
        json_object_set_new(counters, count_names[i].key,
                            json_integer((json_int_t)clerk->counts[i]));
    json_object_set_new(counters, "decided", by_side(clerk->decided));
    json_object_set_new(counters, "written", by_side(clerk->written));
    json_object_set_new(counters, "waiting", json_integer((json_int_t)clerk->profileless));
    json_object_set_new(counters, "inFlight", json_integer(ferry_clerk_in_flight(clerk)));
    return counters;
}
