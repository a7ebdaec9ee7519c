#include "core/record/wire.h"

#include <stddef.h>

#define SINGLE_HEADER    10
#define CONFLUENT_HEADER 5
#define KNOWN_IDS        64

/* A fact about the world, so it is the process's and not an object's. */
static struct {
    uint64_t fingerprint;
    uint32_t schema_id;
} known[KNOWN_IDS];
static size_t known_count;

enum id_state { ID_OURS, ID_FOREIGN, ID_UNCHECKED };

static enum id_state look_up(uint64_t fingerprint, uint32_t schema_id)
{
    enum id_state state = ID_UNCHECKED;
    for (size_t i = 0; i < known_count; i++) {
        if (known[i].fingerprint != fingerprint)
            continue;
        if (known[i].schema_id == schema_id)
            return ID_OURS;
        state = ID_FOREIGN;
    }
    return state;
}

enum ferry_status ferry_wire_know(uint64_t fingerprint, uint32_t schema_id)
{
    if (look_up(fingerprint, schema_id) == ID_OURS)
        return FERRY_OK;
    if (known_count == KNOWN_IDS)
        return FERRY_FULL;
    known[known_count].fingerprint = fingerprint;
    known[known_count++].schema_id = schema_id;
    return FERRY_OK;
}

void ferry_wire_forget_all(void)
{
    known_count = 0;
}

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

static uint32_t read_id(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum ferry_status check_id(uint32_t schema_id, uint64_t fingerprint,
                                  struct ferry_error *error)
{
    if (look_up(fingerprint, schema_id) != ID_FOREIGN)
        return FERRY_OK;
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
               "a message names schema %u of the schema registry, which is none that Ferry "
               "registered",
               schema_id);
    ferry_advise(error, "find out who wrote it, or whether the registry lost its ids; without "
                        "schema.registry.url ids are not looked at");
    return FERRY_INVALID;
}

enum ferry_status ferry_wire_read(const void *data, size_t length, uint64_t fingerprint,
                                  size_t *ret_offset, struct ferry_error *error)
{
    const unsigned char *bytes = data;
    if (length >= CONFLUENT_HEADER && bytes[0] == 0) {
        *ret_offset = CONFLUENT_HEADER;
        return check_id(read_id(bytes + 1), fingerprint, error);
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
