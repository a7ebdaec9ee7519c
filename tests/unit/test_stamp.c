#include "consumers/stamp.h"

#include "cmocka_all.h"

#include <string.h>

static rd_kafka_topic_partition_list_t *one_offset(void)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "changes.contact", 3);
    return list;
}

static void what_was_put_is_found_also_in_a_copy(void **state)
{
    (void)state;
    rd_kafka_topic_partition_list_t *list = one_offset();
    ferry_stamp_put(&list->elems[0], 7);
    ferry_stamp_put(&list->elems[0], UINT64_MAX - 1); /* in its place */
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);
    assert_true(ferry_stamp_of(&copy->elems[0]) == UINT64_MAX - 1);
    rd_kafka_topic_partition_list_destroy(copy);
    rd_kafka_topic_partition_list_destroy(list);
}

static void what_somebody_else_wrote_there_is_none(void **state)
{
    (void)state;
    rd_kafka_topic_partition_list_t *list = one_offset();
    char longer[] = "not a stamp but a sentence";
    assert_true(ferry_stamp_of(&list->elems[0]) == 0);
    list->elems[0].metadata = longer;
    list->elems[0].metadata_size = strlen(longer);
    assert_true(ferry_stamp_of(&list->elems[0]) == 0);
    list->elems[0].metadata = NULL;
    rd_kafka_topic_partition_list_destroy(list);
}

static void two_stamps_differ(void **state)
{
    (void)state;
    uint64_t stamp = ferry_stamp_new();
    assert_true(stamp != 0);
    assert_true(stamp != ferry_stamp_new());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_also_in_a_copy),
        cmocka_unit_test(what_somebody_else_wrote_there_is_none),
        cmocka_unit_test(two_stamps_differ),
    };
    return cmocka_run_group_tests_name("stamp", tests, NULL, NULL);
}
