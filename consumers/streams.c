#include "consumers/streams.h"

#include "consumers/stamp.h"
#include "consumers/trim.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* In the order of ADR 5. */
static const struct {
    const char *suffix;
    const char *name; /* of the topic, without the instance */
    bool bulk;
} logs[FERRY_STREAMS] = {
    {"dynamics", "optouts.dynamics", false},
    {"campaign", "optouts.campaign", false},
    {"load", "optouts.load", true},
};

struct ferry_streams {
    const struct ferry_common *common;
    char names[FERRY_STREAMS][FERRY_TOPIC_SIZE];
    const char *topics[FERRY_STREAMS];
    struct ferry_trim *trims[FERRY_STREAMS]; /* NULL: not open */
    struct ferry_feed *feeds;                /* utlist */
    bool assigned;
    bool ended; /* the last deletions were asked for */
};

/* --- partitions --- */

static int find_log(const struct ferry_streams *streams, const char *topic)
{
    int log = 0;
    while (log < FERRY_STREAMS && strcmp(streams->topics[log], topic) != 0)
        log++;
    return log;
}

struct ferry_feed *ferry_streams_find(const struct ferry_streams *streams, const char *topic,
                                      int partition)
{
    struct ferry_feed *feed;
    DL_FOREACH (streams->feeds, feed)
        if (feed->partition == partition && strcmp(feed->topic, topic) == 0)
            return feed;
    return NULL;
}

static void forget_feeds(struct ferry_streams *streams)
{
    struct ferry_feed *feed, *next;
    DL_FOREACH_SAFE (streams->feeds, feed, next)
        ferry_feed_free(feed);
    streams->feeds = NULL;
    streams->assigned = false;
}

void ferry_streams_drop(struct ferry_streams *streams)
{
    forget_feeds(streams);
    for (int log = 0; log < FERRY_STREAMS; log++)
        ferry_trim_forget(streams->trims[log]);
}

static enum ferry_status add_feeds(struct ferry_streams *streams,
                                   const struct ferry_group_part *parts, size_t count,
                                   struct ferry_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int log = find_log(streams, parts[i].topic);
        if (log == FERRY_STREAMS)
            continue;
        struct ferry_feed *feed =
            ferry_feed_new(streams->topics[log], logs[log].name, logs[log].bulk, &parts[i]);
        if (!feed)
            return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        DL_APPEND(streams->feeds, feed);
    }
    return FERRY_OK;
}

/* A person has one lane for all topics, so all of his partitions belong to one writer: the range
 * assignor gives them so, as long as every member of the group subscribes to the same topics. */
static enum ferry_status check_parts(const struct ferry_streams *streams,
                                     int ret_partitions[FERRY_DATA_PARTITIONS], size_t *ret_count,
                                     struct ferry_error *error)
{
    *ret_count = 0;
    for (int partition = 0; partition < FERRY_DATA_PARTITIONS; partition++) {
        int held = 0;
        for (int log = 0; log < FERRY_STREAMS; log++)
            held += ferry_streams_find(streams, streams->topics[log], partition) != NULL;
        if (held != 0 && held != FERRY_STREAMS) {
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                       "Kafka gave this writer partition %d of %d of the %d topics of opt-outs: "
                       "they must belong to one writer",
                       partition, held, FERRY_STREAMS);
            ferry_advise(error, "see that kafka.partition.assignment.strategy is \"range\", and "
                                "that no foreign client is a member of the group");
            return FERRY_INVALID;
        }
        if (held == FERRY_STREAMS)
            ret_partitions[(*ret_count)++] = partition;
    }
    return FERRY_OK;
}

enum ferry_status ferry_streams_assign(struct ferry_streams *streams,
                                       const struct ferry_group_part *parts, size_t count,
                                       int ret_partitions[FERRY_DATA_PARTITIONS], size_t *ret_count,
                                       struct ferry_error *error)
{
    ferry_streams_drop(streams);
    enum ferry_status status = add_feeds(streams, parts, count, error);
    if (status == FERRY_OK)
        status = check_parts(streams, ret_partitions, ret_count, error);
    streams->assigned = status == FERRY_OK;
    return status;
}

bool ferry_streams_assigned(const struct ferry_streams *streams)
{
    return streams->assigned;
}

bool ferry_streams_at_end(const struct ferry_streams *streams)
{
    const struct ferry_feed *feed;
    DL_FOREACH (streams->feeds, feed)
        if (!feed->bulk && !feed->at_end)
            return false;
    return true;
}

/* --- commits --- */

static bool has_news(const struct ferry_streams *streams)
{
    const struct ferry_feed *feed;
    DL_FOREACH (streams->feeds, feed)
        if (ferry_window_prefix(&feed->window) > feed->window.committed)
            return true;
    return false;
}

/* Those that stand still go with the others: a partition without an offset looks like a backlog. */
rd_kafka_topic_partition_list_t *ferry_streams_offsets(const struct ferry_streams *streams,
                                                       bool all)
{
    rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_topic_partition_list_new(FERRY_STREAMS * FERRY_DATA_PARTITIONS);
    const struct ferry_feed *feed;
    uint64_t stamp = ferry_stamp_new();
    if (!all && !has_news(streams))
        return offsets;
    DL_FOREACH (streams->feeds, feed) {
        rd_kafka_topic_partition_t *offset =
            rd_kafka_topic_partition_list_add(offsets, feed->topic, feed->partition);
        offset->offset = ferry_window_prefix(&feed->window);
        ferry_stamp_put(offset, stamp);
    }
    return offsets;
}

void ferry_streams_commit(struct ferry_streams *streams,
                          const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        struct ferry_feed *feed = ferry_streams_find(streams, part->topic, part->partition);
        if (!feed || part->offset < feed->window.committed)
            continue;
        ferry_window_commit(&feed->window, part->offset);
        ferry_trim_note(streams->trims[find_log(streams, part->topic)], part->partition,
                        part->offset);
    }
}

bool ferry_streams_has_untold(const struct ferry_streams *streams)
{
    const struct ferry_feed *feed;
    DL_FOREACH (streams->feeds, feed)
        if (feed->position.told != ferry_window_prefix(&feed->window))
            return true;
    return false;
}

json_t *ferry_streams_document(const struct ferry_streams *streams)
{
    const struct ferry_feed *feed;
    json_t *document = json_object();
    if (!streams->assigned)
        return document;
    for (int log = 0; log < FERRY_STREAMS; log++) {
        json_t *list = json_array();
        DL_FOREACH (streams->feeds, feed)
            if (feed->topic == streams->topics[log])
                json_array_append_new(list, json_integer(feed->partition));
        json_object_set_new(document, logs[log].suffix, list);
    }
    return document;
}

/* --- deletions --- */

void ferry_streams_trim(struct ferry_streams *streams)
{
    for (int log = 0; log < FERRY_STREAMS; log++)
        ferry_trim_look(streams->trims[log], false);
}

static bool is_trimming(const struct ferry_streams *streams)
{
    for (int log = 0; log < FERRY_STREAMS; log++)
        if (ferry_trim_busy(streams->trims[log]))
            return true;
    return false;
}

bool ferry_streams_finish(struct ferry_streams *streams)
{
    if (is_trimming(streams))
        return false;
    for (int log = 0; log < FERRY_STREAMS && !streams->ended; log++)
        ferry_trim_look(streams->trims[log], true);
    streams->ended = true;
    return !is_trimming(streams);
}

/* --- life --- */

void ferry_streams_close(struct ferry_streams *streams)
{
    for (int log = 0; log < FERRY_STREAMS; log++) {
        ferry_trim_free(streams->trims[log]);
        streams->trims[log] = NULL;
    }
    forget_feeds(streams);
}

enum ferry_status ferry_streams_open(struct ferry_streams *streams, uv_loop_t *loop,
                                     void (*on_trimmed)(void *context), void *context,
                                     struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (int log = 0; status == FERRY_OK && log < FERRY_STREAMS; log++) {
        const struct ferry_trim_options options = {.loop = loop,
                                                   .common = streams->common,
                                                   .topic = streams->topics[log],
                                                   .on_done = on_trimmed,
                                                   .context = context};
        status = ferry_trim_new(&options, &streams->trims[log], error);
    }
    if (status != FERRY_OK)
        ferry_streams_close(streams);
    return status;
}

enum ferry_status ferry_streams_new(const struct ferry_common *common,
                                    struct ferry_streams **ret_streams, struct ferry_error *error)
{
    struct ferry_streams *streams = calloc(1, sizeof *streams);
    if (!streams)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    streams->common = common;
    for (int log = 0; log < FERRY_STREAMS; log++) {
        ferry_topic_name(common->instance,
                         (struct ferry_topic){FERRY_TOPIC_OPTOUTS, logs[log].suffix},
                         streams->names[log]);
        streams->topics[log] = streams->names[log];
    }
    *ret_streams = streams;
    return FERRY_OK;
}

void ferry_streams_free(struct ferry_streams *streams)
{
    if (!streams)
        return;
    ferry_streams_close(streams);
    free(streams);
}

const char *const *ferry_streams_topics(const struct ferry_streams *streams)
{
    return streams->topics;
}
