#include "consumers/dispatcher_private.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <utlist.h>

#define BLAME_CAP_MS    INT64_C(60000)
#define PARENT_CAP_MS   INT64_C(1800000)
#define ILLS_TO_PROBE   5
#define MAX_DETOURS     4
#define MAX_DOUBTS      2
#define BLAME_DOUBLINGS 6u /* 8 tries take some four minutes */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void end_trouble(struct ferry_dispatcher *dispatcher)
{
    dispatcher->ills = 0;
    dispatcher->probes = 0;
    dispatcher->probe_at = 0;
    if (dispatcher->warned)
        dispatcher->options.on_warning(dispatcher->options.context, NULL, 0);
    dispatcher->warned = false;
}

/* Nothing gets through: one request at a time, ever more rarely, until one does. */
static int64_t probe(struct ferry_dispatcher *dispatcher)
{
    int64_t wait =
        ferry_backoff_ms(dispatcher->probes++, dispatcher->options.retry_ms, FERRY_RETRY_CAP_MS);
    dispatcher->probe_at = ferry_boot_ms() + wait;
    return wait;
}

static int64_t repeat_wait(struct ferry_dispatcher *dispatcher, const struct ferry_lane *lane,
                           const struct ferry_remote_answer *answer)
{
    int64_t wait =
        ferry_backoff_ms(lane->attempts - 1, dispatcher->options.retry_ms, FERRY_RETRY_CAP_MS);
    return later(wait, answer->retry_after_ms);
}

static void answer_done(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                        const struct ferry_remote_answer *answer)
{
    (void)answer;
    ferry_table_succeed(lane->share->table);
    if (lane->call == FERRY_CALL_POST)
        dispatcher->options.on_born(dispatcher->options.context, lane->share->table, lane->key);
    if (lane->given.alone && lane->call == FERRY_CALL_POST) {
        lane->there = lane->now->version;
        ferry_dispatcher_set_aside(dispatcher, lane, FERRY_WAIT_PARENT, 0);
        return;
    }
    ferry_dispatcher_settle(dispatcher, lane, ferry_plan_done(&lane->given, lane->call));
}

/* Compares the metadata before anything is held against a record: always when the answer speaks of
 * the schema, otherwise unless that was done a short while ago. */
static bool doubt(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                  const struct ferry_remote_answer *answer)
{
    struct ferry_table *table = lane->share->table;
    bool schema = answer->error.class == FERRY_CLASS_SCHEMA && lane->doubts++ < MAX_DOUBTS;
    if (!schema && ferry_table_is_clear(table, ferry_boot_ms()))
        return false;
    lane->next_call = lane->call;
    ferry_share_put_back(lane->share, lane);
    if (!table->doubted)
        dispatcher->options.on_doubt(dispatcher->options.context, table);
    return true;
}

static void park(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane)
{
    unsigned doublings =
        lane->attempts - 1 < BLAME_DOUBLINGS ? lane->attempts - 1 : BLAME_DOUBLINGS;
    lane->next_call = lane->call;
    ferry_dispatcher_wait(dispatcher, lane,
                          ferry_backoff_ms(doublings, dispatcher->options.retry_ms, BLAME_CAP_MS));
}

static void judge(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                  const struct ferry_remote_answer *answer)
{
    if (answer->error.class == FERRY_CLASS_SCHEMA && doubt(dispatcher, lane, answer))
        return;
    enum ferry_blame blame = ferry_table_blame(lane->share->table, lane, ferry_boot_ms());
    dispatcher->ills++;
    if (blame == FERRY_BLAME_RECORD_ENDS) {
        if (!doubt(dispatcher, lane, answer))
            ferry_dispatcher_reject(dispatcher, lane, &answer->error, answer->status);
        return;
    }
    park(dispatcher, lane);
    if (blame == FERRY_BLAME_RECORD || dispatcher->ills < ILLS_TO_PROBE)
        return;
    struct ferry_error error = answer->error;
    error.status = FERRY_RETRY;
    ferry_dispatcher_warn(dispatcher, &error, probe(dispatcher));
}

static void answer_go_on(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    struct ferry_table *table = lane->share->table;
    if (answer->verdict == FERRY_VERDICT_ABSENT && lane->given.known == FERRY_KNOWN_WRITTEN &&
        ferry_table_note_absence(table) && !table->doubted)
        dispatcher->options.on_doubt(dispatcher->options.context, table);
    /* There, not there, there: a record that the destination hides, or another one that holds a key
     * of this one. */
    if (++lane->detours >= MAX_DETOURS) {
        lane->detours = 0;
        judge(dispatcher, lane, answer);
        return;
    }
    lane->unsure = false;
    lane->next_call = ferry_plan_next(lane->call, answer->verdict).call;
    ferry_dispatcher_hurry(dispatcher, lane);
}

static void answer_again(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    int64_t wait = repeat_wait(dispatcher, lane, answer);
    lane->next_call = lane->call;
    ferry_dispatcher_wait(dispatcher, lane, wait);
    ferry_dispatcher_warn(dispatcher, &answer->error,
                          later(wait, ferry_pace_wait_ms(&dispatcher->pace, ferry_boot_ms())));
}

static void answer_cut(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                       const struct ferry_remote_answer *answer)
{
    int64_t wait = repeat_wait(dispatcher, lane, answer);
    lane->unsure = true;
    /* What was cut is decided afresh: a creation may have succeeded. */
    lane->next_call = FERRY_CALL_NONE;
    ferry_dispatcher_wait(dispatcher, lane, wait);
    ferry_dispatcher_warn(dispatcher, &answer->error, wait);
}

static void answer_reject(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          const struct ferry_remote_answer *answer)
{
    if (doubt(dispatcher, lane, answer))
        return;
    if (answer->error.class != FERRY_CLASS_SCHEMA) {
        ferry_dispatcher_reject(dispatcher, lane, &answer->error, answer->status);
        return;
    }
    /* The metadata says that all is well, the resource says that it is not: no record is at fault.
     */
    lane->doubts = 0;
    ferry_share_put_back(lane->share, lane);
    dispatcher->options.on_misfit(dispatcher->options.context, lane->share->table, &answer->error,
                                  true);
}

static bool links_back(const struct ferry_mapping *mapping)
{
    for (size_t i = 0; i < mapping->field_count; i++)
        if (mapping->fields[i].mutual)
            return true;
    return false;
}

/* Why a child is not worth waiting on; NULL: it is. */
static const char *hopeless(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                            struct ferry_waiting_entry *entry)
{
    const struct ferry_slice key = {lane->key, lane->key_length};
    if (!ferry_waiting_get(lane->share->waiting, key, entry) || entry->why != FERRY_WAIT_PARENT)
        *entry = (struct ferry_waiting_entry){.since = ferry_wall_ms()};
    if (lane->now->parent_gone && entry->woken == lane->now->woken)
        return "that record was deleted, or is filtered out";
    bool late = ferry_wall_ms() - entry->since >= dispatcher->options.patience_ms;
    return late ? "it did not come in time" : NULL;
}

/* The first tries are soon, as most parents come a moment after their child. */
static void await_parent(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_waiting_entry *entry)
{
    enum ferry_recalled recalled = lane->now->recalled; /* the lane may be gone afterwards */
    int64_t wait = ferry_backoff_ms(entry->tries, dispatcher->options.retry_ms, PARENT_CAP_MS);
    int64_t left = entry->since + dispatcher->options.patience_ms - ferry_wall_ms();
    ferry_dispatcher_set_aside(dispatcher, lane, FERRY_WAIT_PARENT, wait < left ? wait : left);
    /* What it links to is looked up once; then news of it comes by itself. */
    if (recalled == FERRY_RECALL_NONE || entry->tries == 0)
        dispatcher->options.on_orphan(dispatcher->options.context);
}

static void answer_parent(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                          const struct ferry_remote_answer *answer)
{
    struct ferry_waiting_entry entry;
    struct ferry_error reason;
    if (lane->call == FERRY_CALL_POST && !lane->alone && links_back(lane->share->table->mapping)) {
        lane->alone = true;
        lane->next_call = lane->call;
        ferry_dispatcher_hurry(dispatcher, lane);
        return;
    }
    lane->alone = false; /* not even so could it be created */
    const char *why = hopeless(dispatcher, lane, &entry);
    if (!why) {
        await_parent(dispatcher, lane, &entry);
        return;
    }
    ferry_fail(&reason, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING, "%s; %s", answer->error.message,
               why);
    ferry_dispatcher_reject(dispatcher, lane, &reason, answer->status);
}

static void answer_human(struct ferry_dispatcher *dispatcher, struct ferry_lane *lane,
                         const struct ferry_remote_answer *answer)
{
    int64_t wait = probe(dispatcher);
    struct ferry_error error = answer->error;
    /* A token that is refused may be a passing quarrel between Adobe's servers; a secret that is
     * refused is not. */
    if (answer->status == 401)
        error.status = FERRY_RETRY;
    ferry_dispatcher_wait(dispatcher, lane, wait);
    ferry_dispatcher_warn(dispatcher, &error, wait);
}

static void (*const takers[])(struct ferry_dispatcher *, struct ferry_lane *,
                              const struct ferry_remote_answer *) = {
    [FERRY_COURSE_DONE] = answer_done,     [FERRY_COURSE_GO_ON] = answer_go_on,
    [FERRY_COURSE_AGAIN] = answer_again,   [FERRY_COURSE_CUT] = answer_cut,
    [FERRY_COURSE_JUDGE] = judge,          [FERRY_COURSE_REJECT] = answer_reject,
    [FERRY_COURSE_PARENT] = answer_parent, [FERRY_COURSE_HUMAN] = answer_human,
};

static enum ferry_pace_answer pace_of(const struct ferry_remote_answer *answer,
                                      enum ferry_course course)
{
    if (course == FERRY_COURSE_AGAIN)
        return answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
    if (course == FERRY_COURSE_CUT)
        return FERRY_PACE_FAILED;
    return course == FERRY_COURSE_JUDGE || course == FERRY_COURSE_HUMAN ? FERRY_PACE_NEUTRAL
                                                                        : FERRY_PACE_OK;
}

static struct ferry_metric *request_metric(struct ferry_dispatcher *dispatcher,
                                           enum ferry_call call, enum ferry_verdict verdict)
{
    struct ferry_metric **metric = &dispatcher->requests[call][verdict];
    char labels[96];
    if (!*metric) {
        snprintf(labels, sizeof labels, "verb=\"%s\",verdict=\"%s\"", ferry_call_name(call),
                 ferry_verdict_name(verdict));
        *metric =
            ferry_metric(dispatcher->options.metrics, FERRY_COUNTER, "ferry_writer_requests_total",
                         "Answers of the destination, by verb and verdict", labels);
    }
    return *metric;
}

void ferry_dispatcher_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_lane *lane = context;
    struct ferry_dispatcher *dispatcher = lane->dispatcher;
    enum ferry_course course = ferry_plan_next(lane->call, answer->verdict).course;
    DL_DELETE(dispatcher->sent, lane);
    lane->request = NULL;
    lane->place = FERRY_LANE_IDLE;
    ferry_metric_add(request_metric(dispatcher, lane->call, answer->verdict), 1);
    enum ferry_pace_answer pace = pace_of(answer, course);
    ferry_pace_answer(&dispatcher->pace, lane->ticket, pace, answer->retry_after_ms,
                      ferry_boot_ms());
    if (pace == FERRY_PACE_OK)
        end_trouble(dispatcher);
    takers[course](dispatcher, lane, answer);
    ferry_dispatcher_soon(dispatcher);
    if (!dispatcher->open)
        dispatcher->options.on_progress(dispatcher->options.context);
}
