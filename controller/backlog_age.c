#include "controller/backlog_age.h"

#include "core/base/clock.h"

#include <stdbool.h>

#define PARTITIONS_MAX 32

/* Transaction markers are no messages: behind them is the end. */
static bool is_answer(const rd_kafka_message_t *message)
{
    return !message->err || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static int64_t earlier(int64_t oldest, const rd_kafka_message_t *message)
{
    int64_t at = message->err ? 0 : rd_kafka_message_timestamp(message, NULL);

    return at > 0 && (oldest == 0 || at < oldest) ? at : oldest;
}

int64_t ferry_backlog_age(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *from,
                          int timeout_ms)
{
    int64_t deadline = ferry_boot_ms() + timeout_ms;
    bool heard[PARTITIONS_MAX] = {false};
    int64_t oldest = 0;
    int missing = from->cnt;

    if (rd_kafka_assign(client, from) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (missing > 0 && ferry_boot_ms() < deadline) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(client, (int)(deadline - ferry_boot_ms()));

        if (message && is_answer(message) && message->partition >= 0 &&
            message->partition < PARTITIONS_MAX && !heard[message->partition]) {
            heard[message->partition] = true;
            missing--;
            oldest = earlier(oldest, message);
        }
        if (message)
            rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_assign(client, NULL);
    return oldest;
}
