/* One configured mapping against its table and its resource as both systems describe them: into the
 * mapping of a run order (ADR 1), or faults that say why not. Asks nobody. Any thread. */
#ifndef FERRY_TRANSLATION_H
#define FERRY_TRANSLATION_H

#include "controller/shape.h"

struct ferry_translation {
    json_t *mapping;                 /* as configured, after ferry_configuration_check */
    json_t *mappings;                /* all of them: parents are looked up here */
    const json_t *table;             /* ferry_description_table */
    const json_t *resource;          /* ferry_description_resource */
    const json_t *optinout;          /* the configuration of Opt-In/Out, or NULL */
    const struct ferry_place *place; /* of the mapping */
    struct ferry_shape *faults;
    struct ferry_shape *warnings;
};

/* A new reference; NULL when faults were added or memory ran out (faults->out_of_memory). */
json_t *ferry_translation_make(const struct ferry_translation *translation);

/* Adds faults about the key of the mapping, as far as descriptions tell. */
void ferry_translation_check_key(const struct ferry_translation *translation);

#endif
