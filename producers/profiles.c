#include "producers/profiles.h"

#include "core/base/clock.h"
#include "producers/profiles_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define RETRY_MS       1000
#define RETRY_CAP_MS   60000
#define RECORD_CEILING 4096 /* an id and eight names */

static const struct ferry_metric_row metrics[] = {
    {offsetof(struct ferry_profiles, records), FERRY_COUNTER, "ferry_reader_profiles_total",
     "Opt-outs of profiles committed to optouts.load and optouts.campaign."},
    {offsetof(struct ferry_profiles, pages), FERRY_COUNTER, "ferry_reader_profile_pages_total",
     "Pages of profiles read."},
    {offsetof(struct ferry_profiles, looks), FERRY_GAUGE,
     "ferry_reader_profiles_last_look_timestamp_seconds",
     "When the last look at Campaign's opt-outs that came to its end began, Unix time."},
};

/* ---- when something goes wrong ---- */

void ferry_profiles_drop(struct ferry_profiles *profiles)
{
    ferry_campaign_source_cancel(profiles->inquiry);
    profiles->inquiry = NULL;
    ferry_profilepage_done(&profiles->page);
    profiles->has_page = false;
    ferry_recall_drop(&profiles->recall);
}

void ferry_profiles_forget_round(struct ferry_profiles *profiles)
{
    profiles->began_at = 0;
    free(profiles->link);
    profiles->link = NULL;
}

void ferry_profiles_delay(struct ferry_profiles *profiles, int64_t delay_ms)
{
    profiles->delayed = true;
    ferry_alarm_set(profiles->alarm, delay_ms);
}

void ferry_profiles_retry(struct ferry_profiles *profiles, const struct ferry_error *error)
{
    int64_t delay = ferry_backoff_ms(profiles->tries++, RETRY_MS, RETRY_CAP_MS);
    int64_t patience = ferry_campaign_source_wait(profiles->options.source);
    delay = delay > patience ? delay : patience;
    ferry_profiles_delay(profiles, delay);
    profiles->options.calls->on_fault(profiles->options.context, error, ferry_wall_ms() + delay);
}

void ferry_profiles_fail(struct ferry_profiles *profiles, const struct ferry_error *error)
{
    struct ferry_error why = *error;
    ferry_profiles_drop(profiles);
    if (profiles->turn == FERRY_PROFILES_TURN_HELD && ferry_seat_begun(profiles->options.seat)) {
        profiles->turn = FERRY_PROFILES_TURN_ENDING;
        ferry_seat_abort(profiles->options.seat, &why);
        return;
    }
    if (profiles->turn != FERRY_PROFILES_TURN_NONE) {
        profiles->turn = FERRY_PROFILES_TURN_NONE;
        ferry_seat_yield(profiles->options.seat, &profiles->user);
    }
    ferry_profiles_retry(profiles, &why);
}

/* ---- what comes next ---- */

static void begin_if_idle(struct ferry_profiles *profiles)
{
    bool idle =
        profiles->turn == FERRY_PROFILES_TURN_NONE && !profiles->inquiry && !profiles->has_page;
    if (profiles->going && profiles->seated && !profiles->delayed && idle)
        ferry_profiles_ask(profiles);
}

static void on_alarm(void *context)
{
    struct ferry_profiles *profiles = context;
    profiles->delayed = false;
    begin_if_idle(profiles);
}

/* ---- what the seat says ---- */

static void report_stopped(struct ferry_profiles *profiles)
{
    profiles->stopping = false;
    profiles->options.calls->on_stopped(profiles->options.context);
}

static void on_open(void *context)
{
    struct ferry_profiles *profiles = context;
    const char *text = ferry_seat_checkpoint(profiles->options.seat, profiles->options.task);
    ferry_profilemark_done(&profiles->at);
    if (text && ferry_profilemark_parse(text, &profiles->at, &profiles->trouble) != FERRY_OK) {
        profiles->options.calls->on_seat(profiles->options.context, &profiles->trouble, 0);
        return;
    }
    /* Of an attribute that is mapped anew all that was ever said is of interest. */
    if (strcmp(profiles->at.attributes, profiles->attributes) != 0) {
        ferry_profilemark_done(&profiles->at);
        snprintf(profiles->at.attributes, sizeof profiles->at.attributes, "%s",
                 profiles->attributes);
    }
    ferry_profiles_forget_round(profiles);
    profiles->seated = true;
    profiles->options.calls->on_seat(profiles->options.context, NULL, 0);
    begin_if_idle(profiles);
}

static void on_lost(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_profiles *profiles = context;
    ferry_profiles_drop(profiles);
    profiles->seated = false;
    profiles->turn = FERRY_PROFILES_TURN_NONE;
    if (profiles->stopping)
        report_stopped(profiles);
    else
        profiles->options.calls->on_seat(profiles->options.context, error, retry_at);
}

static void on_turn(void *context)
{
    struct ferry_profiles *profiles = context;
    profiles->turn = FERRY_PROFILES_TURN_HELD;
    ferry_profiles_send(profiles);
}

static void on_room(void *context)
{
    struct ferry_profiles *profiles = context;
    if (profiles->turn == FERRY_PROFILES_TURN_HELD && profiles->has_page)
        ferry_profiles_send(profiles);
}

static enum ferry_status take_over(struct ferry_profiles *profiles)
{
    ferry_recall_keep(&profiles->recall);
    return ferry_profilemark_copy(&profiles->at, &profiles->next);
}

static void on_ended(void *context, const struct ferry_error *error)
{
    struct ferry_profiles *profiles = context;
    struct ferry_error trouble;
    profiles->turn = FERRY_PROFILES_TURN_NONE;
    if (!error && take_over(profiles) != FERRY_OK) {
        ferry_fail(&trouble, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        error = &trouble;
    }
    if (profiles->stopping) {
        report_stopped(profiles);
    } else if (error) {
        ferry_profiles_drop(profiles);
        ferry_profiles_retry(profiles, error);
    } else {
        ferry_profiles_advance(profiles);
    }
}

static const struct ferry_seat_calls seat_calls = {
    .on_open = on_open,
    .on_lost = on_lost,
    .on_turn = on_turn,
    .on_room = on_room,
    .on_ended = on_ended,
};

/* ---- life ---- */

/* Of what is read, by which names. */
static void print_hash(const struct ferry_consent *consent, char out[FERRY_PROFILEMARK_HASH_SIZE])
{
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_consent_attribute *attribute = &consent->attributes[i];
        const char *time = attribute->time ? attribute->time : "";
        if (!attribute->field)
            continue;
        XXH3_64bits_update(state, attribute->field, strlen(attribute->field) + 1);
        XXH3_64bits_update(state, time, strlen(time) + 1);
    }
    snprintf(out, FERRY_PROFILEMARK_HASH_SIZE, "%016" PRIx64,
             (uint64_t)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

enum ferry_status ferry_profiles_new(const struct ferry_profiles_options *options,
                                     struct ferry_profiles **ret_profiles,
                                     struct ferry_error *error)
{
    const char *instance = options->common->instance;
    struct ferry_profiles *profiles = calloc(1, sizeof *profiles);
    if (!profiles ||
        ferry_alarm_new(options->loop, on_alarm, profiles, &profiles->alarm) != FERRY_OK) {
        free(profiles);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    profiles->options = *options;
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_OPTOUTS, "load"}, profiles->load);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_OPTOUTS, "campaign"},
                     profiles->news);
    print_hash(options->consent, profiles->attributes);
    ferry_tracer_init(&profiles->tracer);
    ferry_buffer_init(&profiles->buffer, RECORD_CEILING);
    ferry_recall_init(&profiles->recall);
    ferry_metrics_fill(options->metrics, metrics, sizeof metrics / sizeof metrics[0], "", profiles);
    *ret_profiles = profiles; /* before the seat calls */
    ferry_seat_join(options->seat, &profiles->user, &seat_calls, profiles);
    return FERRY_OK;
}

void ferry_profiles_free(struct ferry_profiles *profiles)
{
    if (!profiles)
        return;
    ferry_profiles_drop(profiles);
    ferry_profiles_forget_round(profiles);
    ferry_seat_leave(profiles->options.seat, &profiles->user);
    ferry_alarm_free(profiles->alarm);
    ferry_recall_done(&profiles->recall);
    ferry_buffer_done(&profiles->buffer);
    ferry_profilemark_done(&profiles->at);
    ferry_profilemark_done(&profiles->next);
    free(profiles);
}

void ferry_profiles_wire(struct ferry_profiles *profiles, struct ferry_wire load,
                         struct ferry_wire news)
{
    profiles->load_wire = load;
    profiles->news_wire = news;
}

void ferry_profiles_go(struct ferry_profiles *profiles)
{
    profiles->going = true;
    begin_if_idle(profiles);
}

void ferry_profiles_stop(struct ferry_profiles *profiles)
{
    struct ferry_error why;
    profiles->going = profiles->delayed = false;
    profiles->stopping = true;
    ferry_alarm_stop(profiles->alarm);
    if (profiles->turn == FERRY_PROFILES_TURN_HELD && ferry_seat_begun(profiles->options.seat)) {
        ferry_fail(&why, FERRY_RETRY, FERRY_CLASS_NONE, "the workflow was stopped");
        profiles->turn = FERRY_PROFILES_TURN_ENDING;
        ferry_seat_abort(profiles->options.seat, &why);
    }
    if (profiles->turn == FERRY_PROFILES_TURN_ENDING)
        return;
    ferry_profiles_drop(profiles);
    profiles->turn = FERRY_PROFILES_TURN_NONE;
    ferry_seat_yield(profiles->options.seat, &profiles->user);
    report_stopped(profiles);
}

struct ferry_profiles_tally ferry_profiles_tally(const struct ferry_profiles *profiles)
{
    return profiles->tally;
}

bool ferry_profiles_loaded(const struct ferry_profiles *profiles)
{
    return profiles->at.loaded;
}

int64_t ferry_profiles_since(const struct ferry_profiles *profiles)
{
    return profiles->at.since;
}

int64_t ferry_profiles_looked_at(const struct ferry_profiles *profiles)
{
    return profiles->looked_at;
}
