#include "core/remote/dataverse_limits.h"

#include <ctype.h>

#define MOST   INT64_C(1000000000) /* beyond it there is no limit */
#define DIGITS 10

/* Thousands are separated by commas, as seen; the point is a point. */
int64_t ferry_dataverse_parse_limit(const char *text, int64_t scale)
{
    int64_t value = 0;
    int digits = 0;

    while (*text == ' ')
        text++;
    for (; isdigit((unsigned char)*text) || (*text == ',' && digits > 0); text++) {
        if (*text == ',')
            continue;
        value = value * DIGITS + (*text - '0') * scale;
        digits++;
        if (value > MOST)
            return MOST;
    }
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++)
            value += (*text - '0') * (scale /= DIGITS);
    return digits > 0 ? value : -1;
}

static int64_t read_limit(const struct ferry_remote_answer *answer, const char *header,
                          int64_t scale)
{
    const char *text = answer->http ? ferry_http_header(answer->http, header) : NULL;

    return text ? ferry_dataverse_parse_limit(text, scale) : -1;
}

void ferry_dataverse_limits(const struct ferry_remote_answer *answer,
                            struct ferry_dataverse_limits *ret_limits)
{
    ret_limits->parallel = read_limit(answer, "x-ms-dop-hint", 1);
    ret_limits->requests = read_limit(answer, "x-ms-ratelimit-burst-remaining-xrm-requests", 1);
    ret_limits->time_ms = read_limit(answer, "x-ms-ratelimit-time-remaining-xrm-requests", 1000);
}
