#include "core/control/deletion.h"

#include <stdio.h>
#include <string.h>

/* Of a partition that is not named nothing was seen. */
static void read_below(const json_t *below, struct ferry_deletion *deletion)
{
    for (int i = 0; i < FERRY_DATA_PARTITIONS; i++) {
        char partition[12];
        snprintf(partition, sizeof partition, "%d", i);
        deletion->below[i] =
            below ? json_integer_value(json_object_get(below, partition)) : INT64_MAX;
    }
}

bool ferry_deletion_read(const json_t *document, struct ferry_deletion *ret_deletion)
{
    const char *verdict = json_string_value(json_object_get(document, "verdict"));
    if (!verdict)
        return false;
    ret_deletion->decision = json_integer_value(json_object_get(document, "decision"));
    ret_deletion->approved = strcmp(verdict, "approve") == 0;
    read_below(json_object_get(document, "below"), ret_deletion);
    return true;
}

bool ferry_deletion_covers(const struct ferry_deletion *deletion, int64_t decision, int partition,
                           int64_t offset)
{
    return decision < deletion->decision && offset < deletion->below[partition];
}
