#include "core/io/http_headers.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static const char our_name[] = "User-Agent: ferry/" FERRY_VERSION;

static struct ferry_http_headers *make(const char *const *lines, struct ferry_http_headers *rest)
{
    struct ferry_http_headers *headers = NULL;

    assert_int_equal(ferry_http_headers_new(lines, rest, &headers, NULL), FERRY_OK);
    return headers;
}

static void assert_lines(const struct ferry_http_headers *headers, const char *const *lines)
{
    const struct curl_slist *node = ferry_http_headers_list(headers);

    for (; *lines; lines++, node = node->next) {
        assert_non_null(node);
        assert_string_equal(node->data, *lines);
    }
    assert_null(node);
}

static void lines_are_copied_and_the_server_is_not_asked_first(void **state)
{
    char first[] = "A: 1";
    const char *const lines[] = {first, "B: 2", NULL};
    struct ferry_http_headers *headers = make(lines, NULL);

    (void)state;
    memset(first, 'x', strlen(first));
    assert_lines(headers, (const char *const[]){"A: 1", "B: 2", our_name, "Expect:", NULL});
    ferry_http_headers_unref(headers);
}

static void no_lines_are_fine(void **state)
{
    struct ferry_http_headers *none = make(NULL, NULL);
    struct ferry_http_headers *more = make(NULL, none);

    (void)state;
    assert_lines(none, (const char *const[]){our_name, "Expect:", NULL});
    assert_ptr_equal(ferry_http_headers_list(more), ferry_http_headers_list(none));
    ferry_http_headers_unref(more);
    ferry_http_headers_unref(none);
}

static void the_rest_lives_as_long_as_those_before_it(void **state)
{
    struct ferry_http_headers *rest = make((const char *const[]){"A: 1", NULL}, NULL);
    struct ferry_http_headers *one = make((const char *const[]){"B: 2", "C: 3", NULL}, rest);
    struct ferry_http_headers *other = make((const char *const[]){"D: 4", NULL}, rest);

    (void)state;
    ferry_http_headers_unref(rest);
    assert_lines(one, (const char *const[]){"B: 2", "C: 3", "A: 1", our_name, "Expect:", NULL});
    ferry_http_headers_unref(one);
    assert_lines(other, (const char *const[]){"D: 4", "A: 1", our_name, "Expect:", NULL});
    ferry_http_headers_unref(other);
    ferry_http_headers_unref(NULL);
}

static void a_control_character_is_refused(void **state)
{
    static const char *const bad[] = {"X: 1\r\nY: 2", "X: 1\n", "X: \x7f", "X:\t1"};
    struct ferry_http_headers *rest = make(NULL, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ferry_http_headers *headers = rest;
        struct ferry_error error = {0};

        assert_int_equal(ferry_http_headers_new((const char *const[]){"A: 1", bad[i], NULL}, rest,
                                                &headers, &error),
                         FERRY_INVALID);
        assert_non_null(strstr(error.message, "control character"));
        assert_ptr_equal(headers, rest);
    }
    assert_lines(rest, (const char *const[]){our_name, "Expect:", NULL});
    ferry_http_headers_unref(rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_copied_and_the_server_is_not_asked_first),
        cmocka_unit_test(no_lines_are_fine),
        cmocka_unit_test(the_rest_lives_as_long_as_those_before_it),
        cmocka_unit_test(a_control_character_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
