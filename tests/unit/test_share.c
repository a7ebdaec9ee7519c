#include "consumers/share.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct ferry_mapping mapping = {.table = "contact"};
static struct ferry_table table = {.mapping = &mapping};

static struct ferry_share *share_of(int64_t committed, int64_t log_end)
{
    struct ferry_share *share = NULL;
    struct ferry_error error;
    assert_int_equal(ferry_share_new(&table, 0, committed, log_end, &share, &error), FERRY_OK);
    return share;
}

static void take(struct ferry_share *share, int64_t offset, const char *id, int64_t version)
{
    struct ferry_buffer buffer;
    struct ferry_error error;
    const struct ferry_wire wire = {false, 0};
    const struct ferry_change change = {
        .table = {"contact", 7}, .id = {id, strlen(id)}, .version = version, .read_at = offset + 1};
    ferry_buffer_init(&buffer, 1000);
    assert_int_equal(ferry_change_encode(&change, &wire, &buffer, &error), FERRY_OK);
    char key[64];
    snprintf(key, sizeof key, "%s", id);
    const rd_kafka_message_t message = {.payload = buffer.data,
                                        .len = buffer.length,
                                        .key = key,
                                        .key_len = strlen(key),
                                        .offset = offset};
    assert_int_equal(ferry_share_take(share, &message, ""), FERRY_OK);
    ferry_buffer_done(&buffer);
}

static void take_many(struct ferry_share *share, int64_t from, int64_t to)
{
    char id[32];
    for (int64_t offset = from; offset < to; offset++) {
        snprintf(id, sizeof id, "id-%lld", (long long)offset);
        take(share, offset, id, offset);
    }
}

/* As the dispatcher does with a change that needs no request. */
static void finish(struct ferry_share *share, struct ferry_lane *lane)
{
    assert_non_null(lane);
    ferry_share_settle(share, lane);
}

static void a_predecessor_that_came_further_is_looked_for_further(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 10000);
    share->doubted += 250;
    take_many(share, 0, FERRY_SHARE_GATE);
    assert_null(ferry_share_next(share));
    take_many(share, FERRY_SHARE_GATE, FERRY_SHARE_GATE + 249);
    assert_null(ferry_share_next(share));
    take(share, FERRY_SHARE_GATE + 249, "id-0", 99999);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_false(lane->now->certain);
    ferry_share_free(share);
}

static void a_new_record_at_the_end_may_be_sent_at_once_and_is_certain(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(10, 10);
    take(share, 10, "a", 1);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_true(lane->now->certain);
    assert_int_equal(lane->now->version, 1);
    assert_int_equal(ferry_window_oldest(&share->window), 11);
    finish(share, lane);
    assert_null(share->lanes);
    assert_int_equal(ferry_window_prefix(&share->window), 11);
    assert_int_equal(share->bytes, 0);
    ferry_share_free(share);
}

static void nothing_is_sent_before_what_a_predecessor_may_have_sent_was_read(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 3);
    take(share, 0, "a", 1);
    take(share, 1, "b", 1);
    assert_null(ferry_share_next(share));
    take(share, 2, "a", 2);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_string_equal(lane->key, "a");
    assert_int_equal(lane->now->version, 2); /* version 1 must never follow a version 2 */
    assert_false(lane->now->certain);
    finish(share, lane);
    assert_int_equal(ferry_window_prefix(&share->window), 1);
    ferry_share_free(share);
}

static void the_end_of_the_partition_ends_the_hold(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 100); /* the rest hides behind an open transaction */
    take(share, 0, "a", 1);
    assert_null(ferry_share_next(share));
    ferry_share_reach(share, 1);
    finish(share, ferry_share_next(share));
    ferry_share_free(share);
}

static void only_what_a_predecessor_can_have_touched_is_uncertain(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 10000);
    take_many(share, 0, FERRY_SHARE_GATE + 2);
    struct ferry_lane *lane;
    int count = 0;
    while ((lane = ferry_share_next(share))) {
        assert_false(lane->now->certain);
        finish(share, lane);
        count++;
    }
    assert_int_equal(count, FERRY_SHARE_GATE);
    ferry_window_commit(&share->window, ferry_window_prefix(&share->window));
    lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_true(lane->now->certain);
    finish(share, lane);
    ferry_share_free(share);
}

static void nothing_is_sent_far_beyond_what_is_committed(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 0);
    take_many(share, 0, 2 * FERRY_SHARE_GATE);
    struct ferry_lane *first = ferry_share_next(share);
    for (int i = 1; i < FERRY_SHARE_GATE; i++)
        finish(share, ferry_share_next(share));
    assert_null(ferry_share_next(share));
    finish(share, first);
    assert_null(ferry_share_next(share)); /* known is not committed */
    ferry_window_commit(&share->window, ferry_window_prefix(&share->window));
    finish(share, ferry_share_next(share));
    ferry_share_free(share);
}

/* Otherwise the oldest record could wait in a lane whose newest one waits for the oldest to be
 * committed. */
static void a_change_from_beyond_the_gate_does_not_replace_one_within(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 0);
    take(share, 0, "a", 1);
    take_many(share, 1, FERRY_SHARE_GATE);
    take(share, FERRY_SHARE_GATE, "a", 2);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_string_equal(lane->key, "a");
    assert_int_equal(lane->now->version, 1);
    finish(share, lane);
    while ((lane = ferry_share_next(share)))
        finish(share, lane);
    assert_int_equal(ferry_window_prefix(&share->window), FERRY_SHARE_GATE);
    ferry_window_commit(&share->window, FERRY_SHARE_GATE);
    lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_int_equal(lane->now->version, 2);
    finish(share, lane);
    ferry_share_free(share);
}

/* What is held may be given, or is about to be when a commit moves the gate. */
static int finish_all(struct ferry_share *share)
{
    struct ferry_lane *lane;
    int count = 0;
    int before;
    do {
        before = count;
        for (; (lane = ferry_share_next(share)); count++)
            finish(share, lane);
        ferry_window_commit(&share->window, ferry_window_prefix(&share->window));
    } while (count > before);
    return count;
}

static void few_keys_that_change_often_come_to_an_end(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 0);
    char id[32];
    int64_t records = INT64_C(7) * FERRY_SHARE_GATE + 33;
    for (int64_t offset = 0; offset < records; offset++) {
        snprintf(id, sizeof id, "id-%lld", (long long)(offset * offset % 53));
        take(share, offset, id, offset);
    }
    int requests = finish_all(share);
    assert_int_equal(ferry_window_prefix(&share->window), records);
    assert_null(share->lanes);
    assert_int_equal(share->bytes, 0);
    /* 27 squares modulo 53: merged, not one by one */
    assert_in_range(requests, 27 * 7, 27 * 2 * 8);
    ferry_share_free(share);
}

static void an_offset_that_comes_again_changes_nothing(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 0);
    take(share, 0, "a", 1);
    take(share, 1, "a", 2);
    take(share, 0, "a", 1);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_int_equal(lane->now->version, 2);
    finish(share, lane);
    take(share, 1, "b", 2);
    assert_null(ferry_share_next(share));
    assert_int_equal(ferry_window_prefix(&share->window), 2);
    ferry_share_free(share);
}

static void what_cannot_be_decoded_is_kept_for_its_turn(void **state)
{
    (void)state;
    struct ferry_share *share = share_of(0, 0);
    char key[] = "a";
    char payload[] = "nonsense";
    const rd_kafka_message_t message = {
        .payload = payload, .len = sizeof payload - 1, .key = key, .key_len = 1};
    assert_int_equal(ferry_share_take(share, &message, ""), FERRY_OK);
    struct ferry_lane *lane = ferry_share_next(share);
    assert_non_null(lane);
    assert_memory_equal(lane->now->value, "nonsense", 8);
    assert_int_equal(ferry_window_prefix(&share->window), 0);
    finish(share, lane);
    ferry_share_free(share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_record_at_the_end_may_be_sent_at_once_and_is_certain),
        cmocka_unit_test(a_predecessor_that_came_further_is_looked_for_further),
        cmocka_unit_test(nothing_is_sent_before_what_a_predecessor_may_have_sent_was_read),
        cmocka_unit_test(the_end_of_the_partition_ends_the_hold),
        cmocka_unit_test(only_what_a_predecessor_can_have_touched_is_uncertain),
        cmocka_unit_test(nothing_is_sent_far_beyond_what_is_committed),
        cmocka_unit_test(a_change_from_beyond_the_gate_does_not_replace_one_within),
        cmocka_unit_test(few_keys_that_change_often_come_to_an_end),
        cmocka_unit_test(an_offset_that_comes_again_changes_nothing),
        cmocka_unit_test(what_cannot_be_decoded_is_kept_for_its_turn),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
