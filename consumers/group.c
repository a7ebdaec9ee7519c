#include "consumers/group.h"

#include "consumers/starts.h"
#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/nudge.h"

#include <stdlib.h>
#include <string.h>

#define SESSION_MS       6000
#define SILENCE_MS       (SESSION_MS / 2)
#define WAKE_INTERVAL_MS 500
#define FULL_PATIENCE_MS 1000
#define NUDGE_BYTES      ((size_t)1 << 20) /* half of what the queue holds: less was no full one */
#define BATCH            1000 /* records a turn of the loop, so that other work goes on */
#define STRIDE           8    /* records to a question for room: it is asked of every partition */

enum phase {
    PHASE_JOINING, /* owns nothing */
    PHASE_ASKING,  /* assigned; where to start is being asked for */
    PHASE_OFFERED, /* on_assigned was called */
    PHASE_OWNING,
    PHASE_LEAVING, /* on_revoked was called */
};

struct ferry_group {
    uv_loop_t *loop;
    struct ferry_group_options options;
    rd_kafka_t *consumer;
    struct ferry_kafka_wake *wake;
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_topic_partition_list_t *assigned; /* with the offsets to start at */
    struct ferry_group_part *parts;
    enum phase phase;
    int64_t beat_ms;
    int64_t full_since; /* 0: there is room */
    bool braked;        /* everything is paused */
    bool member;        /* an assignment came, and we were not put out since */
    struct ferry_nudge nudge;
    int nudged;    /* the part whose leader was woken last */
    size_t polled; /* bytes since the queue was last seen empty */
    struct ferry_starts *starts;
    uv_work_t closing;
    bool freed;
    bool closed;
    void (*on_left)(void *context);
    void *left_context;
};

/* --- the end --- */

static void free_list(rd_kafka_topic_partition_list_t *list)
{
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

/* Called by whoever ends: the last one finds nothing that still runs. */
static void release_memory(struct ferry_group *group)
{
    if (!group->closed || group->nudge.busy)
        return;
    free_list(group->assigned);
    free_list(group->topics);
    ferry_kafka_destroy(group->consumer);
    free(group->parts);
    if (group->on_left)
        group->on_left(group->left_context);
    free(group);
}

/* The library told of an assignment or its end, and waits for ours before it does anything else. */
static bool owes_answer(const struct ferry_group *group)
{
    return group->phase == PHASE_ASKING || group->phase == PHASE_OFFERED ||
           group->phase == PHASE_LEAVING;
}

static void close_in_thread(uv_work_t *work)
{
    struct ferry_group *group = work->data;
    if (owes_answer(group)) /* where the group's coordinator is away the close ends with it alone */
        rd_kafka_assign(group->consumer, NULL);
    rd_kafka_consumer_close(group->consumer);
}

static void after_close(uv_work_t *work, int status)
{
    struct ferry_group *group = work->data;
    (void)status;
    group->closed = true;
    release_memory(group);
}

static void on_starts_freed(void *context)
{
    struct ferry_group *group = context;
    uv_queue_work(group->loop, &group->closing, close_in_thread, after_close);
}

void ferry_group_free(struct ferry_group *group, void (*on_left)(void *context), void *context)
{
    if (!group)
        return;
    group->freed = true;
    group->on_left = on_left;
    group->left_context = context;
    ferry_kafka_wake_free(group->wake);
    ferry_starts_free(group->starts, on_starts_freed, group);
}

/* --- rebalances --- */

static void on_starts_trouble(void *context, const struct ferry_error *error)
{
    const struct ferry_group *group = context;
    group->options.on_trouble(group->options.context, error);
}

static void on_found(void *context, rd_kafka_topic_partition_list_t *list,
                     struct ferry_group_part *parts)
{
    struct ferry_group *group = context;
    group->assigned = list;
    group->parts = parts;
    group->phase = PHASE_OFFERED;
    group->options.on_assigned(group->options.context, parts, (size_t)list->cnt);
}

static void forget_assignment(struct ferry_group *group)
{
    free_list(group->assigned);
    free(group->parts);
    group->assigned = NULL;
    group->parts = NULL;
    group->braked = false;
    group->full_since = 0;
    ferry_starts_forget(group->starts);
}

static void take_assignment(struct ferry_group *group,
                            const rd_kafka_topic_partition_list_t *partitions)
{
    forget_assignment(group);
    group->member = true;
    group->phase = PHASE_ASKING;
    ferry_starts_ask(group->starts, partitions);
}

static void on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ferry_group *group = opaque;
    if (group->freed) { /* in the thread that closes it */
        rd_kafka_assign(consumer, NULL);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_assignment(group, partitions);
        return;
    }
    bool lost = code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(consumer);
    group->member = !lost;
    group->phase = PHASE_LEAVING;
    ferry_starts_forget(group->starts);
    group->options.on_revoked(group->options.context, lost);
}

void ferry_group_accept(struct ferry_group *group)
{
    if (group->phase != PHASE_OFFERED)
        return;
    group->phase = PHASE_OWNING;
    rd_kafka_assign(group->consumer, group->assigned);
    ferry_kafka_wake_again(group->wake);
}

void ferry_group_release(struct ferry_group *group)
{
    if (group->phase != PHASE_LEAVING)
        return;
    group->phase = PHASE_JOINING;
    forget_assignment(group);
    rd_kafka_assign(group->consumer, NULL);
}

void ferry_group_rejoin(struct ferry_group *group)
{
    /* An assignment that was not yet accepted must be answered before anything else. */
    rd_kafka_assign(group->consumer, NULL);
    forget_assignment(group);
    group->member = false;
    group->phase = PHASE_JOINING;
    group->beat_ms = ferry_boot_ms();
    rd_kafka_unsubscribe(group->consumer);
    rd_kafka_subscribe(group->consumer, group->topics);
}

/* --- records --- */

bool ferry_group_alive(struct ferry_group *group)
{
    return ferry_boot_ms() - group->beat_ms <= SILENCE_MS;
}

static void send_pause(struct ferry_group *group, rd_kafka_topic_partition_list_t *list, bool pause)
{
    if (list->cnt > 0 && pause)
        rd_kafka_pause_partitions(group->consumer, list);
    else if (list->cnt > 0)
        rd_kafka_resume_partitions(group->consumer, list);
    free_list(list);
}

/* Only what is not paused is paused, and only what is paused is resumed: librdkafka #4686. */
static void set_pauses(struct ferry_group *group, bool brake)
{
    rd_kafka_topic_partition_list_t *lists[2] = {rd_kafka_topic_partition_list_new(8),
                                                 rd_kafka_topic_partition_list_new(8)};
    group->braked = brake;
    for (int i = 0; group->phase == PHASE_OWNING && i < group->assigned->cnt; i++) {
        struct ferry_group_part *part = &group->parts[i];
        bool pause =
            brake || !group->options.takes(group->options.context, part->topic, part->partition);
        if (pause != part->paused)
            rd_kafka_topic_partition_list_add(lists[pause], part->topic, part->partition);
        part->paused = pause;
    }
    send_pause(group, lists[true], true);
    send_pause(group, lists[false], false);
}

static void take_fault(struct ferry_group *group, const rd_kafka_message_t *message)
{
    struct ferry_error error;
    ferry_kafka_fail(&error, rd_kafka_message_errstr(message), message->err);
    if (message->err == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL)
        ferry_advise(
            &error,
            "see that kafka.partition.assignment.strategy is the same for all writers, and "
            "that no foreign client is a member of the group %s",
            group->options.group_id);
    group->options.on_trouble(group->options.context, &error);
}

static void take(struct ferry_group *group, const rd_kafka_message_t *message)
{
    bool known = message->rkt && group->phase == PHASE_OWNING;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (known)
            group->options.on_end(group->options.context, rd_kafka_topic_name(message->rkt),
                                  message->partition, message->offset);
    } else if (message->err) {
        take_fault(group, message);
    } else if (known) {
        group->options.on_record(group->options.context, message);
    }
}

/* For a moment an unread queue is the cheapest brake: pausing throws away what was fetched. But the
 * library wants to be asked at least once a second, so a writer that stays full pauses. */
static bool may_poll(struct ferry_group *group)
{
    if (group->braked || group->phase != PHASE_OWNING ||
        group->options.has_room(group->options.context)) {
        group->full_since = 0;
        return true;
    }
    int64_t now = ferry_boot_ms();
    if (group->full_since == 0)
        group->full_since = now;
    if (now - group->full_since < FULL_PATIENCE_MS)
        return false;
    set_pauses(group, true);
    return true;
}

static void on_nudged(void *context)
{
    release_memory(context);
}

/* Each time another part, for each may have another leader. Without it no more than a full queue
 * and what we hold was read a second, however fast it went away. */
static void nudge(struct ferry_group *group)
{
    bool full = group->polled >= NUDGE_BYTES;
    group->polled = 0;
    if (!full || group->phase != PHASE_OWNING || group->assigned->cnt == 0)
        return;
    group->nudged = (group->nudged + 1) % group->assigned->cnt;
    const struct ferry_group_part *part = &group->parts[group->nudged];
    ferry_nudge(&group->nudge, group->loop, part->topic, part->partition);
}

static void poll(struct ferry_group *group)
{
    int left = BATCH;
    while (left % STRIDE != 0 || may_poll(group)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(group->consumer, 0);
        if (!message) {
            nudge(group);
            return;
        }
        group->polled += message->len;
        take(group, message);
        rd_kafka_message_destroy(message);
        if (--left == 0) {
            ferry_kafka_wake_again(group->wake);
            return;
        }
    }
}

static void on_wake(void *context)
{
    struct ferry_group *group = context;
    if (!ferry_group_alive(group)) {
        group->beat_ms = ferry_boot_ms();
        group->options.on_expired(group->options.context);
        return;
    }
    group->beat_ms = ferry_boot_ms();
    if (group->phase == PHASE_OWNING)
        set_pauses(group, group->braked && !group->options.has_room(group->options.context));
    poll(group);
}

void ferry_group_resume(struct ferry_group *group)
{
    if (group->full_since != 0 || group->braked)
        ferry_kafka_wake_again(group->wake);
}

bool ferry_group_member(const struct ferry_group *group)
{
    return group->member;
}

rd_kafka_t *ferry_group_consumer(const struct ferry_group *group)
{
    return group->consumer;
}

/* --- making it --- */

static enum ferry_status make_clients(struct ferry_group *group, const struct ferry_common *common,
                                      struct ferry_error *error)
{
    const struct ferry_kafka_option extras[] = {{"group.id", group->options.group_id},
                                                {"session.timeout.ms", "6000"},
                                                {"max.poll.interval.ms", "30000"},
                                                {NULL, NULL}};
    enum ferry_status status = ferry_kafka_new(common, FERRY_KAFKA_GROUP_CONSUMER, "writer", extras,
                                               group, on_rebalance, &group->consumer, error);
    if (status == FERRY_OK)
        status = ferry_kafka_wake_new(group->loop, group->consumer, WAKE_INTERVAL_MS, on_wake,
                                      group, &group->wake, error);
    return status;
}

static enum ferry_status subscribe(struct ferry_group *group, struct ferry_error *error)
{
    group->topics = rd_kafka_topic_partition_list_new((int)group->options.topic_count);
    for (size_t i = 0; i < group->options.topic_count; i++)
        rd_kafka_topic_partition_list_add(group->topics, group->options.topics[i],
                                          RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(group->consumer, group->topics);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? FERRY_OK
                                              : ferry_kafka_fail(error, "cannot subscribe", code);
}

static enum ferry_status make_starts(struct ferry_group *group, const struct ferry_common *common,
                                     struct ferry_error *error)
{
    const struct ferry_starts_options options = {.common = common,
                                                 .consumer = group->consumer,
                                                 .group_id = group->options.group_id,
                                                 .workflow = group->options.workflow,
                                                 .on_found = on_found,
                                                 .on_trouble = on_starts_trouble,
                                                 .context = group};
    return ferry_starts_new(group->loop, &options, &group->starts, error);
}

enum ferry_status ferry_group_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_group_options *options,
                                  struct ferry_group **ret_group, struct ferry_error *error)
{
    struct ferry_group *group = calloc(1, sizeof *group);
    if (!group)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    group->loop = loop;
    group->options = *options;
    group->beat_ms = ferry_boot_ms();
    group->closing.data = group;
    enum ferry_status status = make_clients(group, common, error);
    if (status == FERRY_OK)
        status = subscribe(group, error);
    if (status == FERRY_OK)
        status = make_starts(group, common, error);
    if (status != FERRY_OK) {
        ferry_kafka_wake_free(group->wake);
        ferry_kafka_destroy(group->consumer);
        free_list(group->topics);
        free(group);
        return status;
    }
    group->nudge.consumer = group->consumer;
    group->nudge.on_done = on_nudged;
    group->nudge.context = group;
    *ret_group = group;
    return FERRY_OK;
}
