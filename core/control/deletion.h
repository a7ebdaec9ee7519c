/* A person's word about the deletes of a table that wait, `<workflow>/deletes/<table>` (ADR 2 and
 * 6). Pure. */
#ifndef FERRY_DELETION_H
#define FERRY_DELETION_H

#include "core/io/topics.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ferry_deletion {
    int64_t decision; /* counted up for each table; 0: none yet */
    bool approved;    /* false: drop them */
    /* For each partition of `changes`: it is about what came with an offset below this. */
    int64_t below[FERRY_DATA_PARTITIONS];
};

/* False: it is none, and as good as never said. Without `below` it is about every offset. */
bool ferry_deletion_read(const json_t *document, struct ferry_deletion *ret_deletion);
/* About a delete that was set aside under `decision`? */
bool ferry_deletion_covers(const struct ferry_deletion *deletion, int64_t decision, int partition,
                           int64_t offset);

#endif
