/* Per contact: what was written into the watched flags on either side, and when its profile could
 * be mailed against its will. */
#ifndef SANDBOX_CONSENT_HISTORY_H
#define SANDBOX_CONSENT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/clock.h"

enum sandbox_side { SANDBOX_IN_DYNAMICS, SANDBOX_IN_CAMPAIGN, SANDBOX_SIDES };
enum sandbox_flag_value { SANDBOX_NO_ROW, SANDBOX_FALSE, SANDBOX_TRUE };

/* Periods in which a profile could be mailed against its contact's will. */
struct sandbox_exposure {
    int64_t since_ms, until_ms; /* of the latest; until 0: it lasts */
    unsigned periods;
    bool at_birth;
};

struct sandbox_flag_write {
    uint64_t number;  /* of all writes, in their order */
    uint64_t version; /* of the row of Dynamics */
    int64_t at_ms;    /* true time */
    struct sandbox_exposure before;
    char time[SANDBOX_TIME_SIZE]; /* what the system says of it, "" when it says nothing */
    uint8_t side, flag;
    uint8_t from, to; /* enum sandbox_flag_value */
    bool admin;
};

struct sandbox_case {
    UT_hash_handle hh;
    uint8_t id[16];
    struct sandbox_exposure exposure;
    struct sandbox_flag_write *writes;
    size_t write_count, write_size;
};

/* By contact, and in the order in which they came up. */
struct sandbox_cases {
    struct sandbox_case *by_id;
    struct sandbox_case **all;
    size_t count, size;
    uint64_t last_number;
};

void sandbox_cases_done(struct sandbox_cases *cases);
struct sandbox_case *sandbox_case_find(const struct sandbox_cases *cases,
                                       const uint8_t id[static 16]);
/* Makes it when there is none; NULL when memory is short. */
struct sandbox_case *sandbox_case_of(struct sandbox_cases *cases, const uint8_t id[static 16]);

/* Gives the write its number and the exposure before it. */
void sandbox_case_add(struct sandbox_cases *cases, struct sandbox_case *one,
                      const struct sandbox_flag_write *write);
/* Takes back the last write if it gave a row of Dynamics this version. */
bool sandbox_case_take_back(struct sandbox_case *one, uint64_t version,
                            struct sandbox_flag_write *ret_write);

#endif
