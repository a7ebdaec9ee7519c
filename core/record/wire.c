#include "core/record/wire.h"

#include <string.h>

#define SINGLE_HEADER    10
#define CONFLUENT_HEADER 5

enum ferry_status ferry_wire_write(const struct ferry_wire *wire, uint64_t fingerprint,
                                   struct ferry_buffer *out)
{
    unsigned char header[SINGLE_HEADER];
    if (wire && wire->registered) {
        header[0] = 0;
        for (int i = 0; i < 4; i++)
            header[1 + i] = (unsigned char)(wire->schema_id >> (24 - 8 * i));
        return ferry_buffer_append(out, header, CONFLUENT_HEADER);
    }
    header[0] = 0xC3;
    header[1] = 0x01;
    for (int i = 0; i < 8; i++)
        header[2 + i] = (unsigned char)(fingerprint >> (8 * i));
    return ferry_buffer_append(out, header, SINGLE_HEADER);
}

static uint64_t read_fingerprint(const unsigned char *bytes)
{
    uint64_t fingerprint = 0;
    for (int i = 0; i < 8; i++)
        fingerprint |= (uint64_t)bytes[i] << (8 * i);
    return fingerprint;
}

enum ferry_status ferry_wire_read(const void *data, size_t length, uint64_t fingerprint,
                                  size_t *ret_offset, struct ferry_error *error)
{
    const unsigned char *bytes = data;
    if (length >= CONFLUENT_HEADER && bytes[0] == 0) {
        *ret_offset = CONFLUENT_HEADER;
        return FERRY_OK;
    }
    if (length < SINGLE_HEADER || bytes[0] != 0xC3 || bytes[1] != 0x01)
        return ferry_fail(
            error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
            "the message is neither Avro single-object encoding nor Confluent framing");
    if (read_fingerprint(bytes + 2) != fingerprint)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the message was written with another schema (fingerprint %016llx)",
                          (unsigned long long)read_fingerprint(bytes + 2));
    *ret_offset = SINGLE_HEADER;
    return FERRY_OK;
}
