/* The dates of exported rows, in a time zone that the configuration names. Any thread, each with
 * its own. */
#ifndef FERRY_ZONE_H
#define FERRY_ZONE_H

#include "core/record/change.h"

struct ferry_zone;

/* `name` as in the time zone database: Europe/Paris, UTC. FERRY_INVALID: there is none. */
enum ferry_status ferry_zone_new(const char *name, struct ferry_zone **ret_zone,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_zone_free(struct ferry_zone *zone);
/* "2026-11-21 05:58:31.667Z" and its relatives: T in place of the blank, '/' in place of '-' or
 * none (20261121), a fraction or none, an offset in place of Z; without one the time is the zone's,
 * and without a time it is midnight there. Year first: of two numbers below 13 nobody can tell
 * which is the month. False with a reason that follows a name: "is no date". */
bool ferry_zone_parse(struct ferry_zone *zone, struct ferry_slice text, int64_t *ret_ms,
                      const char **ret_reason);

#endif
