/* The saved configuration of `dynamics-to-campaign`, checked without asking anybody. Any thread.
 *
 * schemas/configuration.schema.json says the same to editors and other tools; tests keep the two of
 * one mind. */
#ifndef FERRY_CONFIGURATION_H
#define FERRY_CONFIGURATION_H

#include "core/base/status.h"

#include <jansson.h>

#define FERRY_CONFIGURATION_API "profileAndServicesExt" /* a mapping's api when it names none */

/* Changes nothing in the configuration. Appends every fault to `faults` (see fault.h). FERRY_OK:
 * none; FERRY_INVALID: at least one; FERRY_NOMEM. */
enum ferry_status ferry_configuration_check(const json_t *configuration,
                                            json_t *faults) FERRY_MUST_CHECK;

#endif
