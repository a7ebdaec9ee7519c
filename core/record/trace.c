#include "core/record/trace.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

/* The first half of a trace id is the process's: it compresses well beside its neighbours. */
#define TRACE_AT  3
#define RECORD_AT 19
#define SPAN_AT   36
#define FLAGS_AT  53
#define ID_DIGITS 32

static const char digits[] = "0123456789abcdef";

/* splitmix64: ids want to be different, not secret. */
static uint64_t draw(struct ferry_tracer *tracer)
{
    uint64_t z = tracer->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* All zeros is no id. */
static void put(struct ferry_tracer *tracer, size_t at)
{
    uint64_t number = draw(tracer);
    if (number == 0)
        number = 1;
    for (int i = 15; i >= 0; i--) {
        tracer->text[at + (size_t)i] = digits[number & 15];
        number >>= 4;
    }
}

void ferry_tracer_init(struct ferry_tracer *tracer)
{
    memcpy(tracer->text, "00-00000000000000000000000000000000-0000000000000000-00",
           FERRY_TRACE_SIZE);
    if (getrandom(&tracer->state, sizeof tracer->state, 0) != sizeof tracer->state)
        tracer->state = (uint64_t)time(NULL);
    put(tracer, TRACE_AT);
    put(tracer, RECORD_AT);
    put(tracer, SPAN_AT);
}

void ferry_tracer_turn(struct ferry_tracer *tracer)
{
    put(tracer, SPAN_AT);
}

const char *ferry_tracer_next(struct ferry_tracer *tracer)
{
    put(tracer, RECORD_AT);
    return tracer->text;
}

void ferry_tracer_name(const struct ferry_tracer *tracer, const char *guid,
                       char out[FERRY_TRACE_SIZE])
{
    char *at = out + TRACE_AT;
    memcpy(out, tracer->text, FERRY_TRACE_SIZE);
    /* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx */
    memcpy(at, guid, 8);
    memcpy(at + 8, guid + 9, 4);
    memcpy(at + 12, guid + 14, 4);
    memcpy(at + 16, guid + 19, 4);
    memcpy(at + 20, guid + 24, 12);
}

static bool is_hex(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!memchr(digits, text[i], sizeof digits - 1))
            return false;
    return true;
}

static bool is_id(const char *text, size_t length)
{
    size_t zeros = 0;
    while (zeros < length && text[zeros] == '0')
        zeros++;
    return zeros < length && is_hex(text, length);
}

static bool is_parent(const char *text)
{
    return memcmp(text, "00-", TRACE_AT) == 0 && is_id(text + TRACE_AT, ID_DIGITS) &&
           text[SPAN_AT - 1] == '-' && is_id(text + SPAN_AT, 16) && text[FLAGS_AT - 1] == '-' &&
           is_hex(text + FLAGS_AT, 2);
}

bool ferry_trace_read(const void *data, size_t length, char out[FERRY_TRACE_SIZE])
{
    bool good = data && length == FERRY_TRACE_SIZE - 1 && is_parent(data);
    if (good)
        memcpy(out, data, length);
    out[good ? length : 0] = '\0';
    return good;
}

void ferry_trace_id(const char *parent, char out[FERRY_TRACE_ID_SIZE])
{
    size_t length = *parent ? ID_DIGITS : 0;
    memcpy(out, *parent ? parent + TRACE_AT : parent, length);
    out[length] = '\0';
}
