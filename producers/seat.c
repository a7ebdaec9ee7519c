#include "producers/seat.h"

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "core/io/tail.h"
#include "core/io/topics.h"
#include "producers/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define LOST_MS         1000
#define LOST_CAP_MS     30000
#define FENCED_AT_LEAST 3 /* a rival works: back off as after so many losses */

enum phase { PHASE_OPENING, PHASE_OPEN, PHASE_RESTING, PHASE_LOST };
enum turn { TURN_FREE, TURN_HELD, TURN_ENDING };

struct entry { /* a stored checkpoint */
    UT_hash_handle hh;
    char *task;
    char *text;
};

struct ferry_seat {
    uv_loop_t *loop;
    const struct ferry_common *common;
    int partition;
    char name[32];                /* reader.2 */
    char topic[FERRY_TOPIC_SIZE]; /* checkpoints */
    enum phase phase;
    struct ferry_producer *producer;
    struct ferry_tail *tail;
    struct ferry_alarm *alarm;
    unsigned losses; /* since the last commit */

    struct entry *checkpoints;
    struct ferry_seat_user *users;
    struct ferry_seat_user
        *owner; /* of the turn; NULL although the turn is not free: it has left */
    enum turn turn;
    uint64_t tickets;
    char *task, *text; /* the checkpoint that is being committed */

    void (*on_closed)(void *context);
    void *closed_context;
};

static void open_seat(struct ferry_seat *seat);

/* ---- checkpoints ---- */

/* Takes `text`; NULL is a tombstone. */
static enum ferry_status store(struct ferry_seat *seat, const char *task, size_t length, char *text)
{
    struct entry *entry = NULL;
    HASH_FIND(hh, seat->checkpoints, task, length, entry);
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        if (!entry || !(entry->task = strndup(task, length))) {
            free(entry);
            free(text);
            return FERRY_NOMEM;
        }
        HASH_ADD_KEYPTR(hh, seat->checkpoints, entry->task, length, entry);
    }
    free(entry->text);
    entry->text = text;
    return FERRY_OK;
}

static void forget_checkpoints(struct ferry_seat *seat)
{
    struct entry *entry = seat->checkpoints;
    HASH_CLEAR(hh, seat->checkpoints);
    while (entry) {
        struct entry *next = entry->hh.next;
        free(entry->task);
        free(entry->text);
        free(entry);
        entry = next;
    }
}

const char *ferry_seat_checkpoint(const struct ferry_seat *seat, const char *task)
{
    struct entry *entry = NULL;
    HASH_FIND_STR(seat->checkpoints, task, entry);
    return entry ? entry->text : NULL;
}

void ferry_seat_checkpoints(const struct ferry_seat *seat, const char *prefix,
                            bool (*each)(void *context, const char *key, const char *text),
                            void *context)
{
    size_t length = strlen(prefix);
    for (const struct entry *entry = seat->checkpoints; entry; entry = entry->hh.next)
        if (entry->text && strncmp(entry->task, prefix, length) == 0 &&
            !each(context, entry->task, entry->text))
            return;
}

/* ---- the end ---- */

static void drop_turn(struct ferry_seat *seat)
{
    free(seat->task);
    free(seat->text);
    seat->task = seat->text = NULL;
    seat->owner = NULL;
    seat->turn = TURN_FREE;
}

static void drop_clients(struct ferry_seat *seat)
{
    drop_turn(seat);
    ferry_tail_free(seat->tail);
    seat->tail = NULL;
    ferry_producer_free(seat->producer);
    seat->producer = NULL;
}

static void close_now(void *context)
{
    struct ferry_seat *seat = context;
    void (*on_closed)(void *) = seat->on_closed;
    void *closed_context = seat->closed_context;
    drop_clients(seat);
    forget_checkpoints(seat);
    ferry_alarm_free(seat->alarm);
    free(seat);
    on_closed(closed_context);
}

void ferry_seat_close(struct ferry_seat *seat, void (*on_closed)(void *context), void *context)
{
    seat->on_closed = on_closed;
    seat->closed_context = context;
    if (seat->turn == TURN_ENDING)
        ferry_producer_hurry(seat->producer);
    else
        ferry_alarm_set(seat->alarm, 0);
}

/* ---- lost and opened ---- */

static void lose(struct ferry_seat *seat, const struct ferry_error *error, bool fenced)
{
    drop_clients(seat);
    if (seat->on_closed) {
        close_now(seat);
        return;
    }
    seat->phase = PHASE_LOST;
    if (fenced && seat->losses < FENCED_AT_LEAST)
        seat->losses = FENCED_AT_LEAST;
    int64_t delay = ferry_backoff_ms(seat->losses++, LOST_MS, LOST_CAP_MS);
    ferry_log(FERRY_LOG_WARN, "seat_lost", FERRY_INT("partition", seat->partition),
              FERRY_STR("message", error->message), FERRY_INT("retry_in_ms", delay));
    ferry_alarm_set(seat->alarm, delay);
    struct ferry_seat_user *user;
    struct ferry_seat_user *next;
    DL_FOREACH_SAFE (seat->users, user, next) {
        user->open = false;
        user->ticket = 0;
        user->calls->on_lost(user->context, error, ferry_wall_ms() + delay);
    }
}

/* Not while a transaction is under way whose user has left: its checkpoint is not yet the truth. */
static void tell_open(struct ferry_seat *seat)
{
    if (seat->phase != PHASE_OPEN || (seat->turn != TURN_FREE && !seat->owner))
        return;
    struct ferry_seat_user *user;
    struct ferry_seat_user *next;
    DL_FOREACH_SAFE (seat->users, user, next) {
        if (user->open)
            continue;
        user->open = true;
        user->calls->on_open(user->context);
    }
}

/* What was read is no longer known when others may write. */
static void rest(struct ferry_seat *seat)
{
    drop_clients(seat);
    forget_checkpoints(seat);
    seat->phase = PHASE_RESTING;
    ferry_log(FERRY_LOG_INFO, "seat_rests", FERRY_INT("partition", seat->partition));
}

static void on_stored(void *context, const rd_kafka_message_t *message)
{
    struct ferry_seat *seat = context;
    if (!message->key)
        return; /* nobody of ours writes one */
    char *text = message->payload ? strndup(message->payload, message->len) : NULL;
    if ((message->payload && !text) ||
        store(seat, message->key, message->key_len, text) != FERRY_OK)
        ferry_log(FERRY_LOG_ERROR, "checkpoint_not_kept", FERRY_INT("partition", seat->partition),
                  FERRY_INT("offset", message->offset));
}

static void on_all_stored(void *context)
{
    struct ferry_seat *seat = context;
    if (!seat->users) {
        rest(seat);
        return;
    }
    ferry_tail_free(seat->tail);
    seat->tail = NULL;
    seat->phase = PHASE_OPEN;
    ferry_log(FERRY_LOG_INFO, "seat_open", FERRY_INT("partition", seat->partition),
              FERRY_INT("checkpoints", HASH_COUNT(seat->checkpoints)));
    tell_open(seat);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    const struct ferry_seat *seat = context;
    ferry_log(FERRY_LOG_WARN, "checkpoints_unreadable", FERRY_INT("partition", seat->partition),
              FERRY_STR("message", error->message), FERRY_STR("then", "retrying"));
}

static void on_ready(void *context)
{
    struct ferry_seat *seat = context;
    const struct ferry_tail_part part = {seat->topic, seat->partition, RD_KAFKA_OFFSET_BEGINNING};
    const struct ferry_tail_options options = {
        .name = "checkpoints",
        .parts = &part,
        .part_count = 1,
        .on_record = on_stored,
        .on_caught_up = on_all_stored,
        .on_trouble = on_trouble,
        .context = seat,
    };
    struct ferry_error error;
    forget_checkpoints(seat); /* what was read before init_transactions does not count */
    if (ferry_tail_new(seat->loop, seat->common, &options, &seat->tail, &error) != FERRY_OK)
        lose(seat, &error, false);
}

/* ---- turns ---- */

static void grant(struct ferry_seat *seat)
{
    struct ferry_seat_user *first = NULL;
    struct ferry_seat_user *user;
    if (seat->phase != PHASE_OPEN || seat->turn != TURN_FREE)
        return;
    DL_FOREACH (seat->users, user) {
        if (user->ticket && (!first || user->ticket < first->ticket))
            first = user;
    }
    if (!first)
        return;
    first->ticket = 0;
    seat->owner = first;
    seat->turn = TURN_HELD;
    first->calls->on_turn(first->context);
}

static void end_turn(struct ferry_seat *seat, const struct ferry_error *error)
{
    struct ferry_seat_user *owner = seat->owner;
    drop_turn(seat);
    if (seat->on_closed) {
        close_now(seat);
        return;
    }
    if (owner)
        owner->calls->on_ended(owner->context, error);
    tell_open(seat);
    grant(seat);
}

static void on_room(void *context)
{
    const struct ferry_seat *seat = context;
    if (seat->owner)
        seat->owner->calls->on_room(seat->owner->context);
}

static void on_committed(void *context)
{
    struct ferry_seat *seat = context;
    struct ferry_error error;
    char *text = seat->text;
    seat->text = NULL;
    if (store(seat, seat->task, strlen(seat->task), text) != FERRY_OK) {
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        lose(seat, &error, false); /* it is read again */
        return;
    }
    seat->losses = 0;
    end_turn(seat, NULL);
}

static void on_aborted(void *context, const struct ferry_error *why)
{
    end_turn(context, why);
}

static void on_broken(void *context, const struct ferry_error *error, bool fenced)
{
    lose(context, error, fenced);
}

static const struct ferry_producer_calls producer_calls = {
    .on_ready = on_ready,
    .on_room = on_room,
    .on_committed = on_committed,
    .on_aborted = on_aborted,
    .on_broken = on_broken,
};

static void open_seat(struct ferry_seat *seat)
{
    struct ferry_error error;
    seat->phase = PHASE_OPENING;
    if (ferry_producer_new(seat->loop, seat->common, seat->name, &producer_calls, seat,
                           &seat->producer, &error) != FERRY_OK)
        lose(seat, &error, false);
}

static void on_alarm(void *context)
{
    struct ferry_seat *seat = context;
    if (seat->on_closed)
        close_now(seat);
    else if (seat->phase == PHASE_LOST || seat->phase == PHASE_RESTING)
        open_seat(seat);
}

enum ferry_status ferry_seat_new(uv_loop_t *loop, const struct ferry_common *common, int partition,
                                 struct ferry_seat **ret_seat, struct ferry_error *error)
{
    struct ferry_seat *seat = calloc(1, sizeof *seat);
    if (!seat || ferry_alarm_new(loop, on_alarm, seat, &seat->alarm) != FERRY_OK) {
        free(seat);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    seat->loop = loop;
    seat->common = common;
    seat->partition = partition;
    snprintf(seat->name, sizeof seat->name, "reader.%d", partition);
    ferry_topic_name(common->instance, (struct ferry_topic){FERRY_TOPIC_CHECKPOINTS, NULL},
                     seat->topic);
    open_seat(seat);
    *ret_seat = seat;
    return FERRY_OK;
}

int ferry_seat_partition(const struct ferry_seat *seat)
{
    return seat->partition;
}

/* ---- for users ---- */

void ferry_seat_join(struct ferry_seat *seat, struct ferry_seat_user *user,
                     const struct ferry_seat_calls *calls, void *context)
{
    *user = (struct ferry_seat_user){.calls = calls, .context = context};
    DL_APPEND(seat->users, user);
    if (seat->phase == PHASE_RESTING)
        ferry_alarm_set(seat->alarm, 0);
    else
        tell_open(seat);
}

void ferry_seat_leave(struct ferry_seat *seat, struct ferry_seat_user *user)
{
    struct ferry_error why;
    ferry_seat_yield(seat, user);
    DL_DELETE(seat->users, user);
    if (seat->owner != user)
        return;
    if (seat->turn == TURN_HELD) {
        ferry_fail(&why, FERRY_RETRY, FERRY_CLASS_NONE, "the task was stopped");
        ferry_seat_abort(seat, &why);
    }
    seat->owner = NULL;
}

static bool is_waited_for(const struct ferry_seat *seat)
{
    const struct ferry_seat_user *user;
    DL_FOREACH (seat->users, user) {
        if (user->ticket)
            return true;
    }
    return false;
}

/* A turn may be free while others wait for it: who had it last is told of its end before. Who waits
 * longest comes next. */
bool ferry_seat_want(struct ferry_seat *seat, struct ferry_seat_user *user)
{
    if (seat->phase == PHASE_OPEN && seat->turn == TURN_FREE && !is_waited_for(seat)) {
        seat->owner = user;
        seat->turn = TURN_HELD;
        return true;
    }
    if (!user->ticket)
        user->ticket = ++seat->tickets;
    return false;
}

void ferry_seat_yield(struct ferry_seat *seat, struct ferry_seat_user *user)
{
    user->ticket = 0;
    if (seat->owner != user || seat->turn != TURN_HELD || ferry_producer_begun(seat->producer))
        return;
    drop_turn(seat);
    grant(seat);
}

enum ferry_status ferry_seat_send(struct ferry_seat *seat, struct ferry_producer_record *record,
                                  struct ferry_error *error)
{
    return ferry_producer_send(seat->producer, record, error);
}

bool ferry_seat_full(const struct ferry_seat *seat)
{
    return ferry_producer_full(seat->producer);
}

bool ferry_seat_begun(const struct ferry_seat *seat)
{
    return ferry_producer_begun(seat->producer);
}

void ferry_seat_abort(struct ferry_seat *seat, const struct ferry_error *why)
{
    seat->turn = TURN_ENDING;
    ferry_producer_abort(seat->producer, why);
}

static enum ferry_status send_checkpoint(struct ferry_seat *seat, const char *task,
                                         const char *checkpoint, struct ferry_error *error)
{
    ferry_crashpoint("before-checkpoint-produced");
    seat->task = strdup(task);
    seat->text = checkpoint ? strdup(checkpoint) : NULL;
    if (!seat->task || (checkpoint && !seat->text))
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    struct ferry_producer_record record = {
        .topic = seat->topic,
        .partition = seat->partition,
        .key = {seat->task, strlen(seat->task)},
        .value = {seat->text, checkpoint ? strlen(checkpoint) : 0},
    };
    enum ferry_status status = ferry_seat_send(seat, &record, error);
    return status == FERRY_FULL ? FERRY_OK : status;
}

void ferry_seat_commit(struct ferry_seat *seat, const char *task, const char *checkpoint)
{
    struct ferry_error error;
    if (send_checkpoint(seat, task, checkpoint, &error) != FERRY_OK) {
        ferry_seat_abort(seat, &error);
        return;
    }
    seat->turn = TURN_ENDING;
    ferry_producer_commit(seat->producer);
}
