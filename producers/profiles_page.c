/* Pages of profiles: asked for, sifted, told and committed. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/kafka.h"
#include "producers/profiles_private.h"

#include <stdlib.h>
#include <string.h>

#define RESTARTS 3 /* of a first read whose links are refused: then it is no accident */

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* ---- into the transaction ---- */

static enum ferry_status encode(struct ferry_profiles *profiles, const struct ferry_profile *row,
                                struct ferry_error *error)
{
    bool news = profiles->at.loaded;
    const struct ferry_optout_change change = {
        .contact = {row->contact, strlen(row->contact)},
        .side = FERRY_SIDE_CAMPAIGN,
        .source = news ? FERRY_OPTOUT_API : FERRY_OPTOUT_LOAD,
        .said = row->said,
        .changed_at = row->changed_at,
        .place = {"", 0},
        .read_at = profiles->asked_at,
    };
    ferry_buffer_clear(&profiles->buffer);
    return ferry_optout_encode(&change, news ? &profiles->news_wire : &profiles->load_wire,
                               &profiles->buffer, error);
}

/* As with tables: what nobody changed carries no trace, unless it is asked for. */
static rd_kafka_headers_t *make_headers(struct ferry_profiles *profiles)
{
    if (!profiles->at.loaded && !profiles->options.common->trace_full_reads)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, FERRY_TRACE_HEADER, sizeof FERRY_TRACE_HEADER - 1,
                        ferry_tracer_next(&profiles->tracer), FERRY_TRACE_SIZE - 1);
    return headers;
}

static enum ferry_status send_row(struct ferry_profiles *profiles, const struct ferry_profile *row,
                                  struct ferry_error *error)
{
    enum ferry_status status = encode(profiles, row, error);
    if (status != FERRY_OK)
        return status;
    struct ferry_producer_record record = {
        .topic = profiles->at.loaded ? profiles->news : profiles->load,
        .partition =
            ferry_kafka_partition(row->contact, strlen(row->contact), FERRY_DATA_PARTITIONS),
        .key = {row->contact, strlen(row->contact)},
        .value = {profiles->buffer.data, profiles->buffer.length},
        .headers = make_headers(profiles),
    };
    status = ferry_seat_send(profiles->options.seat, &record, error);
    return status == FERRY_FULL ? FERRY_OK : status;
}

static void commit(struct ferry_profiles *profiles)
{
    char *text = NULL;
    struct ferry_error error;
    if (ferry_profilemark_print(&profiles->next, &text) != FERRY_OK) {
        out_of_memory(&error);
        ferry_profiles_fail(profiles, &error);
        return;
    }
    profiles->turn = FERRY_PROFILES_TURN_ENDING;
    ferry_seat_commit(profiles->options.seat, profiles->options.task, text);
    free(text);
}

void ferry_profiles_send(struct ferry_profiles *profiles)
{
    struct ferry_error error;
    while (profiles->cursor < profiles->page.count && !ferry_seat_full(profiles->options.seat)) {
        if (send_row(profiles, &profiles->page.rows[profiles->cursor], &error) != FERRY_OK) {
            ferry_profiles_fail(profiles, &error);
            return;
        }
        profiles->cursor++;
    }
    if (!ferry_seat_full(profiles->options.seat))
        commit(profiles);
}

/* ---- behind the commit ---- */

static void count(struct ferry_profiles *profiles)
{
    profiles->tally.records += profiles->found.records;
    profiles->tally.pages += profiles->found.pages;
    profiles->tally.without_contact += profiles->found.without_contact;
    profiles->tally.bad_times += profiles->found.bad_times;
    ferry_metric_add(profiles->records, profiles->found.records);
    ferry_metric_add(profiles->pages, profiles->found.pages);
}

static void end_round(struct ferry_profiles *profiles)
{
    int64_t poll = ferry_campaign_source_poll_ms(profiles->options.source);
    int64_t left = profiles->began_at + poll - ferry_wall_ms();
    profiles->restarts = 0;
    profiles->looked_at = profiles->began_at;
    ferry_metric_set(profiles->looks, (double)profiles->looked_at / 1000);
    ferry_recall_turn(&profiles->recall);
    ferry_profiles_forget_round(profiles);
    /* A clock that was set shall not make it hurry or sleep. */
    ferry_profiles_delay(profiles, left < 0 ? 0 : left > poll ? poll : left);
}

void ferry_profiles_advance(struct ferry_profiles *profiles)
{
    count(profiles);
    profiles->tries = 0;
    free(profiles->link);
    profiles->link = profiles->page.next;
    profiles->page.next = NULL;
    ferry_profilepage_done(&profiles->page);
    profiles->has_page = false;
    bool whole = !profiles->link;
    if (whole)
        end_round(profiles);
    profiles->options.calls->on_progress(profiles->options.context);
    if (!whole)
        ferry_profiles_ask(profiles);
}

/* ---- a page ---- */

/* What the overlap brings again is passed over, and who has no contact is of no interest. */
static enum ferry_status sift(struct ferry_profiles *profiles)
{
    struct ferry_profilepage *page = &profiles->page;
    size_t kept = 0;
    profiles->found = (struct ferry_profiles_tally){.pages = 1};
    for (size_t i = 0; i < page->count; i++) {
        const struct ferry_profile *row = &page->rows[i];
        if (row->newest > profiles->newest)
            profiles->newest = row->newest;
        if (profiles->at.loaded) {
            if (ferry_recall_knows(&profiles->recall, row->hash))
                continue;
            if (ferry_recall_add(&profiles->recall, row->hash) != FERRY_OK)
                return FERRY_NOMEM;
        }
        profiles->found.bad_times += row->bad_time;
        if (row->contact[0])
            page->rows[kept++] = *row;
        else
            profiles->found.without_contact++;
    }
    page->count = kept;
    profiles->found.records = (int64_t)kept;
    return FERRY_OK;
}

static enum ferry_status judge_link(const struct ferry_profiles *profiles, const char *link,
                                    struct ferry_error *error)
{
    struct ferry_error why;
    if (!link || ferry_campaign_source_owns(profiles->options.source, link, &why) == FERRY_OK)
        return FERRY_OK;
    ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "A page of Campaign's profiles carries a bad link, where nothing was sent: %s.",
               why.message);
    ferry_advise(error, "Find out who changes the answers of Adobe Campaign on their way here.");
    return FERRY_RETRY;
}

/* Nothing to tell and nothing to remember: a look without news costs no transaction. */
static bool is_news(const struct ferry_profiles *profiles)
{
    const struct ferry_profilemark *at = &profiles->at;
    const struct ferry_profilemark *next = &profiles->next;
    return profiles->page.count > 0 || !at->loaded || next->since != at->since;
}

static enum ferry_status read_page(struct ferry_profiles *profiles,
                                   const struct ferry_remote_answer *answer,
                                   struct ferry_error *error)
{
    enum ferry_status status = ferry_profilepage_parse(profiles->options.consent, answer->body,
                                                       answer->length, &profiles->page, error);
    if (status != FERRY_OK)
        return status;
    profiles->has_page = true;
    profiles->cursor = 0;
    status = judge_link(profiles, profiles->page.next, error);
    if (status != FERRY_OK)
        return status;
    if (sift(profiles) != FERRY_OK ||
        ferry_profilemark_follow(&profiles->next, &profiles->at, profiles->newest,
                                 profiles->began_at, profiles->page.next) != FERRY_OK)
        return out_of_memory(error);
    return FERRY_OK;
}

static void take_page(struct ferry_profiles *profiles, const struct ferry_remote_answer *answer)
{
    struct ferry_error error;
    if (read_page(profiles, answer, &error) != FERRY_OK) {
        ferry_profiles_fail(profiles, &error);
        return;
    }
    if (!is_news(profiles)) {
        ferry_recall_keep(&profiles->recall);
        ferry_profiles_advance(profiles);
        return;
    }
    profiles->turn = ferry_seat_want(profiles->options.seat, &profiles->user)
                         ? FERRY_PROFILES_TURN_HELD
                         : FERRY_PROFILES_TURN_WAITING;
    if (profiles->turn == FERRY_PROFILES_TURN_HELD)
        ferry_profiles_send(profiles);
}

/* ---- answers without a page ---- */

static bool may_pass(const struct ferry_remote_answer *answer)
{
    if (answer->status == 401) /* of a fresh token */
        return true;
    switch ((int)answer->verdict) {
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
    case FERRY_VERDICT_ILL:
    case FERRY_VERDICT_FOREIGN:
        return true;
    default:
        return false;
    }
}

/* A next page lives as long as the instance wants: then the round begins anew, the first one too.
 */
static bool begin_anew(struct ferry_profiles *profiles, const struct ferry_remote_answer *answer)
{
    bool denied = answer->verdict == FERRY_VERDICT_CREDENTIALS ||
                  answer->verdict == FERRY_VERDICT_PERMISSION;
    if (denied || !profiles->link || ++profiles->restarts > RESTARTS)
        return false;
    ferry_log(FERRY_LOG_WARN, "next_page_refused", FERRY_STR("task", profiles->options.task),
              FERRY_STR("message", answer->error.message),
              FERRY_STR("then", "beginning at the first page"));
    free(profiles->at.next);
    profiles->at.next = NULL;
    ferry_profiles_forget_round(profiles);
    return true;
}

static void on_page(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_profiles *profiles = context;
    profiles->inquiry = NULL;
    if (answer->verdict == FERRY_VERDICT_OK) {
        take_page(profiles, answer);
    } else if (may_pass(answer) || begin_anew(profiles, answer)) {
        ferry_profiles_fail(profiles, &answer->error);
    } else {
        profiles->going = false;
        ferry_profiles_forget_round(profiles);
        profiles->options.calls->on_refused(profiles->options.context, answer);
    }
}

/* ---- asking ---- */

/* A first read goes on where it was, as of the time it began at. */
static enum ferry_status begin_round(struct ferry_profiles *profiles)
{
    struct ferry_profilemark *at = &profiles->at;
    if (!at->loaded && !at->next) {
        at->began_at = ferry_wall_ms();
        at->since = 0;
    }
    if (!at->loaded && at->next && !(profiles->link = strdup(at->next)))
        return FERRY_NOMEM;
    profiles->began_at = at->loaded ? ferry_wall_ms() : at->began_at;
    profiles->newest = at->since;
    return FERRY_OK;
}

static bool is_left_alone(struct ferry_profiles *profiles)
{
    int64_t patience = ferry_campaign_source_wait(profiles->options.source);
    struct ferry_error error;
    if (patience <= 0)
        return false;
    ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_QUOTA,
               "Adobe Campaign asked to be left alone for a while.");
    ferry_profiles_delay(profiles, patience);
    profiles->options.calls->on_fault(profiles->options.context, &error,
                                      ferry_wall_ms() + patience);
    return true;
}

void ferry_profiles_ask(struct ferry_profiles *profiles)
{
    struct ferry_error error;
    if (is_left_alone(profiles))
        return;
    enum ferry_status status = profiles->began_at ? FERRY_OK : begin_round(profiles);
    const struct ferry_profilemark *at = &profiles->at;
    int64_t since = at->loaded ? at->since - profiles->options.consent->tolerance_ms : 0;
    ferry_tracer_turn(&profiles->tracer);
    profiles->asked_at = ferry_wall_ms();
    if (status == FERRY_OK)
        status = ferry_campaign_source_read(profiles->options.source, profiles->options.consent,
                                            since > 0 ? since : 0, profiles->link, on_page,
                                            profiles, &profiles->inquiry, &error);
    else
        out_of_memory(&error);
    if (status != FERRY_OK)
        ferry_profiles_fail(profiles, &error);
}
