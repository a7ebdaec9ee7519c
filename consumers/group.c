#include "consumers/group.h"

#include "consumers/position.h"
#include "consumers/stamp.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/nudge.h"

#include <stdlib.h>
#include <string.h>

#define SESSION_MS       6000
#define SILENCE_MS       (SESSION_MS / 2)
#define WAKE_INTERVAL_MS 500
#define FULL_PATIENCE_MS 1000
#define ASK_TIMEOUT_MS   5000
#define ASK_AGAIN_MS     500
#define NUDGE_BYTES      ((size_t)1 << 20) /* half of what the queue holds: less was no full one */
#define BATCH            1000 /* records a turn of the loop, so that other work goes on */
#define STRIDE           8    /* records to a question for room: it is asked of every partition */

enum phase {
    PHASE_JOINING, /* owns nothing */
    PHASE_ASKING,  /* assigned; offsets are being asked for */
    PHASE_OFFERED, /* on_assigned was called */
    PHASE_OWNING,
    PHASE_LEAVING, /* on_revoked was called */
};

struct ferry_group {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_group_options options;
    rd_kafka_t *consumer;
    rd_kafka_t *asker; /* read_uncommitted: the true end of a log. NULL: nothing is asked */
    struct ferry_kafka_wake *wake;
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_topic_partition_list_t *assigned; /* with the offsets to start at */
    struct ferry_group_part *parts;
    enum phase phase;
    int64_t beat_ms;
    int64_t full_since; /* 0: there is room */
    bool braked;        /* everything is paused */
    struct ferry_nudge nudge;
    int nudged;    /* the part whose leader was woken last */
    size_t polled; /* bytes since the queue was last seen empty */
    uv_work_t work;
    rd_kafka_topic_partition_list_t *question; /* the work's own */
    struct ferry_group_part *answers;
    struct ferry_positions *positions; /* NULL: every offset was there */
    bool outdated;                     /* the assignment changed while the work ran */
    uv_timer_t timer;                  /* to ask again */
    struct ferry_error error;
    bool asked; /* the work succeeded */
    bool working;
    bool freed;
    bool timer_open;
    void (*on_left)(void *context);
    void *left_context;
};

static void ask(struct ferry_group *group);

/* --- where to start, asked in a thread --- */

static enum ferry_status ask_committed(struct ferry_group *group)
{
    /* read_committed makes the broker wait for offsets in a transaction that is still being ended.
     */
    rd_kafka_resp_err_t code = rd_kafka_committed(group->consumer, group->question, ASK_TIMEOUT_MS);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < group->question->cnt; i++)
        code = group->question->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return FERRY_OK;
    return ferry_kafka_fail(&group->error, "cannot read committed offsets", code);
}

/* The broker drops the offsets of a group that stood still for a week; a position is then where we
 * go on. One beyond the end is of a log that is gone: nothing is lost by beginning anew. */
static bool restore(const struct ferry_group *group, rd_kafka_topic_partition_t *start,
                    int64_t high)
{
    int64_t position = ferry_positions_find(group->positions, start->topic, start->partition);
    if (start->offset >= 0 || position < 0)
        return false;
    if (position <= high) {
        start->offset = position;
        return true;
    }
    ferry_log(FERRY_LOG_WARN, "position_beyond_the_end", FERRY_STR("topic", start->topic),
              FERRY_INT("partition", start->partition), FERRY_INT("position", position),
              FERRY_INT("end", high), FERRY_STR("goes_on", "from the beginning of the log"));
    return false;
}

/* Neither compaction nor our own trimming moves the start of a log beyond what is committed. */
static enum ferry_status refuse_hole(struct ferry_group *group,
                                     const rd_kafka_topic_partition_t *start, int64_t low)
{
    ferry_fail(
        &group->error, FERRY_INVALID, FERRY_CLASS_BUG,
        "%s/%d begins at %lld, but only what is below %lld was written: records were deleted "
        "in Kafka before they were",
        start->topic, (int)start->partition, (long long)low, (long long)start->offset);
    ferry_advise(
        &group->error,
        "see what deleted them (retention.ms, retention.bytes, kafka-delete-records), then "
        "reset the offsets of group %s to go on without them",
        group->options.group_id);
    return FERRY_INVALID;
}

/* Where neither is known we start at the beginning: nothing was ever written from here. */
static enum ferry_status find_start(struct ferry_group *group, rd_kafka_topic_partition_t *start,
                                    struct ferry_group_part *part, int64_t low, int64_t high)
{
    if (start->offset > high) {
        ferry_fail(&group->error, FERRY_INVALID, FERRY_CLASS_BUG,
                   "%s/%d ends at %lld, but offset %lld is committed: records were lost in Kafka",
                   start->topic, (int)start->partition, (long long)high, (long long)start->offset);
        ferry_advise(&group->error, "restore the topic, or reset the offsets of group %s",
                     group->options.group_id);
        return FERRY_INVALID;
    }
    bool restored = restore(group, start, high);
    bool fresh = start->offset < 0;
    if (!fresh && !restored && start->offset < low)
        return refuse_hole(group, start, low);
    if (start->offset < low)
        start->offset = low;
    *part = (struct ferry_group_part){.topic = start->topic,
                                      .partition = start->partition,
                                      .committed = start->offset,
                                      .stamp = ferry_stamp_of(start),
                                      .fresh = fresh,
                                      .restored = restored,
                                      .log_end = high};
    return FERRY_OK;
}

static enum ferry_status make_asker(struct ferry_group *group)
{
    if (group->asker)
        return FERRY_OK;
    return ferry_kafka_new(group->common, FERRY_KAFKA_PLAIN, "writer-asks", NULL, NULL, NULL,
                           &group->asker, &group->error);
}

static enum ferry_status ask_ends(struct ferry_group *group)
{
    enum ferry_status status = make_asker(group);
    for (int i = 0; status == FERRY_OK && i < group->question->cnt; i++) {
        rd_kafka_topic_partition_t *start = &group->question->elems[i];
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            group->asker, start->topic, start->partition, &low, &high, ASK_TIMEOUT_MS);
        status = code == RD_KAFKA_RESP_ERR_NO_ERROR
                     ? find_start(group, start, &group->answers[i], low, high)
                     : ferry_kafka_fail(&group->error, start->topic, code);
    }
    return status;
}

static void ask_in_thread(uv_work_t *work)
{
    struct ferry_group *group = work->data;
    enum ferry_status status = ask_committed(group);
    if (status == FERRY_OK)
        status = ask_ends(group);
    group->asked = status == FERRY_OK;
}

/* --- the end --- */

static void free_list(rd_kafka_topic_partition_list_t *list)
{
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

static void release_memory(struct ferry_group *group)
{
    if (group->working || group->timer_open || group->nudge.busy)
        return;
    free_list(group->assigned);
    free_list(group->question);
    free(group->answers);
    free_list(group->topics);
    ferry_kafka_destroy(group->consumer);
    ferry_kafka_destroy(group->asker);
    free(group->parts);
    ferry_positions_free(group->positions);
    if (group->on_left)
        group->on_left(group->left_context);
    free(group);
}

static void close_in_thread(uv_work_t *work)
{
    struct ferry_group *group = work->data;
    rd_kafka_consumer_close(group->consumer);
}

static void after_close(uv_work_t *work, int status)
{
    struct ferry_group *group = work->data;
    (void)status;
    group->working = false;
    release_memory(group);
}

static void close_consumer(struct ferry_group *group)
{
    group->working = true;
    uv_queue_work(group->loop, &group->work, close_in_thread, after_close);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ferry_group *group = handle->data;
    group->timer_open = false;
    release_memory(group);
}

void ferry_group_free(struct ferry_group *group, void (*on_left)(void *context), void *context)
{
    if (!group)
        return;
    group->freed = true;
    group->on_left = on_left;
    group->left_context = context;
    ferry_kafka_wake_free(group->wake);
    if (!group->working) {
        ferry_positions_free(group->positions);
        group->positions = NULL;
    }
    uv_close((uv_handle_t *)&group->timer, on_timer_closed);
    if (!group->working)
        close_consumer(group);
}

/* --- rebalances --- */

static void tell_trouble(struct ferry_group *group)
{
    group->options.on_trouble(group->options.context, &group->error);
}

static void on_ask_timer(uv_timer_t *timer)
{
    struct ferry_group *group = timer->data;
    if (group->phase == PHASE_ASKING && !group->working)
        ask(group);
}

static void on_positions_ready(void *context)
{
    struct ferry_group *group = context;
    if (group->phase == PHASE_ASKING && !group->working)
        ask(group);
}

static void on_positions_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_group *group = context;
    group->options.on_trouble(group->options.context, error);
}

static void read_positions(struct ferry_group *group)
{
    const struct ferry_positions_options options = {.workflow = group->options.workflow,
                                                    .on_ready = on_positions_ready,
                                                    .on_trouble = on_positions_trouble,
                                                    .context = group};
    if (ferry_positions_new(group->loop, group->common, &options, &group->positions,
                            &group->error) == FERRY_OK)
        return;
    uv_timer_start(&group->timer, on_ask_timer, ASK_AGAIN_MS, 0);
    tell_trouble(group);
}

/* True: an offset is missing, and whether it was ever told is still to be read. */
static bool needs_positions(const struct ferry_group *group)
{
    if (group->positions && ferry_positions_ready(group->positions))
        return false;
    for (int i = 0; i < group->question->cnt; i++)
        if (group->answers[i].fresh)
            return true;
    return false;
}

static void log_restored(const struct ferry_group *group)
{
    int count = 0;
    for (int i = 0; i < group->assigned->cnt; i++)
        count += group->parts[i].restored;
    if (count > 0)
        ferry_log(FERRY_LOG_WARN, "offsets_restored", FERRY_STR("group", group->options.group_id),
                  FERRY_INT("partitions", count), FERRY_STR("from", "checkpoints"));
}

/* The list moves to the assignment: with the offsets, and holding the names that the parts point
 * to. */
static void take_answers(struct ferry_group *group)
{
    free_list(group->assigned);
    free(group->parts);
    group->assigned = group->question;
    group->parts = group->answers;
    group->question = NULL;
    group->answers = NULL;
    group->phase = PHASE_OFFERED;
    ferry_positions_free(group->positions);
    group->positions = NULL;
    ferry_kafka_destroy(group->asker);
    group->asker = NULL;
    log_restored(group);
    group->options.on_assigned(group->options.context, group->parts, (size_t)group->assigned->cnt);
}

/* What was read for another assignment may be behind by now. */
static void ask_anew(struct ferry_group *group)
{
    ferry_positions_free(group->positions);
    group->positions = NULL;
    ask(group);
}

static void after_ask(uv_work_t *work, int status)
{
    struct ferry_group *group = work->data;
    (void)status;
    group->working = false;
    if (group->freed) {
        close_consumer(group);
    } else if (group->phase != PHASE_ASKING) {
        return;
    } else if (group->outdated) {
        ask_anew(group);
    } else if (group->asked && needs_positions(group)) {
        if (!group->positions)
            read_positions(group);
    } else if (group->asked) {
        take_answers(group);
    } else {
        uv_timer_start(&group->timer, on_ask_timer, ASK_AGAIN_MS, 0);
        tell_trouble(group);
    }
}

static void ask(struct ferry_group *group)
{
    free_list(group->question);
    free(group->answers);
    group->question = rd_kafka_topic_partition_list_copy(group->assigned);
    group->answers = calloc((size_t)group->assigned->cnt + 1, sizeof *group->answers);
    if (!group->answers) {
        uv_timer_start(&group->timer, on_ask_timer, ASK_AGAIN_MS, 0);
        return;
    }
    group->working = true;
    group->outdated = false;
    ferry_error_clear(&group->error);
    uv_queue_work(group->loop, &group->work, ask_in_thread, after_ask);
}

static void forget_assignment(struct ferry_group *group)
{
    free_list(group->assigned);
    free(group->parts);
    group->assigned = NULL;
    group->parts = NULL;
    group->braked = false;
    group->full_since = 0;
    group->outdated = true;
}

static void take_assignment(struct ferry_group *group,
                            const rd_kafka_topic_partition_list_t *partitions)
{
    forget_assignment(group);
    group->assigned = rd_kafka_topic_partition_list_copy(partitions);
    group->phase = PHASE_ASKING;
    if (!group->working)
        ask_anew(group);
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
    group->phase = PHASE_LEAVING;
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
    ferry_kafka_fail(&group->error, rd_kafka_message_errstr(message), message->err);
    tell_trouble(group);
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

/* A closed one is released by whoever ends last. */
static void on_nudged(void *context)
{
    struct ferry_group *group = context;
    if (group->freed)
        release_memory(group);
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

enum ferry_status ferry_group_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_group_options *options,
                                  struct ferry_group **ret_group, struct ferry_error *error)
{
    struct ferry_group *group = calloc(1, sizeof *group);
    if (!group)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    group->loop = loop;
    group->common = common;
    group->options = *options;
    group->beat_ms = ferry_boot_ms();
    group->work.data = group;
    enum ferry_status status = make_clients(group, common, error);
    if (status == FERRY_OK)
        status = subscribe(group, error);
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
    uv_timer_init(loop, &group->timer);
    group->timer.data = group;
    group->timer_open = true;
    *ret_group = group;
    return FERRY_OK;
}
