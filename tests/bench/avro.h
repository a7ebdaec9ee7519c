/* The two encodings of Avro that the baselines write directly. Each returns where it ended. */
#ifndef BENCH_AVRO_H
#define BENCH_AVRO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline unsigned char *bench_avro_long(unsigned char *to, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7)
        *to++ = (unsigned char)(zigzag | 0x80);
    *to++ = (unsigned char)zigzag;
    return to;
}

static inline unsigned char *bench_avro_text(unsigned char *to, const char *text, size_t length)
{
    to = bench_avro_long(to, (int64_t)length);
    memcpy(to, text, length);
    return to + length;
}

#endif
