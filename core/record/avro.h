/* Avro binary primitives, bounds-checked, over our buffers. Any thread. avro-c is the oracle in the
 * tests; this is 20 times as fast. */
#ifndef FERRY_AVRO_H
#define FERRY_AVRO_H

#include "core/record/change.h"

/* A place in somebody else's bytes. Every read fails with FERRY_BAD_RECORD at the end or on a
 * malformed value, and then stays failed. */
struct ferry_avro_reader {
    const unsigned char *at;
    const unsigned char *end;
    bool broken;
};

enum ferry_status ferry_avro_write_long(struct ferry_buffer *out, int64_t value) FERRY_MUST_CHECK;
enum ferry_status ferry_avro_write_string(struct ferry_buffer *out,
                                          struct ferry_slice text) FERRY_MUST_CHECK;
enum ferry_status ferry_avro_write_double(struct ferry_buffer *out, double value) FERRY_MUST_CHECK;
enum ferry_status ferry_avro_write_boolean(struct ferry_buffer *out, bool value) FERRY_MUST_CHECK;

int64_t ferry_avro_read_long(struct ferry_avro_reader *reader);
struct ferry_slice ferry_avro_read_string(struct ferry_avro_reader *reader);
double ferry_avro_read_double(struct ferry_avro_reader *reader);
bool ferry_avro_read_boolean(struct ferry_avro_reader *reader);
/* An enum's ordinal, checked against the number of symbols. */
int ferry_avro_read_enum(struct ferry_avro_reader *reader, int symbols);

#endif
