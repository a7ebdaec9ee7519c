/* The saved configuration of `opt-in-out` (ADR 5), and what it means for that of
 * `dynamics-to-campaign`; without asking anybody. Any thread.
 *
 * schemas/opt-in-out.schema.json says the same to editors and other tools; tests keep the two of
 * one mind. */
#ifndef FERRY_OPTINOUT_H
#define FERRY_OPTINOUT_H

#include "core/base/status.h"

#include <jansson.h>

#define FERRY_OPTINOUT_TABLE    "contact"
#define FERRY_OPTINOUT_RESOURCE "profile"

/* Changes nothing in the configuration. Appends every fault to `faults` (see fault.h). FERRY_OK:
 * none; FERRY_INVALID: at least one; FERRY_NOMEM. */
enum ferry_status ferry_optinout_check(json_t *configuration, json_t *faults) FERRY_MUST_CHECK;

/* A checked configuration with every default filled in, and Ferry's own names of the attributes;
 * NULL for one that was never saved. It has an "export" only where the configuration has one, be it
 * empty. A new reference; NULL: out of memory. */
json_t *ferry_optinout_fill(const json_t *configuration);
/* Its direction is not "disabled"; false for NULL. */
bool ferry_optinout_is_on(const json_t *configuration);
/* Of a filled one: Campaign's opt-outs are looked for in files, too. */
bool ferry_optinout_reads_files(const json_t *filled);
/* "denyListEmail", always the same pointer, for it and for blackListEmail; NULL: none of the eight.
 */
const char *ferry_optinout_attribute(const char *name);

/* Which of the two configurations is about to be saved. */
enum ferry_optinout_saved { FERRY_OPTINOUT_MAPPINGS_SAVED, FERRY_OPTINOUT_ITSELF_SAVED };
/* Appends a fault, in the one that is about to be saved, for each field of Campaign that both would
 * write. Either may be NULL. False: out of memory. */
bool ferry_optinout_collide(const json_t *configuration, const json_t *mappings,
                            enum ferry_optinout_saved saved, json_t *faults) FERRY_MUST_CHECK;

/* Which columns a profile must not be created without: {"denyListEmail":"donotbulkemail"}. Empty
 * for a mapping, configured or compiled, that takes no part. A new reference; NULL: out of memory.
 */
json_t *ferry_optinout_births(const json_t *configuration, const json_t *mapping);
/* Whether a run order of `dynamics-to-campaign` carries just these into births. */
bool ferry_optinout_is_carried(const json_t *order, const json_t *configuration);
/* One that it does not carry, "denyListEmail"; NULL: it carries all of them, or memory ran out. */
const char *ferry_optinout_missing(const json_t *order, const json_t *configuration);

/* Whether an attribute and its column, described (description.h), can be kept in step. NULL: they
 * can, or memory ran out; else why not, a new text, and the member of the configuration that is at
 * fault. */
json_t *ferry_optinout_refusal(const json_t *table, const json_t *resource, const char *attribute,
                               const char *column, const char **ret_member);

#endif
