/* What the destination last acknowledged for a key, and its Avro form
 * (schemas/written-record.avsc). Any thread. */
#ifndef FERRY_WRITTEN_H
#define FERRY_WRITTEN_H

#include "core/record/change.h"

enum ferry_written_state {
    FERRY_WRITTEN_WRITTEN,
    FERRY_WRITTEN_ABSENT,
    FERRY_WRITTEN_FILTERED,
    FERRY_WRITTEN_WAITING,
    FERRY_WRITTEN_REJECTED,
};

struct ferry_written {
    struct ferry_slice id;
    enum ferry_written_state state;
    int64_t version;
    int64_t read_number;
    uint64_t hash;
    int64_t written_at; /* ms since the epoch */
};

enum ferry_status ferry_written_encode(const struct ferry_written *written,
                                       const struct ferry_wire *wire, struct ferry_buffer *out,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_written_decode(const void *data, size_t length,
                                       struct ferry_written *ret_written,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
const char *ferry_written_state_name(enum ferry_written_state state);

#endif
