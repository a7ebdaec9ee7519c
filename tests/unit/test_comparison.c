#include "core/control/comparison.h"

#include "source_record.h"

static void kind_follows_the_source_type_and_is_text_for_the_rest(void **state)
{
    (void)state;
    assert_int_equal(ferry_kind_of("Money"), FERRY_KIND_NUMBER);
    assert_int_equal(ferry_kind_of("DateOnly"), FERRY_KIND_MOMENT);
    assert_int_equal(ferry_kind_of("Owner"), FERRY_KIND_ID);
    assert_int_equal(ferry_kind_of("Virtual"), FERRY_KIND_TEXT);
    assert_int_equal(ferry_kind_of(""), FERRY_KIND_TEXT);
}

static void holds_accepts_what_a_column_of_the_kind_can_hold(void **state)
{
    (void)state;
    static const struct {
        enum ferry_kind kind;
        const char *good;
        const char *bad;
    } cases[] = {
        {FERRY_KIND_NUMBER, "20000.0000", "20.000,00"},
        {FERRY_KIND_BOOLEAN, "true", "True"},
        {FERRY_KIND_BOOLEAN, "false", "0"},
        {FERRY_KIND_OPTION, "100000001", "1.5"},
        {FERRY_KIND_OPTION, "-1", "Web"},
        {FERRY_KIND_OPTIONS, "3", "1,3"},
        {FERRY_KIND_MOMENT, "2026-04-07", "07/04/2026"},
        {FERRY_KIND_MOMENT, "2026-04-07T21:59:01Z", "2026-04-07T21:59:01"},
        {FERRY_KIND_ID, "49b0be2e-d01c-ed11-b83e-000d3a572421",
         "{49b0be2e-d01c-ed11-b83e-000d3a572421}"},
        {FERRY_KIND_ID, "49B0BE2E-D01C-ED11-B83E-000D3A572421",
         "49b0be2e-d01c-ed11-b83e-000d3a57242g"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *reason = NULL;
        assert_true(ferry_kind_holds(cases[i].kind, slice_of(cases[i].good), &reason));
        assert_null(reason);
        assert_false(ferry_kind_holds(cases[i].kind, slice_of(cases[i].bad), &reason));
        assert_non_null(reason);
    }
    const char *reason = NULL;
    assert_true(ferry_kind_holds(FERRY_KIND_TEXT, slice_of("anything"), &reason));
}

static void find_knows_its_names_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < ferry_comparison_count; i++)
        assert_ptr_equal(ferry_comparison_find(ferry_comparisons[i].name), &ferry_comparisons[i]);
    assert_null(ferry_comparison_find("equal"));
    assert_null(ferry_comparison_find("Equals"));
    assert_null(ferry_comparison_find(""));
}

static void every_kind_can_be_empty_and_only_some_have_an_order(void **state)
{
    (void)state;
    for (int kind = FERRY_KIND_TEXT; kind <= FERRY_KIND_ID; kind++) {
        bool ordered = kind == FERRY_KIND_NUMBER || kind == FERRY_KIND_MOMENT;
        assert_true(
            ferry_comparison_suits(ferry_comparison_find("isEmpty"), (enum ferry_kind)kind));
        assert_int_equal(
            ferry_comparison_suits(ferry_comparison_find("lessThan"), (enum ferry_kind)kind),
            ordered);
        assert_true(strlen(ferry_kind_name((enum ferry_kind)kind)) > 0);
    }
    assert_false(ferry_comparison_suits(ferry_comparison_find("contains"), FERRY_KIND_NUMBER));
    assert_false(ferry_comparison_suits(ferry_comparison_find("in"), FERRY_KIND_BOOLEAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kind_follows_the_source_type_and_is_text_for_the_rest),
        cmocka_unit_test(holds_accepts_what_a_column_of_the_kind_can_hold),
        cmocka_unit_test(find_knows_its_names_only),
        cmocka_unit_test(every_kind_can_be_empty_and_only_some_have_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
