/* What the sources of translation share. */
#ifndef FERRY_TRANSLATION_PRIVATE_H
#define FERRY_TRANSLATION_PRIVATE_H

#include "controller/translation.h"

/* The column as it is selected, for a name that people use; NULL with a fault at `place`. */
const char *ferry_translation_column(const struct ferry_translation *translation, const char *name,
                                     const struct ferry_place *place);
/* The field as it is called on the wire; NULL with a fault at `place`. */
const char *ferry_translation_wire(const struct ferry_translation *translation, const char *name,
                                   const struct ferry_place *place);
const json_t *ferry_translation_source(const json_t *table, const char *column);
const json_t *ferry_translation_target(const json_t *resource, const char *wire);
/* The compiled field; NULL with a fault, or out of memory. */
json_t *ferry_translation_field(const struct ferry_translation *translation, json_t *field,
                                const struct ferry_place *place);

#endif
