#include "consumers/clerk_private.h"

#include "consumers/destinations/optouts.h"
#include "core/base/clock.h"
#include "core/remote/dataverse_limits.h"

#include <utlist.h>

#define HTTP_CHANGED    412 /* the row is not the one that was read */
#define BLAMES_TO_END   8
#define ILLS_TO_HOLD    5
#define BLAME_CAP_MS    INT64_C(60000)
#define BLAME_DOUBLINGS 6u /* 8 tries take some minutes */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void end_trouble(struct ferry_clerk *clerk, enum ferry_side which)
{
    struct ferry_clerk_side *side = &clerk->sides[which];
    side->failures = 0;
    side->ills = 0;
    if (side->warned)
        clerk->options.on_warning(clerk->options.context, which, NULL, 0);
    side->warned = false;
}

static void warn(struct ferry_clerk *clerk, enum ferry_side which, const struct ferry_error *error,
                 int64_t wait_ms)
{
    clerk->sides[which].warned = true;
    clerk->options.on_warning(clerk->options.context, which, error, ferry_wall_ms() + wait_ms);
}

static int64_t repeat_wait(struct ferry_clerk *clerk, struct ferry_person *person,
                           const struct ferry_remote_answer *answer)
{
    int64_t wait =
        ferry_backoff_ms(person->attempts++, clerk->options.retry_ms, FERRY_CLERK_CAP_MS);
    return later(wait, answer->retry_after_ms);
}

/* A limit, a network, a server that is away. */
static void take_fault(struct ferry_clerk *clerk, struct ferry_person *person, enum ferry_side side,
                       const struct ferry_remote_answer *answer)
{
    int64_t wait = repeat_wait(clerk, person, answer);
    ferry_clerk_retry(clerk, person, wait);
    warn(clerk, side, &answer->error,
         later(wait, ferry_pace_wait_ms(&clerk->sides[side].pace, ferry_boot_ms())));
}

/* It concerns all: nothing is asked of that side for a while. */
static void take_standstill(struct ferry_clerk *clerk, struct ferry_person *person,
                            enum ferry_side which, const struct ferry_error *error)
{
    struct ferry_clerk_side *side = &clerk->sides[which];
    int64_t wait = ferry_backoff_ms(side->failures++, clerk->options.retry_ms, FERRY_CLERK_CAP_MS);
    ferry_pace_hold(&side->pace, wait, ferry_boot_ms());
    ferry_clerk_retry(clerk, person, wait);
    warn(clerk, which, error, wait);
}

static void take_human(struct ferry_clerk *clerk, struct ferry_person *person, enum ferry_side side,
                       const struct ferry_remote_answer *answer)
{
    struct ferry_error error = answer->error;
    /* A token that is refused may be a passing quarrel between servers; a secret is not. */
    error.status = answer->status == 401 ? FERRY_RETRY : FERRY_INVALID;
    take_standstill(clerk, person, side, &error);
}

/* An answer that names nobody speaks against this person only while others get through. */
static void take_ill(struct ferry_clerk *clerk, struct ferry_person *person, enum ferry_side which,
                     const struct ferry_remote_answer *answer)
{
    struct ferry_clerk_side *side = &clerk->sides[which];
    bool alone = person->blamed == 0 || side->successes > person->neighbours;
    person->blamed += alone;
    person->neighbours = side->successes;
    if (person->blamed >= BLAMES_TO_END) {
        ferry_proceed_refused(clerk, person, which, &answer->error, answer->status);
        return;
    }
    unsigned doublings = person->attempts < BLAME_DOUBLINGS ? person->attempts : BLAME_DOUBLINGS;
    person->attempts++;
    int64_t wait = ferry_backoff_ms(doublings, clerk->options.retry_ms, BLAME_CAP_MS);
    struct ferry_error error = answer->error;
    error.status = FERRY_RETRY;
    if (++side->ills >= ILLS_TO_HOLD) {
        take_standstill(clerk, person, which, &error);
        return;
    }
    ferry_clerk_retry(clerk, person, wait);
    warn(clerk, which, &error, wait);
}

/* What we ask for is not there, or not ours to ask: no record is at fault. */
static void take_misfit(struct ferry_clerk *clerk, struct ferry_person *person,
                        enum ferry_side side, const struct ferry_error *error)
{
    struct ferry_error told = *error;
    told.status = FERRY_INVALID;
    take_standstill(clerk, person, side, &told);
}

static void take_refusal(struct ferry_clerk *clerk, struct ferry_person *person,
                         enum ferry_side side, const struct ferry_remote_answer *answer)
{
    if (answer->error.class == FERRY_CLASS_SCHEMA)
        take_misfit(clerk, person, side, &answer->error);
    else
        ferry_proceed_refused(clerk, person, side, &answer->error, answer->status);
}

/* --- what was asked for --- */

static bool read_view(struct ferry_clerk *clerk, struct ferry_person *person, enum ferry_side side,
                      const struct ferry_remote_answer *answer)
{
    struct ferry_error error;
    if (ferry_optouts_read(clerk->options.consent, side, answer->body, answer->length,
                           &person->look->views[side], &error) == FERRY_OK)
        return true;
    take_misfit(clerk, person, side, &error);
    return false;
}

static void take_success(struct ferry_clerk *clerk, struct ferry_person *person,
                         enum ferry_side side, const struct ferry_remote_answer *answer)
{
    struct ferry_dossier *dossier = &person->look->dossier;
    clerk->sides[side].successes++;
    switch (person->errand) {
    case FERRY_ERRAND_LOOK_DYNAMICS:
    case FERRY_ERRAND_LOOK_CAMPAIGN:
        if (read_view(clerk, person, side, answer))
            ferry_proceed_seen(clerk, person, side);
        break;
    case FERRY_ERRAND_WRITE_CAMPAIGN:
        ferry_hearing_note_written(side, ferry_wall_ms(), dossier);
        ferry_clerk_queue(clerk, person, FERRY_ERRAND_READ_BACK);
        break;
    case FERRY_ERRAND_WRITE_DYNAMICS:
        ferry_hearing_note_written(side, ferry_wall_ms(), dossier);
        if (read_view(clerk, person, side, answer))
            ferry_proceed_on(clerk, person);
        break;
    case FERRY_ERRAND_READ_BACK:
        if (read_view(clerk, person, side, answer))
            ferry_proceed_on(clerk, person);
        break;
    }
}

static void take_absence(struct ferry_clerk *clerk, struct ferry_person *person,
                         enum ferry_side side, const struct ferry_remote_answer *answer)
{
    bool looks = person->errand == FERRY_ERRAND_LOOK_DYNAMICS ||
                 person->errand == FERRY_ERRAND_LOOK_CAMPAIGN;
    clerk->sides[side].successes++;
    if (side == FERRY_SIDE_DYNAMICS && answer->error.class == FERRY_CLASS_SCHEMA) {
        take_misfit(clerk, person, side, &answer->error);
    } else if (!looks) {
        ferry_clerk_retry(clerk, person, 0); /* it went meanwhile */
    } else {
        person->look->views[side] = (struct ferry_view){.there = false};
        ferry_proceed_seen(clerk, person, side);
    }
}

static void take_answer(struct ferry_clerk *clerk, struct ferry_person *person,
                        enum ferry_side side, const struct ferry_remote_answer *answer)
{
    switch (answer->verdict) {
    case FERRY_VERDICT_OK:
        take_success(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_ABSENT:
        take_absence(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
        take_fault(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_CREDENTIALS:
    case FERRY_VERDICT_PERMISSION:
        take_human(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_BAD_RECORD:
        take_refusal(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_ILL:
    case FERRY_VERDICT_NO_PARENT:
        take_ill(clerk, person, side, answer);
        break;
    case FERRY_VERDICT_DUPLICATE:
    case FERRY_VERDICT_EXPIRED:
    case FERRY_VERDICT_REFUSED:
    case FERRY_VERDICT_FOREIGN:
        take_misfit(clerk, person, side, &answer->error);
        break;
    }
}

static enum ferry_pace_answer pace_of(const struct ferry_remote_answer *answer)
{
    switch (answer->verdict) {
    case FERRY_VERDICT_THROTTLED:
    case FERRY_VERDICT_UNAVAILABLE:
    case FERRY_VERDICT_UNKNOWN:
        return answer->status == 429 ? FERRY_PACE_REFUSED : FERRY_PACE_FAILED;
    case FERRY_VERDICT_OK:
    case FERRY_VERDICT_ABSENT:
    case FERRY_VERDICT_BAD_RECORD:
        return FERRY_PACE_OK;
    case FERRY_VERDICT_NO_PARENT:
    case FERRY_VERDICT_DUPLICATE:
    case FERRY_VERDICT_ILL:
    case FERRY_VERDICT_CREDENTIALS:
    case FERRY_VERDICT_PERMISSION:
    case FERRY_VERDICT_EXPIRED:
    case FERRY_VERDICT_REFUSED:
    case FERRY_VERDICT_FOREIGN:
        break;
    }
    return FERRY_PACE_NEUTRAL;
}

static void heed_limits(struct ferry_clerk_side *side, const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_limits limits;
    ferry_dataverse_limits(answer, &limits);
    int64_t wait = ferry_allowance_heed(&side->allowance, &limits);
    ferry_pace_cap(&side->pace, ferry_allowance_ceiling(&side->allowance));
    if (wait > 0)
        ferry_pace_hold(&side->pace, wait, ferry_boot_ms());
}

void ferry_finding_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_person *person = context;
    struct ferry_clerk *clerk = person->clerk;
    enum ferry_side which = ferry_errand_side(person->errand);
    struct ferry_clerk_side *side = &clerk->sides[which];
    enum ferry_pace_answer pace = pace_of(answer);
    DL_DELETE(side->sent, person);
    person->campaign = NULL;
    person->dataverse = NULL;
    person->place = FERRY_PERSON_IDLE;
    ferry_pace_answer(&side->pace, person->ticket, pace, answer->retry_after_ms, ferry_boot_ms());
    if (which == FERRY_SIDE_DYNAMICS)
        heed_limits(side, answer);
    if (pace == FERRY_PACE_OK)
        end_trouble(clerk, which);
    if (answer->status == HTTP_CHANGED)
        ferry_clerk_retry(clerk, person, 0);
    else
        take_answer(clerk, person, which, answer);
    ferry_clerk_run(clerk);
    if (!clerk->open)
        clerk->options.on_progress(clerk->options.context);
}
