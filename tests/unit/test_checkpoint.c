#include "producers/checkpoint.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static const char text[] =
    "{\"task\":\"w/reader/contact\",\"table\":\"contact\",\"columnsHash\":\"0f3a\",\"link\":"
    "\"https://o/api/data/v9.2/contacts?$select=a&$deltatoken=9%2108%2f22\",\"phase\":\"DELTA\","
    "\"readNumber\":2,\"deltaLinkAt\":1780000000000,\"recordsRead\":5000,\"pagesRead\":3,"
    "\"fullReadStartedAt\":7,\"sweepPartition\":0,\"sweepFrom\":0}";

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct ferry_checkpoint));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    ferry_checkpoint_done(*state);
    free(*state);
    return 0;
}

static enum ferry_status parse(struct ferry_checkpoint *checkpoint, const char *document)
{
    struct ferry_error error = {0};
    enum ferry_status status =
        ferry_checkpoint_parse(document, strlen(document), checkpoint, &error);
    if (status == FERRY_INVALID)
        assert_non_null(strstr(error.message, "checkpoint cannot be read"));
    return status;
}

static void survives_a_round_trip_with_its_link_byte_for_byte(void **state)
{
    struct ferry_checkpoint *checkpoint = *state;
    assert_int_equal(parse(checkpoint, text), FERRY_OK);
    assert_int_equal(checkpoint->phase, FERRY_CHECKPOINT_DELTA);
    assert_int_equal(checkpoint->read_number, 2);
    assert_string_equal(checkpoint->link,
                        "https://o/api/data/v9.2/contacts?$select=a&$deltatoken=9%2108%2f22");
    char *printed = NULL;
    assert_int_equal(ferry_checkpoint_print(checkpoint, &printed), FERRY_OK);
    assert_string_equal(printed, text);
    free(printed);
}

static void copies_are_independent(void **state)
{
    struct ferry_checkpoint *checkpoint = *state;
    struct ferry_checkpoint copy;
    ferry_checkpoint_init(&copy);
    assert_int_equal(parse(checkpoint, text), FERRY_OK);
    assert_int_equal(ferry_checkpoint_copy(&copy, checkpoint), FERRY_OK);
    assert_int_equal(ferry_checkpoint_copy(&copy, checkpoint), FERRY_OK); /* over an older one */
    assert_int_equal(ferry_checkpoint_link(checkpoint, NULL), FERRY_OK);
    assert_null(checkpoint->link);
    assert_non_null(copy.link);
    ferry_checkpoint_done(&copy);
}

static void a_full_read_may_have_no_link_yet(void **state)
{
    assert_int_equal(parse(*state, "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\","
                                   "\"phase\":\"FULL\",\"readNumber\":1,\"future\":[]}"),
                     FERRY_OK);
}

static void refuses_what_it_does_not_understand(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\",\"phase\":\"NEW\",\"readNumber\":1}",
        "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\",\"phase\":\"FULL\"}",
        "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\",\"readNumber\":1}",
        "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\",\"phase\":\"DELTA\",\"readNumber\":"
        "1}",
        "{\"task\":\"t\",\"table\":\"c\",\"columnsHash\":\"h\",\"phase\":\"FULL\",\"readNumber\":1,"
        "\"recordsRead\":-1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(*state, bad[i]), FERRY_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(survives_a_round_trip_with_its_link_byte_for_byte),
        TEST(copies_are_independent),
        TEST(a_full_read_may_have_no_link_yet),
        TEST(refuses_what_it_does_not_understand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
