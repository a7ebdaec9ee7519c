#include "consumers/trim.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_MS   INT64_C(60000)
#define CALL_MS    5000
#define CALL_TEXT  "5000"
#define ERROR_SIZE 256
#define NOTHING    INT64_C(-1)

struct ferry_trim {
    struct ferry_trim_options options;
    int64_t noted[FERRY_DATA_PARTITIONS]; /* what may go, until it went; NOTHING: nothing */
    int64_t looked_at;
    uv_work_t work;
    rd_kafka_topic_partition_list_t *offsets; /* the work's own */
    struct ferry_error error;
    bool failed;
    bool working;
    bool freed;
};

/* --- in a thread --- */

static enum ferry_status judge(rd_kafka_event_t *event, struct ferry_error *error)
{
    if (!event)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                          "Kafka: no answer to a deletion of records");
    if (rd_kafka_event_error(event))
        return ferry_kafka_fail(error, "cannot delete records", rd_kafka_event_error(event));
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    const rd_kafka_topic_partition_list_t *offsets = rd_kafka_DeleteRecords_result_offsets(result);
    for (int i = 0; i < offsets->cnt; i++)
        if (offsets->elems[i].err)
            return ferry_kafka_fail(error, "cannot delete records", offsets->elems[i].err);
    return FERRY_OK;
}

static enum ferry_status delete_records(struct ferry_trim *trim, rd_kafka_t *client)
{
    char text[ERROR_SIZE];
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(trim->offsets);
    rd_kafka_AdminOptions_set_request_timeout(options, CALL_MS, text, sizeof text);
    rd_kafka_DeleteRecords(client, &request, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * CALL_MS);
    enum ferry_status status = judge(event, &trim->error);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return status;
}

/* A client for a moment a minute is cheaper than one that stays. */
static void work_in_thread(uv_work_t *work)
{
    struct ferry_trim *trim = work->data;
    rd_kafka_t *client = NULL;
    enum ferry_status status =
        ferry_kafka_new(trim->options.common, FERRY_KAFKA_PLAIN, "writer-trims", NULL, NULL, NULL,
                        &client, &trim->error);
    if (status == FERRY_OK)
        status = delete_records(trim, client);
    trim->failed = status != FERRY_OK;
    ferry_kafka_destroy(client);
}

/* --- on the loop --- */

/* What was noted meanwhile stays. */
static void forget_deleted(struct ferry_trim *trim)
{
    for (int i = 0; i < trim->offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &trim->offsets->elems[i];
        if (trim->noted[part->partition] == part->offset)
            trim->noted[part->partition] = NOTHING;
    }
}

static void after_work(uv_work_t *work, int status)
{
    struct ferry_trim *trim = work->data;
    (void)status;
    trim->working = false;
    if (!trim->failed)
        forget_deleted(trim);
    else
        ferry_log(FERRY_LOG_WARN, "not_trimmed", FERRY_STR("topic", trim->options.topic),
                  FERRY_STR("text", trim->error.message),
                  FERRY_STR("goes_on", "with the next time"));
    rd_kafka_topic_partition_list_destroy(trim->offsets);
    trim->offsets = NULL;
    if (trim->freed)
        free(trim);
    else
        trim->options.on_done(trim->options.context);
}

static void start(struct ferry_trim *trim)
{
    trim->offsets = rd_kafka_topic_partition_list_new(FERRY_DATA_PARTITIONS);
    for (int partition = 0; partition < FERRY_DATA_PARTITIONS; partition++)
        if (trim->noted[partition] > 0)
            rd_kafka_topic_partition_list_add(trim->offsets, trim->options.topic, partition)
                ->offset = trim->noted[partition];
    if (trim->offsets->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(trim->offsets);
        trim->offsets = NULL;
        return;
    }
    trim->working = true;
    uv_queue_work(trim->options.loop, &trim->work, work_in_thread, after_work);
}

void ferry_trim_note(struct ferry_trim *trim, int partition, int64_t offset)
{
    if (partition >= 0 && partition < FERRY_DATA_PARTITIONS)
        trim->noted[partition] = offset;
}

void ferry_trim_look(struct ferry_trim *trim, bool last)
{
    int64_t now = ferry_boot_ms();
    if (trim->working || (!last && now - trim->looked_at < EVERY_MS))
        return;
    trim->looked_at = now;
    start(trim);
}

bool ferry_trim_busy(const struct ferry_trim *trim)
{
    return trim->working;
}

void ferry_trim_forget(struct ferry_trim *trim)
{
    for (int partition = 0; partition < FERRY_DATA_PARTITIONS; partition++)
        trim->noted[partition] = NOTHING;
}

enum ferry_status ferry_trim_new(const struct ferry_trim_options *options,
                                 struct ferry_trim **ret_trim, struct ferry_error *error)
{
    struct ferry_trim *trim = calloc(1, sizeof *trim);
    if (!trim)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    trim->options = *options;
    trim->work.data = trim;
    trim->looked_at = ferry_boot_ms();
    ferry_trim_forget(trim);
    *ret_trim = trim;
    return FERRY_OK;
}

void ferry_trim_free(struct ferry_trim *trim)
{
    if (!trim)
        return;
    trim->freed = true;
    if (!trim->working)
        free(trim);
}
