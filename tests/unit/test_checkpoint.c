#include "producers/checkpoint.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static const char text[] =
    "{\"task\":\"w/reader/contact\",\"table\":\"contact\",\"columnsHash\":\"0f3a\",\"link\":"
    "\"https://o/api/data/v9.2/contacts?$select=a&$deltatoken=9%2108%2f22\",\"phase\":\"DELTA\","
    "\"readNumber\":2,\"deltaLinkAt\":1780000000000,\"recordsRead\":5000,\"pagesRead\":3,"
    "\"fullReadStartedAt\":7,\"sweepPartition\":0,\"sweepFrom\":0,\"replay\":4,"
    "\"replaying\":0,\"since\":3}";

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

/* The checkpoint after a page, from one that is at `link`. */
static void step(struct ferry_checkpoint *at, const char *next_link, const char *delta_link)
{
    struct ferry_checkpoint next;
    ferry_checkpoint_init(&next);
    assert_int_equal(ferry_checkpoint_follow(&next, at, next_link, delta_link, 10, 77), FERRY_OK);
    ferry_checkpoint_done(at);
    *at = next;
}

static void a_first_read_goes_from_page_to_page_to_deltas(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(ferry_checkpoint_begin(at, "t", "contact", "hash", 0, 5), FERRY_OK);
    assert_int_equal(at->read_number, 1);
    assert_null(at->link);
    step(at, "https://o/2", NULL);
    assert_int_equal(at->phase, FERRY_CHECKPOINT_FULL);
    assert_string_equal(at->link, "https://o/2");
    assert_int_equal(at->delta_link_at, 0);
    step(at, NULL, "https://o/d1");
    assert_int_equal(at->phase, FERRY_CHECKPOINT_DELTA);
    assert_int_equal(at->delta_link_at, 77);
    assert_int_equal(at->records_read, 20);
    assert_int_equal(at->pages_read, 2);
    assert_int_equal(at->full_read_started_at, 5);
}

static void a_page_within_a_delta_keeps_the_age_of_its_beginning(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(parse(at, text), FERRY_OK);
    step(at, "https://o/more", NULL);
    assert_int_equal(at->phase, FERRY_CHECKPOINT_DELTA);
    assert_int_equal(at->delta_link_at, 1780000000000);
    step(at, NULL, "https://o/d2");
    assert_int_equal(at->delta_link_at, 77);
}

static void a_further_read_sweeps_before_its_deltas(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(parse(at, text), FERRY_OK);
    assert_int_equal(ferry_checkpoint_begin(at, "t", "contact", "other", 0, 5), FERRY_OK);
    assert_int_equal(at->read_number, 3);
    step(at, NULL, "https://o/d1");
    assert_int_equal(at->phase, FERRY_CHECKPOINT_SWEEP);
    assert_string_equal(at->link, "https://o/d1");
}

/* `replay`: as the run order has it. */
static void begin(struct ferry_checkpoint *at, int64_t replay)
{
    assert_int_equal(ferry_checkpoint_begin(at, "t", "contact", "0f3a", replay, 5), FERRY_OK);
}

static void a_later_replay_is_one_until_its_last_page(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(parse(at, text), FERRY_OK);
    begin(at, 5);
    assert_int_equal(at->read_number, 3);
    assert_int_equal(at->replay, 5);
    assert_true(at->replaying);
    step(at, "https://o/2", NULL);
    assert_true(at->replaying);
    step(at, NULL, "https://o/d1");
    assert_int_equal(at->phase, FERRY_CHECKPOINT_SWEEP);
    assert_int_equal(at->replay, 5);
    assert_false(at->replaying);
}

static void a_read_for_another_reason_is_no_replay(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(parse(at, text), FERRY_OK);
    begin(at, 4);
    assert_false(at->replaying);
    begin(at, 0); /* an order that has lost count asks for nothing */
    assert_int_equal(at->replay, 4);
    assert_false(at->replaying);
}

static void a_replay_that_was_broken_off_is_repeated_as_one(void **state)
{
    struct ferry_checkpoint *at = *state;
    begin(at, 1);
    step(at, "https://o/2", NULL);
    begin(at, 1);
    assert_int_equal(at->read_number, 2);
    assert_true(at->replaying);
}

static void a_sweep_goes_through_the_slices_of_every_partition(void **state)
{
    struct ferry_checkpoint *at = *state;
    struct ferry_checkpoint next;
    ferry_checkpoint_init(&next);
    assert_int_equal(parse(at, text), FERRY_OK);
    at->phase = FERRY_CHECKPOINT_SWEEP;
    assert_int_equal(ferry_checkpoint_swept(&next, at, 500, 1000, 2), FERRY_OK);
    assert_int_equal(next.sweep_partition, 0);
    assert_int_equal(next.sweep_from, 500);
    assert_int_equal(ferry_checkpoint_swept(at, &next, 1000, 1000, 2), FERRY_OK);
    assert_int_equal(at->sweep_partition, 1);
    assert_int_equal(at->sweep_from, 0);
    assert_int_equal(at->phase, FERRY_CHECKPOINT_SWEEP);
    assert_int_equal(ferry_checkpoint_swept(&next, at, 1000, 1000, 2), FERRY_OK);
    assert_int_equal(next.phase, FERRY_CHECKPOINT_DELTA);
    ferry_checkpoint_done(&next);
}

static void rows_of_a_replay_come_before_the_next_delta(void **state)
{
    struct ferry_checkpoint *at = *state;
    char *printed = NULL;
    assert_int_equal(parse(at, text), FERRY_OK);
    assert_false(ferry_checkpoint_picks(at));
    assert_int_equal(ferry_checkpoint_pick(at, 5, "a eq 1"), FERRY_OK);
    assert_true(ferry_checkpoint_picks(at));
    step(at, "https://o/p2", NULL);
    assert_string_equal(at->pick_link, "https://o/p2");
    assert_int_equal(ferry_checkpoint_print(at, &printed), FERRY_OK);
    assert_int_equal(parse(at, printed), FERRY_OK);
    free(printed);
    assert_int_equal(at->replay, 5);
    assert_string_equal(at->pick_where, "a eq 1");
    step(at, NULL, NULL);
    assert_false(ferry_checkpoint_picks(at));
    assert_int_equal(at->phase, FERRY_CHECKPOINT_DELTA);
    assert_non_null(strstr(at->link, "$deltatoken="));
    assert_int_equal(at->delta_link_at, 1780000000000);
}

static void a_full_read_in_between_begins_the_rows_anew_or_ends_them(void **state)
{
    struct ferry_checkpoint *at = *state;
    assert_int_equal(parse(at, text), FERRY_OK);
    assert_int_equal(ferry_checkpoint_pick(at, 5, "a eq 1"), FERRY_OK);
    step(at, "https://o/p2", NULL);
    begin(at, 5);
    assert_false(ferry_checkpoint_picks(at));
    assert_string_equal(at->pick_where, "a eq 1");
    assert_null(at->pick_link);
    assert_int_equal(at->replaying, 0);
    begin(at, 6); /* of the whole table */
    assert_null(at->pick_where);
    assert_int_equal(at->replaying, 1);
    ferry_checkpoint_cancel(at);
    assert_int_equal(at->replaying, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(survives_a_round_trip_with_its_link_byte_for_byte),
        TEST(copies_are_independent),
        TEST(a_full_read_may_have_no_link_yet),
        TEST(refuses_what_it_does_not_understand),
        TEST(a_first_read_goes_from_page_to_page_to_deltas),
        TEST(a_page_within_a_delta_keeps_the_age_of_its_beginning),
        TEST(a_further_read_sweeps_before_its_deltas),
        TEST(a_later_replay_is_one_until_its_last_page),
        TEST(a_full_read_in_between_begins_the_rows_anew_or_ends_them),
        TEST(rows_of_a_replay_come_before_the_next_delta),
        TEST(a_read_for_another_reason_is_no_replay),
        TEST(a_replay_that_was_broken_off_is_repeated_as_one),
        TEST(a_sweep_goes_through_the_slices_of_every_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
