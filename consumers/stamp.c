#include "consumers/stamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define TEXT_SIZE 17 /* 64 bits as hexadecimal text */

uint64_t ferry_stamp_new(void)
{
    uint64_t stamp;
    return uv_random(NULL, NULL, &stamp, sizeof stamp, 0, NULL) == 0 ? stamp : 0;
}

void ferry_stamp_put(rd_kafka_topic_partition_t *offset, uint64_t stamp)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%016" PRIx64, stamp);
    free(offset->metadata);
    offset->metadata = strdup(text); /* freed with the list */
    offset->metadata_size = offset->metadata ? strlen(text) : 0;
}

uint64_t ferry_stamp_of(const rd_kafka_topic_partition_t *offset)
{
    char text[TEXT_SIZE] = "";
    const char *metadata = offset->metadata;
    size_t size = metadata ? offset->metadata_size : 0;
    if (size >= TEXT_SIZE && metadata[TEXT_SIZE - 1] == '/')
        size = TEXT_SIZE - 1;
    if (size > 0 && size < TEXT_SIZE)
        memcpy(text, metadata, size);
    return strtoull(text, NULL, 16);
}
