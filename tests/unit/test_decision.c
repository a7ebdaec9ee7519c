/* Our encoder and decoder of decisions against avro-c. */
#include "core/record/decision.h"

#include "tests/unit/avro_oracle.h"

#include <ferry_schemas.h>
#include <stdlib.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct ferry_decision decision = {
    .contact = TEXT("5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"),
    .attribute = FERRY_DENY_LIST_PHONE,
    .number = 3,
    .state = FERRY_DECISION_OVERTAKEN,
    .cause = FERRY_SIDE_CAMPAIGN,
    .source = FERRY_OPTOUT_API,
    .place = TEXT("optout.csv:7"),
    .value = {true, false},
    .time = {1795240711667, 1795240712001},
    .counted = {1795240711000, 1795240712000},
    .direction = FERRY_BOTH_WAYS,
    .rule = FERRY_RULE_NEWEST_WINS,
    .tolerance_ms = 60000,
    .ground = FERRY_GROUND_OPT_OUT,
    .winner = FERRY_SIDE_DYNAMICS,
    .decided_at = 1795240800001,
    .written_at = 1795240800777,
    .written_time = 1795240800123,
};

static void encode(const struct ferry_decision *given, struct ferry_buffer *out)
{
    struct ferry_error error;
    ferry_buffer_init(out, 1 << 16);
    assert_int_equal(ferry_decision_encode(given, NULL, out, &error), FERRY_OK);
}

static void assert_symbols(struct oracle *oracle)
{
    oracle_assert_symbol(oracle, "state", "OVERTAKEN");
    oracle_assert_symbol(oracle, "cause", "CAMPAIGN");
    oracle_assert_symbol(oracle, "source", "API");
    oracle_assert_symbol(oracle, "direction", "BOTH");
    oracle_assert_symbol(oracle, "rule", "NEWEST_WINS");
    oracle_assert_symbol(oracle, "ground", "OPT_OUT");
    oracle_assert_symbol(oracle, "winner", "DYNAMICS");
}

static void avro_c_reads_what_we_encode(void **state)
{
    struct ferry_buffer out;
    struct oracle oracle;
    (void)state;
    encode(&decision, &out);
    oracle_open(&oracle, ferry_opt_out_decision_avsc, &out);
    oracle_assert_text(&oracle, "contactId", "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d");
    oracle_assert_text(&oracle, "attribute", "denyListPhone");
    oracle_assert_text(&oracle, "place", "optout.csv:7");
    assert_symbols(&oracle);
    oracle_assert_boolean(&oracle, "dynamicsValue", true);
    oracle_assert_boolean(&oracle, "campaignValue", false);
    oracle_assert_long(&oracle, "number", 3);
    oracle_assert_long(&oracle, "dynamicsTime", 1795240711667);
    oracle_assert_long(&oracle, "campaignTime", 1795240712001);
    oracle_assert_long(&oracle, "dynamicsCounted", 1795240711000);
    oracle_assert_long(&oracle, "campaignCounted", 1795240712000);
    oracle_assert_long(&oracle, "toleranceMs", 60000);
    oracle_assert_long(&oracle, "decidedAt", 1795240800001);
    oracle_assert_long(&oracle, "writtenAt", 1795240800777);
    oracle_assert_long(&oracle, "writtenTime", 1795240800123);
    oracle_close(&oracle);
    ferry_buffer_done(&out);
}

static void decode_gives_back_what_was_encoded(void **state)
{
    struct ferry_buffer first;
    struct ferry_buffer second;
    struct ferry_decision again;
    struct ferry_error error;
    (void)state;
    encode(&decision, &first);
    assert_int_equal(ferry_decision_decode(first.data, first.length, &again, &error), FERRY_OK);
    assert_int_equal(again.state, FERRY_DECISION_OVERTAKEN);
    assert_true(again.value[FERRY_SIDE_DYNAMICS] && !again.value[FERRY_SIDE_CAMPAIGN]);
    assert_true(again.written_time == decision.written_time);
    encode(&again, &second);
    assert_int_equal(second.length, first.length);
    assert_memory_equal(second.data, first.data, first.length);
    ferry_buffer_done(&first);
    ferry_buffer_done(&second);
}

static void decode_refuses_every_cut_and_every_addition(void **state)
{
    struct ferry_buffer out;
    struct ferry_decision again;
    struct ferry_error error;
    (void)state;
    encode(&decision, &out);
    for (size_t length = 0; length < out.length; length++) {
        char *cut = malloc(length + 1);
        memcpy(cut, out.data, length);
        assert_int_equal(ferry_decision_decode(cut, length, &again, &error), FERRY_BAD_RECORD);
        free(cut);
    }
    assert_int_equal(ferry_buffer_append(&out, "x", 1), FERRY_OK);
    assert_int_equal(ferry_decision_decode(out.data, out.length, &again, &error), FERRY_BAD_RECORD);
    ferry_buffer_done(&out);
}

static void decode_survives_random_damage(void **state)
{
    struct ferry_buffer out;
    struct ferry_decision again;
    struct ferry_error error;
    uint32_t dice = 2026;
    int refused = 0;
    (void)state;
    encode(&decision, &out);
    for (int round = 0; round < 20000; round++) {
        dice = dice * 1664525U + 1013904223U;
        size_t at = ORACLE_HEADER + (dice >> 8) % (out.length - ORACLE_HEADER);
        char before = out.data[at];
        out.data[at] = (char)(dice >> 24);
        refused += ferry_decision_decode(out.data, out.length, &again, &error) != FERRY_OK;
        out.data[at] = before;
    }
    assert_true(refused > 1000);
    ferry_buffer_done(&out);
}

static void encode_beyond_the_ceiling_leaves_the_buffer_as_it_was(void **state)
{
    struct ferry_buffer out;
    struct ferry_error error;
    (void)state;
    ferry_buffer_init(&out, 50);
    assert_int_equal(ferry_decision_encode(&decision, NULL, &out, &error), FERRY_FULL);
    assert_int_equal(out.length, 0);
    ferry_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_what_we_encode),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(decode_refuses_every_cut_and_every_addition),
        cmocka_unit_test(decode_survives_random_damage),
        cmocka_unit_test(encode_beyond_the_ceiling_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
