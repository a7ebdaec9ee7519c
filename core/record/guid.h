/* A GUID that follows from a name, so that the same name always gives the same one (UUIDv5, RFC
 * 4122). Any thread. */
#ifndef FERRY_GUID_H
#define FERRY_GUID_H

#include <stdbool.h>
#include <stddef.h>

#define FERRY_GUID_SIZE  37 /* lower case, with hyphens, terminated */
#define FERRY_GUID_BYTES 16

/* `space`: the namespace, its bytes in the order of the text. */
void ferry_guid_of_name(const unsigned char space[FERRY_GUID_BYTES], const char *name,
                        size_t length, char out[FERRY_GUID_SIZE]);

/* 36 characters as above, in any case. */
bool ferry_guid_valid(const char *text, size_t length);

#endif
