#include "core/io/tail.h"

#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/nudge.h"

#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS   5000
#define ASK_AGAIN_MS     500
#define WAKE_INTERVAL_MS 500
#define CONTACT_EVERY_MS 5000
#define BATCH            2000 /* records a turn of the loop, so that other work goes on */

struct part {
    char *topic;
    int partition;
    int64_t start;
    int64_t end; /* of the log when we asked; -1: not yet known */
    int64_t position;
};

struct ferry_tail {
    uv_loop_t *loop;
    rd_kafka_t *consumer;
    rd_kafka_t *asker; /* read_uncommitted: sees the end behind an open transaction; NULL: seen */
    struct ferry_kafka_wake *wake;
    struct ferry_tail_options options;
    struct part *parts;
    size_t count;
    uv_work_t work;
    struct ferry_nudge nudge;
    size_t nudged; /* the part whose leader was woken last */
    uv_timer_t timer;
    struct ferry_error trouble; /* of the work */
    bool work_failed;
    int64_t contact_ms;
    bool asking;     /* the work runs: nothing it uses may be freed */
    bool contacting; /* this question is only for the contact */
    bool polling;    /* callbacks run: nothing may be freed under them */
    bool caught_up;
    bool freed;
    bool timer_open;
};

static void ask(struct ferry_tail *tail);

static void free_parts(struct ferry_tail *tail)
{
    for (size_t i = 0; tail->parts && i < tail->count; i++)
        free(tail->parts[i].topic);
    free(tail->parts);
}

static void drop_asker(struct ferry_tail *tail)
{
    ferry_kafka_destroy(tail->asker);
    tail->asker = NULL;
}

/* The last one out: no work, no callback, no open handle. */
static void release(struct ferry_tail *tail)
{
    if (!tail->freed || tail->asking || tail->nudge.busy || tail->polling || tail->timer_open)
        return;
    ferry_kafka_destroy(tail->consumer);
    drop_asker(tail);
    free_parts(tail);
    free(tail);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ferry_tail *tail = handle->data;
    tail->timer_open = false;
    release(tail);
}

void ferry_tail_free(struct ferry_tail *tail)
{
    if (!tail || tail->freed)
        return;
    tail->freed = true;
    ferry_kafka_wake_free(tail->wake);
    tail->wake = NULL;
    if (tail->timer_open)
        uv_close((uv_handle_t *)&tail->timer, on_timer_closed);
    else
        release(tail);
}

/* --- the end of each partition, asked in a thread --- */

/* A consumer that is assigned before it knows the leader looks again only after a second
 * (librdkafka #5032). */
static enum ferry_status make_contact(struct ferry_tail *tail)
{
    int64_t end;
    rd_kafka_resp_err_t code =
        ferry_kafka_edge(tail->consumer, tail->parts[0].topic, tail->parts[0].partition,
                         RD_KAFKA_OFFSET_END, &end, ASK_TIMEOUT_MS);
    return code ? ferry_kafka_fail(&tail->trouble, tail->parts[0].topic, code) : FERRY_OK;
}

static rd_kafka_topic_partition_list_t *list_parts(const struct ferry_tail *tail)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)tail->count);
    for (size_t i = 0; i < tail->count; i++)
        rd_kafka_topic_partition_list_add(list, tail->parts[i].topic, tail->parts[i].partition);
    return list;
}

static enum ferry_status ask_edge(struct ferry_tail *tail, rd_kafka_topic_partition_list_t *list,
                                  int64_t which)
{
    rd_kafka_resp_err_t code = ferry_kafka_edges(tail->asker, list, which, ASK_TIMEOUT_MS);
    return code ? ferry_kafka_fail(&tail->trouble, ferry_kafka_culprit(list), code) : FERRY_OK;
}

/* Of all parts, or of none. */
static enum ferry_status ask_edges(struct ferry_tail *tail)
{
    rd_kafka_topic_partition_list_t *begins = list_parts(tail);
    rd_kafka_topic_partition_list_t *ends = list_parts(tail);
    enum ferry_status status = ask_edge(tail, begins, RD_KAFKA_OFFSET_BEGINNING);
    if (status == FERRY_OK)
        status = ask_edge(tail, ends, RD_KAFKA_OFFSET_END);
    for (size_t i = 0; i < tail->count && status == FERRY_OK; i++) {
        struct part *part = &tail->parts[i];
        int64_t low = begins->elems[i].offset;
        part->end = ends->elems[i].offset;
        part->position = part->start < low ? low : part->start; /* _BEGINNING is below each */
    }
    rd_kafka_topic_partition_list_destroy(begins);
    rd_kafka_topic_partition_list_destroy(ends);
    return status;
}

static void ask_in_thread(uv_work_t *work)
{
    struct ferry_tail *tail = work->data;
    enum ferry_status status = make_contact(tail);
    if (!tail->contacting)
        status = ask_edges(tail);
    tail->work_failed = status != FERRY_OK;
}

static enum ferry_status assign(struct ferry_tail *tail, struct ferry_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)tail->count);
    for (size_t i = 0; i < tail->count; i++) {
        const struct part *part = &tail->parts[i];
        rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
            part->position;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(tail->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? ferry_kafka_fail(error, "assign", code) : FERRY_OK;
}

static void tell_trouble(struct ferry_tail *tail, const struct ferry_error *error)
{
    if (tail->options.on_trouble && !tail->freed)
        tail->options.on_trouble(tail->options.context, error);
}

static void check_caught_up(struct ferry_tail *tail)
{
    if (tail->caught_up || tail->freed)
        return;
    for (size_t i = 0; i < tail->count; i++)
        if (tail->parts[i].end < 0 || tail->parts[i].position < tail->parts[i].end)
            return;
    tail->caught_up = true;
    if (!tail->options.follow)
        ferry_kafka_wake_free(tail->wake);
    if (!tail->options.follow)
        tail->wake = NULL;
    if (tail->options.on_caught_up)
        tail->options.on_caught_up(tail->options.context);
}

static void poll_records(void *context);

static enum ferry_status begin_reading(struct ferry_tail *tail, struct ferry_error *error)
{
    enum ferry_status status = assign(tail, error);
    if (status == FERRY_OK)
        status = ferry_kafka_wake_new(tail->loop, tail->consumer, WAKE_INTERVAL_MS, poll_records,
                                      tail, &tail->wake, error);
    return status;
}

static void on_timer(uv_timer_t *timer)
{
    ask(timer->data);
}

static void after_ask(uv_work_t *work, int cancelled)
{
    struct ferry_tail *tail = work->data;
    struct ferry_error error;
    tail->asking = false;
    if (tail->freed) {
        release(tail);
        return;
    }
    uint64_t again = tail->contacting || !tail->work_failed ? CONTACT_EVERY_MS : ASK_AGAIN_MS;
    uv_timer_start(&tail->timer, on_timer, again, 0);
    if (cancelled || tail->work_failed) {
        tell_trouble(tail, &tail->trouble);
        return;
    }
    tail->contact_ms = ferry_boot_ms();
    if (tail->contacting)
        return;
    if (begin_reading(tail, &error) != FERRY_OK) {
        tell_trouble(tail, &error);
        return;
    }
    tail->contacting = true;
    drop_asker(tail);
    tail->polling = true;
    check_caught_up(tail);
    tail->polling = false;
    release(tail);
}

static void ask(struct ferry_tail *tail)
{
    if (tail->asking || tail->freed || (tail->contacting && !tail->options.follow))
        return;
    tail->work.data = tail;
    tail->asking = uv_queue_work(tail->loop, &tail->work, ask_in_thread, after_ask) == 0;
}

/* --- a full queue that was emptied --- */

static void on_nudged(void *context)
{
    release(context);
}

/* Each time another part, for each may have another leader. Without it a million records of what is
 * written took 23 s to read, and 2.6 s of them were work. */
static void nudge(struct ferry_tail *tail)
{
    if (tail->freed || tail->caught_up || tail->nudge.busy)
        return;
    for (size_t i = 0; i < tail->count; i++) {
        tail->nudged = (tail->nudged + 1) % tail->count;
        if (tail->parts[tail->nudged].position < tail->parts[tail->nudged].end)
            break;
    }
    const struct part *part = &tail->parts[tail->nudged];
    ferry_nudge(&tail->nudge, tail->loop, part->topic, part->partition);
}

/* --- the records --- */

static struct part *find(struct ferry_tail *tail, const rd_kafka_message_t *message)
{
    if (!message->rkt)
        return NULL;
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (size_t i = 0; i < tail->count; i++)
        if (tail->parts[i].partition == message->partition &&
            strcmp(tail->parts[i].topic, topic) == 0)
            return &tail->parts[i];
    return NULL;
}

static void take(struct ferry_tail *tail, const rd_kafka_message_t *message)
{
    struct part *part = find(tail, message);
    struct ferry_error error;
    if (!message->err && part) {
        tail->contact_ms = ferry_boot_ms();
        tail->options.on_record(tail->options.context, message);
        part->position = message->offset + 1;
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && part) {
        tail->contact_ms = ferry_boot_ms();
        part->position = message->offset; /* beyond the transaction markers */
    } else if (message->err) {
        ferry_kafka_fail(&error, rd_kafka_message_errstr(message), message->err);
        tell_trouble(tail, &error);
    }
}

static void poll_records(void *context)
{
    struct ferry_tail *tail = context;
    tail->polling = true;
    int left = BATCH;
    rd_kafka_message_t *message = NULL;
    while (!tail->freed && left-- > 0 && (message = rd_kafka_consumer_poll(tail->consumer, 0))) {
        take(tail, message);
        rd_kafka_message_destroy(message);
    }
    check_caught_up(tail);
    if (left < 0 && tail->wake)
        ferry_kafka_wake_again(tail->wake);
    else
        nudge(tail);
    tail->polling = false;
    release(tail);
}

/* --- making one --- */

static enum ferry_status copy_parts(struct ferry_tail *tail,
                                    const struct ferry_tail_options *options)
{
    tail->parts = calloc(options->part_count, sizeof *tail->parts);
    if (!tail->parts)
        return FERRY_NOMEM;
    tail->count = options->part_count;
    for (size_t i = 0; i < tail->count; i++) {
        const struct ferry_tail_part *from = &options->parts[i];
        tail->parts[i] = (struct part){strdup(from->topic), from->partition, from->offset, -1, -1};
        if (!tail->parts[i].topic)
            return FERRY_NOMEM;
    }
    return FERRY_OK;
}

enum ferry_status ferry_tail_new(uv_loop_t *loop, const struct ferry_common *common,
                                 const struct ferry_tail_options *options,
                                 struct ferry_tail **ret_tail, struct ferry_error *error)
{
    struct ferry_tail *tail = calloc(1, sizeof *tail);
    if (!tail || copy_parts(tail, options) != FERRY_OK) {
        if (tail)
            free_parts(tail);
        free(tail);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    tail->loop = loop;
    tail->options = *options;
    tail->contact_ms = ferry_boot_ms();
    enum ferry_status status = ferry_kafka_new(common, FERRY_KAFKA_LOG_CONSUMER, options->name,
                                               NULL, NULL, NULL, &tail->consumer, error);
    if (status == FERRY_OK)
        status = ferry_kafka_new(common, FERRY_KAFKA_PLAIN, options->name, NULL, NULL, NULL,
                                 &tail->asker, error);
    if (status != FERRY_OK) {
        tail->freed = true;
        release(tail);
        return status;
    }
    tail->nudge.consumer = tail->consumer;
    tail->nudge.on_done = on_nudged;
    tail->nudge.context = tail;
    uv_timer_init(loop, &tail->timer);
    tail->timer.data = tail;
    tail->timer_open = true;
    ask(tail);
    *ret_tail = tail;
    return FERRY_OK;
}

enum ferry_status ferry_tail_follow(uv_loop_t *loop, const struct ferry_common *common,
                                    enum ferry_topic_kind topic,
                                    const struct ferry_tail_options *options,
                                    struct ferry_tail **ret_tail, struct ferry_error *error)
{
    char name[FERRY_TOPIC_SIZE];
    const struct ferry_tail_part part = {name, 0, RD_KAFKA_OFFSET_BEGINNING};
    struct ferry_tail_options whole = *options;
    whole.parts = &part;
    whole.part_count = 1;
    whole.follow = true;
    ferry_topic_name(common->instance, (struct ferry_topic){topic, NULL}, name);
    return ferry_tail_new(loop, common, &whole, ret_tail, error);
}

bool ferry_tail_caught_up(const struct ferry_tail *tail)
{
    return tail->caught_up;
}

int64_t ferry_tail_contact_ms(const struct ferry_tail *tail)
{
    return tail->contact_ms;
}
