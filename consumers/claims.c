#include "consumers/poster_private.h"
#include "core/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BLAMES_TO_REJECT 8
#define BLAME_CAP_MS     INT64_C(60000)

/* What a part said against its event. It is judged when all parts were read: only then it is known
 * which neighbours were taken. Small, as a request may have a thousand. */
struct ferry_claim {
    struct ferry_claim *prev, *next;
    struct ferry_letter *letter;
    enum ferry_verdict verdict;
    enum ferry_class class;
    int status;  /* HTTP */
    size_t part; /* of the answer, counted from 1 */
    int64_t retry_after_ms;
    const char *column; /* that it speaks of, borrowed from the order; NULL: none */
    char message[];
};

/* One claim before the judge. */
struct trial {
    struct ferry_batch *batch;
    struct ferry_poster *poster;
    struct ferry_desk *desk;
    struct ferry_letter *letter; /* in no list: the judge places it */
    const struct ferry_claim *claim;
    bool alone;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t ferry_batch_wait_ms(struct ferry_batch *batch, const struct ferry_letter *letter,
                            int64_t retry_after_ms)
{
    if (retry_after_ms >= 0)
        batch->wait_ms = later(batch->wait_ms, retry_after_ms);
    else if (batch->wait_ms == 0)
        batch->wait_ms = ferry_backoff_ms(letter->attempts - 1, batch->poster->options.retry_ms,
                                          FERRY_POST_RETRY_CAP_MS);
    return batch->wait_ms;
}

/* A request that was sent before the letter was refused tells nothing: what it met may be over. */
bool ferry_letter_alone(const struct ferry_poster *poster, const struct ferry_letter *letter)
{
    return poster->options.desks[letter->kind].taken <= letter->refused;
}

void ferry_letter_refuse(const struct ferry_poster *poster, struct ferry_letter *letter)
{
    letter->refused = poster->pace.sequence;
}

/* --- claims --- */

void ferry_claim_add(struct ferry_batch *batch, struct ferry_letter *letter,
                     const struct ferry_remote_answer *answer)
{
    size_t size = strlen(answer->error.message) + 1;
    struct ferry_claim *claim = calloc(1, sizeof *claim + size);
    batch->error = answer->error;
    if (!claim) {
        batch->again = true;
        ferry_poster_wait(batch->poster, letter, FERRY_POST_RETRY_CAP_MS);
        return;
    }
    claim->letter = letter;
    claim->verdict = answer->verdict;
    claim->class = answer->error.class;
    claim->status = answer->status;
    claim->part = batch->parts;
    claim->retry_after_ms = answer->retry_after_ms;
    if (answer->body) /* a connection that was lost has none */
        claim->column =
            ferry_desk_column_in(&batch->poster->options.desks[letter->kind], answer->body);
    memcpy(claim->message, answer->error.message, size);
    DL_APPEND(batch->claims, claim);
}

void ferry_claims_free(struct ferry_batch *batch)
{
    struct ferry_claim *claim, *next;
    DL_FOREACH_SAFE (batch->claims, claim, next) {
        free(claim->letter);
        free(claim);
    }
    batch->claims = NULL;
}

/* --- what a judge may decide --- */

static void reject(const struct trial *trial)
{
    const struct ferry_claim *claim = trial->claim;
    struct ferry_error reason;
    if (claim->verdict == FERRY_VERDICT_ABSENT)
        ferry_fail(&reason, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                   "the contact is not in Dynamics 365 any more (%.300s)", claim->message);
    else
        ferry_fail(&reason, FERRY_BAD_RECORD, claim->class, "%s", claim->message);
    ferry_poster_reject(trial->poster, trial->letter, &reason, claim->status);
}

/* Compares the metadata before anything is held against an event. */
static void doubt(const struct trial *trial)
{
    trial->letter->doubts++;
    ferry_poster_put_back(trial->poster, trial->letter);
    if (!trial->desk->doubted)
        trial->poster->options.on_doubt(trial->poster->options.context, trial->desk);
}

/* No event is at fault. Told once, whatever their number. */
static void stand_still(const struct trial *trial, const struct ferry_error *error)
{
    trial->letter->doubts = 0;
    ferry_poster_put_back(trial->poster, trial->letter);
    if (!trial->desk->stopped)
        trial->poster->options.on_misfit(trial->poster->options.context, trial->desk, error);
}

static void park(const struct trial *trial)
{
    struct ferry_batch *batch = trial->batch;
    if (batch->blame_ms == 0)
        batch->blame_ms = ferry_backoff_ms(trial->letter->attempts - 1,
                                           trial->poster->options.retry_ms, BLAME_CAP_MS);
    batch->again = true;
    ferry_poster_wait(trial->poster, trial->letter, batch->blame_ms);
}

/* When its neighbours are taken and it is refused time and again, it is at fault. */
static void blame(const struct trial *trial)
{
    if (++trial->letter->blamed >= BLAMES_TO_REJECT)
        reject(trial);
    else
        park(trial);
}

/* --- the judges --- */

/* Parts are dealt with in their order: the table went on taking events. */
static bool was_followed_by_success(const struct trial *trial)
{
    return trial->claim->part < trial->batch->taken[trial->letter->kind];
}

/* The answer speaks of our request, not of the event. */
static void judge_refusal(const struct trial *trial)
{
    struct ferry_error error;
    if (trial->letter->doubts == 0) {
        trial->letter->blamed += was_followed_by_success(trial);
        doubt(trial);
    } else if (!trial->alone) {
        blame(trial);
    } else if (trial->letter->blamed > 0) {
        park(trial); /* others were taken before: it waits for the next ones */
    } else {
        ferry_desk_blame_schema(trial->desk, trial->claim->column, trial->claim->message, &error);
        stand_still(trial, &error);
    }
}

/* A record that is not there can only be the contact; no table is in doubt then. */
static bool speaks_of_event(const struct ferry_claim *claim)
{
    return claim->verdict == FERRY_VERDICT_BAD_RECORD ||
           (claim->verdict == FERRY_VERDICT_ABSENT && claim->class != FERRY_CLASS_SCHEMA);
}

static bool is_believed(const struct ferry_claim *claim, const struct ferry_desk *desk, int64_t now)
{
    return claim->verdict == FERRY_VERDICT_ABSENT || claim->letter->doubts > 0 ||
           ferry_desk_is_clear(desk, now);
}

/* Listed texts and absent contacts; unless all events are refused so. */
static void judge_word(const struct trial *trial)
{
    struct ferry_error error;
    bool absent = trial->claim->verdict == FERRY_VERDICT_ABSENT;
    if (trial->alone && ferry_desk_denies_all(trial->desk)) {
        ferry_desk_blame_mapping(trial->desk, absent, trial->claim->message, &error);
        stand_still(trial, &error);
    } else if (is_believed(trial->claim, trial->desk, ferry_boot_ms())) {
        reject(trial);
    } else {
        doubt(trial);
    }
}

/* Nobody was named. */
static void judge_illness(const struct trial *trial)
{
    if (!trial->alone) {
        blame(trial);
        return;
    }
    trial->batch->ill = true;
    if (trial->claim->verdict == FERRY_VERDICT_PERMISSION)
        trial->batch->human = true;
    park(trial);
}

static void wait_together(const struct trial *trial)
{
    trial->batch->again = true;
    ferry_poster_wait(
        trial->poster, trial->letter,
        ferry_batch_wait_ms(trial->batch, trial->letter, trial->claim->retry_after_ms));
}

/* It is asked for patience, so it is no event's fault. */
static void judge_limit(const struct trial *trial)
{
    struct ferry_batch *batch = trial->batch;
    if (batch->pace != FERRY_PACE_REFUSED)
        batch->pace = trial->claim->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
    batch->retry_after_ms = later(batch->retry_after_ms, trial->claim->retry_after_ms);
    wait_together(trial);
}

/* What passes for others and not for this one does not pass. */
static void judge_passing(const struct trial *trial)
{
    if (trial->claim->class == FERRY_CLASS_QUOTA || trial->claim->retry_after_ms >= 0)
        judge_limit(trial);
    else if (!trial->alone)
        blame(trial);
    else
        wait_together(trial);
}

static void judge(const struct trial *trial)
{
    if (speaks_of_event(trial->claim)) {
        judge_word(trial);
        return;
    }
    switch (trial->claim->verdict) {
    case FERRY_VERDICT_ILL:
    case FERRY_VERDICT_PERMISSION:
        judge_illness(trial);
        break;
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
    case FERRY_VERDICT_CREDENTIALS:
        judge_passing(trial);
        break;
    case FERRY_VERDICT_OK:
    case FERRY_VERDICT_ABSENT:
    case FERRY_VERDICT_NO_PARENT:
    case FERRY_VERDICT_DUPLICATE:
    case FERRY_VERDICT_BAD_RECORD:
    case FERRY_VERDICT_EXPIRED:
    case FERRY_VERDICT_REFUSED:
    case FERRY_VERDICT_FOREIGN:
        judge_refusal(trial);
        break;
    }
}

/* --- all of an answer --- */

/* Before any verdict, so that it is one for all of them. */
static void count_words(const struct ferry_batch *batch)
{
    const struct ferry_claim *claim;
    int64_t now = ferry_boot_ms();
    DL_FOREACH (batch->claims, claim) {
        struct ferry_desk *desk = &batch->poster->options.desks[claim->letter->kind];
        desk->denied += speaks_of_event(claim) && is_believed(claim, desk, now);
    }
}

/* Many at once that fail in passing say that it is too much; a single one, or one that failed so
 * while others did not, says nothing about load. */
static void tell_pace(struct ferry_batch *batch)
{
    const struct ferry_claim *claim;
    size_t passing = 0;
    DL_FOREACH (batch->claims, claim)
        passing += claim->letter->blamed == 0 && (claim->verdict == FERRY_VERDICT_UNAVAILABLE ||
                                                  claim->verdict == FERRY_VERDICT_UNKNOWN ||
                                                  claim->verdict == FERRY_VERDICT_THROTTLED);
    if (2 * passing > batch->count)
        batch->pace = FERRY_PACE_FAILED;
}

void ferry_claims_judge(struct ferry_batch *batch)
{
    struct ferry_poster *poster = batch->poster;
    struct ferry_claim *claim, *next;
    count_words(batch);
    tell_pace(batch);
    DL_FOREACH_SAFE (batch->claims, claim, next) {
        struct ferry_letter *letter = claim->letter;
        const struct trial trial = {.batch = batch,
                                    .poster = poster,
                                    .desk = &poster->options.desks[letter->kind],
                                    .letter = letter,
                                    .claim = claim,
                                    .alone = ferry_letter_alone(poster, letter)};
        DL_DELETE(batch->claims, claim);
        ferry_letter_refuse(poster, letter);
        judge(&trial);
        free(claim);
    }
}
