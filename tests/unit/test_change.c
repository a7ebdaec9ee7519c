/* Our encoder and decoder against avro-c, which owns the schema. */
#include "core/record/change.h"
#include "core/record/written.h"

#include "cmocka_all.h"

#include <avro.h>
#include <ferry_schemas.h>
#include <stdlib.h>
#include <string.h>

#define SLICE(text) ((struct ferry_slice){(text), sizeof(text) - 1})
#define HEADER      10

static void fill(struct ferry_change *change)
{
    ferry_change_init(change);
    change->table = SLICE("contact");
    change->id = SLICE("60c4e274-0d87-e711-80e5-00155db19e6d");
    change->op = FERRY_OP_UPSERT;
    change->origin = FERRY_ORIGIN_DELTA;
    change->read_number = 3;
    change->version = 915244;
    change->read_at = 1780000000123;
    const struct {
        struct ferry_slice name;
        struct ferry_value value;
    } fields[] = {
        {SLICE("firstname"),
         {.type = FERRY_STRING, .string = SLICE("Zo\xc3\xab \xf0\x9f\x9a\xa2")}},
        {SLICE("donotbulkemail"), {.type = FERRY_BOOLEAN, .boolean = true}},
        {SLICE("numberofchildren"), {.type = FERRY_LONG, .integer = INT64_MIN}},
        {SLICE("address1_latitude"), {.type = FERRY_DOUBLE, .real = 47.63958}},
        {SLICE("lastname"), {.type = FERRY_NULL}},
        {SLICE("annualincome"), {.type = FERRY_STRING, .string = SLICE("20000.0000")}},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_int_equal(ferry_change_add(change, fields[i].name, fields[i].value), FERRY_OK);
}

static void encode(const struct ferry_change *change, struct ferry_buffer *out)
{
    struct ferry_error error;
    ferry_buffer_init(out, 1 << 20);
    assert_int_equal(ferry_change_encode(change, NULL, out, &error), FERRY_OK);
}

static void assert_text(avro_value_t *record, const char *name, const char *expected)
{
    avro_value_t value;
    const char *text = NULL;
    size_t size = 0;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    assert_int_equal(avro_value_get_string(&value, &text, &size), 0);
    assert_string_equal(text, expected);
}

static void assert_long(avro_value_t *record, const char *name, int64_t expected)
{
    avro_value_t value;
    int64_t number = 0;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    assert_int_equal(avro_value_get_long(&value, &number), 0);
    assert_true(number == expected);
}

static void avro_c_reads_what_we_encode(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_buffer out;
    fill(&change);
    encode(&change, &out);

    avro_schema_t schema;
    assert_int_equal(avro_schema_from_json_length(ferry_change_record_avsc,
                                                  strlen(ferry_change_record_avsc), &schema),
                     0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t record;
    assert_int_equal(avro_generic_value_new(iface, &record), 0);
    avro_reader_t reader = avro_reader_memory(out.data + HEADER, (int64_t)(out.length - HEADER));
    assert_int_equal(avro_value_read(reader, &record), 0);

    assert_text(&record, "table", "contact");
    assert_text(&record, "id", "60c4e274-0d87-e711-80e5-00155db19e6d");
    assert_long(&record, "version", 915244);
    assert_long(&record, "readAt", 1780000000123);
    avro_value_t map;
    size_t count = 0;
    assert_int_equal(avro_value_get_by_name(&record, "fields", &map, NULL), 0);
    assert_int_equal(avro_value_get_size(&map, &count), 0);
    assert_int_equal(count, 6);
    avro_value_t branch;
    avro_value_t name;
    assert_int_equal(avro_value_get_by_name(&map, "firstname", &branch, NULL), 0);
    assert_int_equal(avro_value_get_current_branch(&branch, &name), 0);
    const char *text = NULL;
    assert_int_equal(avro_value_get_string(&name, &text, NULL), 0);
    assert_string_equal(text, "Zo\xc3\xab \xf0\x9f\x9a\xa2");

    /* And avro-c's own encoding of the same value is ours, byte for byte. */
    char again[4096];
    avro_writer_t writer = avro_writer_memory(again, sizeof again);
    assert_int_equal(avro_value_write(writer, &record), 0);
    assert_true(avro_writer_tell(writer) == (int64_t)(out.length - HEADER));
    assert_memory_equal(again, out.data + HEADER, out.length - HEADER);

    avro_writer_free(writer);
    avro_reader_free(reader);
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    ferry_buffer_done(&out);
    ferry_change_done(&change);
}

static void decode_gives_back_what_was_encoded(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_change again;
    struct ferry_buffer out;
    struct ferry_error error;
    fill(&change);
    encode(&change, &out);
    ferry_change_init(&again);
    assert_int_equal(ferry_change_decode(out.data, out.length, &again, &error), FERRY_OK);
    assert_int_equal(again.count, change.count);
    assert_int_equal(again.origin, FERRY_ORIGIN_DELTA);
    assert_true(ferry_change_get(&again, "numberofchildren")->integer == INT64_MIN);
    assert_true(ferry_change_get(&again, "donotbulkemail")->boolean);
    assert_int_equal(ferry_change_get(&again, "lastname")->type, FERRY_NULL);
    assert_null(ferry_change_get(&again, "middlename"));
    ferry_change_done(&again);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

static void decode_refuses_every_cut_and_every_addition(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_buffer out;
    struct ferry_error error;
    fill(&change);
    encode(&change, &out);
    for (size_t length = 0; length < out.length; length++) {
        char *cut =
            malloc(length + 1); /* exactly sized, so that the sanitizer sees a read beyond */
        memcpy(cut, out.data, length);
        assert_int_equal(ferry_change_decode(cut, length, &change, &error), FERRY_BAD_RECORD);
        free(cut);
    }
    assert_int_equal(ferry_buffer_append(&out, "x", 1), FERRY_OK);
    assert_int_equal(ferry_change_decode(out.data, out.length, &change, &error), FERRY_BAD_RECORD);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

/* Where the head ends the fields begin: behind it nothing matters, before it everything. */
static void decode_of_the_head_looks_no_further(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_change bare;
    struct ferry_change again;
    struct ferry_buffer out;
    struct ferry_buffer head;
    struct ferry_error error;
    fill(&change);
    bare = change;
    bare.count = 0;
    encode(&change, &out);
    encode(&bare, &head);
    size_t end = head.length - 1; /* the fields' end is one byte */
    for (size_t length = 0; length < end; length++) {
        char *cut =
            malloc(length + 1); /* exactly sized, so that the sanitizer sees a read beyond */
        memcpy(cut, out.data, length);
        ferry_change_init(&again);
        assert_int_equal(ferry_change_decode_head(cut, length, &again, &error), FERRY_BAD_RECORD);
        free(cut);
    }
    ferry_change_init(&again);
    assert_int_equal(ferry_change_decode_head(out.data, end, &again, &error), FERRY_OK);
    assert_int_equal(again.op, change.op);
    assert_int_equal(again.origin, change.origin);
    assert_true(again.version == change.version);
    assert_true(again.read_number == change.read_number);
    assert_true(again.read_at == change.read_at);
    assert_int_equal(again.count, 0);
    ferry_buffer_done(&head);
    ferry_buffer_done(&out);
    ferry_change_done(&change);
}

static void find_looks_first_where_it_found(void **state)
{
    (void)state;
    struct ferry_change change;
    fill(&change);
    const struct ferry_slice name = {"donotbulkemail", 14};
    const struct ferry_value *value = ferry_change_get(&change, "donotbulkemail");
    size_t found = 0;
    assert_ptr_equal(ferry_change_find(&change, name, &found), value);
    for (size_t place = 0; place < change.count + 2; place++) {
        size_t last = place;
        assert_ptr_equal(ferry_change_find(&change, name, &last), value);
        assert_int_equal(last, found);
    }
    assert_null(ferry_change_find(&change, (struct ferry_slice){"donotbulkemai", 13}, &found));
    change.count = 0;
    assert_null(ferry_change_find(&change, name, &found));
    ferry_change_done(&change);
}

static void decode_survives_random_damage(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_change again;
    struct ferry_buffer out;
    struct ferry_error error;
    fill(&change);
    encode(&change, &out);
    ferry_change_init(&again);
    uint32_t dice = 2026;
    int refused = 0;
    for (int round = 0; round < 20000; round++) {
        dice = dice * 1664525U + 1013904223U;
        size_t at = HEADER + (dice >> 8) % (out.length - HEADER);
        char before = out.data[at];
        out.data[at] = (char)(dice >> 24);
        refused += ferry_change_decode(out.data, out.length, &again, &error) != FERRY_OK;
        out.data[at] = before;
    }
    assert_true(refused > 1000);
    ferry_change_done(&again);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

static void confluent_framing_is_written_and_read(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_buffer out;
    struct ferry_error error;
    const struct ferry_wire wire = {true, 0x01020304};
    fill(&change);
    ferry_buffer_init(&out, 4096);
    assert_int_equal(ferry_change_encode(&change, &wire, &out, &error), FERRY_OK);
    assert_memory_equal(out.data, "\0\1\2\3\4", 5);
    assert_int_equal(ferry_change_decode(out.data, out.length, &change, &error), FERRY_OK);
    assert_int_equal(change.count, 6);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

static void a_foreign_schema_is_refused_by_its_fingerprint(void **state)
{
    (void)state;
    struct ferry_written written = {
        .id = SLICE("a"), .state = FERRY_WRITTEN_WRITTEN, .hash = UINT64_MAX};
    struct ferry_written again;
    struct ferry_change change;
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_buffer_init(&out, 4096);
    ferry_change_init(&change);
    assert_int_equal(ferry_written_encode(&written, NULL, &out, &error), FERRY_OK);
    assert_int_equal(ferry_written_decode(out.data, out.length, &again, &error), FERRY_OK);
    assert_true(again.hash == UINT64_MAX);
    assert_int_equal(ferry_change_decode(out.data, out.length, &change, &error), FERRY_BAD_RECORD);
    assert_non_null(strstr(error.message, "another schema"));
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

static void encode_beyond_the_ceiling_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct ferry_change change;
    struct ferry_buffer out;
    struct ferry_error error;
    fill(&change);
    ferry_buffer_init(&out, 50);
    assert_int_equal(ferry_change_encode(&change, NULL, &out, &error), FERRY_FULL);
    assert_int_equal(out.length, 0);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_what_we_encode),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(decode_refuses_every_cut_and_every_addition),
        cmocka_unit_test(decode_of_the_head_looks_no_further),
        cmocka_unit_test(find_looks_first_where_it_found),
        cmocka_unit_test(decode_survives_random_damage),
        cmocka_unit_test(confluent_framing_is_written_and_read),
        cmocka_unit_test(a_foreign_schema_is_refused_by_its_fingerprint),
        cmocka_unit_test(encode_beyond_the_ceiling_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
