/* UTF-8 text: its characters, cutting, comparing as a CRM does, and quoting as JSON. A character is
 * a Unicode code point. Any thread. */
#ifndef FERRY_UTF8_H
#define FERRY_UTF8_H

#include "core/record/change.h"

#define FERRY_UTF8_SIZE 32
/* A value as text: true, 42, 1.5, or the string itself; `scratch` backs what is not a string. False
 * for null and for doubles that are no number. */
bool ferry_utf8_of(const struct ferry_value *value, char scratch[FERRY_UTF8_SIZE],
                   struct ferry_slice *ret_text);

/* Bytes of the first character of text[length], or 0 when they are no UTF-8. */
size_t ferry_utf8_next(const char *text, size_t length, uint32_t *ret_character);
/* False when the text is no UTF-8. */
bool ferry_utf8_count(struct ferry_slice text, size_t *ret_characters);
/* The first `characters` of a text that ferry_utf8_count accepted; whole ones only. */
struct ferry_slice ferry_utf8_cut(struct ferry_slice text, size_t characters);
/* As much as fits into so many UTF-16 code units, whole characters only. A text that is no UTF-8
 * up to there is not cut: whoever quotes it finds out. */
struct ferry_slice ferry_utf8_cut_units(struct ferry_slice text, size_t units);
/* How many UTF-16 code units a text has that is UTF-8. */
size_t ferry_utf8_units(struct ferry_slice text);

/* Without regard to case, as Dynamics 365 compares; accents count. Bytes that are no UTF-8 equal
 * themselves. */
bool ferry_utf8_equals(struct ferry_slice text, struct ferry_slice other);
bool ferry_utf8_starts(struct ferry_slice text, struct ferry_slice start);
bool ferry_utf8_ends(struct ferry_slice text, struct ferry_slice end);
bool ferry_utf8_contains(struct ferry_slice text, struct ferry_slice part);

/* Appends a JSON string. FERRY_BAD_RECORD when the text is no UTF-8, and `out` may hold a part of
 * it. */
enum ferry_status ferry_utf8_quote(struct ferry_slice text,
                                   struct ferry_buffer *out) FERRY_MUST_CHECK;
/* The same without its quotes, to be one piece of several. */
enum ferry_status ferry_utf8_escape(struct ferry_slice text,
                                    struct ferry_buffer *out) FERRY_MUST_CHECK;

#endif
