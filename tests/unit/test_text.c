#include "producers/text.h"

#include "cmocka_all.h"

#include <string.h>

/* The same verdict whole and byte by byte. */
static bool clean(const char *data)
{
    struct ferry_text text;
    ferry_text_init(&text);
    bool whole = ferry_text_clean(&text, data, strlen(data));
    ferry_text_init(&text);
    bool pieces = true;
    for (size_t i = 0; i < strlen(data); i++)
        pieces = ferry_text_clean(&text, data + i, 1) && pieces;
    assert_int_equal(whole, pieces);
    return whole;
}

static void accepts_what_json_may_hold(void **state)
{
    (void)state;
    assert_true(clean(""));
    assert_true(clean("{\"name\":\"plain and rather long text\"}"));
    assert_true(clean("\"Zo\xC3\xAB \xE5\xB1\xB1\xE7\x94\xB0 \xF0\x9F\x9A\xA2\""));
    assert_true(clean("\"W/\\\"915244\\\" \\\\ \\n \\u00e9 \\u5c71\""));
    assert_true(clean("\"\\ud83d\\udea2\""));
    assert_true(clean("\"\\\\ud83d\"")); /* a backslash and text */
    assert_true(clean("\xEE\x80\x80\xF4\x8F\xBF\xBF"));
}

static void finds_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    assert_false(clean("\"abcdefghijk\xFF\""));
    assert_false(clean("\"\x80\""));
    assert_false(clean("\"\xC3\""));         /* cut */
    assert_false(clean("\"\xC0\xAF\""));     /* overlong */
    assert_false(clean("\"\xE0\x80\xAF\"")); /* overlong */
    assert_false(clean("\"\xED\xA0\x80\"")); /* a surrogate */
    assert_false(clean("\"\xF4\x90\x80\x80\""));
    assert_false(clean("\"\xE5\xB1x\""));
}

static void finds_half_a_surrogate_pair(void **state)
{
    (void)state;
    assert_false(clean("\"\\ud83d\""));
    assert_false(clean("\"\\ud83d and more\""));
    assert_false(clean("\"\\udea2\""));
    assert_false(clean("\"\\ud83d\\n\""));
    assert_false(clean("\"\\ud83d\\ud83d\\udea2\""));
    assert_false(clean("\"\\ud83d\\u0041\""));
}

static void goes_on_behind_a_fault(void **state)
{
    (void)state;
    struct ferry_text text;
    ferry_text_init(&text);
    assert_false(ferry_text_clean(&text, "\"\xE5\"", 3));
    assert_true(ferry_text_clean(&text, "\"\xE5\xB1\xB1\"", 5));
    assert_false(ferry_text_clean(&text, "\"\\ud83d\"", 8));
    assert_true(ferry_text_clean(&text, "\"\\ud83d\\udea2\"", 14));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_json_may_hold),
        cmocka_unit_test(finds_bytes_that_are_no_utf8),
        cmocka_unit_test(finds_half_a_surrogate_pair),
        cmocka_unit_test(goes_on_behind_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
