/* The brake on deletes: a bad read or a slip in a filter never empties a marketing database. A
 * table about to lose more than some records and more than some share of it loses none of them
 * before a person has said so. Each writer judges the partitions that it owns, with its part of the
 * limit. Pure: the caller brings what is counted. */
#ifndef FERRY_BRAKE_H
#define FERRY_BRAKE_H

#include "core/control/deletion.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ferry_brake_limits {
    int64_t records; /* of the whole table */
    int64_t percent;
};

struct ferry_brake {
    struct ferry_brake_limits limits;
    bool on; /* a person has to decide */
    struct ferry_deletion latest;
};

/* What the writer knows of the table, in its own partitions. */
struct ferry_brake_view {
    double part;    /* of all partitions of the table, 0 to 1 */
    uint64_t rows;  /* that the destination holds */
    size_t queued;  /* changes in memory whose fate is open; any may turn out to be a delete */
    uint64_t let;   /* deletes that went within the hour without a question, see toll.h */
    size_t deletes; /* set aside, and not decided */
    bool calm;      /* all that the backlog holds was read */
};

/* How many may go in an hour without a question. */
uint64_t ferry_brake_limit(const struct ferry_brake *brake, const struct ferry_brake_view *view);
/* May one more delete go at once? Otherwise it is set aside. */
bool ferry_brake_lets(const struct ferry_brake *brake, const struct ferry_brake_view *view);
/* Looks at what was set aside: true: it may go. Puts the brake on when there are too many. */
bool ferry_brake_releases(struct ferry_brake *brake, const struct ferry_brake_view *view);
void ferry_brake_decide(struct ferry_brake *brake, const struct ferry_deletion *deletion);

#endif
