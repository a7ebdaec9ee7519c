/* A reason to look at one person's opt-outs, and its Avro form (schemas/opt-out-change.avsc). Any
 * thread. */
#ifndef FERRY_OPTOUT_H
#define FERRY_OPTOUT_H

#include "core/record/change.h"

/* The fixed set of Campaign Standard; their order is no rule of anybody's. */
enum ferry_optout_attribute {
    FERRY_DENY_LIST,
    FERRY_DENY_LIST_EMAIL,
    FERRY_DENY_LIST_FAX,
    FERRY_DENY_LIST_MOBILE,
    FERRY_DENY_LIST_PHONE,
    FERRY_DENY_LIST_POSTAL_MAIL,
    FERRY_DENY_LIST_PUSH,
    FERRY_CCPA_OPT_OUT,
};
#define FERRY_OPTOUT_ATTRIBUTES (FERRY_CCPA_OPT_OUT + 1)

/* The order of the symbols in the schemas. */
enum ferry_side { FERRY_SIDE_DYNAMICS, FERRY_SIDE_CAMPAIGN };
#define FERRY_SIDES (FERRY_SIDE_CAMPAIGN + 1)

enum ferry_optout_source {
    FERRY_OPTOUT_LOAD,
    FERRY_OPTOUT_DELTA,
    FERRY_OPTOUT_API,
    FERRY_OPTOUT_FILE,
};
#define FERRY_OPTOUT_SOURCES (FERRY_OPTOUT_FILE + 1)

/* A value that was changed and changed back within so many ms may never be told; what was done in
 * between on the ground of the other value has to be looked at again after that time (ADR 5). */
#define FERRY_OPTOUT_UNSEEN_MS INT64_C(60000)

/* What is known of each attribute. */
struct ferry_optouts {
    bool known[FERRY_OPTOUT_ATTRIBUTES];
    bool out[FERRY_OPTOUT_ATTRIBUTES]; /* true: opted out */
};

struct ferry_optout_change {
    struct ferry_slice contact; /* GUID, lower case */
    enum ferry_side side;
    enum ferry_optout_source source;
    struct ferry_optouts said;
    int64_t changed_at;       /* ms since the epoch; 0: unknown */
    struct ferry_slice place; /* file and line; empty: none */
    int64_t read_at;          /* ms since the epoch */
};

/* Appends framing and record. */
enum ferry_status ferry_optout_encode(const struct ferry_optout_change *change,
                                      const struct ferry_wire *wire, struct ferry_buffer *out,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* Slices point into `data`. FERRY_BAD_RECORD when the bytes are no OptOutChange, are cut, name an
 * attribute that there is not, or are followed by more; *ret_change is untouched then. */
enum ferry_status ferry_optout_decode(const void *data, size_t length,
                                      struct ferry_optout_change *ret_change,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

/* "denyListEmail": Ferry's name, whatever the instance calls it. */
const char *ferry_optout_name(enum ferry_optout_attribute attribute);
/* Also by the other name, "blackListEmail". */
bool ferry_optout_from_name(struct ferry_slice name, enum ferry_optout_attribute *ret_attribute);
const char *ferry_side_name(enum ferry_side side);                     /* "DYNAMICS" */
const char *ferry_optout_source_name(enum ferry_optout_source source); /* "LOAD" */

#endif
