#include "consumers/utf8.h"

#include "core/record/decimal.h"

#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

_Static_assert(FERRY_UTF8_SIZE >= FERRY_DOUBLE_SIZE, "a double must fit into the scratch");

#define BYTE(text, index) ((unsigned char)(text)[index])

bool ferry_utf8_of(const struct ferry_value *value, char scratch[FERRY_UTF8_SIZE],
                   struct ferry_slice *ret_text)
{
    switch (value->type) {
    case FERRY_NULL:
        return false;
    case FERRY_BOOLEAN:
        *ret_text =
            value->boolean ? (struct ferry_slice){"true", 4} : (struct ferry_slice){"false", 5};
        return true;
    case FERRY_LONG:
        snprintf(scratch, FERRY_UTF8_SIZE, "%" PRId64, value->integer);
        break;
    case FERRY_DOUBLE:
        if (!ferry_decimal_format(value->real, scratch))
            return false;
        break;
    case FERRY_STRING:
        *ret_text = value->string;
        return true;
    }
    *ret_text = (struct ferry_slice){scratch, strlen(scratch)};
    return true;
}

/* How many bytes follow a first byte, and what it contributes. */
static int following(unsigned char first, uint32_t *ret_bits)
{
    if (first >= 0xC2 && first <= 0xDF) {
        *ret_bits = first & 0x1FU;
        return 1;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        *ret_bits = first & 0x0FU;
        return 2;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        *ret_bits = first & 0x07U;
        return 3;
    }
    return -1;
}

size_t ferry_utf8_next(const char *text, size_t length, uint32_t *ret_character)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (length == 0)
        return 0;
    if (BYTE(text, 0) < 0x80) {
        *ret_character = BYTE(text, 0);
        return 1;
    }
    uint32_t character = 0;
    int count = following(BYTE(text, 0), &character);
    if (count < 0 || (size_t)count >= length)
        return 0;
    for (int i = 1; i <= count; i++) {
        if ((BYTE(text, i) & 0xC0U) != 0x80)
            return 0;
        character = character << 6 | (BYTE(text, i) & 0x3FU);
    }
    if (character < smallest[count] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return 0;
    *ret_character = character;
    return (size_t)count + 1;
}

bool ferry_utf8_count(struct ferry_slice text, size_t *ret_characters)
{
    size_t characters = 0;
    uint32_t character = 0;
    for (size_t at = 0; at < text.length; characters++) {
        size_t bytes = ferry_utf8_next(text.data + at, text.length - at, &character);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    *ret_characters = characters;
    return true;
}

struct ferry_slice ferry_utf8_cut(struct ferry_slice text, size_t characters)
{
    size_t at = 0;
    uint32_t character = 0;
    for (; characters > 0 && at < text.length; characters--)
        at += ferry_utf8_next(text.data + at, text.length - at, &character);
    return (struct ferry_slice){text.data, at};
}

/* No unit has less than a byte, so hardly any text has to be looked at. */
struct ferry_slice ferry_utf8_cut_units(struct ferry_slice text, size_t units)
{
    size_t at = 0;
    if (text.length <= units)
        return text;
    while (at < text.length && units > 0) {
        uint32_t character = 0;
        size_t bytes = ferry_utf8_next(text.data + at, text.length - at, &character);
        size_t needed = character > 0xFFFF ? 2 : 1;
        if (bytes == 0)
            return text;
        if (needed > units)
            break;
        units -= needed;
        at += bytes;
    }
    return (struct ferry_slice){text.data, at};
}

size_t ferry_utf8_units(struct ferry_slice text)
{
    size_t units = 0;
    for (size_t at = 0; at < text.length; at++)
        units += (size_t)((BYTE(text.data, at) & 0xC0U) != 0x80) + (BYTE(text.data, at) >= 0xF0);
    return units;
}

/* Debian's libc always has C.UTF-8; without it only A to Z lose their case. */
static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void open_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t fold(uint32_t character)
{
    if (character < 0x80)
        return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
    pthread_once(&unicode_once, open_unicode);
    if (!unicode)
        return character;
    /* Up and then down: the final sigma and the ordinary one have one upper case. */
    return (uint32_t)towlower_l(towupper_l((wint_t)character, unicode), unicode);
}

/* Takes one folded character off the front; a stray byte counts as a character beyond Unicode. */
static uint32_t take_folded(struct ferry_slice *text)
{
    uint32_t character = 0;
    size_t bytes = ferry_utf8_next(text->data, text->length, &character);
    if (bytes == 0) {
        character = 0x110000U + BYTE(text->data, 0);
        bytes = 1;
    } else {
        character = fold(character);
    }
    text->data += bytes;
    text->length -= bytes;
    return character;
}

bool ferry_utf8_starts(struct ferry_slice text, struct ferry_slice start)
{
    while (start.length > 0)
        if (text.length == 0 || take_folded(&text) != take_folded(&start))
            return false;
    return true;
}

bool ferry_utf8_equals(struct ferry_slice text, struct ferry_slice other)
{
    while (text.length > 0 && other.length > 0)
        if (take_folded(&text) != take_folded(&other))
            return false;
    return text.length == 0 && other.length == 0;
}

bool ferry_utf8_ends(struct ferry_slice text, struct ferry_slice end)
{
    for (;;) {
        if (ferry_utf8_equals(text, end))
            return true;
        if (text.length == 0)
            return false;
        take_folded(&text);
    }
}

bool ferry_utf8_contains(struct ferry_slice text, struct ferry_slice part)
{
    for (;;) {
        if (ferry_utf8_starts(text, part))
            return true;
        if (text.length == 0)
            return false;
        take_folded(&text);
    }
}

static enum ferry_status escape_special(unsigned char byte, struct ferry_buffer *out)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = byte ? strchr(named, byte) : NULL;
    if (found) {
        const char escape[] = {'\\', letters[found - named]};
        return ferry_buffer_append(out, escape, sizeof escape);
    }
    return ferry_buffer_printf(out, "\\u%04x", (unsigned)byte);
}

static bool is_special(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* The length of what can be copied as it is; stops at a special byte, at the end, or (*ret_broken)
 * at no UTF-8. */
static size_t plain_length(const char *text, size_t length, bool *ret_broken)
{
    size_t at = 0;
    uint32_t character = 0;
    while (at < length) {
        unsigned char byte = BYTE(text, at);
        if (is_special(byte))
            break;
        size_t bytes = byte < 0x80 ? 1 : ferry_utf8_next(text + at, length - at, &character);
        if (bytes == 0) {
            *ret_broken = true;
            break;
        }
        at += bytes;
    }
    return at;
}

static enum ferry_status escape_slowly(struct ferry_slice text, struct ferry_buffer *out)
{
    bool broken = false;
    enum ferry_status status = FERRY_OK;
    for (size_t at = 0; status == FERRY_OK && at < text.length;) {
        size_t plain = plain_length(text.data + at, text.length - at, &broken);
        if (broken)
            return FERRY_BAD_RECORD;
        status = ferry_buffer_append(out, text.data + at, plain);
        at += plain;
        if (status == FERRY_OK && at < text.length)
            status = escape_special(BYTE(text.data, at++), out);
    }
    return status;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes at once: is one of them special or beyond ASCII? May say yes for a byte behind a
 * special one, never no. */
static bool any_special(uint64_t eight)
{
    uint64_t quotes = eight ^ EACH_BYTE('"');
    uint64_t backslashes = eight ^ EACH_BYTE('\\');
    uint64_t found =
        (eight - EACH_BYTE(0x20)) | (quotes - EACH_BYTE(1)) | (backslashes - EACH_BYTE(1)) | eight;
    return found & EACH_BYTE(0x80);
}

static bool is_plain(struct ferry_slice text)
{
    size_t at = 0;
    for (uint64_t eight; at + sizeof eight <= text.length; at += sizeof eight) {
        memcpy(&eight, text.data + at, sizeof eight);
        if (any_special(eight))
            return false;
    }
    for (; at < text.length; at++)
        if (is_special(BYTE(text.data, at)) || BYTE(text.data, at) >= 0x80)
            return false;
    return true;
}

static enum ferry_status quote_slowly(struct ferry_slice text, struct ferry_buffer *out)
{
    enum ferry_status status = ferry_buffer_append(out, "\"", 1);
    if (status == FERRY_OK)
        status = escape_slowly(text, out);
    return status == FERRY_OK ? ferry_buffer_append(out, "\"", 1) : status;
}

enum ferry_status ferry_utf8_escape(struct ferry_slice text, struct ferry_buffer *out)
{
    return is_plain(text) ? ferry_buffer_append(out, text.data, text.length)
                          : escape_slowly(text, out);
}

/* Nearly every text needs no escape, and bodies are made tens of thousands a second. */
enum ferry_status ferry_utf8_quote(struct ferry_slice text, struct ferry_buffer *out)
{
    if (!is_plain(text))
        return quote_slowly(text, out);
    enum ferry_status status = ferry_buffer_reserve(out, text.length + 2);
    if (status != FERRY_OK)
        return status;
    char *at = out->data + out->length;
    *at++ = '"';
    if (text.length > 0)
        memcpy(at, text.data, text.length);
    at += text.length;
    *at++ = '"';
    *at = '\0';
    out->length += text.length + 2;
    return FERRY_OK;
}
