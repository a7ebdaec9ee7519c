#include "consumers/consents.h"

#include "consumers/clerk.h"
#include "consumers/examination.h"
#include "consumers/stamp.h"
#include "consumers/trim.h"
#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"
#include "core/record/guid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define MAX_REASONS ((size_t)4000)
#define MAX_BULK    ((size_t)500) /* of them: a first read never takes the room of others */
#define LIVE_MANY   ((size_t)32)  /* so many open live ones, and a first read stands still */

/* The topics of changes, in the order of ADR 5. */
enum log { LOG_DYNAMICS, LOG_CAMPAIGN, LOG_LOAD };
#define LOGS ((int)LOG_LOAD + 1)

static const struct {
    const char *suffix;
    const char *name; /* of the topic, without the instance */
    bool bulk;
} logs[] = {
    [LOG_DYNAMICS] = {"dynamics", "optouts.dynamics", false},
    [LOG_CAMPAIGN] = {"campaign", "optouts.campaign", false},
    [LOG_LOAD] = {"load", "optouts.load", true},
};

/* What is the matter with one system, as one of those who may say it does. */
struct trouble {
    struct ferry_error error;
    int64_t retry_at;
    bool set;
};

struct ferry_consents {
    struct ferry_consents_options options;
    struct ferry_consent *consent;
    char topics[LOGS][FERRY_TOPIC_SIZE];
    const char *topic_names[LOGS];
    char decisions[FERRY_TOPIC_SIZE];
    struct ferry_registration_entry schemas[LOGS + 1];
    struct ferry_wire wire; /* of decisions */
    struct ferry_run *run;
    struct ferry_archive *archive;
    struct ferry_clerk *clerk;
    struct ferry_examination *examination;
    struct ferry_trim *trims[LOGS];
    struct ferry_feed *feeds; /* utlist */
    struct trouble examined[FERRY_SIDES];
    struct trouble asked[FERRY_SIDES]; /* by the clerk */
    bool fits[FERRY_SIDES];            /* its metadata was compared */
    bool assigned;
    bool full;
    bool ended; /* the last deletions were asked for */
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

static int find_log(const struct ferry_consents *consents, const char *topic)
{
    int log = 0;
    while (log < LOGS && strcmp(consents->topics[log], topic) != 0)
        log++;
    return log;
}

static struct ferry_feed *find_feed(const struct ferry_consents *consents, const char *topic,
                                    int partition)
{
    struct ferry_feed *feed;
    DL_FOREACH (consents->feeds, feed)
        if (feed->partition == partition && strcmp(feed->topic, topic) == 0)
            return feed;
    return NULL;
}

static void forget_feeds(struct ferry_consents *consents)
{
    struct ferry_feed *feed, *next;
    DL_FOREACH_SAFE (consents->feeds, feed, next)
        ferry_feed_free(feed);
    consents->feeds = NULL;
    consents->assigned = false;
    consents->full = false;
}

static void drop(void *cargo)
{
    struct ferry_consents *consents = cargo;
    ferry_clerk_drop(consents->clerk);
    ferry_archive_drop(consents->archive);
    forget_feeds(consents);
    for (int log = 0; log < LOGS; log++)
        ferry_trim_forget(consents->trims[log]);
}

static enum ferry_status add_feeds(struct ferry_consents *consents,
                                   const struct ferry_group_part *parts, size_t count,
                                   struct ferry_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int log = find_log(consents, parts[i].topic);
        if (log == LOGS)
            continue;
        struct ferry_feed *feed =
            ferry_feed_new(consents->topics[log], logs[log].name, logs[log].bulk, &parts[i]);
        if (!feed)
            return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        DL_APPEND(consents->feeds, feed);
    }
    return FERRY_OK;
}

/* A person has one lane for all topics, so all of his partitions belong to one writer: the range
 * assignor gives them so, as long as every member of the group subscribes to the same topics. */
static enum ferry_status check_parts(const struct ferry_consents *consents,
                                     int partitions[FERRY_DATA_PARTITIONS], size_t *ret_count,
                                     struct ferry_error *error)
{
    *ret_count = 0;
    for (int partition = 0; partition < FERRY_DATA_PARTITIONS; partition++) {
        int held = 0;
        for (int log = 0; log < LOGS; log++)
            held += find_feed(consents, consents->topics[log], partition) != NULL;
        if (held != 0 && held != LOGS) {
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                       "Kafka gave this writer partition %d of %d of the %d topics of opt-outs: "
                       "they must belong to one writer",
                       partition, held, LOGS);
            ferry_advise(error, "see that kafka.partition.assignment.strategy is \"range\", and "
                                "that no foreign client is a member of the group");
            return FERRY_INVALID;
        }
        if (held == LOGS)
            partitions[(*ret_count)++] = partition;
    }
    return FERRY_OK;
}

static enum ferry_status assign(void *cargo, const struct ferry_group_part *parts, size_t count,
                                struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    int partitions[FERRY_DATA_PARTITIONS];
    size_t held = 0;
    drop(consents);
    enum ferry_status status = add_feeds(consents, parts, count, error);
    if (status == FERRY_OK)
        status = check_parts(consents, partitions, &held, error);
    if (status != FERRY_OK)
        return status;
    consents->assigned = true;
    return ferry_archive_open(consents->archive, partitions, held, error);
}

/* In lower case, as it is a key; and where its lane is. */
static enum ferry_status check_contact(struct ferry_reason *reason, struct ferry_error *error)
{
    struct ferry_slice contact = reason->change.contact;
    if (!ferry_guid_valid(contact.data, contact.length))
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the contact of the opt-outs is no GUID");
    for (size_t i = 0; i < contact.length; i++)
        if (isupper((unsigned char)contact.data[i]))
            return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                              "the contact of the opt-outs is not in lower case");
    if (ferry_kafka_partition(contact.data, contact.length, FERRY_DATA_PARTITIONS) !=
        reason->feed->partition)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the opt-outs are not in the partition of their contact");
    return FERRY_OK;
}

static enum ferry_status take(void *cargo, const rd_kafka_message_t *message)
{
    struct ferry_consents *consents = cargo;
    struct ferry_reason *reason = NULL;
    struct ferry_error error;
    struct ferry_feed *feed =
        find_feed(consents, rd_kafka_topic_name(message->rkt), message->partition);
    if (!feed)
        return FERRY_OK;
    enum ferry_status status =
        ferry_feed_take(feed, message->offset, message->payload, message->len, &reason, &error);
    if (!reason)
        return status;
    if (status == FERRY_OK)
        status = check_contact(reason, &error);
    if (status == FERRY_OK)
        return ferry_clerk_take(consents->clerk, reason);
    ferry_clerk_reject(consents->clerk, reason, &error);
    return FERRY_OK;
}

static void reach(void *cargo, const char *topic, int partition, int64_t offset)
{
    struct ferry_feed *feed = find_feed(cargo, topic, partition);
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
    const struct ferry_feed *feed;
    bool at_end = true;
    DL_FOREACH (consents->feeds, feed)
        at_end = at_end && (feed->bulk || feed->at_end);
    return !at_end || ferry_clerk_busy(consents->clerk, true) > LIVE_MANY;
}

static bool takes(const void *cargo, const char *topic, int partition)
{
    const struct ferry_consents *consents = cargo;
    const struct ferry_feed *feed = find_feed(consents, topic, partition);
    return !feed || !feed->bulk ||
           (!has_live(consents) && ferry_clerk_busy(consents->clerk, false) < MAX_BULK);
}

/* --- work --- */

static bool is_ready(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    return consents->assigned && ferry_archive_ready(consents->archive) &&
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
    for (int log = 0; log < LOGS; log++)
        ferry_trim_look(consents->trims[log], false);
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

static bool is_trimming(const struct ferry_consents *consents)
{
    for (int log = 0; log < LOGS; log++)
        if (ferry_trim_busy(consents->trims[log]))
            return true;
    return false;
}

static bool finish(void *cargo)
{
    struct ferry_consents *consents = cargo;
    if (is_trimming(consents))
        return false;
    for (int log = 0; log < LOGS && !consents->ended; log++)
        ferry_trim_look(consents->trims[log], true);
    consents->ended = true;
    return !is_trimming(consents);
}

/* --- commits --- */

static bool has_news(const struct ferry_consents *consents)
{
    const struct ferry_feed *feed;
    DL_FOREACH (consents->feeds, feed)
        if (ferry_window_prefix(&feed->window) > feed->window.committed)
            return true;
    return false;
}

/* Those that stand still go with the others: a partition without an offset looks like a backlog. */
static rd_kafka_topic_partition_list_t *offsets_of(const void *cargo, bool all)
{
    const struct ferry_consents *consents = cargo;
    rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_topic_partition_list_new(LOGS * FERRY_DATA_PARTITIONS);
    const struct ferry_feed *feed;
    uint64_t stamp = ferry_stamp_new();
    if (!all && !has_news(consents))
        return offsets;
    DL_FOREACH (consents->feeds, feed) {
        rd_kafka_topic_partition_t *offset =
            rd_kafka_topic_partition_list_add(offsets, feed->topic, feed->partition);
        offset->offset = ferry_window_prefix(&feed->window);
        ferry_stamp_put(offset, stamp);
    }
    return offsets;
}

static enum ferry_status commit(void *cargo, const rd_kafka_topic_partition_list_t *offsets,
                                struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    (void)error;
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        struct ferry_feed *feed = find_feed(consents, part->topic, part->partition);
        if (!feed || part->offset < feed->window.committed)
            continue;
        ferry_window_commit(&feed->window, part->offset);
        ferry_trim_note(consents->trims[find_log(consents, part->topic)], part->partition,
                        part->offset);
    }
    ferry_clerk_committed(consents->clerk);
    return FERRY_OK;
}

static struct ferry_position *position(void *cargo, const char *topic, int partition)
{
    struct ferry_feed *feed = find_feed(cargo, topic, partition);
    return feed ? &feed->position : NULL;
}

static bool has_untold(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    const struct ferry_feed *feed;
    DL_FOREACH (consents->feeds, feed)
        if (feed->position.told != ferry_window_prefix(&feed->window))
            return true;
    return false;
}

/* --- what it looks like --- */

static json_t *partitions_of(const void *cargo)
{
    const struct ferry_consents *consents = cargo;
    const struct ferry_feed *feed;
    json_t *document = json_object();
    if (!consents->assigned)
        return document;
    for (int log = 0; log < LOGS; log++) {
        json_t *list = json_array();
        DL_FOREACH (consents->feeds, feed)
            if (feed->topic == consents->topics[log])
                json_array_append_new(list, json_integer(feed->partition));
        json_object_set_new(document, logs[log].suffix, list);
    }
    return document;
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

static enum ferry_status make_trims(struct ferry_consents *consents, struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (int log = 0; status == FERRY_OK && log < LOGS; log++) {
        const struct ferry_trim_options options = {.loop = ferry_run_loop(consents->run),
                                                   .common = consents->options.common,
                                                   .topic = consents->topics[log],
                                                   .on_done = on_trimmed,
                                                   .context = consents};
        status = ferry_trim_new(&options, &consents->trims[log], error);
    }
    return status;
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
    for (int log = 0; log < LOGS; log++) {
        ferry_trim_free(consents->trims[log]);
        consents->trims[log] = NULL;
    }
    forget_feeds(consents);
}

static enum ferry_status open_parts(void *cargo, struct ferry_run *run, struct ferry_error *error)
{
    struct ferry_consents *consents = cargo;
    consents->run = run;
    enum ferry_status status = make_archive(consents, error);
    if (status == FERRY_OK)
        status = make_clerk(consents, error);
    if (status == FERRY_OK)
        status = make_trims(consents, error);
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
    *ret_count = (size_t)LOGS;
    return consents->topic_names;
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
    ferry_consent_free(consents->consent);
    free(consents);
}

static void name_topics(struct ferry_consents *consents)
{
    const char *instance = consents->options.common->instance;
    for (int log = 0; log < LOGS; log++) {
        ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_OPTOUTS, logs[log].suffix},
                         consents->topics[log]);
        consents->topic_names[log] = consents->topics[log];
        consents->schemas[log] =
            (struct ferry_registration_entry){consents->topics[log], FERRY_SCHEMA_OPTOUT, NULL};
    }
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_CONSENT, "decisions"},
                     consents->decisions);
    consents->schemas[LOGS] = (struct ferry_registration_entry){
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
    if (status != FERRY_OK) {
        free(consents);
        return status;
    }
    name_topics(consents);
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
