/* Pages: asked for, parsed while they arrive, committed with the checkpoint that follows. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "producers/reading_private.h"

static enum ferry_status judge_link(const struct ferry_reading *reading, const char *link,
                                    struct ferry_error *error)
{
    struct ferry_error why;
    if (ferry_dataverse_source_owns(reading->options.source, link, &why) == FERRY_OK)
        return FERRY_OK;
    ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "A page of table %s carries a bad link, where nothing was sent: %s.",
               reading->options.mapping->table, why.message);
    ferry_advise(error, "Find out who changes the answers of Dynamics 365 on their way here.");
    return FERRY_RETRY;
}

/* FERRY_FULL: there is nothing to write, the link stays. */
static enum ferry_status judge_page(struct ferry_reading *reading, struct ferry_error *error)
{
    const char *link = ferry_page_next_link(reading->page);
    if (!link)
        link = ferry_page_delta_link(reading->page);
    if (link)
        return judge_link(reading, link, error);
    if (ferry_checkpoint_picks(&reading->from))
        return FERRY_OK;
    if (reading->from.phase == FERRY_CHECKPOINT_DELTA && ferry_page_records(reading->page) == 0)
        return FERRY_FULL;
    return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                      "The last page of table %s from Dynamics 365 carries no delta link.",
                      reading->options.mapping->table);
}

static enum ferry_origin origin_of(const struct ferry_checkpoint *from)
{
    if (ferry_checkpoint_picks(from))
        return FERRY_ORIGIN_REPLAY;
    if (from->phase == FERRY_CHECKPOINT_DELTA)
        return FERRY_ORIGIN_DELTA;
    if (from->replaying)
        return FERRY_ORIGIN_REPLAY;
    return from->read_number > 1 ? FERRY_ORIGIN_RESYNC : FERRY_ORIGIN_LOAD;
}

static enum ferry_status on_record(void *context, struct ferry_change *change)
{
    struct ferry_reading *reading = context;
    change->origin = origin_of(&reading->from);
    change->read_number = reading->from.read_number;
    change->read_at = reading->asked_at;
    return ferry_outlet_change(&reading->outlet, change, &reading->fault);
}

static enum ferry_status on_reject(void *context, const struct ferry_page_reject *reject)
{
    struct ferry_reading *reading = context;
    char trace[FERRY_TRACE_ID_SIZE];
    reading->page_rejects++;
    ferry_error_clear(&reading->fault); /* what made it a reject is no fault of the page */
    enum ferry_status status = ferry_outlet_reject(&reading->outlet, reject, &reading->fault);
    ferry_trace_id(reading->outlet.tracer.text, trace);
    ferry_log(FERRY_LOG_WARN, "record_rejected", FERRY_STR("task", reading->options.task),
              FERRY_STR("reason", reject->reason), FERRY_STR("trace_id", trace));
    return status;
}

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct ferry_reading *reading = context;
    if (!ferry_reading_turn(reading) || ferry_seat_full(reading->options.seat)) {
        reading->paused = true;
        return FERRY_HTTP_PAUSE;
    }
    if (ferry_page_feed(reading->page, data, length, &reading->fault) == FERRY_OK)
        return FERRY_HTTP_GO_ON;
    return FERRY_HTTP_STOP;
}

/* The last page of a round has come. One that brought nothing says so of all until it was asked
 * for, whoever began the round. */
static void end_round(struct ferry_reading *reading)
{
    reading->in_round = false;
    reading->news_since =
        ferry_page_records(reading->page) == 0 ? reading->page_began_at : reading->round_began_at;
}

/* A question without news: the link stays, nothing is written. */
static void pass_over(struct ferry_reading *reading)
{
    end_round(reading);
    reading->whole = false;
    reading->turn = TURN_NONE;
    ferry_seat_yield(reading->options.seat, &reading->user);
    ferry_reading_rest(reading);
}

static enum ferry_status follow(struct ferry_reading *reading)
{
    reading->done = (struct page_count){
        .records = (int64_t)ferry_page_records(reading->page),
        .bytes = (int64_t)ferry_page_bytes(reading->page),
        .rejects = reading->page_rejects,
        .tally = reading->outlet.tally,
        .pages = 1,
    };
    reading->more = ferry_page_next_link(reading->page) || ferry_checkpoint_picks(&reading->from);
    if (ferry_page_delta_link(reading->page) && !reading->more)
        end_round(reading);
    enum ferry_status status = ferry_checkpoint_follow(
        &reading->next, &reading->from, ferry_page_next_link(reading->page),
        ferry_page_delta_link(reading->page), reading->done.records, reading->asked_at);
    if (status == FERRY_OK && !reading->outlet.form.swept &&
        reading->next.phase == FERRY_CHECKPOINT_SWEEP)
        reading->next.phase = FERRY_CHECKPOINT_DELTA;
    return status;
}

void ferry_reading_finish_page(struct ferry_reading *reading)
{
    struct ferry_error error;
    enum ferry_status status = judge_page(reading, &error);
    if (status == FERRY_FULL) {
        pass_over(reading);
        return;
    }
    if (status != FERRY_OK) {
        ferry_reading_fail(reading, &error);
        return;
    }
    if (follow(reading) != FERRY_OK) {
        ferry_reading_fail_memory(reading);
        return;
    }
    reading->whole = false;
    if (!ferry_reading_commit(reading) || !reading->more)
        return;
    /* While this page is committed the next one may come, up to its first bytes. */
    if (ferry_checkpoint_copy(&reading->from, &reading->next) == FERRY_OK)
        ferry_reading_begin_page(reading);
}

/* What an answer without a page asks of us. */
enum reaction { REACTION_RETRY, REACTION_AGAIN, REACTION_ASK };

/* A secret that is refused needs a person; a fresh token that is refused may be a passing quarrel
 * between Microsoft's servers. */
static enum reaction reaction_to(const struct ferry_remote_answer *answer)
{
    if (answer->status == 401)
        return REACTION_RETRY;
    switch ((int)answer->verdict) {
    case FERRY_VERDICT_EXPIRED:
        return REACTION_AGAIN;
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
    case FERRY_VERDICT_ILL:
    case FERRY_VERDICT_FOREIGN:
        return REACTION_RETRY;
    default:
        return REACTION_ASK;
    }
}

/* A next page that is refused may have grown old with its table: what was picked is picked anew. */
static void refuse(struct ferry_reading *reading, const struct ferry_remote_answer *answer)
{
    struct ferry_remote_answer refusal = *answer;
    bool picking = ferry_checkpoint_picks(&reading->from);
    if (picking)
        ferry_advise(&refusal.error,
                     "The replay of some rows of table %s is refused: cancel it with ferryctl "
                     "replay --cancel, then stop and start the workflow.",
                     reading->options.mapping->table);
    if (picking && ferry_checkpoint_pick(&reading->at, reading->at.replay,
                                         reading->from.pick_where) != FERRY_OK) {
        ferry_reading_fail_memory(reading);
        return;
    }
    reading->options.calls->on_refused(reading->options.context, &refusal,
                                       !picking && reading->from.link != NULL);
}

static void take_answer(struct ferry_reading *reading, const struct ferry_remote_answer *answer)
{
    enum reaction reaction = reaction_to(answer);
    if (reaction == REACTION_ASK && reading->turn != TURN_ENDING) {
        ferry_reading_leave(reading);
        reading->going = false;
        refuse(reading, answer);
        return;
    }
    struct ferry_error error = answer->error;
    if (reaction == REACTION_AGAIN) {
        reading->again = true;
        ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "The change-tracking link of table %s has expired; the whole table is read "
                   "again.",
                   reading->options.mapping->table);
    }
    ferry_reading_fail(reading, &error);
}

static void on_done(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_reading *reading = context;
    reading->read = NULL;
    if (reading->fault.status != FERRY_OK) {
        ferry_reading_fail(reading, &reading->fault);
        return;
    }
    if (answer->verdict != FERRY_VERDICT_OK) {
        take_answer(reading, answer);
        return;
    }
    if (ferry_page_end(reading->page, &reading->fault) != FERRY_OK) {
        ferry_reading_fail(reading, &reading->fault);
        return;
    }
    reading->whole = true;
    if (ferry_reading_turn(reading))
        ferry_reading_finish_page(reading);
}

static enum ferry_status ready_page(struct ferry_reading *reading)
{
    if (reading->page)
        return ferry_page_reset(reading->page);
    const struct ferry_page_options options = {
        .primary_id = reading->options.mapping->primary_id,
        .columns = reading->columns,
        .column_count = reading->options.mapping->column_count,
        .on_record = on_record,
        .on_reject = on_reject,
        .context = reading,
    };
    return ferry_page_new(&options, &reading->page);
}

static enum ferry_status ask(struct ferry_reading *reading, struct ferry_error *error)
{
    const struct ferry_checkpoint *from = &reading->from;
    bool picking = ferry_checkpoint_picks(from);
    const struct ferry_dataverse_page page = {.where = picking ? from->pick_where : NULL,
                                              .link = picking ? from->pick_link : from->link};
    return ferry_dataverse_source_read(reading->options.source, reading->options.mapping, page,
                                       on_body, on_done, reading, &reading->read, error);
}

/* What was changed and changed back since the last look is not told when that was a moment ago. */
static void begin_sayings(struct ferry_reading *reading)
{
    struct ferry_sayings *sayings = reading->options.sayings;
    const struct ferry_checkpoint *from = &reading->from;
    bool known = reading->news_since != 0 && from->phase == FERRY_CHECKPOINT_DELTA;
    ferry_sayings_trust(sayings, known ? reading->news_since + FERRY_OPTOUT_UNSEEN_MS : 0);
    if (from->phase == FERRY_CHECKPOINT_FULL && !from->link)
        ferry_sayings_clear(sayings);
}

static void begin_round(struct ferry_reading *reading)
{
    reading->page_began_at = ferry_boot_ms();
    if (reading->in_round)
        return;
    reading->in_round = true;
    reading->round_began_at = reading->page_began_at;
}

void ferry_reading_begin_page(struct ferry_reading *reading)
{
    int64_t patience = ferry_dataverse_source_wait(reading->options.source);
    struct ferry_error error;
    if (patience > 0) {
        ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_QUOTA,
                   "Dynamics 365 asked to be left alone for a while.");
        ferry_reading_delay(reading, patience);
        reading->options.calls->on_fault(reading->options.context, &error,
                                         ferry_wall_ms() + patience);
        return;
    }
    enum ferry_status status = ready_page(reading);
    ferry_error_clear(&reading->fault);
    ferry_tracer_turn(&reading->outlet.tracer);
    reading->page_rejects = 0;
    reading->outlet.tally = (struct ferry_outlet_tally){0};
    reading->asked_at = ferry_wall_ms();
    begin_round(reading);
    begin_sayings(reading);
    if (status == FERRY_OK)
        status = ask(reading, &error);
    else
        ferry_fail(&error, status, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK)
        ferry_reading_fail(reading, &error);
}
