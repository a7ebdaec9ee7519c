#include "core/record/change.h"

#include "core/record/avro.h"

#include <stdlib.h>
#include <string.h>

static const char *const op_names[] = {"UPSERT", "DELETE", "LEFT_FILTER"};
static const char *const origin_names[] = {"LOAD", "DELTA", "REPLAY", "RESYNC"};
#define OPS     ((int)(sizeof op_names / sizeof op_names[0]))
#define ORIGINS ((int)(sizeof origin_names / sizeof origin_names[0]))

/* The order of the union in schemas/change-record.avsc is the order of enum ferry_value_type. */
#define VALUE_TYPES 5

void ferry_change_init(struct ferry_change *change)
{
    *change = (struct ferry_change){.fields = NULL};
}

void ferry_change_done(struct ferry_change *change)
{
    if (!change)
        return;
    free(change->fields);
    ferry_change_init(change);
}

void ferry_change_clear(struct ferry_change *change)
{
    change->count = 0;
}

enum ferry_status ferry_change_add(struct ferry_change *change, struct ferry_slice name,
                                   struct ferry_value value)
{
    if (change->count == change->capacity) {
        size_t capacity = change->capacity ? change->capacity * 2 : 32;
        struct ferry_change_field *fields = realloc(change->fields, capacity * sizeof *fields);
        if (!fields)
            return FERRY_NOMEM;
        change->fields = fields;
        change->capacity = capacity;
    }
    change->fields[change->count++] = (struct ferry_change_field){name, value};
    return FERRY_OK;
}

static bool is_called(const struct ferry_change *change, size_t place, struct ferry_slice name)
{
    const struct ferry_slice *found = &change->fields[place].name;
    return found->length == name.length && memcmp(found->data, name.data, name.length) == 0;
}

const struct ferry_value *ferry_change_find(const struct ferry_change *change,
                                            struct ferry_slice name, size_t *place)
{
    if (*place < change->count && is_called(change, *place, name))
        return &change->fields[*place].value;
    for (size_t i = 0; i < change->count; i++) {
        if (!is_called(change, i, name))
            continue;
        *place = i;
        return &change->fields[i].value;
    }
    return NULL;
}

const struct ferry_value *ferry_change_get(const struct ferry_change *change, const char *name)
{
    size_t place = 0;
    return ferry_change_find(change, (struct ferry_slice){name, strlen(name)}, &place);
}

static enum ferry_status write_value(struct ferry_buffer *out, const struct ferry_value *value)
{
    enum ferry_status status = ferry_avro_write_long(out, (int64_t)value->type);
    if (status != FERRY_OK)
        return status;
    switch (value->type) {
    case FERRY_NULL:
        return FERRY_OK;
    case FERRY_BOOLEAN:
        return ferry_avro_write_boolean(out, value->boolean);
    case FERRY_LONG:
        return ferry_avro_write_long(out, value->integer);
    case FERRY_DOUBLE:
        return ferry_avro_write_double(out, value->real);
    case FERRY_STRING:
        return ferry_avro_write_string(out, value->string);
    }
    return FERRY_INVALID;
}

static enum ferry_status write_fields(struct ferry_buffer *out, const struct ferry_change *change)
{
    enum ferry_status status = FERRY_OK;
    if (change->count > 0)
        status = ferry_avro_write_long(out, (int64_t)change->count);
    for (size_t i = 0; status == FERRY_OK && i < change->count; i++) {
        status = ferry_avro_write_string(out, change->fields[i].name);
        if (status == FERRY_OK)
            status = write_value(out, &change->fields[i].value);
    }
    return status == FERRY_OK ? ferry_avro_write_long(out, 0) : status;
}

static enum ferry_status write_head(struct ferry_buffer *out, const struct ferry_change *change)
{
    const int64_t numbers[] = {(int64_t)change->op, (int64_t)change->origin, change->read_number,
                               change->version, change->read_at};
    enum ferry_status status = ferry_avro_write_string(out, change->table);
    if (status == FERRY_OK)
        status = ferry_avro_write_string(out, change->id);
    for (size_t i = 0; status == FERRY_OK && i < sizeof numbers / sizeof numbers[0]; i++)
        status = ferry_avro_write_long(out, numbers[i]);
    return status;
}

enum ferry_status ferry_change_encode(const struct ferry_change *change,
                                      const struct ferry_wire *wire, struct ferry_buffer *out,
                                      struct ferry_error *error)
{
    size_t start = out->length;
    enum ferry_status status = ferry_wire_write(wire, FERRY_CHANGE_FINGERPRINT, out);
    if (status == FERRY_OK)
        status = write_head(out, change);
    if (status == FERRY_OK)
        status = write_fields(out, change);
    if (status == FERRY_OK)
        return FERRY_OK;
    out->length = start;
    return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot encode the record %.*s of %.*s: %s",
                      (int)change->id.length, change->id.data, (int)change->table.length,
                      change->table.data, ferry_status_name(status));
}

static struct ferry_value read_value(struct ferry_avro_reader *reader)
{
    struct ferry_value value = {
        .type = (enum ferry_value_type)ferry_avro_read_enum(reader, VALUE_TYPES)};
    switch (value.type) {
    case FERRY_NULL:
        break;
    case FERRY_BOOLEAN:
        value.boolean = ferry_avro_read_boolean(reader);
        break;
    case FERRY_LONG:
        value.integer = ferry_avro_read_long(reader);
        break;
    case FERRY_DOUBLE:
        value.real = ferry_avro_read_double(reader);
        break;
    case FERRY_STRING:
        value.string = ferry_avro_read_string(reader);
        break;
    }
    return value;
}

static enum ferry_status read_fields(struct ferry_avro_reader *reader, struct ferry_change *change)
{
    for (;;) {
        int64_t count = ferry_avro_read_long(reader);
        if (count == 0 || reader->broken)
            return FERRY_OK;
        if (count < 0) {
            ferry_avro_read_long(
                reader); /* a negative count is followed by the block's size in bytes */
            count = count == INT64_MIN ? 0 : -count;
        }
        for (int64_t i = 0; i < count && !reader->broken; i++) {
            struct ferry_slice name = ferry_avro_read_string(reader);
            struct ferry_value value = read_value(reader);
            if (!reader->broken && ferry_change_add(change, name, value) != FERRY_OK)
                return FERRY_NOMEM;
        }
    }
}

static void read_head(struct ferry_avro_reader *reader, struct ferry_change *change)
{
    change->table = ferry_avro_read_string(reader);
    change->id = ferry_avro_read_string(reader);
    change->op = (enum ferry_op)ferry_avro_read_enum(reader, OPS);
    change->origin = (enum ferry_origin)ferry_avro_read_enum(reader, ORIGINS);
    change->read_number = ferry_avro_read_long(reader);
    change->version = ferry_avro_read_long(reader);
    change->read_at = ferry_avro_read_long(reader);
}

static enum ferry_status begin(const void *data, size_t length, struct ferry_avro_reader *reader,
                               struct ferry_error *error)
{
    const unsigned char *bytes = data;
    size_t offset = 0;
    enum ferry_status status =
        ferry_wire_read(data, length, FERRY_CHANGE_FINGERPRINT, &offset, error);
    *reader = (struct ferry_avro_reader){bytes + offset, bytes + length, false};
    return status;
}

static enum ferry_status refuse(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                      "the message is no ChangeRecord: it is malformed, cut or too long");
}

enum ferry_status ferry_change_decode_head(const void *data, size_t length,
                                           struct ferry_change *change, struct ferry_error *error)
{
    struct ferry_avro_reader reader;
    enum ferry_status status = begin(data, length, &reader, error);
    if (status != FERRY_OK)
        return status;
    ferry_change_clear(change);
    read_head(&reader, change);
    return reader.broken ? refuse(error) : FERRY_OK;
}

enum ferry_status ferry_change_decode(const void *data, size_t length, struct ferry_change *change,
                                      struct ferry_error *error)
{
    struct ferry_avro_reader reader;
    enum ferry_status status = begin(data, length, &reader, error);
    if (status != FERRY_OK)
        return status;
    ferry_change_clear(change);
    read_head(&reader, change);
    if (read_fields(&reader, change) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return reader.broken || reader.at != reader.end ? refuse(error) : FERRY_OK;
}

const char *ferry_op_name(enum ferry_op op)
{
    return (int)op < OPS ? op_names[op] : "?";
}

const char *ferry_origin_name(enum ferry_origin origin)
{
    return (int)origin < ORIGINS ? origin_names[origin] : "?";
}
