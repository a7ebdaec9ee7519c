#include "core/record/guid.h"

#include <ctype.h>
#include <uuid/uuid.h>

void ferry_guid_of_name(const unsigned char space[FERRY_GUID_BYTES], const char *name,
                        size_t length, char out[FERRY_GUID_SIZE])
{
    uuid_t guid;
    uuid_generate_sha1(guid, space, name, length);
    uuid_unparse_lower(guid, out);
}

/* Not by uuid_parse: whoever asks for each of a million events would mostly wait for strtoul. */
bool ferry_guid_valid(const char *text, size_t length)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (length != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < length; i++)
        if (shape[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return true;
}
