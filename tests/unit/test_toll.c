#include "consumers/stamp.h"
#include "consumers/toll.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define NOW  INT64_C(1795240800000)
#define HOUR INT64_C(3600000)

static struct ferry_toll of(int count, int64_t decision)
{
    struct ferry_toll toll = {.count = 0};
    for (int i = 0; i < count; i++)
        ferry_toll_count(&toll, decision, NOW + i);
    return toll;
}

static void what_went_is_forgotten_after_an_hour(void **state)
{
    (void)state;
    struct ferry_toll toll = of(3, 0);
    assert_true(ferry_toll_recent(&toll, 0, NOW + HOUR - 1) == 3);
    assert_true(ferry_toll_recent(&toll, 0, NOW + HOUR) == 0);
    ferry_toll_count(&toll, 0, NOW + HOUR);
    assert_true(ferry_toll_recent(&toll, 0, NOW + 2 * HOUR - 1) == 1);
}

static void decision_begins_anew(void **state)
{
    (void)state;
    struct ferry_toll toll = of(3, 1);
    assert_true(ferry_toll_recent(&toll, 2, NOW) == 0);
    /* Whoever has not heard of it yet must not be laxer than who has. */
    assert_true(ferry_toll_recent(&toll, 0, NOW) == 3);
    ferry_toll_count(&toll, 2, NOW);
    assert_true(ferry_toll_recent(&toll, 2, NOW) == 1);
}

static void it_travels_behind_the_stamp(void **state)
{
    (void)state;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *offset = rd_kafka_topic_partition_list_add(list, "changes", 3);
    const struct ferry_toll toll = {.count = INT64_MAX, .since = INT64_MAX, .decision = INT64_MAX};
    ferry_stamp_put(offset, UINT64_MAX);
    ferry_toll_put(offset, &toll);
    const struct ferry_toll found = ferry_toll_of(offset);
    assert_memory_equal(&found, &toll, sizeof toll);
    assert_true(ferry_stamp_of(offset) == UINT64_MAX);
    rd_kafka_topic_partition_list_destroy(list);
}

static void none_is_not_written_and_anything_else_is_none(void **state)
{
    (void)state;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *offset = rd_kafka_topic_partition_list_add(list, "changes", 3);
    const struct ferry_toll none = {.count = 0};
    const struct ferry_toll toll = of(3, 0);
    assert_true(ferry_toll_of(offset).count == 0);
    ferry_toll_put(offset, &toll); /* there is no stamp: nothing to travel behind */
    assert_null(offset->metadata);
    ferry_stamp_put(offset, 7);
    ferry_toll_put(offset, &none);
    assert_int_equal(offset->metadata_size, 16);
    assert_true(ferry_toll_of(offset).count == 0);
    static const char *const foreign[] = {"0000000000000007/", "0000000000000007/5/7",
                                          "0000000000000007/five/7/1", "a sentence/5/7/1"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        free(offset->metadata);
        offset->metadata = strdup(foreign[i]);
        offset->metadata_size = strlen(foreign[i]);
        assert_true(ferry_toll_of(offset).count == 0);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_is_forgotten_after_an_hour),
        cmocka_unit_test(decision_begins_anew),
        cmocka_unit_test(it_travels_behind_the_stamp),
        cmocka_unit_test(none_is_not_written_and_anything_else_is_none),
    };
    return cmocka_run_group_tests_name("toll", tests, NULL, NULL);
}
