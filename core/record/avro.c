#include "core/record/avro.h"

#include <string.h>

#define VARINT_BYTES 10

enum ferry_status ferry_avro_write_long(struct ferry_buffer *out, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    unsigned char bytes[VARINT_BYTES];
    size_t length = 0;
    while (zigzag > 0x7f) {
        bytes[length++] = (unsigned char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    bytes[length++] = (unsigned char)zigzag;
    return ferry_buffer_append(out, bytes, length);
}

enum ferry_status ferry_avro_write_string(struct ferry_buffer *out, struct ferry_slice text)
{
    enum ferry_status status = ferry_avro_write_long(out, (int64_t)text.length);
    return status == FERRY_OK ? ferry_buffer_append(out, text.data, text.length) : status;
}

enum ferry_status ferry_avro_write_double(struct ferry_buffer *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    unsigned char bytes[sizeof bits];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    return ferry_buffer_append(out, bytes, sizeof bytes);
}

enum ferry_status ferry_avro_write_boolean(struct ferry_buffer *out, bool value)
{
    unsigned char byte = value ? 1 : 0;
    return ferry_buffer_append(out, &byte, 1);
}

int64_t ferry_avro_read_long(struct ferry_avro_reader *reader)
{
    uint64_t zigzag = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1)
            break;
        zigzag |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
    reader->broken = true;
    reader->at = reader->end;
    return 0;
}

/* The next `length` bytes, or NULL and a broken reader. */
static const unsigned char *take(struct ferry_avro_reader *reader, size_t length)
{
    if (length > (size_t)(reader->end - reader->at)) {
        reader->broken = true;
        reader->at = reader->end;
        return NULL;
    }
    const unsigned char *bytes = reader->at;
    reader->at += length;
    return bytes;
}

struct ferry_slice ferry_avro_read_string(struct ferry_avro_reader *reader)
{
    int64_t length = ferry_avro_read_long(reader);
    const unsigned char *bytes = NULL;
    if (length >= 0)
        bytes = take(reader, (size_t)length);
    else
        reader->broken = true;
    if (!bytes)
        return (struct ferry_slice){"", 0};
    return (struct ferry_slice){(const char *)bytes, (size_t)length};
}

double ferry_avro_read_double(struct ferry_avro_reader *reader)
{
    const unsigned char *bytes = take(reader, sizeof(uint64_t));
    uint64_t bits = 0;
    for (size_t i = 0; bytes && i < sizeof bits; i++)
        bits |= (uint64_t)bytes[i] << (8 * i);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool ferry_avro_read_boolean(struct ferry_avro_reader *reader)
{
    const unsigned char *byte = take(reader, 1);
    if (byte && *byte > 1)
        reader->broken = true;
    return byte && *byte == 1;
}

int ferry_avro_read_enum(struct ferry_avro_reader *reader, int symbols)
{
    int64_t ordinal = ferry_avro_read_long(reader);
    if (ordinal >= 0 && ordinal < symbols)
        return (int)ordinal;
    reader->broken = true;
    return 0;
}
