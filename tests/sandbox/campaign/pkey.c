#include "campaign/pkey.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"

#define BYTES 68

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A bijection of 64 bits, so that neighbours look unrelated. */
static uint64_t scramble(uint64_t number)
{
    number = (number ^ number >> 32) * 0xd6e8feb86659fd93;
    return number ^ number >> 32;
}

static uint64_t unscramble(uint64_t number)
{
    number = (number ^ number >> 32) * 0xcfee444d8b59a89b;
    return number ^ number >> 32;
}

static void fill(const struct sandbox_pkeys *pkeys, uint64_t head, uint8_t bytes[static BYTES])
{
    uint64_t state = head ^ pkeys->salt;

    memcpy(bytes, &head, 8);
    for (size_t at = 8; at < BYTES; at += 8) {
        uint64_t part = sandbox_random(&state);
        memcpy(bytes + at, &part, BYTES - at < 8 ? BYTES - at : 8);
    }
}

static void encode(const uint8_t bytes[static BYTES], char *text)
{
    size_t at = 0;

    *text++ = '@';
    for (; at + 3 <= BYTES; at += 3) {
        unsigned bits = (unsigned)bytes[at] << 16 | (unsigned)bytes[at + 1] << 8 | bytes[at + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *text++ = digits[bits >> shift & 63];
    }
    unsigned bits = (unsigned)bytes[at] << 16 | (unsigned)bytes[at + 1] << 8;
    for (int shift = 18; shift >= 6; shift -= 6)
        *text++ = digits[bits >> shift & 63];
    *text = '\0';
}

void sandbox_pkey_write(const struct sandbox_pkeys *pkeys, unsigned resource, uint64_t id,
                        unsigned variant, char text[static SANDBOX_PKEY_SIZE])
{
    uint8_t bytes[BYTES];
    uint64_t plain = id | (uint64_t)(resource & 15) << 48 | (uint64_t)(variant & 15) << 52;

    fill(pkeys, scramble(plain ^ pkeys->salt), bytes);
    encode(bytes, text);
}

static uint64_t decode_head(const char *text)
{
    uint8_t bytes[9];
    uint64_t head;

    for (size_t group = 0; group < 3; group++) {
        unsigned bits = 0;
        for (size_t i = 0; i < 4; i++) {
            const char *found = strchr(digits, text[group * 4 + i]);
            bits = bits << 6 | (found ? (unsigned)(found - digits) & 63 : 0);
        }
        bytes[group * 3] = (uint8_t)(bits >> 16);
        bytes[group * 3 + 1] = (uint8_t)(bits >> 8);
        bytes[group * 3 + 2] = (uint8_t)bits;
    }
    memcpy(&head, bytes, 8);
    return head;
}

bool sandbox_pkey_read(const struct sandbox_pkeys *pkeys, const char *text, unsigned *ret_resource,
                       uint64_t *ret_id)
{
    char expected[SANDBOX_PKEY_SIZE];

    if (strlen(text) != SANDBOX_PKEY_SIZE - 1 || *text != '@')
        return false;
    uint64_t plain = unscramble(decode_head(text + 1)) ^ pkeys->salt;
    *ret_id = plain & 0xffffffffffff;
    *ret_resource = plain >> 48 & 15;
    sandbox_pkey_write(pkeys, *ret_resource, *ret_id, plain >> 52 & 15, expected);
    return strcmp(expected, text) == 0;
}
