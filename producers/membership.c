#include "producers/membership.h"

#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/topics.h"
#include "producers/alarm.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_MS  500 /* the group takes a member that does not poll for dead */
#define LEAVE_MS 20  /* between two looks at the way out */

struct ferry_membership {
    const struct ferry_membership_calls *calls;
    void *context;
    rd_kafka_t *consumer;
    struct ferry_kafka_wake *wake;
    rd_kafka_queue_t *exit; /* the events of leaving */
    struct ferry_alarm *alarm;
    bool revoked; /* released is awaited */
};

/* Membership is all we want: assigned, so that the group works, and paused, so that nothing is
 * fetched. */
static void take_assignment(struct ferry_membership *membership,
                            rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
    rd_kafka_assign(membership->consumer, partitions);
    rd_kafka_pause_partitions(membership->consumer, partitions);
    ferry_log(FERRY_LOG_INFO, "assigned", FERRY_INT("partitions", partitions->cnt));
    for (int i = 0; i < partitions->cnt; i++)
        membership->calls->on_assigned(membership->context, partitions->elems[i].partition);
}

static void on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ferry_membership *membership = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_assignment(membership, partitions);
        return;
    }
    ferry_log(FERRY_LOG_INFO, "revoked", FERRY_INT("partitions", partitions->cnt),
              FERRY_STR("lost", rd_kafka_assignment_lost(consumer) ? "true" : "false"));
    /* The answer to the group comes from `released`; the library waits for it. */
    membership->revoked = true;
    membership->calls->on_revoked(membership->context);
}

void ferry_membership_released(struct ferry_membership *membership)
{
    if (!membership->revoked)
        return;
    membership->revoked = false;
    rd_kafka_assign(membership->consumer, NULL);
}

static void on_wake(void *context)
{
    struct ferry_membership *membership = context;
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(membership->consumer, 0))) {
        if (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ferry_log(FERRY_LOG_WARN, "group_trouble",
                      FERRY_STR("message", rd_kafka_message_errstr(message)),
                      FERRY_STR("then", "retrying"));
        rd_kafka_message_destroy(message);
    }
}

/* Leaving: its events come by a queue of their own until the member is out. */
static void on_alarm(void *context)
{
    struct ferry_membership *membership = context;
    while (rd_kafka_queue_poll_callback(membership->exit, 0) > 0)
        ;
    if (rd_kafka_consumer_closed(membership->consumer))
        membership->calls->on_left(membership->context);
    else
        ferry_alarm_set(membership->alarm, LEAVE_MS);
}

void ferry_membership_leave(struct ferry_membership *membership)
{
    if (membership->exit)
        return;
    ferry_kafka_wake_free(membership->wake);
    membership->wake = NULL;
    membership->exit = rd_kafka_queue_new(membership->consumer);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(membership->consumer, membership->exit);
    if (error) {
        ferry_log(FERRY_LOG_WARN, "group_not_left",
                  FERRY_STR("message", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
    ferry_alarm_set(membership->alarm, 0);
}

static enum ferry_status subscribe(struct ferry_membership *membership,
                                   const struct ferry_common *common, struct ferry_error *error)
{
    char topic[FERRY_TOPIC_SIZE];
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_CHECKPOINTS, NULL}, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(membership->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? ferry_kafka_fail(error, "subscribe", code) : FERRY_OK;
}

enum ferry_status ferry_membership_new(uv_loop_t *loop, const struct ferry_common *common,
                                       const struct ferry_membership_calls *calls, void *context,
                                       struct ferry_membership **ret_membership,
                                       struct ferry_error *error)
{
    struct ferry_membership *membership = calloc(1, sizeof *membership);
    if (!membership ||
        ferry_alarm_new(loop, on_alarm, membership, &membership->alarm) != FERRY_OK) {
        free(membership);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    membership->calls = calls;
    membership->context = context;
    char group[FERRY_TOPIC_SIZE];
    snprintf(group, sizeof group, "%s.reader", common->instance);
    const struct ferry_kafka_option extras[] = {{"group.id", group}, {NULL, NULL}};
    enum ferry_status status =
        ferry_kafka_new(common, FERRY_KAFKA_GROUP_CONSUMER, "reader", extras, membership,
                        on_rebalance, &membership->consumer, error);
    if (status == FERRY_OK)
        status = subscribe(membership, common, error);
    if (status == FERRY_OK)
        status = ferry_kafka_wake_new(loop, membership->consumer, POLL_MS, on_wake, membership,
                                      &membership->wake, error);
    if (status != FERRY_OK) {
        ferry_membership_free(membership);
        return status;
    }
    *ret_membership = membership;
    return FERRY_OK;
}

void ferry_membership_free(struct ferry_membership *membership)
{
    if (!membership)
        return;
    ferry_kafka_wake_free(membership->wake);
    ferry_alarm_free(membership->alarm);
    if (membership->exit)
        rd_kafka_queue_destroy(membership->exit);
    ferry_kafka_destroy(membership->consumer);
    free(membership);
}
