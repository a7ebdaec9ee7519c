/* A GUID that follows from a name, so that the same name always gives the same one (UUIDv5, RFC
 * 4122). Any thread. */
#ifndef FERRY_GUID_H
#define FERRY_GUID_H

#include "core/record/change.h"

#define FERRY_GUID_SIZE  37 /* lower case, with hyphens, terminated */
#define FERRY_GUID_BYTES 16

/* `space`: the namespace, its bytes in the order of the text. The name is the `count` pieces, one
 * behind the other. */
void ferry_guid_of_name(const unsigned char space[FERRY_GUID_BYTES],
                        const struct ferry_slice *pieces, size_t count, char out[FERRY_GUID_SIZE]);

/* 36 characters as above, in any case. */
bool ferry_guid_valid(const char *text, size_t length);
/* A valid one in lower case; `out` is not terminated, and may be where it stands. */
void ferry_guid_lower(const char *text, char out[FERRY_GUID_SIZE - 1]);

#endif
