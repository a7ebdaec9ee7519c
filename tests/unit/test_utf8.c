#include "consumers/utf8.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const broken[] = {
    "\x80",
    "\xC3",
    "\xC0\x80",
    "\xC1\xBF",
    "\xE2\x82",
    "\xE0\x80\x80",
    "\xED\xA0\x80",
    "\xF0\x9F\x98",
    "\xF0\x80\x80\x80",
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xFF",
    "a\xC3(",
};

static void count_counts_code_points(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t characters;
    } cases[] = {{"", 0}, {"Ada", 3}, {"Åse", 3}, {"王小明", 3}, {"a😀b", 3}, {"e\xCC\x81", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t characters = 99;
        assert_true(ferry_utf8_count(slice_of(cases[i].text), &characters));
        assert_int_equal(characters, cases[i].characters);
    }
}

static void count_and_quote_refuse_what_is_no_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        size_t characters;
        struct ferry_buffer buffer;
        ferry_buffer_init(&buffer, 100);
        assert_false(ferry_utf8_count(slice_of(broken[i]), &characters));
        assert_int_equal(ferry_utf8_quote(slice_of(broken[i]), &buffer), FERRY_BAD_RECORD);
        ferry_buffer_done(&buffer);
    }
}

static void cut_never_splits_a_character(void **state)
{
    (void)state;
    const char *text = "aé王😀z";
    static const size_t bytes[] = {0, 1, 3, 6, 10, 11, 11};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        assert_int_equal(ferry_utf8_cut(slice_of(text), i).length, bytes[i]);
}

static void comparing_disregards_case_and_regards_accents(void **state)
{
    (void)state;
    assert_true(ferry_utf8_equals(slice_of("ØRSTED"), slice_of("ørsted")));
    assert_true(ferry_utf8_equals(slice_of("ΣΊΣΥΦΟΣ"), slice_of("σίσυφος")));
    assert_true(ferry_utf8_equals(slice_of("ЖЁЛТЫЙ"), slice_of("жёлтый")));
    assert_true(ferry_utf8_equals(slice_of(""), slice_of("")));
    assert_false(ferry_utf8_equals(slice_of("Jose"), slice_of("José")));
    assert_false(ferry_utf8_equals(slice_of("Ada"), slice_of("Adam")));
    assert_true(ferry_utf8_starts(slice_of("Åse Moe"), slice_of("ås")));
    assert_true(ferry_utf8_starts(slice_of("Ada"), slice_of("")));
    assert_false(ferry_utf8_starts(slice_of("Ad"), slice_of("Ada")));
    assert_true(ferry_utf8_ends(slice_of("a.ng@EXAMPLE.com"), slice_of("@example.COM")));
    assert_true(ferry_utf8_ends(slice_of("Ada"), slice_of("")));
    assert_false(ferry_utf8_ends(slice_of("da"), slice_of("Ada")));
    assert_true(ferry_utf8_contains(slice_of("aaab"), slice_of("AAB")));
    assert_true(ferry_utf8_contains(slice_of("王小明"), slice_of("小")));
    assert_false(ferry_utf8_contains(slice_of("Ada"), slice_of("Adab")));
    assert_false(ferry_utf8_contains(slice_of(""), slice_of("a")));
    assert_true(ferry_utf8_equals(slice_of("\xFFx"), slice_of("\xFFX")));
    assert_false(ferry_utf8_equals(slice_of("\xFE"), slice_of("\xFF")));
}

static void quote_gives_what_jansson_reads_back(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    static const char *const pieces[] = {
        "a",    "\"",   "\\",   "/", "\n", "\r\n", "\t",           "\b",        "\f",
        "\x01", "\x1F", "\x7F", "é", "王", "😀",    "\xE2\x80\xA8", "plain text"};
    for (int i = 0; i < 5000; i++) {
        char text[256] = "";
        for (int j = rand() % 12; j > 0; j--)
            strcat(text, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
        struct ferry_buffer buffer;
        ferry_buffer_init(&buffer, 2000);
        assert_int_equal(ferry_utf8_quote(slice_of(text), &buffer), FERRY_OK);
        json_t *json = json_loadb(buffer.data, buffer.length, JSON_DECODE_ANY, NULL);
        if (!json || strcmp(json_string_value(json), text) != 0)
            fail_msg("%s, seed %u", buffer.data, seed);
        json_decref(json);
        ferry_buffer_done(&buffer);
    }
}

static void quote_keeps_a_zero_byte(void **state)
{
    (void)state;
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 100);
    assert_int_equal(ferry_utf8_quote((struct ferry_slice){"a\0b", 3}, &buffer), FERRY_OK);
    assert_string_equal(buffer.data, "\"a\\u0000b\"");
    ferry_buffer_done(&buffer);
}

static void quote_says_full_at_the_ceiling(void **state)
{
    (void)state;
    for (size_t ceiling = 0; ceiling < 9; ceiling++) {
        struct ferry_buffer buffer;
        ferry_buffer_init(&buffer, ceiling);
        assert_int_equal(ferry_utf8_quote(slice_of("ab\ncd\x01"), &buffer), FERRY_FULL);
        ferry_buffer_done(&buffer);
    }
}

static void every_value_but_null_has_a_text(void **state)
{
    (void)state;
    char scratch[FERRY_UTF8_SIZE];
    struct ferry_slice text = {NULL, 0};
    static const char *const cases[][2] = {
        {"true", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"47.63958", "47.63958"},
        {"\"x\"", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = from_json(cases[i][0]);
        struct ferry_value value = value_from(json);
        assert_true(ferry_utf8_of(&value, scratch, &text));
        assert_int_equal(text.length, strlen(cases[i][1]));
        assert_memory_equal(text.data, cases[i][1], text.length);
        json_decref(json);
    }
    struct ferry_value null = {.type = FERRY_NULL};
    struct ferry_value infinite = {FERRY_DOUBLE, .real = strtod("inf", NULL)};
    assert_false(ferry_utf8_of(&null, scratch, &text));
    assert_false(ferry_utf8_of(&infinite, scratch, &text));
}

static void expect_units(const char *text, size_t units, size_t bytes)
{
    const struct ferry_slice whole = {text, strlen(text)};
    assert_int_equal(ferry_utf8_cut_units(whole, units).length, bytes);
}

static void a_cut_at_utf16_units_leaves_whole_characters(void **state)
{
    (void)state;
    expect_units("abc", 2, 2);
    expect_units("abc", 3, 3);
    expect_units("abc", 0, 0);
    expect_units("\xc3\xa9t\xc3\xa9", 2, 3);  /* two bytes, one unit */
    expect_units("a\xf0\x9f\x98\x80z", 2, 1); /* four bytes, two units */
    expect_units("a\xf0\x9f\x98\x80z", 3, 5);
}

/* Else it would be written without its end, and nobody would hear of it. */
static void a_cut_does_not_hide_what_is_no_utf8(void **state)
{
    (void)state;
    expect_units("ab\xff", 9, 3);
    expect_units("ab\xff", 3, 3);
    expect_units("ab\xff xyz", 4, 7);
    expect_units("ab\xff xyz", 2, 2);
}

static void units_are_counted_as_utf16_does(void **state)
{
    static const struct {
        const char *text;
        size_t units;
    } cases[] = {
        {"", 0}, {"abc", 3}, {"\xc3\xa9t\xc3\xa9", 3}, {"王", 1}, {"a\xf0\x9f\x98\x80z", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ferry_utf8_units(slice_of(cases[i].text)), cases[i].units);
}

static void what_is_escaped_in_pieces_is_what_is_quoted_whole(void **state)
{
    (void)state;
    struct ferry_buffer pieces;
    struct ferry_buffer whole;
    ferry_buffer_init(&pieces, 100);
    ferry_buffer_init(&whole, 100);
    assert_int_equal(ferry_buffer_append(&pieces, "\"", 1), FERRY_OK);
    assert_int_equal(ferry_utf8_escape(slice_of("plain "), &pieces), FERRY_OK);
    assert_int_equal(ferry_utf8_escape(slice_of("\"\xc3\xa9\n"), &pieces), FERRY_OK);
    assert_int_equal(ferry_buffer_append(&pieces, "\"", 1), FERRY_OK);
    assert_int_equal(ferry_utf8_quote(slice_of("plain \"\xc3\xa9\n"), &whole), FERRY_OK);
    assert_string_equal(pieces.data, whole.data);
    assert_int_equal(ferry_utf8_escape(slice_of("\xff"), &pieces), FERRY_BAD_RECORD);
    ferry_buffer_done(&pieces);
    ferry_buffer_done(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_utf16_units_leaves_whole_characters),
        cmocka_unit_test(a_cut_does_not_hide_what_is_no_utf8),
        cmocka_unit_test(units_are_counted_as_utf16_does),
        cmocka_unit_test(what_is_escaped_in_pieces_is_what_is_quoted_whole),
        cmocka_unit_test(count_counts_code_points),
        cmocka_unit_test(count_and_quote_refuse_what_is_no_utf8),
        cmocka_unit_test(cut_never_splits_a_character),
        cmocka_unit_test(comparing_disregards_case_and_regards_accents),
        cmocka_unit_test(quote_gives_what_jansson_reads_back),
        cmocka_unit_test(quote_keeps_a_zero_byte),
        cmocka_unit_test(quote_says_full_at_the_ceiling),
        cmocka_unit_test(every_value_but_null_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
