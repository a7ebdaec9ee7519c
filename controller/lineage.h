/* Which table's records wait for which: the links between mappings. Any thread. */
#ifndef FERRY_LINEAGE_H
#define FERRY_LINEAGE_H

#include "controller/shape.h"

/* Every link must lead to a mapped table, and no chain of links back to where it began: such
 * records would wait for each other for ever. A link from a table to itself is a chain of its
 * records, and allowed. */
void ferry_lineage_check(struct ferry_shape *shape, json_t *mappings,
                         const struct ferry_place *place);

/* The mapping of this table; NULL when there is none. */
json_t *ferry_lineage_mapping(json_t *mappings, const char *table);

#endif
