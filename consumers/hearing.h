/* One person's opt-outs as both systems hold them now, what was decided about them before, and what
 * follows (ADR 5). The whole logic of a lane between its requests; pure, so that it can be tested
 * against a model. */
#ifndef FERRY_HEARING_H
#define FERRY_HEARING_H

#include "consumers/dossier.h"
#include "core/control/consent.h"

#define FERRY_ETAG_SIZE       80
#define FERRY_HEARING_RECORDS (2 * FERRY_OPTOUT_ATTRIBUTES) /* one ends and one begins */

/* A live row. */
struct ferry_view {
    bool there;
    bool value[FERRY_OPTOUT_ATTRIBUTES];
    int64_t time[FERRY_OPTOUT_ATTRIBUTES]; /* ms since the epoch; 0: none. In Dynamics the row's */
    char etag[FERRY_ETAG_SIZE];            /* Dynamics only */
};

/* Why we look. */
struct ferry_cause {
    enum ferry_side side;
    enum ferry_optout_source source;
    const char *place; /* "": none */
};

struct ferry_hearing {
    /* To be made known, in this order; their slices point into `places` and to the contact. */
    struct ferry_decision records[FERRY_HEARING_RECORDS];
    char places[FERRY_HEARING_RECORDS][FERRY_PLACE_SIZE];
    size_t count;
    bool decided; /* one of them is new: nothing may be written before it is made known */
    bool differs; /* the sides differ about something that no open decision is about */
};

/* Brings open decisions to their end, as far as the views show it, and with `decide` makes new ones
 * where the sides differ. Both rows are there. `contact` is borrowed as long as the records are. */
void ferry_hearing_hold(const struct ferry_consent *consent, struct ferry_slice contact,
                        const struct ferry_view views[FERRY_SIDES], const struct ferry_cause *cause,
                        int64_t now, bool decide, struct ferry_dossier *dossier,
                        struct ferry_hearing *ret_hearing);
/* A row is not there, or its side has refused what was decided: the open decisions about that side
 * end so. */
void ferry_hearing_close(struct ferry_slice contact, enum ferry_side loser,
                         enum ferry_decision_state state, struct ferry_dossier *dossier,
                         struct ferry_hearing *ret_hearing);
/* That side has taken what was decided. */
void ferry_hearing_note_written(enum ferry_side loser, int64_t now, struct ferry_dossier *dossier);
/* What is still to be written to that side: true, and which value of which attributes. */
bool ferry_hearing_to_write(const struct ferry_dossier *dossier, enum ferry_side side,
                            struct ferry_optouts *ret_values);

#endif
