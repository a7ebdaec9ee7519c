/* The bytes before an Avro record: Avro single-object encoding, or the Confluent framing of a
 * schema registry. */
#ifndef FERRY_WIRE_H
#define FERRY_WIRE_H

#include "core/base/buffer.h"

#include <stdint.h>

struct ferry_wire {
    bool registered; /* Confluent framing with schema_id */
    uint32_t schema_id;
};

/* CRC-64-AVRO of the canonical forms of schemas/; a test compares them with a foreign library's. */
#define FERRY_CHANGE_FINGERPRINT  UINT64_C(0x825280e2036cf82c)
#define FERRY_WRITTEN_FINGERPRINT UINT64_C(0xbed1925633cbb387)

enum ferry_status ferry_wire_write(const struct ferry_wire *wire, uint64_t fingerprint,
                                   struct ferry_buffer *out) FERRY_MUST_CHECK;
/* Both framings are accepted. *ret_offset is where the record begins. */
enum ferry_status ferry_wire_read(const void *data, size_t length, uint64_t fingerprint,
                                  size_t *ret_offset, struct ferry_error *error) FERRY_MUST_CHECK;

#endif
