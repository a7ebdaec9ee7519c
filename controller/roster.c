#include "controller/roster.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/tail.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CONTACT_GRACE_MS 10000

struct ferry_roster {
    struct ferry_roster_options options;
    struct ferry_tail *tail;
    struct ferry_task *tasks;
    bool read;       /* what was there before us */
    int64_t contact; /* boot ms: Kafka's last sign of life when we last looked */
    int64_t lost;    /* ms of silence so far */
};

/* --- the time --- */

int64_t ferry_roster_silence_ms(const struct ferry_roster *roster)
{
    int64_t silence = ferry_boot_ms() - ferry_tail_contact_ms(roster->tail);

    return silence > CONTACT_GRACE_MS ? silence : 0;
}

int64_t ferry_roster_heard_ms(struct ferry_roster *roster)
{
    int64_t now = ferry_boot_ms();
    int64_t contact = ferry_tail_contact_ms(roster->tail);

    if (contact - roster->contact > CONTACT_GRACE_MS)
        roster->lost += contact - roster->contact;
    roster->contact = contact;
    return (now - contact > CONTACT_GRACE_MS ? contact : now) - roster->lost;
}

/* Heard now when it comes now; what was there before us is as old as the broker's time says. */
static int64_t heard_at(struct ferry_roster *roster, const rd_kafka_message_t *message)
{
    int64_t said_at = rd_kafka_message_timestamp(message, NULL);
    int64_t age = ferry_wall_ms() - said_at;

    if (roster->read || said_at < 0 || age < 0)
        return ferry_roster_heard_ms(roster);
    return ferry_roster_heard_ms(roster) - age;
}

/* --- what the topic says --- */

static void forget(struct ferry_roster *roster, const char *id, size_t length)
{
    struct ferry_task *task;
    struct ferry_task *next;

    LL_FOREACH_SAFE (roster->tasks, task, next) {
        if (strlen(task->id) == length && memcmp(task->id, id, length) == 0) {
            LL_DELETE(roster->tasks, task);
            ferry_task_free(task);
        }
    }
}

static int by_id(const struct ferry_task *a, const struct ferry_task *b)
{
    return strcmp(a->id, b->id);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_roster *roster = context;
    struct ferry_task *task = NULL;
    struct ferry_error error;

    if (message->payload &&
        ferry_task_parse(message->payload, message->len, heard_at(roster, message), &task,
                         &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_WARN, "status_ignored", FERRY_STR("message", error.message),
                  FERRY_INT("offset", message->offset));
        return;
    }
    forget(roster, message->key, message->key_len);
    if (task)
        LL_INSERT_INORDER(roster->tasks, task, by_id);
    if (roster->read)
        roster->options.on_change(roster->options.context);
}

static void on_caught_up(void *context)
{
    struct ferry_roster *roster = context;

    roster->read = true;
    roster->options.on_read(roster->options.context);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    const struct ferry_roster *roster = context;

    roster->options.on_trouble(roster->options.context, error);
}

const struct ferry_task *ferry_roster_tasks(const struct ferry_roster *roster)
{
    return roster->tasks;
}

/* --- life --- */

static enum ferry_status follow(struct ferry_roster *roster, uv_loop_t *loop,
                                const struct ferry_common *common, struct ferry_error *error)
{
    const struct ferry_tail_options options = {.name = "tasks",
                                               .on_record = on_record,
                                               .on_caught_up = on_caught_up,
                                               .on_trouble = on_trouble,
                                               .context = roster};

    return ferry_tail_follow(loop, common, FERRY_TOPIC_STATUS, &options, &roster->tail, error);
}

enum ferry_status ferry_roster_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_roster_options *options,
                                   struct ferry_roster **ret_roster, struct ferry_error *error)
{
    struct ferry_roster *roster = calloc(1, sizeof *roster);
    enum ferry_status status = FERRY_OK;

    if (!roster)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    roster->options = *options;
    roster->contact = ferry_boot_ms();
    status = follow(roster, loop, common, error);
    if (status != FERRY_OK) {
        ferry_roster_free(roster);
        return status;
    }
    *ret_roster = roster;
    return FERRY_OK;
}

void ferry_roster_free(struct ferry_roster *roster)
{
    struct ferry_task *task;
    struct ferry_task *next;

    if (!roster)
        return;
    ferry_tail_free(roster->tail);
    LL_FOREACH_SAFE (roster->tasks, task, next)
        ferry_task_free(task);
    free(roster);
}
