/* A day or an instant as Dataverse and Campaign write them. Strict; UTC inside. Any thread. */
#ifndef FERRY_MOMENT_H
#define FERRY_MOMENT_H

#include "core/record/change.h"

struct ferry_moment {
    int64_t seconds; /* since the epoch, UTC; midnight of a day */
    int milliseconds;
    bool day; /* no time of day was given */
};

/* "2026-04-07", or "2026-04-07T21:59:01.123Z" with T or a space, seconds and up to nine digits of a
 * fraction that is cut to milliseconds, and Z or an offset like +02:00. An instant without a zone
 * is refused: nobody says which one was meant. Years 0001 to 9999. False with a reason that follows
 * a name: "is no date". */
bool ferry_moment_parse(struct ferry_slice text, struct ferry_moment *ret_moment,
                        const char **ret_reason);
/* Midnight UTC of its day. */
struct ferry_moment ferry_moment_day(const struct ferry_moment *moment);
int ferry_moment_compare(const struct ferry_moment *a, const struct ferry_moment *b);

#define FERRY_MOMENT_SIZE 32
/* "2026-04-07": the day in UTC. Returns the length. */
size_t ferry_moment_format_day(const struct ferry_moment *moment, char out[FERRY_MOMENT_SIZE]);
/* "2026-04-07 21:59:01.123Z", the form of Campaign; a day is its midnight in UTC. */
size_t ferry_moment_format(const struct ferry_moment *moment, char out[FERRY_MOMENT_SIZE]);

#endif
