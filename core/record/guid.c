#include "core/record/guid.h"

#include <nettle/sha1.h>
#include <uuid/uuid.h>

#define VERSION 5

/* Not by uuid_generate_sha1: its SHA-1 knows nothing of the processor's, and costs four times as
 * much. */
void ferry_guid_of_name(const unsigned char space[FERRY_GUID_BYTES],
                        const struct ferry_slice *pieces, size_t count, char out[FERRY_GUID_SIZE])
{
    struct sha1_ctx sha1;
    uuid_t guid;
    sha1_init(&sha1);
    sha1_update(&sha1, FERRY_GUID_BYTES, space);
    for (size_t i = 0; i < count; i++)
        sha1_update(&sha1, pieces[i].length, (const uint8_t *)pieces[i].data);
    sha1_digest(&sha1, sizeof guid, guid);
    guid[6] = (unsigned char)((guid[6] & 0x0f) | VERSION << 4);
    guid[8] = (unsigned char)((guid[8] & 0x3f) | 0x80); /* the variant of RFC 4122 */
    uuid_unparse_lower(guid, out);
}

/* Not by uuid_parse: whoever asks for each of a million events would mostly wait for strtoul. To
 * look at every character, without a branch, lets the compiler take many together. */
bool ferry_guid_valid(const char *text, size_t length)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    unsigned faults = 0;
    if (length != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool hyphen = byte == '-';
        bool digit = (unsigned char)(byte - '0') < 10;
        bool letter = (unsigned char)((byte | 0x20) - 'a') < 6;
        faults |= !(shape[i] == '-' ? hyphen : digit | letter);
    }
    return faults == 0;
}

/* A digit and a hyphen have the bit already. */
void ferry_guid_lower(const char *text, char out[FERRY_GUID_SIZE - 1])
{
    for (size_t i = 0; i < FERRY_GUID_SIZE - 1; i++)
        out[i] = (char)(text[i] | 0x20);
}
