/* The bytes before an Avro record: Avro single-object encoding, or the Confluent framing of a
 * schema registry. Any thread, once the ids are known.
 *
 * To change a schema: add fields at the end of the .avsc, take the new fingerprint, decode by the
 * one that the message names, and go on registering the former text (before the new one), so that
 * its id stays known: what lies in the topics was written with it. A changed `doc` is a changed
 * text. Writers are upgraded before readers. */
#ifndef FERRY_WIRE_H
#define FERRY_WIRE_H

#include "core/base/buffer.h"

#include <stdint.h>

struct ferry_wire {
    bool registered; /* Confluent framing with schema_id */
    uint32_t schema_id;
};

/* CRC-64-AVRO of the canonical forms of schemas/; a test compares them with a foreign library's. */
#define FERRY_CHANGE_FINGERPRINT   UINT64_C(0x825280e2036cf82c)
#define FERRY_WRITTEN_FINGERPRINT  UINT64_C(0xbed1925633cbb387)
#define FERRY_EVENT_FINGERPRINT    UINT64_C(0x7d20f558536ea032)
#define FERRY_OPTOUT_FINGERPRINT   UINT64_C(0x9a66ee075512d066)
#define FERRY_DECISION_FINGERPRINT UINT64_C(0x5c9cca336291b0aa)

enum ferry_status ferry_wire_write(const struct ferry_wire *wire, uint64_t fingerprint,
                                   struct ferry_buffer *out) FERRY_MUST_CHECK;
/* This id of the schema registry is a schema of ours, for as long as the process lives: a registry
 * never gives an id twice. Loop thread, before anything is decoded. FERRY_FULL: too many. */
enum ferry_status ferry_wire_know(uint64_t fingerprint, uint32_t schema_id) FERRY_MUST_CHECK;
void ferry_wire_forget_all(void); /* for tests */

/* Both framings are accepted. *ret_offset is where the record begins. FERRY_BAD_RECORD: another
 * schema, or no framing. FERRY_INVALID: a schema id that is not among those known; where none is
 * known, because no registry is used, an id is believed and the record's own shape decides. */
enum ferry_status ferry_wire_read(const void *data, size_t length, uint64_t fingerprint,
                                  size_t *ret_offset, struct ferry_error *error) FERRY_MUST_CHECK;

#endif
