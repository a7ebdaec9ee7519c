/* When somebody has to be looked at again although both systems are of one mind: the reader of
 * Dynamics passes over a value that was changed and changed back between two of its looks, but a
 * lane may have looked, or written, in between (ADR 5). Values only; loop thread only. */
#ifndef FERRY_DOUBT_H
#define FERRY_DOUBT_H

#include "consumers/person.h"

/* Wall ms; 0: never, either because the reader told what `dynamics` says, or because that is so old
 * that it would have told anything else. `now`: wall ms, not before the look. */
int64_t ferry_doubt_until(const struct ferry_consent *consent, const struct ferry_person *person,
                          const struct ferry_view *dynamics, int64_t now);
/* The reader told of the person lately, and says the same as Campaign does. */
bool ferry_doubt_settled(const struct ferry_person *person);
/* How long to wait for `until`, whatever became of the clock. */
int64_t ferry_doubt_wait(const struct ferry_consent *consent, int64_t until, int64_t now);

#endif
