#include "cmocka_all.h"

#include "core/remote/multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 16

struct seen {
    int statuses[MAX_PARTS];
    int64_t waits[MAX_PARTS];
    char types[MAX_PARTS][64];
    char bodies[MAX_PARTS][256];
    int count;
};

static void on_part(void *context, const struct ferry_multipart_part *part)
{
    struct seen *seen = context;
    assert_true(seen->count < MAX_PARTS);
    int at = seen->count++;
    seen->statuses[at] = part->status;
    seen->waits[at] = part->retry_after_ms;
    assert_int_equal(strlen(part->body), part->length);
    snprintf(seen->types[at], sizeof seen->types[at], "%s", part->content_type);
    snprintf(seen->bodies[at], sizeof seen->bodies[at], "%.255s", part->body);
}

static const char whole[] = "--batchresponse_f27e\r\n"
                            "Content-Type: application/http\r\n"
                            "Content-Transfer-Encoding: binary\r\n"
                            "\r\n"
                            "HTTP/1.1 204 No Content\r\n"
                            "OData-Version: 4.0\r\n"
                            "OData-EntityId: https://org/api/data/v9.2/x(1)\r\n"
                            "\r\n"
                            "\r\n"
                            "--batchresponse_f27e\r\n"
                            "Content-Type: application/http\r\n"
                            "Content-Transfer-Encoding: binary\r\n"
                            "\r\n"
                            "HTTP/1.1 429 Too Many Requests\r\n"
                            "retry-after: 27\r\n"
                            "Content-Type: application/json; odata.metadata=minimal\r\n"
                            "\r\n"
                            "{\"error\":{\"code\":\"0x80072322\",\"message\":\"m\"}}\r\n"
                            "--batchresponse_f27e\r\n"
                            "Content-Type: application/http\r\n"
                            "\r\n"
                            "HTTP/1.1 412 Precondition Failed\r\n"
                            "\r\n"
                            "{}\r\n"
                            "--batchresponse_f27e--\r\n";

static void expect_whole(const struct seen *seen)
{
    assert_int_equal(seen->count, 3);
    assert_int_equal(seen->statuses[0], 204);
    assert_int_equal(seen->waits[0], -1);
    assert_string_equal(seen->bodies[0], "");
    assert_string_equal(seen->types[0], "");
    assert_int_equal(seen->statuses[1], 429);
    assert_int_equal(seen->waits[1], 27000);
    assert_string_equal(seen->types[1], "application/json; odata.metadata=minimal");
    assert_string_equal(seen->bodies[1], "{\"error\":{\"code\":\"0x80072322\",\"message\":\"m\"}}");
    assert_int_equal(seen->statuses[2], 412);
    assert_string_equal(seen->bodies[2], "{}");
}

static void every_part_is_told_however_the_answer_is_cut_into_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof whole - 1; piece++) {
        struct ferry_multipart multipart;
        struct seen seen = {.count = 0};
        ferry_multipart_init(&multipart, on_part, &seen);
        for (size_t at = 0; at < sizeof whole - 1; at += piece) {
            size_t left = sizeof whole - 1 - at;
            assert_int_equal(
                ferry_multipart_feed(&multipart, whole + at, left < piece ? left : piece),
                FERRY_OK);
        }
        assert_true(ferry_multipart_over(&multipart));
        expect_whole(&seen);
        ferry_multipart_done(&multipart);
    }
}

static void what_came_before_a_cut_counts_and_nothing_else(void **state)
{
    (void)state;
    const char *second = strstr(whole + 1, "\r\n--batchresponse_f27e");
    const char *third = strstr(second + 4, "\r\n--batchresponse_f27e");
    const char *end = strstr(third + 4, "\r\n--batchresponse_f27e");
    const size_t line = strlen("\r\n--batchresponse_f27e\r\n");
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        struct ferry_multipart multipart;
        struct seen seen = {.count = 0};
        ferry_multipart_init(&multipart, on_part, &seen);
        assert_int_equal(ferry_multipart_feed(&multipart, whole, length), FERRY_OK);
        int wanted = (length >= (size_t)(second - whole) + line) +
                     (length >= (size_t)(third - whole) + line) +
                     (length >= (size_t)(end - whole) + line);
        assert_int_equal(seen.count, wanted);
        assert_int_equal(ferry_multipart_over(&multipart), wanted == 3);
        ferry_multipart_done(&multipart);
    }
}

static enum ferry_status feed(const char *text, struct seen *seen, bool *ret_over)
{
    struct ferry_multipart multipart;
    *seen = (struct seen){.count = 0};
    ferry_multipart_init(&multipart, on_part, seen);
    enum ferry_status status = ferry_multipart_feed(&multipart, text, strlen(text));
    *ret_over = ferry_multipart_over(&multipart);
    ferry_multipart_done(&multipart);
    return status;
}

static void bare_line_feeds_a_preamble_and_an_epilogue_are_taken(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(feed("for old programs\n--b\n\nHTTP/1.1 201 Created\n\n{\"a\":1}\n--b--\n"
                          "--b\n\nHTTP/1.1 500 No\n\n--b--\n",
                          &seen, &over),
                     FERRY_OK);
    assert_true(over);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.statuses[0], 201);
    assert_string_equal(seen.bodies[0], "{\"a\":1}");
}

static void the_last_line_need_not_be_ended(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(feed("--b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--b--", &seen, &over),
                     FERRY_OK);
    assert_true(over);
    assert_int_equal(seen.count, 1);
}

static void what_follows_the_last_delimiter_is_not_looked_at(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(
        feed("--b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--b--\r\x8a", &seen, &over), FERRY_OK);
    assert_true(over);
    assert_int_equal(seen.count, 1);
}

static void a_line_that_only_begins_like_the_boundary_is_text(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(
        feed("--b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n--bc\r\n--b-\r\n--b--\r\n", &seen, &over),
        FERRY_OK);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.bodies[0], "--bc\r\n--b-");
}

static void what_holds_no_http_answer_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "--b\r\n\r\nno status\r\n\r\n--b--\r\n",
        "--b\r\n\r\nHTTP/1.1 99 Low\r\n\r\n--b--\r\n",
        "--b\r\n\r\nHTTP/1.1 2000 High\r\n\r\n--b--\r\n",
        "--b\r\n\r\nHTTP/1.1 \r\n\r\n--b--\r\n",
        "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n--b--\r\n",
        "--b\r\n--b--\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen seen;
        bool over;
        assert_int_equal(feed(bad[i], &seen, &over), FERRY_INVALID);
        assert_int_equal(seen.count, 0);
    }
}

static void an_answer_without_any_delimiter_is_never_over(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(feed("<html>\r\n<body>not now</body>\r\n", &seen, &over), FERRY_OK);
    assert_false(over);
    assert_int_equal(seen.count, 0);
}

static void a_wait_that_is_no_number_is_none(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(feed("--b\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After:\r\n\r\n7\r\n"
                          "--b\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: soon\r\n\r\n\r\n"
                          "--b\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 99999999\r\n\r\n\r\n"
                          "--b--\r\n",
                          &seen, &over),
                     FERRY_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.waits[0], -1);
    assert_int_equal(seen.waits[1], -1);
    assert_int_equal(seen.waits[2], 86400000);
}

static void count_part(void *context, const struct ferry_multipart_part *part)
{
    assert_int_equal(part->status, 204);
    ++*(int *)context;
}

static void a_part_beyond_all_measure_is_refused_and_many_small_ones_are_not(void **state)
{
    (void)state;
    static const char head[] = "--b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    struct ferry_multipart multipart;
    struct seen seen = {.count = 0};
    char *text = malloc(2 << 20);
    assert_non_null(text);
    memset(text, 'x', 2 << 20);
    ferry_multipart_init(&multipart, on_part, &seen);
    assert_int_equal(ferry_multipart_feed(&multipart, head, sizeof head - 1), FERRY_OK);
    assert_int_equal(ferry_multipart_feed(&multipart, text, 2 << 20), FERRY_INVALID);
    ferry_multipart_done(&multipart);

    static const char part[] = "\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--b";
    int wanted = 0;
    int counted = 0;
    size_t length = 3;
    memcpy(text, "--b", 3);
    for (; length + sizeof part < (2 << 20); length += sizeof part - 1, wanted++)
        memcpy(text + length, part, sizeof part - 1);
    ferry_multipart_init(&multipart, count_part, &counted);
    assert_int_equal(ferry_multipart_feed(&multipart, text, length), FERRY_OK);
    assert_int_equal(ferry_multipart_feed(&multipart, "--\r\n", 4), FERRY_OK);
    assert_true(ferry_multipart_over(&multipart));
    assert_int_equal(counted, wanted);
    ferry_multipart_done(&multipart);
    free(text);
}

static void a_second_answer_has_a_boundary_of_its_own(void **state)
{
    (void)state;
    struct ferry_multipart multipart;
    struct seen seen = {.count = 0};
    ferry_multipart_init(&multipart, on_part, &seen);
    const char *cut = "--other\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--other\r\nhalf a part";
    assert_int_equal(ferry_multipart_feed(&multipart, cut, strlen(cut)), FERRY_OK);
    assert_int_equal(seen.count, 1);
    seen.count = 0;
    ferry_multipart_clear(&multipart);
    assert_false(ferry_multipart_over(&multipart));
    assert_int_equal(ferry_multipart_feed(&multipart, whole, sizeof whole - 1), FERRY_OK);
    assert_true(ferry_multipart_over(&multipart));
    expect_whole(&seen);
    ferry_multipart_done(&multipart);
}

static void a_part_without_content_says_no_more_than_that(void **state)
{
    (void)state;
    struct seen seen;
    bool over;
    assert_int_equal(feed("--b\n\nHTTP/1.1 204 No Content\nRetry-After: 5\nContent-Type: a/b\n\n"
                          "stray\n--b--\n",
                          &seen, &over),
                     FERRY_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.waits[0], -1);
    assert_string_equal(seen.types[0], "");
    assert_string_equal(seen.bodies[0], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_told_however_the_answer_is_cut_into_pieces),
        cmocka_unit_test(what_came_before_a_cut_counts_and_nothing_else),
        cmocka_unit_test(bare_line_feeds_a_preamble_and_an_epilogue_are_taken),
        cmocka_unit_test(the_last_line_need_not_be_ended),
        cmocka_unit_test(what_follows_the_last_delimiter_is_not_looked_at),
        cmocka_unit_test(a_line_that_only_begins_like_the_boundary_is_text),
        cmocka_unit_test(what_holds_no_http_answer_is_refused),
        cmocka_unit_test(an_answer_without_any_delimiter_is_never_over),
        cmocka_unit_test(a_wait_that_is_no_number_is_none),
        cmocka_unit_test(a_second_answer_has_a_boundary_of_its_own),
        cmocka_unit_test(a_part_without_content_says_no_more_than_that),
        cmocka_unit_test(a_part_beyond_all_measure_is_refused_and_many_small_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
