/* Reads the opt-outs of Campaign's profiles: first all that ever changed, into optouts.load, then
 * again and again those that changed of late, into optouts.campaign, each page and the checkpoint
 * in one transaction of the seat. Loop thread only.
 *
 * Each question begins a little before the newest time that was seen (by the order's tolerance):
 * rows become visible later than their time says. What was told already is not told again. */
#ifndef FERRY_PROFILES_H
#define FERRY_PROFILES_H

#include "core/record/wire.h"
#include "producers/seat.h"
#include "producers/sources/campaign.h"

struct ferry_profiles;

struct ferry_profiles_calls {
    /* NULL: the seat is open, the checkpoint known. Else it is lost until about retry_at, and
     * reading goes on by itself then. */
    void (*on_seat)(void *context, const struct ferry_error *error, int64_t retry_at);
    void (*on_progress)(void *context); /* no fault is left */
    void (*on_fault)(void *context, const struct ferry_error *error,
                     int64_t retry_at); /* goes on by itself */
    /* Answered, but not with what we asked for: reading rests until go. */
    void (*on_refused)(void *context, const struct ferry_remote_answer *answer);
    void (*on_stopped)(void *context); /* nothing is in flight any more */
};

struct ferry_profiles_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_campaign_source *source; /* NULL only where go never comes */
    struct ferry_seat *seat;
    const struct ferry_consent *consent;
    const char *workflow;
    const char *task; /* id; borrowed like all pointers here */
    const struct ferry_profiles_calls *calls;
    void *context;
    struct ferry_metrics *metrics;
};

/* Since new. */
struct ferry_profiles_tally {
    int64_t records;
    int64_t pages;
    int64_t without_contact; /* rows, each once as long as it stays in sight */
    int64_t bad_times;       /* likewise; they became records without a time */
};

/* Joins the seat, so on_seat may come from inside. Nothing else happens before go. */
enum ferry_status ferry_profiles_new(const struct ferry_profiles_options *options,
                                     struct ferry_profiles **ret_profiles,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment, in its callbacks too; an open transaction is aborted. */
void ferry_profiles_free(struct ferry_profiles *profiles);

/* Of optouts.load and optouts.campaign. */
void ferry_profiles_wire(struct ferry_profiles *profiles, struct ferry_wire load,
                         struct ferry_wire news);
void ferry_profiles_go(struct ferry_profiles *profiles);
/* Ends what is in flight: a commit finishes, an open transaction is aborted; then on_stopped,
 * perhaps at once. */
void ferry_profiles_stop(struct ferry_profiles *profiles);

struct ferry_profiles_tally ferry_profiles_tally(const struct ferry_profiles *profiles);
bool ferry_profiles_loaded(const struct ferry_profiles *profiles);
int64_t ferry_profiles_since(const struct ferry_profiles *profiles); /* ms; 0: no time seen */
/* Wall ms at which the last look that came to its end began; 0: none did yet. */
int64_t ferry_profiles_looked_at(const struct ferry_profiles *profiles);

#endif
