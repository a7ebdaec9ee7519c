/* Rows out of text that comes in pieces of any size. */
#include "producers/sources/csv.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const char *text;
    size_t length, at, piece;
};

static enum ferry_status read_piece(void *context, char *data, size_t size, size_t *ret_length,
                                    struct ferry_error *error)
{
    struct source *source = context;
    size_t length = source->length - source->at;
    (void)error;
    length = length < source->piece ? length : source->piece;
    length = length < size ? length : size;
    memcpy(data, source->text + source->at, length);
    source->at += length;
    *ret_length = length;
    return FERRY_OK;
}

/* Rows as "line:field|field;" and "line!flaw;", whatever the pieces are. */
static char *rows_in_pieces(const char *text, size_t length, char quote, size_t piece)
{
    struct source source = {text, length, 0, piece};
    const struct ferry_csv_options options = {
        .delimiter = ',', .quote = quote, .read = read_piece, .context = &source, .line = 1};
    struct ferry_buffer out;
    struct ferry_csv *csv = malloc(sizeof *csv);
    struct ferry_error error;
    struct ferry_csv_row row;
    bool more = true;
    ferry_buffer_init(&out, 1 << 20);
    assert_int_equal(ferry_csv_init(csv, &options, &error), FERRY_OK);
    for (;;) {
        assert_int_equal(ferry_csv_next(csv, &row, &more, &error), FERRY_OK);
        if (!more)
            break;
        assert_int_equal(ferry_buffer_printf(&out, "%d%c", (int)row.line, row.flaw ? '!' : ':'),
                         FERRY_OK);
        if (row.flaw)
            assert_int_equal(ferry_buffer_append_text(&out, row.flaw), FERRY_OK);
        for (size_t i = 0; !row.flaw && i < row.count; i++)
            assert_int_equal(ferry_buffer_printf(&out, "%s%.*s", i ? "|" : "",
                                                 (int)row.fields[i].length, row.fields[i].data),
                             FERRY_OK);
        assert_int_equal(ferry_buffer_append_text(&out, ";"), FERRY_OK);
    }
    assert_true(ferry_csv_position(csv) == (int64_t)length);
    ferry_csv_done(csv);
    free(csv);
    assert_int_equal(ferry_buffer_append_text(&out, ""), FERRY_OK);
    return ferry_buffer_take(&out);
}

static void assert_rows(const char *text, char quote, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 7, 65536};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char *rows = rows_in_pieces(text, strlen(text), quote, pieces[i]);
        assert_string_equal(rows ? rows : "", expected);
        free(rows);
    }
}

static void rows_are_what_rfc_4180_says(void **state)
{
    (void)state;
    assert_rows("", '"', "");
    assert_rows("a,b\n1,2\n", '"', "1:a|b;2:1|2;");
    assert_rows("a,b\n1,2", '"', "1:a|b;2:1|2;");
    assert_rows("a,,\n", '"', "1:a||;");
    assert_rows("\"a,\"\"b\"\"\",c\n", '"', "1:a,\"b\"|c;");
    assert_rows("a,b\r\n1,2\r\n", '"', "1:a|b;2:1|2;");
    assert_rows("\"a\r\nb\",c\r\nd,e\r\n", '"', "1:a\r\nb|c;3:d|e;");
    assert_rows("\n \na\n\n\r\nb\n\n", '"', "3:a;6:b;");
}

static void without_a_quote_character_quotes_are_text(void **state)
{
    (void)state;
    assert_rows("a,12\" vinyl\n\"x,y\"\n", '\0', "1:a|12\" vinyl;2:\"x|y\";");
}

static void an_unclosed_quote_costs_its_first_line_only(void **state)
{
    (void)state;
    assert_rows("a,\"b\nc,d\ne,f\n", '"', "1!a quote is opened and not closed;2:c|d;3:e|f;");
    assert_rows("a,b\n\"c", '"', "1:a|b;2!a quote is opened and not closed;");
    assert_rows("\"\n\"", '"', "1:\n;");
}

/* libcsv makes one row of the right number of columns of two. */
static void a_stray_quote_swallows_no_row(void **state)
{
    (void)state;
    assert_rows("a,b\n1,\"Flash\" sale\n2,\"Welcome, Ada\"\n3,c\n", '"',
                "1:a|b;2!a quote is not closed, or stands within a text;3:2|Welcome, Ada;4:3|c;");
    assert_rows("a,b\n1,\"Flash\n2,\"Welcome, Ada\"\n3,c\n", '"',
                "1:a|b;2!a quote is not closed, or stands within a text;3:2|Welcome, Ada;4:3|c;");
    assert_rows("1,\"two\nlines\" \t,\"b\"\r\nc,\"3\n4\"", '"', "1:1|two\nlines|b;3:c|3\n4;");
}

static void an_unclosed_quote_is_found_before_all_is_read(void **state)
{
    struct ferry_buffer text;
    (void)state;
    ferry_buffer_init(&text, 1 << 20);
    assert_int_equal(ferry_buffer_append_text(&text, "a,\"b\n"), FERRY_OK);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(ferry_buffer_append_text(&text, "1234,5678\n"), FERRY_OK);
    char *rows = rows_in_pieces(text.data, text.length, '"', 65536);
    assert_true(strncmp(rows, "1!a quote is opened and not closed;2:1234|5678;", 47) == 0);
    assert_non_null(strstr(rows, ";20001:1234|5678;"));
    free(rows);
    ferry_buffer_done(&text);
}

static void a_line_without_end_is_one_broken_row(void **state)
{
    struct ferry_buffer text;
    (void)state;
    ferry_buffer_init(&text, 1 << 20);
    assert_int_equal(ferry_buffer_append_text(&text, "a,b\n"), FERRY_OK);
    for (int i = 0; i < 30000; i++)
        assert_int_equal(ferry_buffer_append_text(&text, "0123456789"), FERRY_OK);
    size_t unended = text.length;
    assert_int_equal(ferry_buffer_append_text(&text, "\nc,d\n"), FERRY_OK);
    for (size_t piece = 1000; piece < 200000; piece *= 10) {
        char *rows = rows_in_pieces(text.data, text.length, '"', piece);
        assert_string_equal(rows, "1:a|b;2!the line is longer than 64 KiB;3:c|d;");
        free(rows);
    }
    char *rows = rows_in_pieces(text.data, unended, '"', 65536);
    assert_string_equal(rows, "1:a|b;2!the line is longer than 64 KiB;");
    free(rows);
    ferry_buffer_done(&text);
}

static void a_nul_byte_breaks_its_row_only(void **state)
{
    static const char text[] = "a,b\n1,\0\n2,3\n";
    (void)state;
    char *rows = rows_in_pieces(text, sizeof text - 1, '"', 3);
    assert_string_equal(rows, "1:a|b;2!the row has a NUL byte;3:2|3;");
    free(rows);
    rows = rows_in_pieces(text, sizeof text - 1, '\0', 3);
    assert_string_equal(rows, "1:a|b;2!the row has a NUL byte;3:2|3;");
    free(rows);
}

static void too_many_columns_break_a_row(void **state)
{
    char text[2 * FERRY_CSV_COLUMNS + 8];
    (void)state;
    memset(text, ',', sizeof text);
    text[FERRY_CSV_COLUMNS + 1] = '\n';
    char *rows = rows_in_pieces(text, FERRY_CSV_COLUMNS + 2, '"', 65536);
    assert_string_equal(rows, "1!the row has more than 1000 columns;");
    free(rows);
}

/* Behind every row one can begin again and get the rest. */
static void a_position_is_a_place_to_begin_again(void **state)
{
    static const char text[] = "a,b\r\n\"1\n2\",3\n\n4,\"5\n6,7";
    struct source source = {text, sizeof text - 1, 0, 65536};
    struct ferry_csv_options options = {
        .delimiter = ',', .quote = '"', .read = read_piece, .context = &source, .line = 1};
    struct ferry_csv *csv = malloc(sizeof *csv);
    struct ferry_error error;
    struct ferry_csv_row row;
    bool more = true;
    int count = 0;
    int64_t line = 0;
    (void)state;
    while (more) {
        assert_int_equal(ferry_csv_init(csv, &options, &error), FERRY_OK);
        assert_int_equal(ferry_csv_next(csv, &row, &more, &error), FERRY_OK);
        if (more) {
            count++;
            assert_true(row.line > line);
            line = row.line;
        }
        options.position = ferry_csv_position(csv);
        options.line = ferry_csv_line(csv);
        source.at = (size_t)options.position;
        ferry_csv_done(csv);
    }
    assert_int_equal(count, 4);
    assert_true(line == 6 && options.position == (int64_t)sizeof text - 1);
    free(csv);
}

static enum ferry_status fail_to_read(void *context, char *data, size_t size, size_t *ret_length,
                                      struct ferry_error *error)
{
    struct source *source = context;
    if (source->at < source->length)
        return read_piece(context, data, size, ret_length, error);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "it is torn");
}

static void what_reading_says_is_passed_on_behind_the_whole_rows(void **state)
{
    struct source source = {"a,b\nc", 5, 0, 65536};
    const struct ferry_csv_options options = {
        .delimiter = ',', .quote = '"', .read = fail_to_read, .context = &source, .line = 1};
    struct ferry_csv *csv = malloc(sizeof *csv);
    struct ferry_error error;
    struct ferry_csv_row row;
    bool more = true;
    (void)state;
    assert_int_equal(ferry_csv_init(csv, &options, &error), FERRY_OK);
    assert_int_equal(ferry_csv_next(csv, &row, &more, &error), FERRY_OK);
    assert_int_equal(row.count, 2);
    assert_int_equal(ferry_csv_next(csv, &row, &more, &error), FERRY_INVALID);
    assert_string_equal(error.message, "it is torn");
    assert_true(ferry_csv_position(csv) == 4);
    ferry_csv_done(csv);
    free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_rfc_4180_says),
        cmocka_unit_test(without_a_quote_character_quotes_are_text),
        cmocka_unit_test(an_unclosed_quote_costs_its_first_line_only),
        cmocka_unit_test(a_stray_quote_swallows_no_row),
        cmocka_unit_test(an_unclosed_quote_is_found_before_all_is_read),
        cmocka_unit_test(a_line_without_end_is_one_broken_row),
        cmocka_unit_test(a_nul_byte_breaks_its_row_only),
        cmocka_unit_test(too_many_columns_break_a_row),
        cmocka_unit_test(a_position_is_a_place_to_begin_again),
        cmocka_unit_test(what_reading_says_is_passed_on_behind_the_whole_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
