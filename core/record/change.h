/* A change of one source record, and its Avro form (schemas/change-record.avsc). Any thread. */
#ifndef FERRY_CHANGE_H
#define FERRY_CHANGE_H

#include "core/base/buffer.h"
#include "core/record/wire.h"

#include <stdint.h>

enum ferry_value_type { FERRY_NULL, FERRY_BOOLEAN, FERRY_LONG, FERRY_DOUBLE, FERRY_STRING };

/* A slice of somebody else's memory; not terminated. */
struct ferry_slice {
    const char *data;
    size_t length;
};

struct ferry_value {
    enum ferry_value_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct ferry_slice string;
    };
};

struct ferry_change_field {
    struct ferry_slice name;
    struct ferry_value value;
};

enum ferry_op { FERRY_OP_UPSERT, FERRY_OP_DELETE, FERRY_OP_LEFT_FILTER };
enum ferry_origin {
    FERRY_ORIGIN_LOAD,
    FERRY_ORIGIN_DELTA,
    FERRY_ORIGIN_REPLAY,
    FERRY_ORIGIN_RESYNC
};

struct ferry_change {
    struct ferry_slice table;
    struct ferry_slice id;
    enum ferry_op op;
    enum ferry_origin origin;
    int64_t read_number;
    int64_t version;
    int64_t read_at; /* ms since the epoch */
    struct ferry_change_field *fields;
    size_t count;
    size_t capacity; /* of fields, when the change owns them (decoded, or filled with
                        ferry_change_add) */
};

void ferry_change_init(struct ferry_change *change);
void ferry_change_done(struct ferry_change *change);
/* Forgets the fields and keeps their memory. */
void ferry_change_clear(struct ferry_change *change);
enum ferry_status ferry_change_add(struct ferry_change *change, struct ferry_slice name,
                                   struct ferry_value value) FERRY_MUST_CHECK;
const struct ferry_value *ferry_change_get(const struct ferry_change *change, const char *name);
/* The same for who asks change after change for a name: `place` is where it was found last, at
 * first anything. The changes of a table are mostly alike. */
const struct ferry_value *ferry_change_find(const struct ferry_change *change,
                                            struct ferry_slice name, size_t *place);

/* Appends framing and record. */
enum ferry_status ferry_change_encode(const struct ferry_change *change,
                                      const struct ferry_wire *wire, struct ferry_buffer *out,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* Slices point into `data`. The change must have been initialised; its field array is reused.
 * FERRY_BAD_RECORD when the bytes are no ChangeRecord, are cut, or are followed by more. */
enum ferry_status ferry_change_decode(const void *data, size_t length, struct ferry_change *change,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* The same without the fields: what follows the head is not looked at. */
enum ferry_status ferry_change_decode_head(const void *data, size_t length,
                                           struct ferry_change *change,
                                           struct ferry_error *error) FERRY_MUST_CHECK;
const char *ferry_op_name(enum ferry_op op);
const char *ferry_origin_name(enum ferry_origin origin);

#endif
