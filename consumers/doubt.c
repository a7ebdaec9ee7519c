#include "consumers/doubt.h"

#include <utlist.h>

#define CUT_MS 2000 /* times of Dynamics are cut to seconds, and so may ours be */

/* Times of Dynamics are compared with ours, so their clocks may differ. */
static int64_t span_of(const struct ferry_consent *consent)
{
    return FERRY_OPTOUT_UNSEEN_MS + CUT_MS + consent->tolerance_ms;
}

/* The last word of the reader; what comes of a full read may be older than another. */
static const struct ferry_reason *last_told(const struct ferry_person *person)
{
    const struct ferry_reason *last = NULL;
    const struct ferry_reason *reason;
    DL_FOREACH (person->now, reason)
        if (!reason->feed->bulk && reason->change.side == FERRY_SIDE_DYNAMICS)
            last = reason;
    return last;
}

static bool is_told(const struct ferry_consent *consent, const struct ferry_person *person,
                    const struct ferry_view *dynamics)
{
    const struct ferry_reason *told = last_told(person);
    for (int i = 0; told && i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (consent->attributes[i].column && told->change.said.out[i] != dynamics->value[i])
            return false;
    return told != NULL;
}

static int64_t changed_at(const struct ferry_consent *consent, const struct ferry_view *dynamics)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (consent->attributes[i].column)
            return dynamics->time[i]; /* the row has one for all */
    return 0;
}

int64_t ferry_doubt_until(const struct ferry_consent *consent, const struct ferry_person *person,
                          const struct ferry_view *dynamics, int64_t now)
{
    int64_t span = span_of(consent);
    if (!ferry_consent_reads(consent, FERRY_SIDE_DYNAMICS) || !dynamics->there ||
        is_told(consent, person, dynamics) || now - changed_at(consent, dynamics) > span)
        return 0;
    return now + span;
}

bool ferry_doubt_settled(const struct ferry_person *person)
{
    return last_told(person) != NULL;
}

int64_t ferry_doubt_wait(const struct ferry_consent *consent, int64_t until, int64_t now)
{
    int64_t span = span_of(consent);
    if (until <= now)
        return 0;
    return until - now < span ? until - now : span;
}
