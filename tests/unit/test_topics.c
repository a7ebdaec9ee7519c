#include "core/io/kafka.h"
#include "core/io/topics.h"

#include "cmocka_all.h"

#include <string.h>

static void names_carry_instance_kind_and_table(void **state)
{
    (void)state;
    char name[FERRY_TOPIC_SIZE];
    ferry_topic_name("stage", (struct ferry_topic){FERRY_TOPIC_CHANGES, "contact"}, name);
    assert_string_equal(name, "stage.changes.contact");
    ferry_topic_name("stage", (struct ferry_topic){FERRY_TOPIC_STATUS, NULL}, name);
    assert_string_equal(name, "stage.status");
}

static void a_table_is_found_in_the_names_of_its_own_instance_only(void **state)
{
    (void)state;
    assert_string_equal(ferry_topic_table("a", FERRY_TOPIC_CHANGES, "a.changes.new_purchase"),
                        "new_purchase");
    assert_null(ferry_topic_table("a", FERRY_TOPIC_CHANGES, "b.changes.new_purchase"));
    assert_null(ferry_topic_table("a", FERRY_TOPIC_CHANGES, "a.written.new_purchase"));
    assert_null(ferry_topic_table("a", FERRY_TOPIC_CHANGES, "a.changes."));
}

static void the_three_topics_of_a_table_have_the_same_partitions(void **state)
{
    (void)state;
    int partitions = ferry_topic_partitions(FERRY_TOPIC_CHANGES);
    assert_int_equal(partitions, FERRY_DATA_PARTITIONS);
    assert_int_equal(ferry_topic_partitions(FERRY_TOPIC_WRITTEN), partitions);
    assert_int_equal(ferry_topic_partitions(FERRY_TOPIC_WAITING), partitions);
}

/* Known answers of Java's Utils.murmur2 (Kafka's own UtilsTest), cut to 31 bits and taken modulo.
 */
static void keys_go_where_java_sends_them(void **state)
{
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {{"21", -973932308},
                 {"foobar", -790332482},
                 {"a-little-bit-long-string", -985981536},
                 {"a-little-bit-longer-string", -1486304829},
                 {"abc", 479470107}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ferry_kafka_partition(cases[i].key, strlen(cases[i].key), 8),
                         (cases[i].hash & 0x7fffffff) % 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_carry_instance_kind_and_table),
        cmocka_unit_test(a_table_is_found_in_the_names_of_its_own_instance_only),
        cmocka_unit_test(the_three_topics_of_a_table_have_the_same_partitions),
        cmocka_unit_test(keys_go_where_java_sends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
