#include "core/record/guid.h"

#include <string.h>
#include <uuid/uuid.h>

enum ferry_status ferry_guid_of_name(const char *space, const char *name, size_t length,
                                     char out[FERRY_GUID_SIZE])
{
    uuid_t namespace;
    uuid_t guid;
    if (uuid_parse(space, namespace) != 0)
        return FERRY_INVALID;
    uuid_generate_sha1(guid, namespace, name, length);
    uuid_unparse_lower(guid, out);
    return FERRY_OK;
}

bool ferry_guid_valid(const char *text, size_t length)
{
    char copy[FERRY_GUID_SIZE];
    uuid_t guid;
    if (length != FERRY_GUID_SIZE - 1 || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return uuid_parse(copy, guid) == 0;
}
