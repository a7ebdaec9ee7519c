#include "consumers/starts.h"

#include "consumers/position.h"
#include "consumers/stamp.h"
#include "consumers/toll.h"
#include "core/base/log.h"
#include "core/io/kafka.h"

#include <stdlib.h>

#define ASK_TIMEOUT_MS 5000
#define ASK_AGAIN_MS   500

struct ferry_starts {
    uv_loop_t *loop;
    struct ferry_starts_options options;
    rd_kafka_t *asker; /* read_uncommitted: the true end of a log. NULL: nothing is asked */
    rd_kafka_topic_partition_list_t *wanted; /* NULL: nothing is */
    uv_work_t work;
    rd_kafka_topic_partition_list_t *question; /* the work's own */
    struct ferry_group_part *answers;
    struct ferry_positions *positions; /* NULL: every offset was there */
    bool outdated;                     /* something else is wanted since the work began */
    uv_timer_t timer;                  /* to ask again */
    struct ferry_error error;          /* of the work */
    bool asked;                        /* the work succeeded */
    bool working;
    bool timer_open;
    bool freed;
    void (*on_freed)(void *context);
    void *freed_context;
};

static void ask(struct ferry_starts *starts);

/* --- asked in a thread --- */

static enum ferry_status ask_committed(struct ferry_starts *starts)
{
    /* read_committed makes the broker wait for offsets in a transaction that is still being ended.
     */
    rd_kafka_resp_err_t code =
        rd_kafka_committed(starts->options.consumer, starts->question, ASK_TIMEOUT_MS);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < starts->question->cnt; i++)
        code = starts->question->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return FERRY_OK;
    return ferry_kafka_fail(&starts->error, "cannot read committed offsets", code);
}

/* The broker drops the offsets of a group that stood still for a week; a position is then where we
 * go on. One beyond the end is of a log that is gone: nothing is lost by beginning anew. */
static bool restore(const struct ferry_starts *starts, rd_kafka_topic_partition_t *start,
                    int64_t high)
{
    int64_t position = ferry_positions_find(starts->positions, start->topic, start->partition);
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
static enum ferry_status refuse_hole(struct ferry_starts *starts,
                                     const rd_kafka_topic_partition_t *start, int64_t low)
{
    ferry_fail(
        &starts->error, FERRY_INVALID, FERRY_CLASS_BUG,
        "%s/%d begins at %lld, but only what is below %lld was written: records were deleted "
        "in Kafka before they were",
        start->topic, (int)start->partition, (long long)low, (long long)start->offset);
    ferry_advise(
        &starts->error,
        "see what deleted them (retention.ms, retention.bytes, kafka-delete-records), then "
        "reset the offsets of group %s to go on without them",
        starts->options.group_id);
    return FERRY_INVALID;
}

/* Where neither is known we start at the beginning: nothing was ever written from here. */
static enum ferry_status find_start(struct ferry_starts *starts, rd_kafka_topic_partition_t *start,
                                    struct ferry_group_part *part, int64_t low, int64_t high)
{
    if (start->offset > high) {
        ferry_fail(&starts->error, FERRY_INVALID, FERRY_CLASS_BUG,
                   "%s/%d ends at %lld, but offset %lld is committed: records were lost in Kafka",
                   start->topic, (int)start->partition, (long long)high, (long long)start->offset);
        ferry_advise(&starts->error, "restore the topic, or reset the offsets of group %s",
                     starts->options.group_id);
        return FERRY_INVALID;
    }
    bool restored = restore(starts, start, high);
    bool fresh = start->offset < 0;
    if (!fresh && !restored && start->offset < low)
        return refuse_hole(starts, start, low);
    if (start->offset < low)
        start->offset = low;
    *part = (struct ferry_group_part){.topic = start->topic,
                                      .partition = start->partition,
                                      .committed = start->offset,
                                      .stamp = ferry_stamp_of(start),
                                      .toll = ferry_toll_of(start),
                                      .fresh = fresh,
                                      .restored = restored,
                                      .log_end = high};
    return FERRY_OK;
}

static enum ferry_status make_asker(struct ferry_starts *starts)
{
    if (starts->asker)
        return FERRY_OK;
    return ferry_kafka_new(starts->options.common, FERRY_KAFKA_PLAIN, "writer-asks", NULL, NULL,
                           NULL, &starts->asker, &starts->error);
}

static enum ferry_status ask_edge(struct ferry_starts *starts,
                                  rd_kafka_topic_partition_list_t *list, int64_t which)
{
    rd_kafka_resp_err_t code = ferry_kafka_edges(starts->asker, list, which, ASK_TIMEOUT_MS);
    return code ? ferry_kafka_fail(&starts->error, ferry_kafka_culprit(list), code) : FERRY_OK;
}

static enum ferry_status find_starts(struct ferry_starts *starts)
{
    rd_kafka_topic_partition_list_t *begins = rd_kafka_topic_partition_list_copy(starts->question);
    rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_copy(starts->question);
    enum ferry_status status = ask_edge(starts, begins, RD_KAFKA_OFFSET_BEGINNING);
    if (status == FERRY_OK)
        status = ask_edge(starts, ends, RD_KAFKA_OFFSET_END);
    for (int i = 0; status == FERRY_OK && i < starts->question->cnt; i++)
        status = find_start(starts, &starts->question->elems[i], &starts->answers[i],
                            begins->elems[i].offset, ends->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(begins);
    rd_kafka_topic_partition_list_destroy(ends);
    return status;
}

static void ask_in_thread(uv_work_t *work)
{
    struct ferry_starts *starts = work->data;
    enum ferry_status status = ask_committed(starts);
    if (status == FERRY_OK)
        status = make_asker(starts);
    if (status == FERRY_OK)
        status = find_starts(starts);
    starts->asked = status == FERRY_OK;
}

/* --- asking, and the answer --- */

static void free_list(rd_kafka_topic_partition_list_t *list)
{
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

static void tell_trouble(const struct ferry_starts *starts)
{
    starts->options.on_trouble(starts->options.context, &starts->error);
}

static void ask_if_wanted(struct ferry_starts *starts)
{
    if (starts->wanted && !starts->working)
        ask(starts);
}

static void on_timer(uv_timer_t *timer)
{
    ask_if_wanted(timer->data);
}

static void on_positions_ready(void *context)
{
    ask_if_wanted(context);
}

static void on_positions_trouble(void *context, const struct ferry_error *error)
{
    const struct ferry_starts *starts = context;
    starts->options.on_trouble(starts->options.context, error);
}

static void forget_positions(struct ferry_starts *starts)
{
    ferry_positions_free(starts->positions);
    starts->positions = NULL;
}

static void read_positions(struct ferry_starts *starts)
{
    const struct ferry_positions_options options = {.workflow = starts->options.workflow,
                                                    .on_ready = on_positions_ready,
                                                    .on_trouble = on_positions_trouble,
                                                    .context = starts};
    if (ferry_positions_new(starts->loop, starts->options.common, &options, &starts->positions,
                            &starts->error) == FERRY_OK)
        return;
    uv_timer_start(&starts->timer, on_timer, ASK_AGAIN_MS, 0);
    tell_trouble(starts);
}

/* True: an offset is missing, and whether it was ever told is still to be read. */
static bool needs_positions(const struct ferry_starts *starts)
{
    if (starts->positions && ferry_positions_ready(starts->positions))
        return false;
    for (int i = 0; i < starts->question->cnt; i++)
        if (starts->answers[i].fresh)
            return true;
    return false;
}

static void log_restored(const struct ferry_starts *starts)
{
    int count = 0;
    for (int i = 0; i < starts->question->cnt; i++)
        count += starts->answers[i].restored;
    if (count > 0)
        ferry_log(FERRY_LOG_WARN, "offsets_restored", FERRY_STR("group", starts->options.group_id),
                  FERRY_INT("partitions", count), FERRY_STR("from", "checkpoints"));
}

static void give_answers(struct ferry_starts *starts)
{
    rd_kafka_topic_partition_list_t *list = starts->question;
    struct ferry_group_part *parts = starts->answers;
    log_restored(starts);
    starts->question = NULL;
    starts->answers = NULL;
    forget_positions(starts);
    ferry_kafka_destroy(starts->asker);
    starts->asker = NULL;
    ferry_starts_forget(starts);
    starts->options.on_found(starts->options.context, list, parts);
}

/* What was read for another question may be behind by now. */
static void ask_anew(struct ferry_starts *starts)
{
    forget_positions(starts);
    ask(starts);
}

static void release(struct ferry_starts *starts)
{
    if (starts->working || starts->timer_open)
        return;
    free_list(starts->wanted);
    free_list(starts->question);
    free(starts->answers);
    ferry_kafka_destroy(starts->asker);
    ferry_positions_free(starts->positions);
    starts->on_freed(starts->freed_context);
    free(starts);
}

static void after_ask(uv_work_t *work, int status)
{
    struct ferry_starts *starts = work->data;
    (void)status;
    starts->working = false;
    if (starts->freed) {
        release(starts);
    } else if (!starts->wanted) {
        return;
    } else if (starts->outdated) {
        ask_anew(starts);
    } else if (starts->asked && needs_positions(starts)) {
        if (!starts->positions)
            read_positions(starts);
    } else if (starts->asked) {
        give_answers(starts);
    } else {
        uv_timer_start(&starts->timer, on_timer, ASK_AGAIN_MS, 0);
        tell_trouble(starts);
    }
}

static void ask(struct ferry_starts *starts)
{
    free_list(starts->question);
    free(starts->answers);
    starts->question = rd_kafka_topic_partition_list_copy(starts->wanted);
    starts->answers = calloc((size_t)starts->wanted->cnt + 1, sizeof *starts->answers);
    if (!starts->answers) {
        uv_timer_start(&starts->timer, on_timer, ASK_AGAIN_MS, 0);
        return;
    }
    starts->working = true;
    starts->outdated = false;
    ferry_error_clear(&starts->error);
    uv_queue_work(starts->loop, &starts->work, ask_in_thread, after_ask);
}

void ferry_starts_forget(struct ferry_starts *starts)
{
    free_list(starts->wanted);
    starts->wanted = NULL;
    starts->outdated = true;
}

void ferry_starts_ask(struct ferry_starts *starts,
                      const rd_kafka_topic_partition_list_t *partitions)
{
    ferry_starts_forget(starts);
    starts->wanted = rd_kafka_topic_partition_list_copy(partitions);
    if (!starts->working)
        ask_anew(starts);
}

/* --- life --- */

enum ferry_status ferry_starts_new(uv_loop_t *loop, const struct ferry_starts_options *options,
                                   struct ferry_starts **ret_starts, struct ferry_error *error)
{
    struct ferry_starts *starts = calloc(1, sizeof *starts);
    if (!starts)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    starts->loop = loop;
    starts->options = *options;
    starts->work.data = starts;
    uv_timer_init(loop, &starts->timer);
    starts->timer.data = starts;
    starts->timer_open = true;
    *ret_starts = starts;
    return FERRY_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ferry_starts *starts = handle->data;
    starts->timer_open = false;
    release(starts);
}

void ferry_starts_free(struct ferry_starts *starts, void (*on_freed)(void *context), void *context)
{
    starts->freed = true;
    starts->on_freed = on_freed;
    starts->freed_context = context;
    if (!starts->working)
        forget_positions(starts);
    uv_close((uv_handle_t *)&starts->timer, on_timer_closed);
}
