/* The definition of a table as metadata JSON. What may be expanded stands under "+Attributes",
 * "+Keys", "+OptionSet". */
#ifndef SANDBOX_DYNAMICS_DEFINITION_H
#define SANDBOX_DYNAMICS_DEFINITION_H

#include <jansson.h>

#include "dynamics/table.h"

/* The same name has the same MetadataId in every run. A table's is that of the empty name. */
void sandbox_metadata_id(const char *table, const char *name, char text[static SANDBOX_GUID_SIZE]);

/* With the columns that were born up to that time. */
json_t *sandbox_definition(const struct sandbox_table *table, int64_t upto_ms);
/* Appends the table's many-to-one relations. */
void sandbox_definition_relations(const struct sandbox_table *table, json_t *list);

#endif
