/* The truth about consent: who can be mailed against the will that Dynamics knows of, and what was
 * written about it. */
#ifndef SANDBOX_CONSENT_H
#define SANDBOX_CONSENT_H

#include "campaign/optout.h"
#include "consent/history.h"
#include "dynamics/dynamics.h"

#define SANDBOX_PAIRS 16 /* at most */

struct sandbox_flag {
    char name[SANDBOX_OPTOUT_NAME];
    int column;
    int time; /* column of what the system says about its change; -1: none */
};

/* A column of contact and an attribute of profile: true means opted out. */
struct sandbox_pair_of_flags {
    size_t flags[SANDBOX_SIDES];
};

struct sandbox_consent {
    struct sandbox_dynamics *dynamics;
    struct sandbox_campaign *campaign;
    struct sandbox_watch watches[SANDBOX_SIDES];
    struct sandbox_flag flags[SANDBOX_SIDES][SANDBOX_PAIRS];
    size_t flag_count[SANDBOX_SIDES];
    struct sandbox_pair_of_flags pairs[SANDBOX_PAIRS];
    size_t pair_count;
    struct sandbox_cases cases;
    uint64_t mailable_at_birth;        /* profiles that a client created so */
    uint64_t ever_mailable;            /* contacts whose profile ever was so */
    uint64_t mailable;                 /* profiles that are */
    uint64_t disagreements;            /* pairs of all profiles whose values differ */
    uint64_t writes[SANDBOX_SIDES][2]; /* by clients, by the control API */
};

void sandbox_consent_init(struct sandbox_consent *consent, struct sandbox_dynamics *dynamics,
                          struct sandbox_campaign *campaign);
void sandbox_consent_done(struct sandbox_consent *consent);

/* From now on nobody looks and nothing is counted; then pairs are added, then the watch begins. */
void sandbox_consent_stop(struct sandbox_consent *consent);
/* False: no Boolean column of contact, or no Boolean field of profile, or too many. `attribute` may
 * be spelt with blackList or denyList. */
bool sandbox_consent_add_pair(struct sandbox_consent *consent, const char *column,
                              const char *attribute);
void sandbox_consent_start(struct sandbox_consent *consent);

/* The values of a pair, and whether they differ; false when a row is missing. */
bool sandbox_consent_differs(const struct sandbox_consent *consent, size_t pair,
                             const struct sandbox_row *contact, const struct sandbox_row *profile,
                             bool ret_values[static SANDBOX_SIDES]);
/* The contact of a profile, NULL: none. */
const struct sandbox_record *sandbox_consent_contact(const struct sandbox_consent *consent,
                                                     const struct sandbox_row *profile);

#endif
