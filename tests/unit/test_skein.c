/* Whose letter goes next, of several partitions, and whether there is room for more. */
#include "consumers/skein.h"

#include "cmocka_all.h"

#include <string.h>

#define TOPIC "f.events.email"
#define MANY  (FERRY_STRAND_GATE + 500)

/* ---- partitions 0, 1 and 2, from offset 0 on ---- */

static int make_skein(void **state)
{
    static struct ferry_skein skein;
    const struct ferry_group_part parts[] = {
        {.topic = TOPIC}, {.topic = TOPIC, .partition = 1}, {.topic = TOPIC, .partition = 2}};
    skein = (struct ferry_skein){.topic = TOPIC};
    assert_int_equal(ferry_skein_open(&skein, parts, 3), FERRY_OK);
    *state = &skein;
    return 0;
}

static int end_skein(void **state)
{
    struct ferry_skein *skein = *state;
    ferry_skein_drop(skein);
    assert_null(skein->strands);
    assert_false(skein->open);
    return 0;
}

/* So many events of that partition are read. */
static void read_events(struct ferry_skein *skein, int partition, int count)
{
    static const char value[] = "an event";
    struct ferry_strand *strand = ferry_skein_find(skein, TOPIC, partition);
    assert_non_null(strand);
    for (int i = 0; i < count; i++)
        assert_int_equal(ferry_strand_take(strand, i, value, sizeof value), FERRY_OK);
}

/* The partition whose letter goes next, and has its fate at once; -1: no letter may go. */
static int next_partition(struct ferry_skein *skein)
{
    struct ferry_letter *letter = ferry_skein_next(skein, 1000);
    if (!letter)
        return -1;
    int partition = letter->strand->partition;
    ferry_strand_settle(letter);
    return partition;
}

static void commit(struct ferry_skein *skein)
{
    rd_kafka_topic_partition_list_t *offsets = ferry_skein_offsets(skein, false);
    assert_int_equal(offsets->cnt, 3);
    for (int i = 0; i < offsets->cnt; i++)
        assert_true(ferry_skein_commit(skein, &offsets->elems[i]));
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void one_of_each_partition_goes_in_turn(void **state)
{
    static const int expected[] = {0, 1, 2, 0, 1, 2, 0, 1, 0, 0, -1};
    read_events(*state, 0, 5);
    read_events(*state, 1, 3);
    read_events(*state, 2, 2);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(next_partition(*state), expected[i]);
}

static void who_comes_behind_very_many_of_another_partition_goes_next(void **state)
{
    read_events(*state, 0, MANY);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(next_partition(*state), 0);
    read_events(*state, 1, 2);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 0);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 0);
}

static void one_that_may_send_no_more_before_it_commits_holds_back_nobody(void **state)
{
    read_events(*state, 0, MANY);
    for (int i = 0; i < FERRY_STRAND_GATE; i++)
        assert_int_equal(next_partition(*state), 0);
    assert_int_equal(next_partition(*state), -1);
    read_events(*state, 1, 3);
    read_events(*state, 2, 1);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 2);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), -1);
}

static void one_that_committed_has_its_turn_again(void **state)
{
    read_events(*state, 0, MANY);
    for (int i = 0; i < FERRY_STRAND_GATE; i++)
        assert_int_equal(next_partition(*state), 0);
    read_events(*state, 1, 9);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 1);
    commit(*state);
    assert_int_equal(next_partition(*state), 0);
    assert_int_equal(next_partition(*state), 1);
    assert_int_equal(next_partition(*state), 0);
}

static void only_what_moved_is_committed_unless_all_is_wanted(void **state)
{
    struct ferry_skein *skein = *state;
    rd_kafka_topic_partition_list_t *offsets = ferry_skein_offsets(skein, false);
    assert_int_equal(offsets->cnt, 0);
    rd_kafka_topic_partition_list_destroy(offsets);
    offsets = ferry_skein_offsets(skein, true);
    assert_int_equal(offsets->cnt, 3);
    rd_kafka_topic_partition_list_destroy(offsets);
    read_events(skein, 2, 4);
    assert_int_equal(next_partition(skein), 2);
    offsets = ferry_skein_offsets(skein, false);
    assert_int_equal(rd_kafka_topic_partition_list_find(offsets, TOPIC, 2)->offset, 1);
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void a_commit_of_a_foreign_partition_or_of_long_ago_is_none_of_ours(void **state)
{
    struct ferry_skein *skein = *state;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *part = rd_kafka_topic_partition_list_add(list, TOPIC, 3);
    part->offset = 5;
    assert_false(ferry_skein_commit(skein, part));
    part->partition = 0;
    part->offset = -1;
    assert_false(ferry_skein_commit(skein, part));
    rd_kafka_topic_partition_list_destroy(list);
}

static void who_is_full_has_room_again_when_some_have_gone(void **state)
{
    struct ferry_skein *skein = *state;
    assert_true(ferry_skein_has_room(skein));
    for (int partition = 0; partition < 3; partition++)
        read_events(skein, partition, 4000);
    assert_false(ferry_skein_has_room(skein));
    assert_false(ferry_skein_expects(skein));
    for (int i = 0; i < 6001; i++)
        assert_true(next_partition(skein) >= 0);
    assert_true(ferry_skein_has_room(skein));
    assert_true(ferry_skein_expects(skein));
}

#define WITH_SKEIN(test) cmocka_unit_test_setup_teardown(test, make_skein, end_skein)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SKEIN(one_of_each_partition_goes_in_turn),
        WITH_SKEIN(who_comes_behind_very_many_of_another_partition_goes_next),
        WITH_SKEIN(one_that_may_send_no_more_before_it_commits_holds_back_nobody),
        WITH_SKEIN(one_that_committed_has_its_turn_again),
        WITH_SKEIN(only_what_moved_is_committed_unless_all_is_wanted),
        WITH_SKEIN(a_commit_of_a_foreign_partition_or_of_long_ago_is_none_of_ours),
        WITH_SKEIN(who_is_full_has_room_again_when_some_have_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
