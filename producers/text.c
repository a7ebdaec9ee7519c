#include "producers/text.h"

#include <string.h>

#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS  UINT64_C(0x8080808080808080)

void ferry_text_init(struct ferry_text *text)
{
    memset(text, 0, sizeof *text);
}

/* The classes of lead bytes: Unicode 15, table 3-7. */
static bool lead(struct ferry_text *text, unsigned char byte)
{
    static const struct {
        unsigned char first, last, need, low, high;
    } leads[] = {
        {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
        {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
        {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
    };
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (byte >= leads[i].first && byte <= leads[i].last) {
            text->need = leads[i].need;
            text->low = leads[i].low;
            text->high = leads[i].high;
            return true;
        }
    }
    return false;
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* A whole \u escape is read: is it a character, or half of one? */
static bool unit_fits(struct ferry_text *text)
{
    bool after_half = text->half;
    bool is_low = (text->unit & 0xFC00) == 0xDC00;
    text->half = (text->unit & 0xFC00) == 0xD800;
    return after_half == is_low;
}

static bool escaped(struct ferry_text *text, unsigned char byte)
{
    if (text->escape == 1) {
        bool fits = byte == 'u' || !text->half;
        text->escape = byte == 'u' ? 2 : 0;
        text->half = text->half && byte == 'u';
        text->unit = 0;
        return fits;
    }
    int digit = hex_digit(byte);
    if (digit < 0) { /* no JSON; the parser says so */
        text->escape = 0;
        return true;
    }
    text->unit = (uint16_t)(text->unit << 4 | digit);
    if (text->escape++ < 5)
        return true;
    text->escape = 0;
    return unit_fits(text);
}

static bool step(struct ferry_text *text, unsigned char byte)
{
    bool clean = true;
    if (text->need) {
        if (byte >= text->low && byte <= text->high) {
            text->need--;
            text->low = 0x80;
            text->high = 0xBF;
            return true;
        }
        text->need = 0;
        clean = false;
    }
    if (text->escape)
        return escaped(text, byte) && clean;
    if (byte == '\\') {
        text->escape = 1;
        return clean;
    }
    if (text->half) {
        text->half = false;
        clean = false;
    }
    return (byte < 0x80 || lead(text, byte)) && clean;
}

static bool plain(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    uint64_t backslash = word ^ (EVERY_BYTE * '\\');
    return (((backslash - EVERY_BYTE) | word) & HIGH_BITS) == 0;
}

bool ferry_text_clean(struct ferry_text *text, const char *data, size_t length)
{
    bool clean = true;
    size_t i = 0;
    while (i < length) {
        if (!text->need && !text->escape && !text->half) {
            while (length - i >= sizeof(uint64_t) && plain(data + i))
                i += sizeof(uint64_t);
        }
        for (size_t end = length - i < 8 ? length : i + 8; i < end; i++)
            clean = step(text, (unsigned char)data[i]) && clean;
    }
    return clean;
}
