#include "consumers/poster_private.h"
#include "core/base/clock.h"
#include "core/remote/dataverse_batch.h"

#include <stdio.h>
#include <utlist.h>

#define BLAMES_TO_REJECT 8
#define BLAME_CAP_MS     INT64_C(60000)
#define MAX_DOUBTS       1
#define TRIES_TO_SPLIT   3 /* of a request that failed as a whole without a reason */

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

/* The same for all of a request, so that they go together again. A service that names a time is
 * taken at its word. */
static int64_t repeat_wait(struct ferry_batch *batch, const struct ferry_letter *letter,
                           int64_t retry_after_ms)
{
    if (retry_after_ms >= 0)
        batch->wait_ms = later(batch->wait_ms, retry_after_ms);
    else if (batch->wait_ms == 0)
        batch->wait_ms = ferry_backoff_ms(letter->attempts - 1, batch->poster->options.retry_ms,
                                          FERRY_POST_RETRY_CAP_MS);
    return batch->wait_ms;
}

/* --- what a part says of its event --- */

struct posting {
    struct ferry_poster *poster;
    struct ferry_batch *batch;
    struct ferry_letter *letter; /* in no list: the taker places it */
    struct ferry_desk *desk;
    const struct ferry_remote_answer *answer;
};

static void take_success(const struct posting *posting)
{
    bool repeated = posting->answer->verdict == FERRY_VERDICT_DUPLICATE;
    posting->batch->done = true;
    posting->desk->successes++;
    ferry_poster_settle(posting->poster, posting->letter,
                        repeated ? FERRY_EVENT_REPEATED : FERRY_EVENT_WRITTEN);
}

/* Compares the metadata before anything is held against an event. */
static void doubt(const struct posting *posting)
{
    struct ferry_desk *desk = posting->desk;
    ferry_poster_put_back(posting->poster, posting->letter);
    if (!desk->doubted)
        posting->poster->options.on_doubt(posting->poster->options.context, desk);
}

static void reject(const struct posting *posting)
{
    posting->batch->done = true;
    ferry_poster_reject(posting->poster, posting->letter, &posting->answer->error,
                        posting->answer->status);
}

/* The answer speaks of our request, not of the event. When the metadata is all right and its
 * neighbours were taken, it is this event nevertheless. */
static void take_refusal(const struct posting *posting)
{
    struct ferry_letter *letter = posting->letter;
    struct ferry_poster *poster = posting->poster;
    struct ferry_error error;
    if (letter->doubts++ < MAX_DOUBTS) {
        doubt(posting);
        return;
    }
    if (posting->desk->successes != letter->neighbours) {
        reject(posting);
        return;
    }
    letter->doubts = 0;
    ferry_desk_blame_schema(posting->desk, posting->answer->body, &posting->answer->error, &error);
    ferry_poster_put_back(poster, letter);
    poster->options.on_misfit(poster->options.context, posting->desk, &error);
}

/* Listed texts. */
static void take_fault(const struct posting *posting)
{
    if (ferry_desk_is_clear(posting->desk, ferry_boot_ms()))
        reject(posting);
    else
        doubt(posting);
}

/* A record that is not there can only be the contact; no table is in doubt then. */
static void take_absence(const struct posting *posting)
{
    const struct ferry_remote_answer *answer = posting->answer;
    struct ferry_error reason;
    if (answer->error.class == FERRY_CLASS_SCHEMA) {
        take_refusal(posting);
        return;
    }
    ferry_fail(&reason, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
               "the contact is not in Dynamics 365 any more (%.300s)", answer->error.message);
    posting->batch->done = true;
    ferry_poster_reject(posting->poster, posting->letter, &reason, answer->status);
}

/* Nobody was named: when its neighbours are taken and it is refused time and again, it is at fault.
 */
static void take_blame(const struct posting *posting)
{
    struct ferry_poster *poster = posting->poster;
    struct ferry_letter *letter = posting->letter;
    bool alone = posting->desk->successes == letter->neighbours;
    letter->neighbours = posting->desk->successes;
    if (!alone && ++letter->blamed >= BLAMES_TO_REJECT) {
        reject(posting);
        return;
    }
    posting->batch->again = true;
    posting->batch->ill = posting->batch->ill || alone;
    posting->batch->human =
        posting->batch->human || (alone && posting->answer->verdict == FERRY_VERDICT_PERMISSION);
    posting->batch->error = posting->answer->error;
    ferry_poster_wait(
        poster, letter,
        ferry_backoff_ms(letter->attempts - 1, poster->options.retry_ms, BLAME_CAP_MS));
}

static void take_again(const struct posting *posting)
{
    const struct ferry_remote_answer *answer = posting->answer;
    struct ferry_batch *batch = posting->batch;
    enum ferry_pace_answer pace = answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
    if (batch->pace != FERRY_PACE_REFUSED)
        batch->pace = pace;
    batch->again = true;
    batch->error = answer->error;
    batch->retry_after_ms = later(batch->retry_after_ms, answer->retry_after_ms);
    ferry_poster_wait(posting->poster, posting->letter,
                      repeat_wait(batch, posting->letter, answer->retry_after_ms));
}

static void (*const takers[FERRY_POST_VERDICTS])(const struct posting *) = {
    [FERRY_VERDICT_OK] = take_success,        [FERRY_VERDICT_ABSENT] = take_absence,
    [FERRY_VERDICT_NO_PARENT] = take_refusal, [FERRY_VERDICT_DUPLICATE] = take_success,
    [FERRY_VERDICT_BAD_RECORD] = take_fault,  [FERRY_VERDICT_ILL] = take_blame,
    [FERRY_VERDICT_THROTTLED] = take_again,   [FERRY_VERDICT_UNAVAILABLE] = take_again,
    [FERRY_VERDICT_UNKNOWN] = take_again,     [FERRY_VERDICT_CREDENTIALS] = take_again,
    [FERRY_VERDICT_PERMISSION] = take_blame,  [FERRY_VERDICT_EXPIRED] = take_refusal,
    [FERRY_VERDICT_REFUSED] = take_refusal,   [FERRY_VERDICT_FOREIGN] = take_refusal,
};

static void take_letter(struct ferry_batch *batch, const struct ferry_remote_answer *answer,
                        void (*taker)(const struct posting *))
{
    struct ferry_letter *letter = batch->letters;
    if (!letter)
        return;
    const struct posting posting = {.poster = batch->poster,
                                    .batch = batch,
                                    .letter = letter,
                                    .desk = &batch->poster->options.desks[letter->kind],
                                    .answer = answer};
    DL_DELETE(batch->letters, letter);
    taker(&posting);
}

void ferry_posting_part(void *context, const struct ferry_multipart_part *part)
{
    struct ferry_batch *batch = context;
    struct ferry_remote_answer answer;
    ferry_batch_judge(part, &answer);
    take_letter(batch, &answer, takers[answer.verdict]);
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
        ferry_poster_wait(batch->poster, letter, repeat_wait(batch, letter, retry_after_ms));
    }
}

/* All were refused together. Half of them at a time, until the one that is at fault is alone. */
static void split(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    struct ferry_letter *letter, *next;
    if (batch->count == 1) {
        bool fault = answer->verdict == FERRY_VERDICT_BAD_RECORD;
        take_letter(batch, answer, fault ? take_fault : take_refusal);
        return;
    }
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        letter->most = batch->count / 2;
        ferry_poster_wait(batch->poster, letter, 0);
    }
}

/* All are there, or none is. What was refused goes by $batch, where each is judged on its own. */
static void take_many(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    bool unknown = answer->verdict == FERRY_VERDICT_REFUSED;
    struct ferry_letter *letter, *next;
    while (answer->verdict == FERRY_VERDICT_OK && batch->letters)
        take_letter(batch, answer, take_success);
    batch->many->singly = batch->many->singly || unknown;
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        ferry_poster_wait(batch->poster, letter, 0);
    }
}

static void take_whole(struct ferry_batch *batch, const struct ferry_remote_answer *answer)
{
    bool tired = batch->letters && batch->letters->attempts >= TRIES_TO_SPLIT;
    batch->error = answer->error;
    switch (answer->verdict) {
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
        batch->pace = answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
        batch->again = true;
        repeat_all(batch, answer->retry_after_ms);
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
        batch->again = true;
        batch->ill = true;
        if (tired)
            split(batch, answer);
        else
            repeat_all(batch, -1);
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

void ferry_posting_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_batch *batch = context;
    struct ferry_poster *poster = batch->poster;
    DL_DELETE(poster->batches, batch);
    count_answer(poster, answer->verdict);
    if (batch->many && !speaks_of_us(answer->verdict))
        take_many(batch, answer);
    else if (answer->verdict == FERRY_VERDICT_OK || batch->unreadable)
        take_rest(batch);
    else
        take_whole(batch, answer);
    batch->retry_after_ms = later(batch->retry_after_ms, answer->retry_after_ms);
    ferry_pace_answer(&poster->pace, batch->ticket, batch->pace, batch->retry_after_ms,
                      ferry_boot_ms());
    heed_limits(poster, answer);
    conclude(poster, batch);
    ferry_batch_free(batch);
    ferry_poster_run(poster);
    if (!poster->open)
        poster->options.on_progress(poster->options.context);
}
