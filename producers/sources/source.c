#include "producers/sources/source.h"

#include "core/base/clock.h"

#include <stdio.h>

#define PATIENCE_MS 2000 /* when a throttling answer names no time */

static void count(const struct ferry_source_system *system,
                  const struct ferry_remote_answer *answer)
{
    char labels[64];
    snprintf(labels, sizeof labels, "verdict=\"%s\"", ferry_verdict_name(answer->verdict));
    ferry_metric_add(
        ferry_metric(system->metrics, FERRY_COUNTER, system->series, system->help, labels), 1);
}

void ferry_source_learn(struct ferry_source_system *system,
                        const struct ferry_remote_answer *answer)
{
    count(system, answer);
    int64_t patience = answer->retry_after_ms;
    if (patience < 0 && answer->verdict == FERRY_VERDICT_THROTTLED)
        patience = PATIENCE_MS;
    if (patience <= 0)
        return;
    /* A little later than asked, and not all at once. */
    int64_t until = ferry_boot_ms() + patience + ferry_backoff_ms(0, 200, 200);
    if (until > system->not_before)
        system->not_before = until;
}

int64_t ferry_source_wait_ms(const struct ferry_source_system *system)
{
    int64_t wait = system->not_before - ferry_boot_ms();
    return wait > 0 ? wait : 0;
}

/* Such a question may always be repeated; only these answers will not change by themselves. The 401
 * of a fresh token may: see reaction_to in reading_page.c. */
enum ferry_status ferry_source_status(const struct ferry_remote_answer *answer)
{
    if (answer->status == 401)
        return FERRY_RETRY;
    switch ((int)answer->verdict) {
    case FERRY_VERDICT_ABSENT:
    case FERRY_VERDICT_CREDENTIALS:
    case FERRY_VERDICT_PERMISSION:
    case FERRY_VERDICT_REFUSED:
        return FERRY_INVALID;
    default:
        return FERRY_RETRY;
    }
}
