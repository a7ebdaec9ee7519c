/* A GUID that follows from a name, so that the same name always gives the same one (UUIDv5, RFC
 * 4122). Any thread. */
#ifndef FERRY_GUID_H
#define FERRY_GUID_H

#include "core/base/status.h"

#include <stddef.h>

#define FERRY_GUID_SIZE 37 /* lower case, with hyphens, terminated */

/* FERRY_INVALID: `space`, the namespace, is no GUID. */
enum ferry_status ferry_guid_of_name(const char *space, const char *name, size_t length,
                                     char out[FERRY_GUID_SIZE]) FERRY_MUST_CHECK;

/* 36 characters as above, in any case. */
bool ferry_guid_valid(const char *text, size_t length);

#endif
