/* The saved configuration of `dynamics-to-campaign`, checked without asking anybody. Any thread.
 *
 * schemas/configuration.schema.json says the same to editors and other tools; tests keep the two of
 * one mind. */
#ifndef FERRY_CONFIGURATION_H
#define FERRY_CONFIGURATION_H

#include "core/base/status.h"

#include <jansson.h>

#define FERRY_CONFIGURATION_API "profileAndServicesExt" /* a mapping's api when it names none */

#define FERRY_CONFIGURATION_COLUMN "^_?[a-z][a-z0-9_]{0,127}$"

/* Changes nothing in the configuration. Appends every fault to `faults` (see fault.h). FERRY_OK:
 * none; FERRY_INVALID: at least one; FERRY_NOMEM. */
enum ferry_status ferry_configuration_check(json_t *configuration, json_t *faults) FERRY_MUST_CHECK;

/* A text, number or boolean as the text that is compared and written: a new reference; NULL for
 * anything else. */
json_t *ferry_configuration_text(const json_t *scalar);

#endif
