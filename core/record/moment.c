#include "core/record/moment.h"

#include <string.h>
#include <time.h>

#define FIRST_SECOND (-INT64_C(62135596800)) /* 0001-01-01 00:00:00 */
#define LAST_SECOND  INT64_C(253402300799)   /* 9999-12-31 23:59:59 */
#define DAY_SECONDS  86400
#define FRACTION_MAX 9

struct scan {
    const char *at;
    const char *end;
};

static bool take_number(struct scan *scan, int digits, int *ret_number)
{
    if (scan->end - scan->at < digits)
        return false;
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (scan->at[i] < '0' || scan->at[i] > '9')
            return false;
        number = number * 10 + (scan->at[i] - '0');
    }
    scan->at += digits;
    *ret_number = number;
    return true;
}

static bool take_char(struct scan *scan, const char *one_of)
{
    if (scan->at == scan->end || *scan->at == '\0' || !strchr(one_of, *scan->at))
        return false;
    scan->at++;
    return true;
}

static bool take_date(struct scan *scan, struct tm *tm)
{
    if (!take_number(scan, 4, &tm->tm_year) || !take_char(scan, "-") ||
        !take_number(scan, 2, &tm->tm_mon) || !take_char(scan, "-") ||
        !take_number(scan, 2, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

static bool take_fraction(struct scan *scan, int *ret_milliseconds)
{
    int digits = 0;
    int milliseconds = 0;
    int digit = 0;
    while (digits < FRACTION_MAX && take_number(scan, 1, &digit)) {
        if (digits < 3)
            milliseconds = milliseconds * 10 + digit;
        digits++;
    }
    for (int i = digits; i < 3; i++)
        milliseconds *= 10;
    *ret_milliseconds = milliseconds;
    return digits > 0;
}

static bool take_time(struct scan *scan, struct tm *tm, int *ret_milliseconds)
{
    if (!take_number(scan, 2, &tm->tm_hour) || !take_char(scan, ":") ||
        !take_number(scan, 2, &tm->tm_min) || !take_char(scan, ":") ||
        !take_number(scan, 2, &tm->tm_sec))
        return false;
    return !take_char(scan, ".") || take_fraction(scan, ret_milliseconds);
}

/* Seconds to take away from the local time. */
static bool take_zone(struct scan *scan, int *ret_offset)
{
    if (take_char(scan, "Z")) {
        *ret_offset = 0;
        return true;
    }
    int hours = 0;
    int minutes = 0;
    bool west = scan->at < scan->end && *scan->at == '-';
    if (!take_char(scan, "+-") || !take_number(scan, 2, &hours) || !take_char(scan, ":") ||
        !take_number(scan, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    *ret_offset = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

/* timegm puts the 31st of April right; what it had to put right was no date. */
static bool to_seconds(const struct tm *tm, int64_t *ret_seconds)
{
    struct tm real = *tm;
    *ret_seconds = (int64_t)timegm(&real);
    return real.tm_year == tm->tm_year && real.tm_mon == tm->tm_mon &&
           real.tm_mday == tm->tm_mday && real.tm_hour == tm->tm_hour &&
           real.tm_min == tm->tm_min && real.tm_sec == tm->tm_sec;
}

static const char *parse(struct scan *scan, struct ferry_moment *moment)
{
    struct tm tm = {.tm_isdst = 0};
    int offset = 0;
    if (!take_date(scan, &tm))
        return "is no date";
    moment->day = scan->at == scan->end;
    if (!moment->day) {
        if (!take_char(scan, "T ") || !take_time(scan, &tm, &moment->milliseconds))
            return "is no date with a time";
        if (scan->at == scan->end)
            return "is a time without a time zone";
        if (!take_zone(scan, &offset) || scan->at != scan->end)
            return "is no date with a time";
    }
    if (!to_seconds(&tm, &moment->seconds))
        return "is a day or a time that does not exist";
    moment->seconds -= offset;
    if (moment->seconds < FIRST_SECOND || moment->seconds > LAST_SECOND)
        return "is not within the years 0001 to 9999";
    return NULL;
}

bool ferry_moment_parse(struct ferry_slice text, struct ferry_moment *ret_moment,
                        const char **ret_reason)
{
    struct scan scan = {text.data, text.length == 0 ? text.data : text.data + text.length};
    struct ferry_moment moment = {.seconds = 0};
    const char *reason = text.length == 0 ? "is empty" : parse(&scan, &moment);
    if (reason) {
        *ret_reason = reason;
        return false;
    }
    *ret_moment = moment;
    return true;
}

struct ferry_moment ferry_moment_day(const struct ferry_moment *moment)
{
    int64_t within = moment->seconds % DAY_SECONDS;
    if (within < 0)
        within += DAY_SECONDS;
    return (struct ferry_moment){.seconds = moment->seconds - within, .day = true};
}

int ferry_moment_compare(const struct ferry_moment *a, const struct ferry_moment *b)
{
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return (a->milliseconds > b->milliseconds) - (a->milliseconds < b->milliseconds);
}

static char *put(char *out, int number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return out + digits;
}

static char *put_day(char *out, const struct tm *tm)
{
    out = put(out, tm->tm_year + 1900, 4);
    *out++ = '-';
    out = put(out, tm->tm_mon + 1, 2);
    *out++ = '-';
    return put(out, tm->tm_mday, 2);
}

static char *put_time(char *out, const struct tm *tm, int milliseconds)
{
    out = put(out, tm->tm_hour, 2);
    *out++ = ':';
    out = put(out, tm->tm_min, 2);
    *out++ = ':';
    out = put(out, tm->tm_sec, 2);
    *out++ = '.';
    return put(out, milliseconds, 3);
}

static struct tm broken_down(const struct ferry_moment *moment)
{
    struct tm tm;
    time_t seconds = (time_t)moment->seconds;
    gmtime_r(&seconds, &tm);
    return tm;
}

size_t ferry_moment_format_day(const struct ferry_moment *moment, char out[FERRY_MOMENT_SIZE])
{
    struct tm tm = broken_down(moment);
    char *end = put_day(out, &tm);
    *end = '\0';
    return (size_t)(end - out);
}

size_t ferry_moment_format(const struct ferry_moment *moment, char out[FERRY_MOMENT_SIZE])
{
    struct tm tm = broken_down(moment);
    char *end = put_day(out, &tm);
    *end++ = ' ';
    end = put_time(end, &tm, moment->milliseconds);
    *end++ = 'Z';
    *end = '\0';
    return (size_t)(end - out);
}
