/* What clerk.c (whose turn it is), findings.c (what an answer means) and proceedings.c (what
 * follows for the person) share. */
#ifndef FERRY_CLERK_PRIVATE_H
#define FERRY_CLERK_PRIVATE_H

#include "consumers/allowance.h"
#include "consumers/clerk.h"
#include "consumers/person.h"
#include "core/io/topics.h"

#define FERRY_CLERK_CAP_MS    INT64_C(30000)
#define FERRY_CLERK_PATIENCES 16 /* each twice as long as the one before, up to a cap */

enum ferry_clerk_count {
    FERRY_CLERK_EQUAL,
    FERRY_CLERK_OVERTAKEN,
    FERRY_CLERK_WITHOUT_PROFILE, /* times that somebody began to wait for one */
    FERRY_CLERK_WITHOUT_CONTACT,
    FERRY_CLERK_IGNORED, /* of a side whose word does not count in this direction */
    FERRY_CLERK_REJECTED,
    FERRY_CLERK_RETRIED,
};
#define FERRY_CLERK_COUNTS (FERRY_CLERK_RETRIED + 1)

/* One of the two systems, as this workflow speaks to it: a share of its own, so that no bulk holds
 * it up. */
struct ferry_clerk_side {
    struct ferry_person *live; /* utlist, in turn */
    struct ferry_person *bulk; /* those who stand behind them */
    struct ferry_person *sent; /* utlist */
    struct ferry_pace pace;
    struct ferry_allowance allowance; /* Dynamics only */
    uint64_t successes;
    unsigned failures; /* in a row that a human may have to act on */
    unsigned ills;     /* answers in a row that named nobody */
    bool warned;
};

struct ferry_clerk {
    struct ferry_clerk_options options;
    struct ferry_clerk_side sides[FERRY_SIDES];
    struct ferry_person *people;  /* uthash */
    struct ferry_person *waiting; /* utlist, in no order: a few requests to be repeated */
    /* utlists of those without a profile, who may be all that a filter leaves out: all of a list
     * wait for the same time, so each is in the order of due_at. */
    struct ferry_person *absent[FERRY_CLERK_PATIENCES];
    struct ferry_person *noted; /* utlist, by mark */
    int64_t due_at;             /* the first of those that wait; 0: none does */
    uint64_t added;             /* messages given to the ledger */
    size_t busy[2];             /* reasons whose fate is open: bulk, live */
    size_t profileless;
    uint64_t counts[FERRY_CLERK_COUNTS];
    uint64_t decided[FERRY_SIDES]; /* by winner */
    uint64_t written[FERRY_SIDES]; /* by the side that was written to */
    struct ferry_metric *series[FERRY_CLERK_COUNTS];
    struct ferry_metric *decided_series[FERRY_SIDES];
    struct ferry_metric *written_series[FERRY_SIDES];
    struct ferry_metric *waiting_series;
    struct ferry_buffer scratch;
    char decisions[FERRY_TOPIC_SIZE];
    char rejects[FERRY_TOPIC_SIZE];
    bool open;
    bool running;
};

/* --- clerk.c --- */

void ferry_clerk_count(struct ferry_clerk *clerk, enum ferry_clerk_count which);
void ferry_clerk_break(struct ferry_clerk *clerk, const struct ferry_error *error);
/* Its next request is this one. */
void ferry_clerk_queue(struct ferry_clerk *clerk, struct ferry_person *person,
                       enum ferry_errand errand);
void ferry_clerk_wait(struct ferry_clerk *clerk, struct ferry_person *person, int64_t ms);
/* It has no profile: the next look is after so many ms, which belong to that patience. */
void ferry_clerk_await(struct ferry_clerk *clerk, struct ferry_person *person, unsigned patience,
                       int64_t ms);
/* The look could not be ended: it is begun anew after a while. */
void ferry_clerk_retry(struct ferry_clerk *clerk, struct ferry_person *person, int64_t ms);

/* --- proceedings.c: all of them place the person --- */

/* In turn for its first request, which follows from its reasons. */
void ferry_proceed_line_up(struct ferry_clerk *clerk, struct ferry_person *person);
/* Its look begins; it stays where it is. */
enum ferry_status ferry_proceed_begin(struct ferry_clerk *clerk, struct ferry_person *person,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* That side was looked at: its view is filled. */
void ferry_proceed_seen(struct ferry_clerk *clerk, struct ferry_person *person,
                        enum ferry_side side);
/* What was decided is known: the writes, one after the other, and then the end. */
void ferry_proceed_on(struct ferry_clerk *clerk, struct ferry_person *person);
/* That side does not take what was decided. */
void ferry_proceed_refused(struct ferry_clerk *clerk, struct ferry_person *person,
                           enum ferry_side side, const struct ferry_error *error, int http);
/* One reason is a reject; it is settled. */
void ferry_proceed_reject(struct ferry_clerk *clerk, struct ferry_reason *reason,
                          const struct ferry_error *error, unsigned attempts, int http);

/* --- findings.c: the callback of every request; `context` is the person --- */

void ferry_finding_answer(void *context, const struct ferry_remote_answer *answer);

#endif
