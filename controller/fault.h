/* What is wrong with a configuration: a JSON array of {"path","reason","class"}, as the API answers
 * it. Loop thread only. */
#ifndef FERRY_FAULT_H
#define FERRY_FAULT_H

#include "core/base/status.h"

#include <jansson.h>

/* `path` is a JSON pointer into the configuration, e.g. /mappings/0/fields/3/source. False: out of
 * memory. */
bool ferry_fault_add(json_t *faults, enum ferry_class class, const char *path, const char *format,
                     ...) FERRY_PRINTF(4, 5);

#endif
