/* Our encoder and decoder of e-mail events against avro-c, which owns the schema. */
#include "core/record/event.h"

#include "cmocka_all.h"

#include <avro.h>
#include <ferry_schemas.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define HEADER 10

static const struct ferry_event click = {
    .id = TEXT("click:4711"),
    .kind = FERRY_EVENT_CLICK,
    .contact = TEXT("5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"),
    .occurred_at = 1795240711667,
    .campaign = TEXT("2019LoyaltyCamp"),
    .delivery = TEXT("DM190"),
    .url = TEXT("https://www.example.com/?q=caf\xc3\xa9"),
    .file = TEXT("acs_trackinglog_20261121_060000.csv"),
    .line = 812346,
    .read_at = 1795240800001,
};

static void encode(const struct ferry_event *event, struct ferry_buffer *out)
{
    struct ferry_error error;
    ferry_buffer_init(out, 1 << 16);
    assert_int_equal(ferry_event_encode(event, NULL, out, &error), FERRY_OK);
}

static void assert_slice(struct ferry_slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.length);
}

/* `expected` NULL: the union's null. */
static void assert_text(avro_value_t *record, const char *name, const char *expected)
{
    avro_value_t value;
    avro_value_t branch = {NULL, NULL};
    const char *text = NULL;
    size_t size = 0;
    int discriminant = 0;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    if (avro_value_get_type(&value) == AVRO_UNION) {
        assert_int_equal(avro_value_get_discriminant(&value, &discriminant), 0);
        assert_int_equal(discriminant, expected ? 1 : 0);
        assert_int_equal(avro_value_get_current_branch(&value, &branch), 0);
        value = branch;
    }
    if (!expected)
        return;
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
    struct ferry_buffer out;
    encode(&click, &out);

    avro_schema_t schema;
    assert_int_equal(avro_schema_from_json_length(ferry_email_event_avsc,
                                                  strlen(ferry_email_event_avsc), &schema),
                     0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t record;
    assert_int_equal(avro_generic_value_new(iface, &record), 0);
    avro_reader_t reader = avro_reader_memory(out.data + HEADER, (int64_t)(out.length - HEADER));
    assert_int_equal(avro_value_read(reader, &record), 0);

    assert_text(&record, "eventId", "click:4711");
    assert_text(&record, "contactId", "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d");
    assert_text(&record, "campaign", "2019LoyaltyCamp");
    assert_text(&record, "delivery", "DM190");
    assert_text(&record, "mirrorPageUrl", NULL);
    assert_text(&record, "url", "https://www.example.com/?q=caf\xc3\xa9");
    assert_text(&record, "file", "acs_trackinglog_20261121_060000.csv");
    assert_long(&record, "occurredAt", 1795240711667);
    assert_long(&record, "line", 812346);
    assert_long(&record, "readAt", 1795240800001);
    avro_value_t kind;
    int ordinal = -1;
    assert_int_equal(avro_value_get_by_name(&record, "kind", &kind, NULL), 0);
    assert_int_equal(avro_value_get_enum(&kind, &ordinal), 0);
    assert_string_equal(avro_schema_enum_get(avro_value_get_schema(&kind), ordinal), "CLICK");

    /* And avro-c's own encoding of the same value is ours, byte for byte. */
    char again[1024];
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
}

static void decode_gives_back_what_was_encoded(void **state)
{
    (void)state;
    struct ferry_buffer out;
    struct ferry_event again;
    struct ferry_error error;
    encode(&click, &out);
    assert_int_equal(ferry_event_decode(out.data, out.length, &again, &error), FERRY_OK);
    assert_slice(again.id, "click:4711");
    assert_int_equal(again.kind, FERRY_EVENT_CLICK);
    assert_slice(again.contact, "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d");
    assert_slice(again.campaign, "2019LoyaltyCamp");
    assert_null(again.mirror_page.data);
    assert_slice(again.file, "acs_trackinglog_20261121_060000.csv");
    assert_true(again.occurred_at == click.occurred_at && again.line == click.line &&
                again.read_at == click.read_at);
    ferry_buffer_done(&out);
}

/* Without a campaign is not the same as with an empty one. */
static void an_empty_text_stays_apart_from_none(void **state)
{
    (void)state;
    struct ferry_event event = click;
    struct ferry_event again;
    struct ferry_buffer out;
    struct ferry_error error;
    event.campaign = (struct ferry_slice){"", 0};
    encode(&event, &out);
    assert_int_equal(ferry_event_decode(out.data, out.length, &again, &error), FERRY_OK);
    assert_non_null(again.campaign.data);
    assert_int_equal(again.campaign.length, 0);
    ferry_buffer_done(&out);
}

static void decode_refuses_every_cut_and_every_addition(void **state)
{
    (void)state;
    struct ferry_buffer out;
    struct ferry_event again;
    struct ferry_error error;
    encode(&click, &out);
    for (size_t length = 0; length < out.length; length++) {
        char *cut =
            malloc(length + 1); /* exactly sized, so that the sanitizer sees a read beyond */
        memcpy(cut, out.data, length);
        assert_int_equal(ferry_event_decode(cut, length, &again, &error), FERRY_BAD_RECORD);
        free(cut);
    }
    assert_int_equal(ferry_buffer_append(&out, "x", 1), FERRY_OK);
    assert_int_equal(ferry_event_decode(out.data, out.length, &again, &error), FERRY_BAD_RECORD);
    ferry_buffer_done(&out);
}

static void decode_survives_random_damage(void **state)
{
    (void)state;
    struct ferry_buffer out;
    struct ferry_event again;
    struct ferry_error error;
    encode(&click, &out);
    uint32_t dice = 2026;
    int refused = 0;
    for (int round = 0; round < 20000; round++) {
        dice = dice * 1664525U + 1013904223U;
        size_t at = HEADER + (dice >> 8) % (out.length - HEADER);
        char before = out.data[at];
        out.data[at] = (char)(dice >> 24);
        refused += ferry_event_decode(out.data, out.length, &again, &error) != FERRY_OK;
        out.data[at] = before;
    }
    assert_true(refused > 1000);
    ferry_buffer_done(&out);
}

static void encode_beyond_the_ceiling_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_buffer_init(&out, 50);
    assert_int_equal(ferry_event_encode(&click, NULL, &out, &error), FERRY_FULL);
    assert_int_equal(out.length, 0);
    ferry_buffer_done(&out);
}

static void kinds_have_the_names_of_the_schema(void **state)
{
    (void)state;
    enum ferry_event_kind kind = FERRY_EVENT_SEND;
    for (int i = 0; i < FERRY_EVENT_KINDS; i++) {
        assert_true(
            ferry_event_kind_from_name(ferry_event_kind_name((enum ferry_event_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(ferry_event_kind_from_name("send", &kind));
    assert_false(ferry_event_kind_from_name(NULL, &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_what_we_encode),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(an_empty_text_stays_apart_from_none),
        cmocka_unit_test(decode_refuses_every_cut_and_every_addition),
        cmocka_unit_test(decode_survives_random_damage),
        cmocka_unit_test(encode_beyond_the_ceiling_leaves_the_buffer_as_it_was),
        cmocka_unit_test(kinds_have_the_names_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
