/* avro-c, which owns the schemas, as the judge of what we encode. */
#ifndef FERRY_AVRO_ORACLE_H
#define FERRY_AVRO_ORACLE_H

#include "core/base/buffer.h"
#include "tests/unit/cmocka_all.h"

#include <avro.h>
#include <string.h>

#define ORACLE_HEADER 10

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t record;
};

/* What avro-c reads out of a message of ours; that its own encoding of it is the same. */
static inline void oracle_open(struct oracle *oracle, const char *schema,
                               const struct ferry_buffer *message)
{
    const char *data = message->data + ORACLE_HEADER;
    int64_t length = (int64_t)message->length - ORACLE_HEADER;
    char again[4096];
    assert_int_equal(avro_schema_from_json_length(schema, strlen(schema), &oracle->schema), 0);
    oracle->iface = avro_generic_class_from_schema(oracle->schema);
    assert_int_equal(avro_generic_value_new(oracle->iface, &oracle->record), 0);
    avro_reader_t reader = avro_reader_memory(data, length);
    assert_int_equal(avro_value_read(reader, &oracle->record), 0);
    avro_writer_t writer = avro_writer_memory(again, sizeof again);
    assert_int_equal(avro_value_write(writer, &oracle->record), 0);
    assert_true(avro_writer_tell(writer) == length);
    assert_memory_equal(again, data, (size_t)length);
    avro_writer_free(writer);
    avro_reader_free(reader);
}

static inline void oracle_close(struct oracle *oracle)
{
    avro_value_decref(&oracle->record);
    avro_value_iface_decref(oracle->iface);
    avro_schema_decref(oracle->schema);
}

static inline avro_value_t oracle_field(struct oracle *oracle, const char *name)
{
    avro_value_t value = {NULL, NULL};
    assert_int_equal(avro_value_get_by_name(&oracle->record, name, &value, NULL), 0);
    return value;
}

static inline void oracle_assert_text(struct oracle *oracle, const char *name, const char *expected)
{
    avro_value_t value = oracle_field(oracle, name);
    const char *text = NULL;
    assert_int_equal(avro_value_get_string(&value, &text, NULL), 0);
    assert_string_equal(text, expected);
}

static inline void oracle_assert_long(struct oracle *oracle, const char *name, int64_t expected)
{
    avro_value_t value = oracle_field(oracle, name);
    int64_t number = -1;
    assert_int_equal(avro_value_get_long(&value, &number), 0);
    assert_true(number == expected);
}

static inline void oracle_assert_boolean(struct oracle *oracle, const char *name, bool expected)
{
    avro_value_t value = oracle_field(oracle, name);
    int flag = -1;
    assert_int_equal(avro_value_get_boolean(&value, &flag), 0);
    assert_int_equal(flag, expected);
}

static inline void oracle_assert_symbol(struct oracle *oracle, const char *name,
                                        const char *expected)
{
    avro_value_t value = oracle_field(oracle, name);
    int ordinal = -1;
    assert_int_equal(avro_value_get_enum(&value, &ordinal), 0);
    assert_string_equal(avro_schema_enum_get(avro_value_get_schema(&value), ordinal), expected);
}

#endif
