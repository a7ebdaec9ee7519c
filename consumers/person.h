/* The lane of one contact, for all topics and both directions: at most one look at a time, and the
 * reasons for it and for the next one. Transparent to the writer's own modules; loop thread only.
 */
#ifndef FERRY_PERSON_H
#define FERRY_PERSON_H

#include "consumers/feed.h"
#include "consumers/hearing.h"
#include "consumers/pace.h"
#include "core/record/guid.h"

#include <uthash.h>

struct ferry_clerk;
struct ferry_campaign_call;
struct ferry_dataverse_call;

enum ferry_person_place {
    FERRY_PERSON_IDLE,
    FERRY_PERSON_READY,   /* in turn */
    FERRY_PERSON_SENT,    /* a request is in flight */
    FERRY_PERSON_NOTED,   /* what was decided is being made known */
    FERRY_PERSON_WAITING, /* for due_at */
    FERRY_PERSON_ABSENT,  /* for due_at, as its profile is not there */
};

/* What the next request of a lane is. */
enum ferry_errand {
    FERRY_ERRAND_LOOK_DYNAMICS,
    FERRY_ERRAND_LOOK_CAMPAIGN,
    FERRY_ERRAND_WRITE_CAMPAIGN,
    FERRY_ERRAND_READ_BACK, /* Campaign's times of what was just written */
    FERRY_ERRAND_WRITE_DYNAMICS,
};
#define FERRY_ERRANDS (FERRY_ERRAND_WRITE_DYNAMICS + 1)

/* One look, while it lasts. */
struct ferry_look {
    bool whole;  /* at both sides in any case */
    bool urgent; /* the profile has just come, and may be as it should not be */
    bool seen[FERRY_SIDES];
    struct ferry_view views[FERRY_SIDES];
    struct ferry_dossier dossier;
    uint64_t mark; /* of the messages that have to be known before it goes on */
};

struct ferry_person {
    UT_hash_handle hh;                /* of the clerk, by contact */
    struct ferry_person *prev, *next; /* where it is */
    struct ferry_clerk *clerk;
    char contact[FERRY_GUID_SIZE];
    enum ferry_person_place place;
    enum ferry_errand errand;
    struct ferry_reason *now;   /* utlist: those that the look is for */
    struct ferry_reason *later; /* utlist: those that came while it was under way */
    struct ferry_look *look;    /* NULL: it has not begun */
    struct ferry_campaign_call *campaign;
    struct ferry_dataverse_call *dataverse;
    struct ferry_pace_ticket ticket;
    int64_t due_at;      /* ferry_boot_ms */
    unsigned attempts;   /* requests in a row that failed */
    unsigned absences;   /* looks that found no profile */
    unsigned patience;   /* of an absent one: which list it is in */
    unsigned blamed;     /* answers that named nobody while others of that side succeeded */
    uint64_t neighbours; /* those successes when it last failed */
    bool profileless;    /* it waits for a profile */
    bool born;           /* which was created since the last look began */
    bool again;          /* the last look could not be ended: the next one is a whole one */
};

/* NULL when out of memory. */
struct ferry_person *ferry_person_new(struct ferry_clerk *clerk, const char *contact);
/* It is in no list, and no request of it is in flight. */
void ferry_person_free(struct ferry_person *person);
/* Something live is a reason for it, or its profile has just come; otherwise it stands behind
 * others. */
bool ferry_person_live(const struct ferry_person *person);
/* The side that alone gave reasons to look; false: both did, or nobody did. */
bool ferry_person_one_sided(const struct ferry_person *person, enum ferry_side *ret_side);
/* What all of them say of the attributes in question is what that side says too. */
bool ferry_person_echoes(const struct ferry_person *person, const struct ferry_consent *consent,
                         const struct ferry_view *view);
/* The reason of what is decided now: the newest, or what the dossier remembers of one. */
struct ferry_cause ferry_person_cause(const struct ferry_person *person,
                                      char place[FERRY_PLACE_SIZE]);
enum ferry_side ferry_errand_side(enum ferry_errand errand);

#endif
