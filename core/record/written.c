#include "core/record/written.h"

#include "core/record/avro.h"

static const char *const state_names[] = {"WRITTEN", "ABSENT", "FILTERED", "WAITING", "REJECTED"};
#define STATES ((int)(sizeof state_names / sizeof state_names[0]))

static enum ferry_status write_record(struct ferry_buffer *out, const struct ferry_written *written)
{
    const int64_t numbers[] = {(int64_t)written->state, written->version, written->read_number,
                               (int64_t)written->hash, written->written_at};
    enum ferry_status status = ferry_avro_write_string(out, written->id);
    for (size_t i = 0; status == FERRY_OK && i < sizeof numbers / sizeof numbers[0]; i++)
        status = ferry_avro_write_long(out, numbers[i]);
    return status;
}

enum ferry_status ferry_written_encode(const struct ferry_written *written,
                                       const struct ferry_wire *wire, struct ferry_buffer *out,
                                       struct ferry_error *error)
{
    size_t start = out->length;
    enum ferry_status status = ferry_wire_write(wire, FERRY_WRITTEN_FINGERPRINT, out);
    if (status == FERRY_OK)
        status = write_record(out, written);
    if (status == FERRY_OK)
        return FERRY_OK;
    out->length = start;
    return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot encode what was written of %.*s: %s",
                      (int)written->id.length, written->id.data, ferry_status_name(status));
}

enum ferry_status ferry_written_decode(const void *data, size_t length,
                                       struct ferry_written *ret_written, struct ferry_error *error)
{
    size_t offset = 0;
    enum ferry_status status =
        ferry_wire_read(data, length, FERRY_WRITTEN_FINGERPRINT, &offset, error);
    if (status != FERRY_OK)
        return status;
    const unsigned char *bytes = data;
    struct ferry_avro_reader reader = {bytes + offset, bytes + length, false};
    struct ferry_written written;
    written.id = ferry_avro_read_string(&reader);
    written.state = (enum ferry_written_state)ferry_avro_read_enum(&reader, STATES);
    written.version = ferry_avro_read_long(&reader);
    written.read_number = ferry_avro_read_long(&reader);
    written.hash = (uint64_t)ferry_avro_read_long(&reader);
    written.written_at = ferry_avro_read_long(&reader);
    if (reader.broken || reader.at != reader.end)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the message is no WrittenRecord: it is malformed, cut or too long");
    *ret_written = written;
    return FERRY_OK;
}

const char *ferry_written_state_name(enum ferry_written_state state)
{
    return (int)state < STATES ? state_names[state] : "?";
}
