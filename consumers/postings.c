#include "consumers/poster_private.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/remote/dataverse_batch.h"

#include <stdio.h>
#include <utlist.h>

#define TRIES_TO_SPLIT 3 /* of a request that failed as a whole without a reason */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void end_trouble(struct ferry_poster *poster)
{
    if (poster->warned)
        poster->options.on_warning(poster->options.context, NULL, 0);
    poster->warned = false;
}

/* Nothing gets through: one request at a time, ever more rarely, until one does. */
static int64_t probe(struct ferry_poster *poster)
{
    int64_t wait =
        ferry_backoff_ms(poster->probes++, poster->options.retry_ms, FERRY_POST_RETRY_CAP_MS);
    poster->probe_at = ferry_boot_ms() + wait;
    return wait;
}

/* --- what a part says of its event --- */

static void take_success(struct ferry_batch *batch, struct ferry_letter *letter, bool repeated)
{
    struct ferry_poster *poster = batch->poster;
    batch->done = true;
    batch->taken[letter->kind] = batch->parts;
    ferry_desk_succeed(&poster->options.desks[letter->kind], batch->ticket.sequence);
    ferry_poster_settle(poster, letter, repeated ? FERRY_EVENT_REPEATED : FERRY_EVENT_WRITTEN);
}

/* The letter of the next part, in no list any more; NULL: there is none. */
static struct ferry_letter *take_letter(struct ferry_batch *batch)
{
    struct ferry_letter *letter = batch->letters;
    batch->parts++;
    if (letter)
        DL_DELETE(batch->letters, letter);
    else
        batch->surplus++;
    if (batch->letters) /* its part comes next, and it was sent long ago */
        __builtin_prefetch(batch->letters->entry, 1);
    return letter;
}

static void take_answer(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    struct ferry_letter *letter = take_letter(batch);
    if (!letter)
        return;
    if (answer->verdict == FERRY_VERDICT_OK || answer->verdict == FERRY_VERDICT_DUPLICATE)
        take_success(batch, letter, answer->verdict == FERRY_VERDICT_DUPLICATE);
    else
        ferry_claim_add(batch, letter, answer);
}

static void judge_part(struct ferry_batch *batch, const struct ferry_multipart_part *part)
{
    struct ferry_remote_answer answer;
    ferry_batch_judge(part, &answer);
    take_answer(batch, &answer);
}

/* Nearly every part says no more than this, and an answer with room for an error is large. */
static bool is_bare_success(const struct ferry_multipart_part *part)
{
    return part->status == 204 && part->length == 0;
}

void ferry_posting_part(void *context, const struct ferry_multipart_part *part)
{
    struct ferry_batch *batch = context;
    if (!is_bare_success(part)) {
        judge_part(batch, part);
        return;
    }
    struct ferry_letter *letter = take_letter(batch);
    if (letter)
        take_success(batch, letter, false);
}

/* What cannot be read is as good as cut: the letters without a part are tried again. */
enum ferry_http_flow ferry_posting_stream(void *context, const char *data, size_t length)
{
    struct ferry_batch *batch = context;
    enum ferry_status status = ferry_multipart_feed(&batch->multipart, data, length);
    batch->unreadable = status != FERRY_OK;
    return batch->unreadable ? FERRY_HTTP_STOP : FERRY_HTTP_GO_ON;
}

/* --- what the answer says of all that have no part --- */

static void repeat_all(struct ferry_batch *batch, int64_t retry_after_ms)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        ferry_letter_refuse(batch->poster, letter);
        ferry_poster_wait(batch->poster, letter,
                          ferry_batch_wait_ms(batch, letter, retry_after_ms));
    }
}

static void halve(struct ferry_batch *batch)
{
    struct ferry_letter *letter;
    DL_FOREACH (batch->letters, letter)
        letter->most = batch->count / 2;
}

/* All were refused together. Half of them at a time, the first half first, until the one that is at
 * fault is alone. */
static void split(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    struct ferry_letter *letter, *next, *reversed = NULL;
    if (batch->count == 1 && batch->letters) {
        take_answer(batch, answer);
        return;
    }
    halve(batch);
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        DL_PREPEND(reversed, letter);
    }
    DL_FOREACH_SAFE (reversed, letter, next) {
        DL_DELETE(reversed, letter);
        ferry_poster_put_back(batch->poster, letter);
    }
}

/* It may have failed because of what was sent: not because nobody was there, or asked for patience.
 */
static bool may_be_ours(const struct ferry_remote_answer *answer)
{
    return answer->status != 429 && answer->retry_after_ms < 0 &&
           (answer->status != 0 || answer->verdict == FERRY_VERDICT_UNKNOWN);
}

/* They failed together several times. While others get through it is theirs, and otherwise perhaps.
 */
static bool is_tired(const struct ferry_batch *batch)
{
    const struct ferry_letter *first = batch->letters;
    return first && first->attempts >= TRIES_TO_SPLIT &&
           (first->attempts % TRIES_TO_SPLIT == 0 || !ferry_letter_alone(batch->poster, first));
}

/* Later; and when it may be their number, half as many then. */
static void repeat_or_split(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    bool tired = may_be_ours(answer) && is_tired(batch);
    batch->again = true;
    if (tired && batch->count == 1) {
        take_answer(batch, answer);
        return;
    }
    if (tired)
        halve(batch);
    repeat_all(batch, answer->retry_after_ms);
}

/* All are there, or none is. What was refused goes by $batch, where each is judged on its own. */
static void take_many(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    bool unknown = answer->verdict == FERRY_VERDICT_REFUSED;
    struct ferry_letter *letter, *next;
    while (answer->verdict == FERRY_VERDICT_OK && batch->letters)
        take_answer(batch, answer);
    batch->many->singly = batch->many->singly || unknown;
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        ferry_poster_wait(batch->poster, letter, 0);
    }
}

static void take_whole(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    batch->error = answer->error;
    switch (answer->verdict) {
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
        batch->pace = answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
        repeat_or_split(batch, answer);
        break;
    case FERRY_VERDICT_CREDENTIALS:
    case FERRY_VERDICT_PERMISSION:
        batch->pace = FERRY_PACE_NEUTRAL;
        batch->human = true;
        /* A token that is refused may be a passing quarrel between servers. */
        if (answer->status == 401)
            batch->error.status = FERRY_RETRY;
        repeat_all(batch, -1);
        break;
    case FERRY_VERDICT_ILL:
        batch->pace = FERRY_PACE_NEUTRAL;
        batch->ill = true;
        repeat_or_split(batch, answer);
        break;
    case FERRY_VERDICT_OK:
    case FERRY_VERDICT_ABSENT:
    case FERRY_VERDICT_NO_PARENT:
    case FERRY_VERDICT_DUPLICATE:
    case FERRY_VERDICT_BAD_RECORD:
    case FERRY_VERDICT_EXPIRED:
    case FERRY_VERDICT_REFUSED:
    case FERRY_VERDICT_FOREIGN:
        batch->pace = FERRY_PACE_NEUTRAL;
        split(batch, answer);
        break;
    }
}

/* It says nothing about what was sent: a limit, a network, our rights. */
static bool speaks_of_us(enum ferry_verdict verdict)
{
    return verdict == FERRY_VERDICT_THROTTLED || verdict == FERRY_VERDICT_UNAVAILABLE ||
           verdict == FERRY_VERDICT_UNKNOWN || verdict == FERRY_VERDICT_CREDENTIALS ||
           verdict == FERRY_VERDICT_PERMISSION;
}

/* A success that was cut, or that was none: the parts that were read count. */
static void take_rest(struct ferry_batch *batch)
{
    if (!batch->letters)
        return;
    batch->pace = FERRY_PACE_FAILED;
    batch->again = true;
    ferry_fail(&batch->error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "the answer of Dynamics 365 to a batch was cut or cannot be read");
    repeat_all(batch, -1);
}

static void heed_limits(struct ferry_poster *poster, const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_limits limits;
    ferry_dataverse_limits(answer, &limits);
    int64_t wait = ferry_allowance_heed(&poster->allowance, &limits);
    ferry_pace_cap(&poster->pace, ferry_allowance_ceiling(&poster->allowance));
    if (wait > 0)
        ferry_pace_hold(&poster->pace, wait, ferry_boot_ms());
}

/* Once for all parts: who has to act, and when it goes on. */
static void conclude(struct ferry_poster *poster, const struct ferry_batch *batch)
{
    if (batch->done) {
        poster->probes = 0;
        poster->probe_at = 0;
    }
    if (batch->done && !batch->again && !batch->human)
        end_trouble(poster);
    if (batch->human || (batch->ill && !batch->done)) {
        ferry_poster_warn(poster, &batch->error, probe(poster));
        return;
    }
    if (batch->again)
        ferry_poster_warn(
            poster, &batch->error,
            later(poster->options.retry_ms, ferry_pace_wait_ms(&poster->pace, ferry_boot_ms())));
}

static void count_answer(struct ferry_poster *poster, enum ferry_verdict verdict)
{
    struct ferry_metric **metric = &poster->answers[verdict];
    char labels[64];
    if (!*metric) {
        snprintf(labels, sizeof labels, "verdict=\"%s\"", ferry_verdict_name(verdict));
        *metric = ferry_metric(poster->options.metrics, FERRY_COUNTER, "ferry_writer_batches_total",
                               "Answers to batches of e-mail events, by verdict", labels);
    }
    ferry_metric_add(*metric, 1);
}

/* What they say is nobody's. */
static void tell_surplus(const struct ferry_batch *batch)
{
    if (batch->surplus > 0)
        ferry_log(FERRY_LOG_WARN, "surplus_parts", FERRY_INT("sent", batch->count),
                  FERRY_INT("surplus", batch->surplus),
                  FERRY_STR("goes_on", "without what they said"));
}

void ferry_posting_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_batch *batch = context;
    struct ferry_poster *poster = batch->poster;
    DL_DELETE(poster->batches, batch);
    ferry_dataverse_return_body(batch->call, answer, &batch->body);
    count_answer(poster, answer->verdict);
    if (batch->many && !speaks_of_us(answer->verdict))
        take_many(batch, answer);
    else if (answer->verdict == FERRY_VERDICT_OK || batch->unreadable)
        take_rest(batch);
    else
        take_whole(batch, answer);
    tell_surplus(batch);
    ferry_claims_judge(batch);
    batch->retry_after_ms = later(batch->retry_after_ms, answer->retry_after_ms);
    ferry_pace_answer(&poster->pace, batch->ticket, batch->pace, batch->retry_after_ms,
                      ferry_boot_ms());
    heed_limits(poster, answer);
    conclude(poster, batch);
    ferry_batch_rest(batch);
    ferry_poster_run(poster);
    if (!poster->open)
        poster->options.on_progress(poster->options.context);
}
