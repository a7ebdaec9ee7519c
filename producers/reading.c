#include "producers/reading.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "producers/reading_private.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS     1000
#define RETRY_CAP_MS 60000
#define IDLE_FACTOR  6 /* an idle table is asked so much more rarely */

/* ---- when something goes wrong ---- */

void ferry_reading_drop(struct ferry_reading *reading)
{
    if (reading->turn == TURN_HELD)
        ferry_sayings_abort(reading->options.sayings);
    ferry_dataverse_source_cancel(reading->read);
    reading->read = NULL;
    ferry_sweep_free(reading->sweep);
    reading->sweep = NULL;
    reading->paused = reading->whole = reading->swept = false;
}

void ferry_reading_leave(struct ferry_reading *reading)
{
    ferry_reading_drop(reading);
    if (reading->turn == TURN_HELD || reading->turn == TURN_WAITING) {
        reading->turn = TURN_NONE;
        ferry_seat_yield(reading->options.seat, &reading->user);
    }
}

void ferry_reading_delay(struct ferry_reading *reading, int64_t delay_ms)
{
    reading->delayed = true;
    ferry_alarm_set(reading->alarm, delay_ms);
}

void ferry_reading_retry(struct ferry_reading *reading, const struct ferry_error *error)
{
    int64_t delay = ferry_backoff_ms(reading->tries++, RETRY_MS, RETRY_CAP_MS);
    int64_t patience = ferry_dataverse_source_wait(reading->options.source);
    delay = delay > patience ? delay : patience;
    ferry_reading_delay(reading, delay);
    reading->options.calls->on_fault(reading->options.context, error, ferry_wall_ms() + delay);
}

/* Nothing of the page under way is kept; where a transaction is open, the try comes after its
 * abort. */
void ferry_reading_fail(struct ferry_reading *reading, const struct ferry_error *error)
{
    struct ferry_error why = *error; /* it may live in what is dropped now */
    if (reading->turn == TURN_HELD && ferry_seat_begun(reading->options.seat)) {
        ferry_reading_drop(reading);
        reading->turn = TURN_ENDING;
        ferry_seat_abort(reading->options.seat, &why);
        return;
    }
    ferry_reading_leave(reading);
    ferry_reading_retry(reading, &why);
}

void ferry_reading_fail_memory(struct ferry_reading *reading)
{
    struct ferry_error error;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_reading_fail(reading, &error);
}

/* ---- the turn ---- */

bool ferry_reading_turn(struct ferry_reading *reading)
{
    if (reading->turn == TURN_NONE)
        reading->turn =
            ferry_seat_want(reading->options.seat, &reading->user) ? TURN_HELD : TURN_WAITING;
    return reading->turn == TURN_HELD;
}

/* The turn ends with this, one way or the other. */
bool ferry_reading_commit(struct ferry_reading *reading)
{
    char *text = NULL;
    if (ferry_checkpoint_print(&reading->next, &text) != FERRY_OK) {
        ferry_reading_fail_memory(reading);
        return false;
    }
    reading->turn = TURN_ENDING;
    ferry_seat_commit(reading->options.seat, reading->options.task, text);
    free(text);
    return true;
}

/* ---- the next step ---- */

/* The latest replay of the whole table that is to be read; what picks rows leaves it as it was. */
static int64_t whole_replay(const struct ferry_reading *reading)
{
    const struct ferry_mapping *mapping = reading->options.mapping;
    return mapping->replay_where ? reading->at.replay : mapping->replay;
}

/* It was deleted and added again, or leads elsewhere now: what was written says nothing about what
 * is there, so each row is written as in a replay. */
static bool is_mapped_anew(const struct ferry_reading *reading)
{
    return reading->at.task && reading->at.since != reading->options.mapping->since;
}

static bool needs_full_read(const struct ferry_reading *reading)
{
    return reading->again || !reading->at.task || is_mapped_anew(reading) ||
           whole_replay(reading) > reading->at.replay ||
           strcmp(reading->at.columns_hash, reading->options.mapping->columns_hash) != 0;
}

static enum ferry_status begin_full_read(struct ferry_reading *reading)
{
    const struct ferry_mapping *mapping = reading->options.mapping;
    bool anew = is_mapped_anew(reading);
    enum ferry_status status =
        ferry_checkpoint_begin(&reading->at, reading->options.task, mapping->table,
                               mapping->columns_hash, whole_replay(reading), ferry_wall_ms());
    reading->again = status != FERRY_OK;
    reading->at.since = mapping->since;
    if (anew)
        reading->at.replaying = 1;
    if (anew && reading->at.replay > mapping->replay)
        reading->at.replay = mapping->replay; /* what was cancelled before is not this one */
    return status;
}

/* One that is under way is finished first. */
static bool needs_pick(const struct ferry_reading *reading)
{
    const struct ferry_mapping *mapping = reading->options.mapping;
    return mapping->replay_where && mapping->replay > reading->at.replay && !reading->at.pick_where;
}

/* From what is committed; nothing is under way. */
static void next_step(struct ferry_reading *reading)
{
    const struct ferry_mapping *mapping = reading->options.mapping;
    enum ferry_status status = FERRY_OK;
    if (mapping->replay < reading->at.replay)
        ferry_checkpoint_cancel(&reading->at);
    if (needs_full_read(reading))
        status = begin_full_read(reading);
    if (status == FERRY_OK && needs_pick(reading))
        status = ferry_checkpoint_pick(&reading->at, mapping->replay, mapping->replay_where);
    if (status == FERRY_OK)
        status = ferry_checkpoint_copy(&reading->from, &reading->at);
    if (status != FERRY_OK)
        ferry_reading_fail_memory(reading);
    else if (reading->at.phase == FERRY_CHECKPOINT_SWEEP)
        ferry_reading_begin_pass(reading);
    else
        ferry_reading_begin_page(reading);
}

/* The end of a round: all is read that there was. The next one comes at once when this one was
 * long, later and later when there is nothing. */
void ferry_reading_rest(struct ferry_reading *reading)
{
    int64_t poll = ferry_dataverse_source_poll_ms(reading->options.source);
    bool news = reading->round.records > 0;
    bool more = reading->round.pages > 1 && reading->from.phase == FERRY_CHECKPOINT_DELTA;
    reading->idle_ms = news || reading->idle_ms == 0 ? poll : reading->idle_ms * 3 / 2;
    int64_t most = reading->options.urgent ? poll : poll * IDLE_FACTOR;
    if (reading->idle_ms > most)
        reading->idle_ms = most;
    reading->round = (struct page_count){0};
    reading->tries = 0;
    ferry_reading_delay(reading, more ? 0 : reading->idle_ms);
    reading->options.calls->on_progress(reading->options.context);
}

/* What tells the reading to go on may come twice; what is under way goes on by itself. */
static void begin_if_idle(struct ferry_reading *reading)
{
    bool idle = reading->turn == TURN_NONE && !reading->read && !reading->sweep;
    if (reading->going && reading->seated && !reading->delayed && idle)
        next_step(reading);
}

static void on_alarm(void *context)
{
    struct ferry_reading *reading = context;
    reading->delayed = false;
    begin_if_idle(reading);
}

/* What waited for the turn, for room, or for the end of the transaction before. */
static void go_on(struct ferry_reading *reading)
{
    if (reading->swept)
        ferry_reading_send_deletions(reading);
    else if (reading->whole)
        ferry_reading_finish_page(reading);
    else if (reading->paused) {
        reading->paused = false;
        ferry_dataverse_source_resume(reading->read);
    }
}

/* ---- what the seat says ---- */

static void report_stopped(struct ferry_reading *reading)
{
    reading->stopping = false;
    reading->options.calls->on_stopped(reading->options.context);
}

static void on_open(void *context)
{
    struct ferry_reading *reading = context;
    const char *text = ferry_seat_checkpoint(reading->options.seat, reading->options.task);
    ferry_sayings_open(reading->options.sayings, text);
    reading->in_round = true; /* whoever began it */
    reading->round_began_at = reading->news_since = 0;
    ferry_checkpoint_done(&reading->at);
    ferry_error_clear(&reading->trouble);
    if (text &&
        ferry_checkpoint_parse(text, strlen(text), &reading->at, &reading->trouble) != FERRY_OK) {
        reading->options.calls->on_seat(reading->options.context, &reading->trouble, 0);
        return;
    }
    reading->seated = true;
    reading->options.calls->on_seat(reading->options.context, NULL, 0);
    begin_if_idle(reading);
}

static void on_lost(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_reading *reading = context;
    ferry_reading_drop(reading);
    ferry_sayings_abort(reading->options.sayings); /* was it made known? */
    reading->seated = false;
    reading->turn = TURN_NONE;
    if (reading->stopping)
        report_stopped(reading);
    else
        reading->options.calls->on_seat(reading->options.context, error, retry_at);
}

static void on_turn(void *context)
{
    struct ferry_reading *reading = context;
    reading->turn = TURN_HELD;
    go_on(reading);
}

static void on_room(void *context)
{
    go_on(context);
}

static void count(struct ferry_reading *reading)
{
    const struct page_count *done = &reading->done;
    reading->round.pages += done->pages;
    reading->round.records += done->records;
    reading->rejects += done->rejects;
    reading->tally.dropped += done->tally.dropped;
    reading->tally.unchanged += done->tally.unchanged;
    reading->tally.undated += done->tally.undated;
    ferry_metric_add(reading->meter.records,
                     done->records - done->rejects - done->tally.dropped - done->tally.unchanged);
    ferry_metric_add(reading->meter.rejects, done->rejects);
    ferry_metric_add(reading->meter.unchanged, done->tally.unchanged);
    ferry_metric_add(reading->meter.pages, done->pages);
    ferry_metric_add(reading->meter.bytes, done->bytes);
    ferry_metric_add(reading->meter.transactions, 1);
    ferry_metric_set(reading->meter.last_page_at, (double)ferry_wall_ms() / 1000);
    ferry_log(FERRY_LOG_DEBUG, "page_committed", FERRY_STR("task", reading->options.task),
              FERRY_STR("phase", ferry_checkpoint_phase_name(reading->next.phase)),
              FERRY_INT("records", done->records), FERRY_INT("rejects", done->rejects));
}

static void on_commit(struct ferry_reading *reading)
{
    bool full = reading->at.phase != FERRY_CHECKPOINT_DELTA;
    count(reading);
    if (ferry_checkpoint_copy(&reading->at, &reading->next) != FERRY_OK) {
        ferry_reading_fail_memory(reading);
        return;
    }
    if (reading->delayed)
        return; /* the page that was asked for ahead failed, and is asked for again */
    reading->tries = 0;
    reading->options.calls->on_progress(reading->options.context);
    if (reading->read || reading->whole) { /* the page that was asked for ahead */
        if ((reading->paused || reading->whole) && ferry_reading_turn(reading))
            go_on(reading);
    } else if (reading->at.phase == FERRY_CHECKPOINT_DELTA && !reading->more) {
        if (full)
            reading->round.pages = 0; /* what changed meanwhile has the usual time */
        ferry_reading_rest(reading);
    } else {
        next_step(reading);
    }
}

/* Only now, and before anything else is read: what a page said is known. */
static void keep_sayings(struct ferry_reading *reading, const struct ferry_error *error)
{
    struct ferry_sayings *sayings = reading->options.sayings;
    if (error)
        ferry_sayings_abort(sayings);
    else
        ferry_sayings_commit(sayings,
                             ferry_seat_checkpoint(reading->options.seat, reading->options.task));
}

static void on_ended(void *context, const struct ferry_error *error)
{
    struct ferry_reading *reading = context;
    reading->turn = TURN_NONE;
    keep_sayings(reading, error);
    if (!error && reading->stopping)
        count(reading);
    else if (!error)
        on_commit(reading);
    if (error)
        ferry_metric_add(reading->meter.aborted, 1);
    if (reading->stopping) {
        report_stopped(reading);
    } else if (error) {
        ferry_reading_drop(reading);
        ferry_reading_retry(reading, error);
    }
}

static const struct ferry_seat_calls seat_calls = {
    .on_open = on_open,
    .on_lost = on_lost,
    .on_turn = on_turn,
    .on_room = on_room,
    .on_ended = on_ended,
};

/* ---- life ---- */

enum ferry_status ferry_reading_new(const struct ferry_reading_options *options,
                                    struct ferry_reading **ret_reading, struct ferry_error *error)
{
    struct ferry_reading *reading = calloc(1, sizeof *reading);
    if (!reading ||
        ferry_alarm_new(options->loop, on_alarm, reading, &reading->alarm) != FERRY_OK) {
        free(reading);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    reading->options = *options;
    ferry_checkpoint_init(&reading->at);
    ferry_checkpoint_init(&reading->from);
    ferry_checkpoint_init(&reading->next);
    ferry_outlet_init(&reading->outlet, options->seat, options->common, &options->form,
                      options->mapping->table, options->workflow);
    ferry_meter_init(&reading->meter, options->metrics, options->form.name);
    *ret_reading = reading; /* before the seat calls */
    ferry_seat_join(options->seat, &reading->user, &seat_calls, reading);
    return FERRY_OK;
}

void ferry_reading_free(struct ferry_reading *reading)
{
    if (!reading)
        return;
    ferry_reading_drop(reading);
    ferry_seat_leave(reading->options.seat, &reading->user);
    ferry_alarm_free(reading->alarm);
    ferry_page_free(reading->page);
    ferry_outlet_done(&reading->outlet);
    ferry_checkpoint_done(&reading->at);
    ferry_checkpoint_done(&reading->from);
    ferry_checkpoint_done(&reading->next);
    free(reading->columns);
    free(reading);
}

void ferry_reading_columns(struct ferry_reading *reading, struct ferry_row_column *columns)
{
    free(reading->columns);
    reading->columns = columns;
    ferry_page_free(reading->page);
    reading->page = NULL;
}

void ferry_reading_wire(struct ferry_reading *reading, struct ferry_wire load,
                        struct ferry_wire news)
{
    reading->outlet.load_wire = load;
    reading->outlet.news_wire = news;
}

bool ferry_reading_seated(const struct ferry_reading *reading)
{
    return reading->seated;
}

void ferry_reading_go(struct ferry_reading *reading)
{
    if (reading->going)
        return;
    reading->going = true;
    begin_if_idle(reading);
}

void ferry_reading_again(struct ferry_reading *reading)
{
    reading->again = true;
    ferry_reading_go(reading);
}

void ferry_reading_stop(struct ferry_reading *reading)
{
    struct ferry_error why;
    reading->going = false;
    reading->stopping = true;
    reading->delayed = false;
    ferry_alarm_stop(reading->alarm);
    ferry_reading_drop(reading);
    if (reading->turn == TURN_HELD && ferry_seat_begun(reading->options.seat)) {
        ferry_fail(&why, FERRY_RETRY, FERRY_CLASS_NONE, "the workflow was stopped");
        reading->turn = TURN_ENDING;
        ferry_seat_abort(reading->options.seat, &why);
    }
    if (reading->turn == TURN_ENDING)
        return;
    reading->turn = TURN_NONE;
    ferry_seat_yield(reading->options.seat, &reading->user);
    report_stopped(reading);
}

const struct ferry_checkpoint *ferry_reading_checkpoint(const struct ferry_reading *reading)
{
    return &reading->at;
}

int64_t ferry_reading_rejects(const struct ferry_reading *reading)
{
    return reading->rejects;
}

struct ferry_outlet_tally ferry_reading_tally(const struct ferry_reading *reading)
{
    return reading->tally;
}

void ferry_reading_age(struct ferry_reading *reading, double delta_link_age_seconds)
{
    ferry_metric_set(reading->meter.delta_link_age, delta_link_age_seconds);
}
