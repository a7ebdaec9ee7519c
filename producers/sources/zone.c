#include "producers/sources/zone.h"

#include "core/record/moment.h"

#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 64
#define DAY_SIZE  10 /* 2026-11-21 */

struct ferry_zone {
    GTimeZone *rules;
};

enum ferry_status ferry_zone_new(const char *name, struct ferry_zone **ret_zone,
                                 struct ferry_error *error)
{
    struct ferry_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    zone->rules = g_time_zone_new_identifier(name);
    if (!zone->rules) {
        free(zone);
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                   "the time zone %.100s of the export is unknown on this machine", name);
        ferry_advise(error, "correct \"timezone\" in the configuration, or install tzdata here");
        return FERRY_INVALID;
    }
    *ret_zone = zone;
    return FERRY_OK;
}

void ferry_zone_free(struct ferry_zone *zone)
{
    if (!zone)
        return;
    g_time_zone_unref(zone->rules);
    free(zone);
}

static bool all_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* The day with '-', the rest as it is. Returns the length, 0 when it does not fit. */
static size_t straighten(struct ferry_slice text, char out[TEXT_SIZE])
{
    size_t used = 0;
    if (text.length + 3 > TEXT_SIZE)
        return 0;
    if (text.length >= 8 && all_digits(text.data, 8)) {
        memcpy(out, text.data, 4);
        out[4] = out[7] = '-';
        memcpy(out + 5, text.data + 4, 2);
        memcpy(out + 8, text.data + 6, 2);
        used = 8;
    } else if (text.length >= DAY_SIZE) {
        memcpy(out, text.data, DAY_SIZE);
        if (out[4] == '/' && out[7] == '/')
            out[4] = out[7] = '-';
        used = DAY_SIZE;
    } else {
        return 0;
    }
    memcpy(out + DAY_SIZE, text.data + used, text.length - used);
    return DAY_SIZE + text.length - used;
}

/* Wall time of the zone. Of an hour that the clock shows twice the one of standard time; one that
 * it leaves out is taken for the first moment behind it. */
static int64_t to_utc(struct ferry_zone *zone, int64_t seconds)
{
    gint64 local = seconds;
    gint interval = g_time_zone_adjust_time(zone->rules, G_TIME_TYPE_STANDARD, &local);
    return local - g_time_zone_get_offset(zone->rules, interval);
}

static bool is_local(const char *text, size_t length)
{
    const char *at = text + DAY_SIZE;
    return text[length - 1] != 'Z' && !memchr(at, '+', length - DAY_SIZE) &&
           !memchr(at, '-', length - DAY_SIZE);
}

bool ferry_zone_parse(struct ferry_zone *zone, struct ferry_slice text, int64_t *ret_ms,
                      const char **ret_reason)
{
    char straight[TEXT_SIZE];
    size_t length = straighten(text, straight);
    struct ferry_moment moment;
    if (text.length == 0) {
        *ret_reason = "is empty";
        return false;
    }
    if (length == 0 || !all_digits(straight, 4)) {
        *ret_reason = "is no date with the year first";
        return false;
    }
    bool local = is_local(straight, length);
    if (local && length > DAY_SIZE)
        straight[length++] = 'Z';
    if (!ferry_moment_parse((struct ferry_slice){straight, length}, &moment, ret_reason))
        return false;
    int64_t seconds = local ? to_utc(zone, moment.seconds) : moment.seconds;
    *ret_ms = seconds * 1000 + moment.milliseconds;
    return true;
}
