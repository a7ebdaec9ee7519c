#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool sandbox_slice_is(struct sandbox_slice slice, const char *text)
{
    return slice.at && strlen(text) == slice.length && memcmp(slice.at, text, slice.length) == 0;
}

static size_t decode_point(const char *text, size_t length, uint32_t *ret_point)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t point = size == 1 ? at[0] : at[0] & (0xffu >> (size + 1));

    if (size > length)
        size = length;
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (at[i] & 0x3f);
    *ret_point = point;
    return size;
}

static void escape_point(struct sandbox_buf *buf, uint32_t point)
{
    if (point < 0x10000) {
        sandbox_buf_addf(buf, "\\u%04x", point);
        return;
    }
    point -= 0x10000;
    sandbox_buf_addf(buf, "\\u%04x\\u%04x", 0xd800 + (point >> 10), 0xdc00 + (point & 0x3ff));
}

static void escape_control(struct sandbox_buf *buf, char c)
{
    const char *shorts = "\bb\nn\tt\rr\ff\"\"\\\\";

    for (const char *at = shorts; *at; at += 2)
        if (*at == c) {
            sandbox_buf_addc(buf, '\\');
            sandbox_buf_addc(buf, at[1]);
            return;
        }
    escape_point(buf, (uint8_t)c);
}

static bool is_plain(char c, bool ascii)
{
    uint8_t byte = (uint8_t)c;

    return byte >= 0x20 && byte != '"' && byte != '\\' && !(ascii && byte >= 0x80);
}

void sandbox_json_string(struct sandbox_buf *buf, const char *text, size_t length, bool ascii)
{
    sandbox_buf_addc(buf, '"');
    for (size_t at = 0; at < length;) {
        size_t run = at;
        while (run < length && is_plain(text[run], ascii))
            run++;
        sandbox_buf_add(buf, text + at, run - at);
        at = run;
        if (at == length)
            break;
        if ((uint8_t)text[at] < 0x80) {
            escape_control(buf, text[at++]);
            continue;
        }
        uint32_t point;
        at += decode_point(text + at, length - at, &point);
        escape_point(buf, point);
    }
    sandbox_buf_addc(buf, '"');
}

static void encode_point(struct sandbox_buf *buf, uint32_t point)
{
    char bytes[4];
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = size; i-- > 1; point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3f));
    bytes[0] = (char)(heads[size] | point);
    sandbox_buf_add(buf, bytes, size);
}

static uint32_t hex4(const char *at)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value << 4 | (uint32_t)(isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

static size_t unescape_one(struct sandbox_buf *buf, const char *at, const char *end)
{
    static const char from[] = "bntrf", to[] = "\b\n\t\r\f";
    const char *found = strchr(from, at[1]);

    if (at[1] != 'u') {
        sandbox_buf_addc(buf, found ? to[found - from] : at[1]);
        return 2;
    }
    uint32_t point = hex4(at + 2);
    if (point >= 0xd800 && point < 0xdc00 && end - at >= 12) {
        encode_point(buf, 0x10000 + ((point - 0xd800) << 10) + (hex4(at + 8) - 0xdc00));
        return 12;
    }
    encode_point(buf, point);
    return 6;
}

void sandbox_json_unquote(struct sandbox_buf *buf, const char *json, size_t length)
{
    const char *at = json + 1, *end = json + length - 1;

    sandbox_buf_reserve(buf, length);
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        sandbox_buf_add(buf, at, (size_t)(stop - at));
        at = slash ? slash + unescape_one(buf, slash, end) : end;
    }
}

bool sandbox_percent_decode(struct sandbox_buf *buf, const char *text, size_t length, bool plus)
{
    sandbox_buf_reserve(buf, length);
    for (size_t at = 0; at < length; at++) {
        unsigned byte = (uint8_t)text[at];
        if (byte == '+' && plus)
            byte = ' ';
        if (byte == '%') {
            if (length - at < 3 || sscanf(text + at + 1, "%2x", &byte) != 1 || byte == 0 ||
                !isxdigit((unsigned char)text[at + 2]))
                return false;
            at += 2;
        }
        sandbox_buf_addc(buf, (char)byte);
    }
    return true;
}

void sandbox_percent_encode(struct sandbox_buf *buf, const char *text, const char *keep)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr(keep, *text))
            sandbox_buf_addc(buf, *text);
        else
            sandbox_buf_addf(buf, "%%%02x", (unsigned)(uint8_t)*text);
    }
}

size_t sandbox_utf8_points(const char *text, size_t length)
{
    size_t points = 0;

    for (size_t i = 0; i < length; i++)
        points += ((uint8_t)text[i] & 0xc0) != 0x80;
    return points;
}

size_t sandbox_utf16_units(const char *text, size_t length)
{
    size_t units = 0;

    for (size_t i = 0; i < length; i++)
        units += (size_t)(((uint8_t)text[i] & 0xc0) != 0x80) + ((uint8_t)text[i] >= 0xf0);
    return units;
}

size_t sandbox_utf8_cut(const char *text, size_t length, size_t points)
{
    size_t at = 0;

    for (; at < length; at++)
        if (((uint8_t)text[at] & 0xc0) != 0x80 && points-- == 0)
            break;
    return at;
}

static int hex_digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

bool sandbox_guid_parse(const char *text, size_t length, uint8_t ret_guid[static 16])
{
    if (length != 36)
        return false;
    for (size_t byte = 0; byte < 16; byte++) {
        size_t dashes = (byte >= 4) + (size_t)(byte >= 6) + (byte >= 8) + (byte >= 10);
        size_t at = byte * 2 + dashes;
        bool after_dash = byte == 4 || byte == 6 || byte == 8 || byte == 10;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0 || (after_dash && text[at - 1] != '-'))
            return false;
        ret_guid[byte] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void sandbox_guid_format(const uint8_t guid[static 16], char text[static SANDBOX_GUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (int byte = 0; byte < 16; byte++) {
        if (byte == 4 || byte == 6 || byte == 8 || byte == 10)
            *at++ = '-';
        *at++ = digits[guid[byte] >> 4];
        *at++ = digits[guid[byte] & 15];
    }
    *at = '\0';
}

uint64_t sandbox_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

void sandbox_guid_random(uint64_t *state, uint8_t ret_guid[static 16])
{
    uint64_t halves[2] = {sandbox_random(state), sandbox_random(state)};

    memcpy(ret_guid, halves, 16);
    ret_guid[6] = (uint8_t)((ret_guid[6] & 0x0f) | 0x40);
    ret_guid[8] = (uint8_t)((ret_guid[8] & 0x3f) | 0x80);
}
