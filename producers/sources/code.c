#include "producers/sources/code.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct code {
    int number;
    const char
        *names[3]; /* letters and digits only, in lower case: names and labels fall together */
};

static const struct code statuses[] = {
    {0, {"ignored"}},
    {FERRY_STATUS_SENT, {"sent", "delivered"}},
    {FERRY_STATUS_FAILED, {"failed"}},
    {6, {"pending"}},
    {7, {"takenintoaccount", "takenintoaccountbytheserviceprovider"}},
};
static const struct code failures[] = {
    {0, {"notdefined", "undefined"}},
    {FERRY_FAILURE_SOFT, {"soft"}},
    {FERRY_FAILURE_HARD, {"hard"}},
    {3, {"ignored"}},
};
static const struct code trackings[] = {
    {FERRY_TRACKED_CLICK, {"emailclick", "click"}},
    {FERRY_TRACKED_OPEN, {"open"}},
    {3, {"optout", "unsubscribe"}},
    {6, {"mirrorpage"}},
    {FERRY_TRACKED_CLICK_10, {NULL}},
    {FERRY_TRACKED_CLICK_11, {NULL}},
};

static bool is_called(struct ferry_slice text, const char *name)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (isalnum(byte) && tolower(byte) != *name++)
            return false;
    }
    return *name == '\0';
}

static bool is_number(struct ferry_slice text, int number)
{
    char digits[16];
    int length = snprintf(digits, sizeof digits, "%d", number);
    return text.length == (size_t)length && memcmp(text.data, digits, text.length) == 0;
}

static int find(const struct code *codes, size_t count, struct ferry_slice text)
{
    for (size_t i = 0; i < count && text.length > 0; i++) {
        if (is_number(text, codes[i].number))
            return codes[i].number;
        for (size_t n = 0; n < 3 && codes[i].names[n]; n++)
            if (is_called(text, codes[i].names[n]))
                return codes[i].number;
    }
    return FERRY_CODE_UNKNOWN;
}

int ferry_code_status(struct ferry_slice text)
{
    return find(statuses, sizeof statuses / sizeof statuses[0], text);
}

int ferry_code_failure(struct ferry_slice text)
{
    return find(failures, sizeof failures / sizeof failures[0], text);
}

int ferry_code_tracked(struct ferry_slice text)
{
    return find(trackings, sizeof trackings / sizeof trackings[0], text);
}
