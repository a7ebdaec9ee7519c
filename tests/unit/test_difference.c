#include "controller/difference.h"

#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

/* Each row: from, to, the changes as "op path" one after the other. */
static const struct {
    const char *from;
    const char *to;
    const char *changes;
} rows[] = {
    {"{}", "{}", "[]"},
    {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", "[]"},
    {NULL, "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"to\":{\"a\":1}}]"},
    {"{\"a\":1}", "{\"a\":2}", "[{\"op\":\"replace\",\"path\":\"/a\",\"from\":1,\"to\":2}]"},
    {"{\"a\":1}", "{\"a\":\"1\"}",
     "[{\"op\":\"replace\",\"path\":\"/a\",\"from\":1,\"to\":\"1\"}]"},
    {"{\"a\":1}", "{}", "[{\"op\":\"remove\",\"path\":\"/a\",\"from\":1}]"},
    {"{}", "{\"a\":null}", "[{\"op\":\"add\",\"path\":\"/a\",\"to\":null}]"},
    {"{\"a/b\":{\"c~d\":1}}", "{\"a/b\":{\"c~d\":2}}",
     "[{\"op\":\"replace\",\"path\":\"/a~1b/c~0d\",\"from\":1,\"to\":2}]"},
    {"[1,2,3]", "[1,5]",
     "[{\"op\":\"replace\",\"path\":\"/1\",\"from\":2,\"to\":5},"
     "{\"op\":\"remove\",\"path\":\"/2\",\"from\":3}]"},
    {"{\"a\":[1]}", "{\"a\":{\"b\":1}}",
     "[{\"op\":\"replace\",\"path\":\"/a\",\"from\":[1],\"to\":{\"b\":1}}]"},
    /* Named elements: one in front is one change; an order without a meaning is none. */
    {"[{\"table\":\"x\"},{\"table\":\"y\",\"k\":1}]",
     "[{\"table\":\"n\"},{\"table\":\"x\"},{\"table\":\"y\",\"k\":2}]",
     "[{\"op\":\"add\",\"path\":\"/0\",\"to\":{\"table\":\"n\"}},"
     "{\"op\":\"replace\",\"path\":\"/2/k\",\"from\":1,\"to\":2}]"},
    {"[{\"destination\":\"x\"},{\"destination\":\"y\"}]",
     "[{\"destination\":\"y\"},{\"destination\":\"x\"}]", "[]"},
    {"[{\"from\":\"1\",\"to\":\"a\"},{\"from\":\"2\",\"to\":\"b\"}]",
     "[{\"from\":\"2\",\"to\":\"c\"}]",
     "[{\"op\":\"remove\",\"path\":\"/0\",\"from\":{\"from\":\"1\",\"to\":\"a\"}},"
     "{\"op\":\"replace\",\"path\":\"/0/to\",\"from\":\"b\",\"to\":\"c\"}]"},
};

static void every_change_is_found_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *from = rows[i].from ? json_loads(rows[i].from, 0, NULL) : NULL;
        json_t *to = rows[i].to ? json_loads(rows[i].to, 0, NULL) : NULL;
        json_t *wanted = json_loads(rows[i].changes, 0, NULL);
        json_t *got = ferry_difference(from, to);
        char *text = json_dumps(got, JSON_COMPACT);

        assert_non_null(wanted);
        if (!json_equal(wanted, got))
            fail_msg("row %zu: %s", i, text);
        free(text);
        json_decref(from);
        json_decref(to);
        json_decref(wanted);
        json_decref(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_found_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
