/* Names of time zones, as the tz database has them. Any thread. */
#ifndef FERRY_ZONE_H
#define FERRY_ZONE_H

#include <stdbool.h>

/* It could be one: UTC, Europe/Paris, America/Argentina/Salta. */
bool ferry_zone_is_name(const char *name);
/* The database of this machine (TZDIR, or /usr/share/zoneinfo) has it; UTC is there without one. */
bool ferry_zone_exists(const char *name);

#endif
