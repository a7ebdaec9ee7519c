/* Our encoder and decoder of changes of opt-outs against avro-c. */
#include "core/record/optout.h"

#include "tests/unit/avro_oracle.h"

#include <ferry_schemas.h>
#include <stdlib.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct ferry_optout_change change = {
    .contact = TEXT("5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"),
    .side = FERRY_SIDE_CAMPAIGN,
    .source = FERRY_OPTOUT_FILE,
    .said = {.known = {[FERRY_DENY_LIST_EMAIL] = true, [FERRY_CCPA_OPT_OUT] = true},
             .out = {[FERRY_DENY_LIST_EMAIL] = true}},
    .changed_at = 1795240711667,
    .place = TEXT("optout_20261121_060000.csv:12"),
    .read_at = 1795240800001,
};

static void encode(const struct ferry_optout_change *given, struct ferry_buffer *out)
{
    struct ferry_error error;
    ferry_buffer_init(out, 1 << 16);
    assert_int_equal(ferry_optout_encode(given, NULL, out, &error), FERRY_OK);
}

static void assert_value(struct oracle *oracle, const char *name, bool expected)
{
    avro_value_t map = oracle_field(oracle, "values");
    avro_value_t value;
    int flag = -1;
    assert_int_equal(avro_value_get_by_name(&map, name, &value, NULL), 0);
    assert_int_equal(avro_value_get_boolean(&value, &flag), 0);
    assert_int_equal(flag, expected);
}

static void avro_c_reads_what_we_encode(void **state)
{
    struct ferry_buffer out;
    struct oracle oracle;
    size_t count = 0;
    (void)state;
    encode(&change, &out);
    oracle_open(&oracle, ferry_opt_out_change_avsc, &out);
    oracle_assert_text(&oracle, "contactId", "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d");
    oracle_assert_symbol(&oracle, "side", "CAMPAIGN");
    oracle_assert_symbol(&oracle, "source", "FILE");
    avro_value_t map = oracle_field(&oracle, "values");
    assert_int_equal(avro_value_get_size(&map, &count), 0);
    assert_int_equal(count, 2);
    assert_value(&oracle, "denyListEmail", true);
    assert_value(&oracle, "ccpaOptOut", false);
    oracle_assert_long(&oracle, "changedAt", 1795240711667);
    oracle_assert_text(&oracle, "place", "optout_20261121_060000.csv:12");
    oracle_assert_long(&oracle, "readAt", 1795240800001);
    oracle_close(&oracle);
    ferry_buffer_done(&out);
}

static void decode_gives_back_what_was_encoded(void **state)
{
    struct ferry_buffer out;
    struct ferry_optout_change again;
    struct ferry_error error;
    (void)state;
    encode(&change, &out);
    assert_int_equal(ferry_optout_decode(out.data, out.length, &again, &error), FERRY_OK);
    assert_int_equal(again.contact.length, change.contact.length);
    assert_memory_equal(again.contact.data, change.contact.data, change.contact.length);
    assert_int_equal(again.side, FERRY_SIDE_CAMPAIGN);
    assert_int_equal(again.source, FERRY_OPTOUT_FILE);
    assert_memory_equal(&again.said, &change.said, sizeof change.said);
    assert_true(again.changed_at == change.changed_at && again.read_at == change.read_at);
    assert_int_equal(again.place.length, change.place.length);
    ferry_buffer_done(&out);
}

static void a_change_that_says_nothing_is_one_too(void **state)
{
    struct ferry_optout_change empty = change;
    struct ferry_optout_change again;
    struct ferry_buffer out;
    struct ferry_error error;
    (void)state;
    empty.said = (struct ferry_optouts){.known = {false}};
    encode(&empty, &out);
    assert_int_equal(ferry_optout_decode(out.data, out.length, &again, &error), FERRY_OK);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        assert_false(again.said.known[i]);
    ferry_buffer_done(&out);
}

static void an_attribute_that_there_is_not_is_refused(void **state)
{
    struct ferry_buffer out;
    struct ferry_optout_change again;
    struct ferry_error error;
    (void)state;
    encode(&change, &out);
    char *name = memmem(out.data, out.length, "denyListEmail", 13);
    assert_non_null(name);
    name[12] = 'k';
    assert_int_equal(ferry_optout_decode(out.data, out.length, &again, &error), FERRY_BAD_RECORD);
    ferry_buffer_done(&out);
}

static void decode_refuses_every_cut_and_every_addition(void **state)
{
    struct ferry_buffer out;
    struct ferry_optout_change again;
    struct ferry_error error;
    (void)state;
    encode(&change, &out);
    for (size_t length = 0; length < out.length; length++) {
        char *cut = malloc(length + 1);
        memcpy(cut, out.data, length);
        assert_int_equal(ferry_optout_decode(cut, length, &again, &error), FERRY_BAD_RECORD);
        free(cut);
    }
    assert_int_equal(ferry_buffer_append(&out, "x", 1), FERRY_OK);
    assert_int_equal(ferry_optout_decode(out.data, out.length, &again, &error), FERRY_BAD_RECORD);
    ferry_buffer_done(&out);
}

static void encode_beyond_the_ceiling_leaves_the_buffer_as_it_was(void **state)
{
    struct ferry_buffer out;
    struct ferry_error error;
    (void)state;
    ferry_buffer_init(&out, 50);
    assert_int_equal(ferry_optout_encode(&change, NULL, &out, &error), FERRY_FULL);
    assert_int_equal(out.length, 0);
    ferry_buffer_done(&out);
}

static void attributes_are_known_by_both_names(void **state)
{
    enum ferry_optout_attribute found;
    (void)state;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *name = ferry_optout_name((enum ferry_optout_attribute)i);
        assert_true(ferry_optout_from_name((struct ferry_slice){name, strlen(name)}, &found));
        assert_int_equal(found, i);
    }
    assert_true(
        ferry_optout_from_name((struct ferry_slice)TEXT("blackListPushnotification"), &found));
    assert_int_equal(found, FERRY_DENY_LIST_PUSH);
    assert_true(ferry_optout_from_name((struct ferry_slice)TEXT("blackList"), &found));
    assert_int_equal(found, FERRY_DENY_LIST);
    assert_false(
        ferry_optout_from_name((struct ferry_slice)TEXT("blackListCarrierPigeon"), &found));
    assert_false(ferry_optout_from_name((struct ferry_slice)TEXT(""), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_what_we_encode),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(a_change_that_says_nothing_is_one_too),
        cmocka_unit_test(an_attribute_that_there_is_not_is_refused),
        cmocka_unit_test(decode_refuses_every_cut_and_every_addition),
        cmocka_unit_test(encode_beyond_the_ceiling_leaves_the_buffer_as_it_was),
        cmocka_unit_test(attributes_are_known_by_both_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
