#include "consumers/activities.h"

#include "consumers/poster.h"
#include "consumers/skein.h"
#include "consumers/survey.h"
#include "consumers/trim.h"
#include "core/base/clock.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>

/* What is the matter, as one of those who may say it does. */
struct trouble {
    struct ferry_error error;
    int64_t retry_at;
    bool set;
};

struct ferry_activities {
    struct ferry_activities_options options;
    struct ferry_events *events;
    struct ferry_desk desks[FERRY_EVENT_KINDS];
    struct trouble surveyed[FERRY_EVENT_KINDS]; /* by the survey of each desk */
    struct trouble posted;                      /* by the poster */
    char topic[FERRY_TOPIC_SIZE];
    const char *topics[1];
    struct ferry_registration_entry schema;
    struct ferry_run *run;
    struct ferry_survey *survey;
    struct ferry_poster *poster;
    struct ferry_trim *trim;
    struct ferry_skein skein;
    bool ended; /* the last deletion was asked for */
};

/* --- troubles --- */

static void set_trouble(struct trouble *trouble, const struct ferry_error *error, int64_t retry_at)
{
    trouble->set = error != NULL;
    if (error)
        trouble->error = *error;
    trouble->retry_at = retry_at;
}

/* The first desk's that is, or is not, for a human. */
static const struct trouble *find_surveyed(const struct ferry_activities *activities, bool human)
{
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++) {
        const struct trouble *trouble = &activities->surveyed[kind];
        if (trouble->set && human == (trouble->error.status == FERRY_INVALID))
            return trouble;
    }
    return NULL;
}

static void tell(struct ferry_activities *activities, enum ferry_trouble which,
                 const struct trouble *trouble)
{
    ferry_run_trouble(activities->run, which, trouble ? &trouble->error : NULL,
                      trouble ? trouble->retry_at : 0);
}

/* One desk's answer, or a batch that went through, takes back nothing that another said. */
static void tell_troubles(struct ferry_activities *activities)
{
    const struct trouble *posted = activities->posted.set ? &activities->posted : NULL;
    bool human = posted && posted->error.status == FERRY_INVALID;
    const struct trouble *remote = human ? NULL : posted;
    tell(activities, FERRY_TROUBLE_MISFIT, find_surveyed(activities, true));
    tell(activities, FERRY_TROUBLE_REFUSED, human ? posted : NULL);
    tell(activities, FERRY_TROUBLE_REMOTE, remote ? remote : find_surveyed(activities, false));
}

/* --- the destination's metadata --- */

static const struct ferry_error *standing(const struct ferry_activities *activities)
{
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        if (activities->desks[kind].stopped)
            return &activities->desks[kind].why;
    return NULL;
}

static void take_result(struct ferry_desk *desk, const struct ferry_error *error)
{
    bool human = error && error->status == FERRY_INVALID;
    bool schema =
        human && (error->class == FERRY_CLASS_SCHEMA || error->class == FERRY_CLASS_MAPPING);
    /* While there is no answer, a doubt stays a doubt. */
    if (!error || human)
        desk->doubted = false;
    if (!error)
        ferry_desk_clear(desk, ferry_boot_ms());
    if (!error || schema) {
        desk->inspected = true;
        desk->stopped = schema;
    }
    if (human)
        desk->why = *error;
}

static void on_surveyed(void *context, struct ferry_desk *desk, const struct ferry_error *error,
                        int64_t retry_at)
{
    struct ferry_activities *activities = context;
    take_result(desk, error);
    bool answered = !error || error->status == FERRY_INVALID;
    /* Without an answer it stands as it stood. */
    if (answered || !desk->stopped)
        set_trouble(&activities->surveyed[desk->kind], error, retry_at);
    tell_troubles(activities);
    ferry_run_changed(activities->run);
    ferry_run_poke(activities->run);
}

static void on_doubt(void *context, struct ferry_desk *desk)
{
    struct ferry_activities *activities = context;
    desk->doubted = true;
    ferry_survey_repeat(activities->survey, desk);
}

static void on_misfit(void *context, struct ferry_desk *desk, const struct ferry_error *error)
{
    struct ferry_activities *activities = context;
    desk->stopped = true;
    desk->why = *error;
    set_trouble(&activities->surveyed[desk->kind], error, 0);
    tell_troubles(activities);
    ferry_survey_postpone(activities->survey, desk);
}

/* --- what else the parts tell --- */

static void on_warning(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_activities *activities = context;
    set_trouble(&activities->posted, error, retry_at);
    tell_troubles(activities);
}

static void on_broken(void *context, const struct ferry_error *error)
{
    struct ferry_activities *activities = context;
    ferry_run_trouble(activities->run, FERRY_TROUBLE_BROKEN, error, 0);
}

static bool may_send(void *context)
{
    struct ferry_activities *activities = context;
    return ferry_run_may_send(activities->run);
}

static void on_trimmed(void *context)
{
    struct ferry_activities *activities = context;
    ferry_run_poke(activities->run);
}

/* --- partitions --- */

static void drop(void *cargo)
{
    struct ferry_activities *activities = cargo;
    ferry_poster_drop(activities->poster);
    ferry_skein_drop(&activities->skein);
    ferry_trim_forget(activities->trim);
}

static enum ferry_status assign(void *cargo, const struct ferry_group_part *parts, size_t count,
                                struct ferry_error *error)
{
    struct ferry_activities *activities = cargo;
    drop(activities);
    if (ferry_skein_open(&activities->skein, parts, count) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_run_accept(activities->run);
    return FERRY_OK;
}

static enum ferry_status take(void *cargo, const rd_kafka_message_t *message)
{
    struct ferry_activities *activities = cargo;
    struct ferry_strand *strand =
        ferry_skein_find(&activities->skein, rd_kafka_topic_name(message->rkt), message->partition);
    if (!strand)
        return FERRY_OK;
    strand->at_end = false;
    return ferry_strand_take(strand, message->offset, message->payload, message->len);
}

static void reach(void *cargo, const char *topic, int partition, int64_t offset)
{
    struct ferry_activities *activities = cargo;
    struct ferry_strand *strand = ferry_skein_find(&activities->skein, topic, partition);
    if (!strand)
        return;
    ferry_window_reach(&strand->window, offset);
    strand->at_end = true;
}

static bool has_room(void *cargo)
{
    struct ferry_activities *activities = cargo;
    return ferry_skein_has_room(&activities->skein);
}

static bool takes(const void *cargo, const char *topic, int partition)
{
    const struct ferry_activities *activities = cargo;
    return !standing(activities) && ferry_skein_takes(&activities->skein, topic, partition);
}

/* --- work --- */

static struct ferry_letter *next_letter(void *context, int64_t now)
{
    struct ferry_activities *activities = context;
    return ferry_skein_next(&activities->skein, now);
}

/* A run makes its next step when it likes; but whoever is full is read for as soon as he is not. */
static void on_progress(void *context)
{
    struct ferry_activities *activities = context;
    ferry_run_progress(activities->run);
    if (activities->skein.full && ferry_skein_has_room(&activities->skein))
        ferry_run_poke(activities->run);
}

static bool expects(void *context)
{
    const struct ferry_activities *activities = context;
    return ferry_skein_expects(&activities->skein);
}

static bool is_ready(const void *cargo)
{
    const struct ferry_activities *activities = cargo;
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        if (!activities->desks[kind].inspected)
            return false;
    return activities->skein.open;
}

static void let(void *cargo, bool open)
{
    struct ferry_activities *activities = cargo;
    ferry_poster_open(activities->poster, open);
}

static void work(void *cargo)
{
    struct ferry_activities *activities = cargo;
    ferry_trim_look(activities->trim, false);
}

static int in_flight(const void *cargo)
{
    const struct ferry_activities *activities = cargo;
    return ferry_poster_in_flight(activities->poster);
}

static void abandon(void *cargo)
{
    struct ferry_activities *activities = cargo;
    ferry_poster_drop(activities->poster);
}

static bool finish(void *cargo)
{
    struct ferry_activities *activities = cargo;
    if (ferry_trim_busy(activities->trim))
        return false;
    if (!activities->ended)
        ferry_trim_look(activities->trim, true);
    activities->ended = true;
    return !ferry_trim_busy(activities->trim);
}

/* --- commits --- */

static rd_kafka_topic_partition_list_t *offsets_of(const void *cargo, bool all)
{
    const struct ferry_activities *activities = cargo;
    return ferry_skein_offsets(&activities->skein, all);
}

static enum ferry_status commit(void *cargo, const rd_kafka_topic_partition_list_t *offsets,
                                struct ferry_error *error)
{
    struct ferry_activities *activities = cargo;
    (void)error;
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        if (ferry_skein_commit(&activities->skein, part))
            ferry_trim_note(activities->trim, part->partition, part->offset);
    }
    return FERRY_OK;
}

static struct ferry_position *position(void *cargo, const char *topic, int partition)
{
    struct ferry_activities *activities = cargo;
    struct ferry_strand *strand = ferry_skein_find(&activities->skein, topic, partition);
    return strand ? &strand->position : NULL;
}

static bool has_untold(const void *cargo)
{
    const struct ferry_activities *activities = cargo;
    return ferry_skein_has_untold(&activities->skein);
}

/* --- what it looks like --- */

static json_t *partitions(const void *cargo)
{
    const struct ferry_activities *activities = cargo;
    json_t *document = json_object();
    if (activities->skein.open)
        json_object_set_new(document, FERRY_TOPIC_EMAIL, ferry_skein_list(&activities->skein));
    return document;
}

static json_t *counters_of(const void *cargo)
{
    const struct ferry_activities *activities = cargo;
    uint64_t sums[FERRY_EVENT_FATES] = {0};
    json_t *counters = json_object();
    json_t *written = json_object();
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++) {
        const struct ferry_desk *desk = &activities->desks[kind];
        json_object_set_new(written, ferry_event_kind_name(desk->kind),
                            json_integer((json_int_t)desk->counts[FERRY_EVENT_WRITTEN]));
        for (int fate = 0; fate < FERRY_EVENT_FATES; fate++)
            sums[fate] += desk->counts[fate];
    }
    json_object_set_new(counters, "written", written);
    json_object_set_new(counters, "repeated", json_integer((json_int_t)sums[FERRY_EVENT_REPEATED]));
    json_object_set_new(counters, "rejected", json_integer((json_int_t)sums[FERRY_EVENT_REJECTED]));
    json_object_set_new(counters, "switchedOff",
                        json_integer((json_int_t)sums[FERRY_EVENT_LEFT_OUT]));
    if (activities->poster)
        ferry_poster_count(activities->poster, counters);
    return counters;
}

/* --- the parts --- */

static enum ferry_status make_survey(struct ferry_activities *activities, struct ferry_error *error)
{
    const struct ferry_survey_options options = {.dataverse = activities->options.dataverse,
                                                 .desks = activities->desks,
                                                 .retry_ms = activities->options.retry_ms,
                                                 .on_result = on_surveyed,
                                                 .context = activities};
    return ferry_survey_new(ferry_run_loop(activities->run), &options, &activities->survey, error);
}

static enum ferry_status make_poster(struct ferry_activities *activities, struct ferry_error *error)
{
    const struct ferry_poster_options options = {.instance = activities->options.common->instance,
                                                 .workflow = ferry_run_workflow(activities->run),
                                                 .dataverse = activities->options.dataverse,
                                                 .events = activities->events,
                                                 .desks = activities->desks,
                                                 .ledger = ferry_run_ledger(activities->run),
                                                 .metrics = activities->options.metrics,
                                                 .concurrency = activities->options.concurrency,
                                                 .pair = activities->options.pair,
                                                 .batch_size = activities->options.batch_size,
                                                 .retry_ms = activities->options.retry_ms,
                                                 .next = next_letter,
                                                 .expects = expects,
                                                 .may_send = may_send,
                                                 .on_progress = on_progress,
                                                 .on_warning = on_warning,
                                                 .on_doubt = on_doubt,
                                                 .on_misfit = on_misfit,
                                                 .on_broken = on_broken,
                                                 .context = activities};
    return ferry_poster_new(ferry_run_loop(activities->run), &options, &activities->poster, error);
}

static enum ferry_status make_trim(struct ferry_activities *activities, struct ferry_error *error)
{
    const struct ferry_trim_options options = {.loop = ferry_run_loop(activities->run),
                                               .common = activities->options.common,
                                               .topic = activities->topic,
                                               .on_done = on_trimmed,
                                               .context = activities};
    return ferry_trim_new(&options, &activities->trim, error);
}

static void close_parts(void *cargo)
{
    struct ferry_activities *activities = cargo;
    ferry_survey_free(activities->survey);
    ferry_poster_free(activities->poster);
    ferry_trim_free(activities->trim);
    activities->survey = NULL;
    activities->poster = NULL;
    activities->trim = NULL;
    ferry_skein_drop(&activities->skein);
}

static enum ferry_status open_parts(void *cargo, struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_activities *activities = cargo;
    activities->run = run;
    enum ferry_status status = make_poster(activities, error);
    if (status == FERRY_OK)
        status = make_trim(activities, error);
    if (status == FERRY_OK)
        status = make_survey(activities, error);
    if (status != FERRY_OK)
        close_parts(activities);
    return status;
}

/* --- life --- */

static const char *const *topics_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_activities *activities = cargo;
    *ret_count = 1;
    return activities->topics;
}

static const struct ferry_registration_entry *schemas_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_activities *activities = cargo;
    *ret_count = 1;
    return &activities->schema;
}

static void free_activities(void *cargo)
{
    struct ferry_activities *activities = cargo;
    ferry_events_free(activities->events);
    free(activities);
}

enum ferry_status ferry_activities_new(const struct ferry_activities_options *options,
                                       json_t *events, struct ferry_activities **ret_activities,
                                       struct ferry_error *error)
{
    struct ferry_activities *activities = calloc(1, sizeof *activities);
    if (!activities)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    activities->options = *options;
    enum ferry_status status =
        events ? ferry_events_new(events, &activities->events, error)
               : ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "the run order has no events");
    if (status != FERRY_OK) {
        free(activities);
        return status;
    }
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        ferry_desk_init(&activities->desks[kind], activities->events, (enum ferry_event_kind)kind,
                        options->metrics);
    ferry_topic_name(options->common->instance,
                     (struct ferry_topic){FERRY_TOPIC_EVENTS, FERRY_TOPIC_EMAIL},
                     activities->topic);
    activities->topics[0] = activities->topic;
    activities->skein.topic = activities->topic;
    activities->schema =
        (struct ferry_registration_entry){activities->topic, FERRY_SCHEMA_EVENT, NULL};
    *ret_activities = activities;
    return FERRY_OK;
}

const struct ferry_cargo ferry_activities_cargo = {
    .open = open_parts,
    .close = close_parts,
    .free = free_activities,
    .topics = topics_of,
    .schemas = schemas_of,
    .assign = assign,
    .drop = drop,
    .take = take,
    .reach = reach,
    .has_room = has_room,
    .takes = takes,
    .ready = is_ready,
    .let = let,
    .work = work,
    .in_flight = in_flight,
    .abandon = abandon,
    .finish = finish,
    .offsets = offsets_of,
    .commit = commit,
    .position = position,
    .has_untold = has_untold,
    .partitions = partitions,
    .counters = counters_of,
};
