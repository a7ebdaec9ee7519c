/* The definition of a table as metadata JSON. What may be expanded stands under "+Attributes",
 * "+Keys", "+OptionSet". */
#ifndef SANDBOX_DYNAMICS_DEFINITION_H
#define SANDBOX_DYNAMICS_DEFINITION_H

#include <jansson.h>

#include "dynamics/table.h"

json_t *sandbox_definition(const struct sandbox_table *table);
/* Appends the table's many-to-one relations. */
void sandbox_definition_relations(const struct sandbox_table *table, json_t *list);

#endif
