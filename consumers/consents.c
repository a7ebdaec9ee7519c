#include "consumers/consents.h"

#include "consumers/clerk.h"
#include "consumers/examination.h"
#include "consumers/streams.h"

#include <stdlib.h>
#include <string.h>

#define MAX_REASONS ((size_t)4000)
#define MAX_BULK    ((size_t)500) /* of them: a first read never takes the room of others */
#define LIVE_MANY   ((size_t)32)  /* so many open live ones, and a first read stands still */

/* What is the matter with one system, as one of those who may say it does. */
struct trouble {
    struct ferry_error error;
    int64_t retry_at;
    bool set;
};

struct ferry_consents {
    struct ferry_consents_options options;
    struct ferry_consent *consent;
    struct ferry_streams *streams;
    char decisions[FERRY_TOPIC_SIZE];
    struct ferry_registration_entry schemas[FERRY_STREAMS + 1];
    struct ferry_wire wire; /* of decisions */
    struct ferry_run *run;
    struct ferry_archive *archive;
    struct ferry_clerk *clerk;
    struct ferry_examination *examination;
    struct trouble examined[FERRY_SIDES];
    struct trouble asked[FERRY_SIDES]; /* by the clerk */
    bool fits[FERRY_SIDES];            /* its metadata was compared */
    bool full;
};

/* --- troubles --- */

static void set_trouble(struct trouble *trouble, const struct ferry_error *error, int64_t retry_at)
{
    trouble->set = error != NULL;
    if (error)
        trouble->error = *error;
    trouble->retry_at = retry_at;
}

/* The first that is, or is not, for a human. */
static const struct trouble *find_trouble(const struct trouble troubles[FERRY_SIDES], bool human)
{
    for (int side = 0; side < FERRY_SIDES; side++)
        if (troubles[side].set && human == (troubles[side].error.status == FERRY_INVALID))
            return &troubles[side];
    return NULL;
}

static void tell(struct ferry_consents *consents, enum ferry_trouble which,
                 const struct trouble *trouble)
{
    ferry_run_trouble(consents->run, which, trouble ? &trouble->error : NULL,
                      trouble ? trouble->retry_at : 0);
}

/* One system's answer takes back nothing that the other said. */
static void tell_troubles(struct ferry_consents *consents)
{
    const struct trouble *remote = find_trouble(consents->asked, false);
    tell(consents, FERRY_TROUBLE_MISFIT, find_trouble(consents->examined, true));
    tell(consents, FERRY_TROUBLE_REFUSED, find_trouble(consents->asked, true));
    tell(consents, FERRY_TROUBLE_REMOTE, remote ? remote : find_trouble(consents->examined, false));
}

static void on_examined(void *context, enum ferry_side side, const struct ferry_error *error,
                        int64_t retry_at)
{
    struct ferry_consents *consents = context;
    if (!error)
        consents->fits[side] = true;
    set_trouble(&consents->examined[side], error, retry_at);
    tell_troubles(consents);
    ferry_run_changed(consents->run);
    ferry_run_poke(consents->run);
}

static void on_warning(void *context, enum ferry_side side, const struct ferry_error *error,
                       int64_t retry_at)
{
    struct ferry_consents *consents = context;
    set_trouble(&consents->asked[side], error, retry_at);
    tell_troubles(consents);
}

static void on_broken(void *context, const struct ferry_error *error)
{
    struct ferry_consents *consents = context;
    ferry_run_trouble(consents->run, FERRY_TROUBLE_BROKEN, error, 0);
}

static void on_kafka_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_consents *consents = context;
    bool broken = error->status == FERRY_NOMEM;
    ferry_run_trouble(consents->run, broken ? FERRY_TROUBLE_BROKEN : FERRY_TROUBLE_CLUSTER, error,
                      0);
}

static void run_out_of_memory(struct ferry_consents *consents)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    on_broken(consents, &error);
}

/* --- what else the parts tell --- */

static bool may_send(void *context)
{
    struct ferry_consents *consents = context;
    return ferry_run_may_send(consents->run);
}

static void on_progress(void *context)
{
    struct ferry_consents *consents = context;
    ferry_run_progress(consents->run);
}

static void on_trimmed(void *context)
{
    struct ferry_consents *consents = context;
    ferry_run_poke(consents->run);
}

static void on_urgent(void *context, const char *contact)
{
    struct ferry_consents *consents = context;
    if (ferry_clerk_recall(consents->clerk, contact) != FERRY_OK)
        run_out_of_memory(consents);
}

static void on_archive_ready(void *context)
{
    struct ferry_consents *consents = context;
    ferry_archive_visit(consents->archive);
    ferry_run_accept(consents->run);
}

/* --- partitions --- */

static void drop(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_clerk_drop(consents->clerk);
    ferry_archive_drop(consents->archive);
    ferry_streams_drop(consents->streams);
    consents->full = false;
}

static enum ferry_status assign(void *cargo, const struct ferry_group_part *parts, size_t count,
                                struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    int partitions[FERRY_DATA_PARTITIONS];
    size_t held = 0;
    drop(consents);
    enum ferry_status status =
        ferry_streams_assign(consents->streams, parts, count, partitions, &held, error);
    return status == FERRY_OK ? ferry_archive_open(consents->archive, partitions, held, error)
                              : status;
}

static enum ferry_status take(void *cargo, const rd_kafka_message_t *message)
{
    struct ferry_consents *consents = cargo;
    struct ferry_reason *reason = NULL;
    struct ferry_error error;
    struct ferry_feed *feed = ferry_streams_find(
        consents->streams, rd_kafka_topic_name(message->rkt), message->partition);
    if (!feed)
        return FERRY_OK;
    enum ferry_status status =
        ferry_feed_take(feed, message->offset, message->payload, message->len, &reason, &error);
    if (!reason)
        return status;
    if (status == FERRY_OK)
        return ferry_clerk_take(consents->clerk, reason);
    ferry_clerk_reject(consents->clerk, reason, &error);
    return FERRY_OK;
}

static void reach(void *cargo, const char *topic, int partition, int64_t offset)
{
    struct ferry_consents *consents = cargo;
    struct ferry_feed *feed = ferry_streams_find(consents->streams, topic, partition);
    if (!feed)
        return;
    ferry_window_reach(&feed->window, offset);
    feed->at_end = true;
}

static bool has_room(void *cargo)
{
    struct ferry_consents *consents = cargo;
    size_t divisor = consents->full ? 2 : 1; /* once full, only half full counts as room */
    size_t count =
        ferry_clerk_busy(consents->clerk, false) + ferry_clerk_busy(consents->clerk, true);
    consents->full = count >= MAX_REASONS / divisor;
    return !consents->full;
}

/* A few live ones that are being worked on do not stop a first read: they overtake it anyway. */
static bool has_live(const struct ferry_consents *consents)
{
    return !ferry_streams_at_end(consents->streams) ||
           ferry_clerk_busy(consents->clerk, true) > LIVE_MANY;
}

static bool takes(const void *cargo, const char *topic, int partition)
{
    const struct ferry_consents *consents = cargo;
    const struct ferry_feed *feed = ferry_streams_find(consents->streams, topic, partition);
    return !feed || !feed->bulk ||
           (!has_live(consents) && ferry_clerk_busy(consents->clerk, false) < MAX_BULK);
}

/* --- work --- */

static bool is_ready(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return ferry_streams_assigned(consents->streams) && ferry_archive_ready(consents->archive) &&
           consents->fits[FERRY_SIDE_DYNAMICS] && consents->fits[FERRY_SIDE_CAMPAIGN];
}

static void let(void *cargo, bool open)
{
    struct ferry_consents *consents = cargo;
    ferry_clerk_open(consents->clerk, open);
}

static void work(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_clerk_run(consents->clerk);
    ferry_streams_trim(consents->streams);
}

static int in_flight(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return ferry_clerk_in_flight(consents->clerk);
}

static void abandon(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_clerk_abandon(consents->clerk);
}

static bool finish(void *cargo)
{
    struct ferry_consents *consents = cargo;
    return ferry_streams_finish(consents->streams);
}

/* --- commits --- */

static rd_kafka_topic_partition_list_t *offsets_of(const void *cargo, bool all)
{
    const struct ferry_consents *consents = cargo;
    return ferry_streams_offsets(consents->streams, all);
}

static enum ferry_status commit(void *cargo, const rd_kafka_topic_partition_list_t *offsets,
                                struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    (void)error;
    ferry_streams_commit(consents->streams, offsets);
    ferry_clerk_committed(consents->clerk);
    return FERRY_OK;
}

static struct ferry_position *position(void *cargo, const char *topic, int partition)
{
    const struct ferry_consents *consents = cargo;
    struct ferry_feed *feed = ferry_streams_find(consents->streams, topic, partition);
    return feed ? &feed->position : NULL;
}

static bool has_untold(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return ferry_streams_has_untold(consents->streams);
}

/* --- what it looks like --- */

static json_t *partitions_of(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return ferry_streams_document(consents->streams);
}

static json_t *counters_of(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return consents->clerk ? ferry_clerk_counters(consents->clerk) : json_object();
}

/* --- the parts --- */

static enum ferry_status make_archive(struct ferry_consents *consents, struct ferry_error *error)
{
    const struct ferry_archive_options options = {.common = consents->options.common,
                                                  .ledger = ferry_run_ledger(consents->run),
                                                  .on_ready = on_archive_ready,
                                                  .on_trouble = on_kafka_trouble,
                                                  .on_urgent = on_urgent,
                                                  .context = consents};
    return ferry_archive_new(ferry_run_loop(consents->run), &options, &consents->archive, error);
}

static enum ferry_status make_clerk(struct ferry_consents *consents, struct ferry_error *error)
{
    const struct ferry_clerk_options options = {.instance = consents->options.common->instance,
                                                .workflow = ferry_run_workflow(consents->run),
                                                .consent = consents->consent,
                                                .campaign = consents->options.campaign,
                                                .dataverse = consents->options.dataverse,
                                                .pairs = consents->options.pairs,
                                                .archive = consents->archive,
                                                .ledger = ferry_run_ledger(consents->run),
                                                .wire = &consents->wire,
                                                .metrics = consents->options.metrics,
                                                .retry_ms = consents->options.retry_ms,
                                                .may_send = may_send,
                                                .on_progress = on_progress,
                                                .on_warning = on_warning,
                                                .on_broken = on_broken,
                                                .context = consents};
    return ferry_clerk_new(&options, &consents->clerk, error);
}

static enum ferry_status make_examination(struct ferry_consents *consents,
                                          struct ferry_error *error)
{
    const struct ferry_examination_options options = {.consent = consents->consent,
                                                      .campaign = consents->options.campaign,
                                                      .dataverse = consents->options.dataverse,
                                                      .retry_ms = consents->options.retry_ms,
                                                      .on_result = on_examined,
                                                      .context = consents};
    return ferry_examination_new(ferry_run_loop(consents->run), &options, &consents->examination,
                                 error);
}

static void close_parts(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_examination_free(consents->examination);
    ferry_clerk_free(consents->clerk);
    ferry_archive_free(consents->archive);
    consents->examination = NULL;
    consents->clerk = NULL;
    consents->archive = NULL;
    ferry_streams_close(consents->streams);
}

static enum ferry_status open_parts(void *cargo, struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    consents->run = run;
    enum ferry_status status = make_archive(consents, error);
    if (status == FERRY_OK)
        status = make_clerk(consents, error);
    if (status == FERRY_OK)
        status =
            ferry_streams_open(consents->streams, ferry_run_loop(run), on_trimmed, consents, error);
    if (status == FERRY_OK)
        status = make_examination(consents, error);
    if (status != FERRY_OK)
        close_parts(consents);
    return status;
}

/* --- life --- */

static const char *const *topics_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_consents *consents = cargo;
    *ret_count = FERRY_STREAMS;
    return ferry_streams_topics(consents->streams);
}

static const struct ferry_registration_entry *schemas_of(const void *cargo, size_t *ret_count)
{
    const struct ferry_consents *consents = cargo;
    *ret_count = sizeof consents->schemas / sizeof consents->schemas[0];
    return consents->schemas;
}

static void free_consents(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_streams_free(consents->streams);
    ferry_consent_free(consents->consent);
    free(consents);
}

static void name_schemas(struct ferry_consents *consents)
{
    const char *const *topics = ferry_streams_topics(consents->streams);
    for (int log = 0; log < FERRY_STREAMS; log++)
        consents->schemas[log] =
            (struct ferry_registration_entry){topics[log], FERRY_SCHEMA_OPTOUT, NULL};
    ferry_topic_name(consents->options.common->instance,
                     (struct ferry_topic){FERRY_TOPIC_CONSENT, "decisions"}, consents->decisions);
    consents->schemas[FERRY_STREAMS] = (struct ferry_registration_entry){
        consents->decisions, FERRY_SCHEMA_DECISION, &consents->wire};
}

enum ferry_status ferry_consents_new(const struct ferry_consents_options *options, json_t *opt_outs,
                                     struct ferry_consents **ret_consents,
                                     struct ferry_error *error)
{
    struct ferry_consents *consents = calloc(1, sizeof *consents);
    if (!consents)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    consents->options = *options;
    enum ferry_status status = opt_outs ? ferry_consent_new(opt_outs, &consents->consent, error)
                                        : ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                                                     "the run order has no optOuts");
    if (status == FERRY_OK)
        status = ferry_streams_new(options->common, &consents->streams, error);
    if (status != FERRY_OK) {
        free_consents(consents);
        return status;
    }
    name_schemas(consents);
    *ret_consents = consents;
    return FERRY_OK;
}

void ferry_consents_born(struct ferry_consents *consents, const char *table, const char *resource,
                         const char *key)
{
    if (consents->clerk && strcmp(consents->consent->table, table) == 0 &&
        strcmp(consents->consent->resource, resource) == 0)
        ferry_clerk_born(consents->clerk, key);
}

const struct ferry_cargo ferry_consents_cargo = {
    .open = open_parts,
    .close = close_parts,
    .free = free_consents,
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
    .partitions = partitions_of,
    .counters = counters_of,
};
