/* Small conversions between text forms: JSON strings, percent encoding, UTF-8, GUIDs, hashes. */
#ifndef SANDBOX_TEXT_H
#define SANDBOX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SANDBOX_GUID_SIZE 37

struct sandbox_slice {
    const char *at; /* NULL: absent */
    size_t length;
};

bool sandbox_slice_is(struct sandbox_slice slice, const char *text);

/* Adds the text as a JSON string with its quotes; `ascii`: everything else as \uXXXX. */
void sandbox_json_string(struct sandbox_buf *buf, const char *text, size_t length, bool ascii);

/* The inverse for a well-formed JSON string (with quotes). */
void sandbox_json_unquote(struct sandbox_buf *buf, const char *json, size_t length);

/* Decodes %XX, and '+' as a space when `plus`; false if a %XX is malformed or a NUL. The result is
 * NUL-terminated. */
bool sandbox_percent_decode(struct sandbox_buf *buf, const char *text, size_t length, bool plus);

/* Encodes all but letters, digits and the characters in `keep`; lower-case hex as Dataverse does.
 */
void sandbox_percent_encode(struct sandbox_buf *buf, const char *text, const char *keep);

/* Characters: code points, or UTF-16 units. */
size_t sandbox_utf8_points(const char *text, size_t length);
size_t sandbox_utf16_units(const char *text, size_t length);
/* The length in bytes of the first `points` code points. */
size_t sandbox_utf8_cut(const char *text, size_t length, size_t points);

/* 16 bytes <-> "60c4e274-0d87-e711-80e5-00155db19e6d"; parsing accepts upper case. */
bool sandbox_guid_parse(const char *text, size_t length, uint8_t ret_guid[static 16]);
void sandbox_guid_format(const uint8_t guid[static 16], char text[static SANDBOX_GUID_SIZE]);

/* The next number of a splitmix64 sequence; `state` is any seed. */
uint64_t sandbox_random(uint64_t *state);
/* A GUID of version 4 drawn from it. */
void sandbox_guid_random(uint64_t *state, uint8_t ret_guid[static 16]);

#endif
