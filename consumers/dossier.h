/* What must outlive us about one person's opt-outs: a document of `optouts.state` (ADR 5). Values
 * only; any thread. */
#ifndef FERRY_DOSSIER_H
#define FERRY_DOSSIER_H

#include "core/base/buffer.h"
#include "core/record/decision.h"

#define FERRY_PLACE_SIZE 320 /* of a file and a line; what is longer is cut */

/* What one system was last known to say of one attribute, and since when. */
struct ferry_dossier_pair {
    bool known;
    bool value;
    int64_t time;   /* as read with that value; ms, 0: none */
    int64_t origin; /* counts in place of that time: of the value where it came from */
};

struct ferry_dossier_attribute {
    int64_t count; /* of decisions so far */
    struct ferry_dossier_pair pair[FERRY_SIDES];
    /* The last of them is written down and has not come to its end. */
    bool open;
    bool sent;                      /* the side that lost has taken it; not in the document */
    struct ferry_decision decision; /* without contact and place */
    char place[FERRY_PLACE_SIZE];
};

struct ferry_dossier {
    int64_t waiting_since; /* ms since the epoch, of one without a profile; 0: does not wait */
    enum ferry_side waiting_side; /* that gave the reason to look */
    enum ferry_optout_source waiting_source;
    char waiting_place[FERRY_PLACE_SIZE];
    int64_t again_at; /* wall ms: both sides are to be looked at once more; 0: no doubt is left */
    struct ferry_dossier_attribute attributes[FERRY_OPTOUT_ATTRIBUTES];
};

/* FERRY_BAD_RECORD: it is no such document; *ret_dossier is untouched then. */
enum ferry_status ferry_dossier_parse(const char *text, size_t length,
                                      struct ferry_dossier *ret_dossier,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* To be freed; NULL when out of memory. */
char *ferry_dossier_print(const struct ferry_dossier *dossier);
/* Nothing in it is worth remembering. */
bool ferry_dossier_empty(const struct ferry_dossier *dossier);
/* Somebody has to come back to this person. */
bool ferry_dossier_urgent(const struct ferry_dossier *dossier);
/* The same, if only later. */
bool ferry_dossier_unfinished(const struct ferry_dossier *dossier);

#endif
