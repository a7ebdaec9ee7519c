#include "consumers/position.h"

#include "core/io/topics.h"

#include "cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What the ledger was given last. */
static struct {
    int messages;
    int partition;
    char key[128];
    char topic[64];
    json_t *value;
} told;

enum ferry_status ferry_ledger_add(struct ferry_ledger *ledger, const char *topic, int partition,
                                   const void *key, size_t key_length, const void *value,
                                   size_t length, const struct ferry_ledger_header *headers)
{
    (void)ledger;
    assert_null(headers);
    told.messages++;
    told.partition = partition;
    memcpy(told.key, key, key_length);
    told.key[key_length] = '\0';
    snprintf(told.topic, sizeof told.topic, "%s", topic);
    json_decref(told.value);
    told.value = json_loadb(value, length, 0, NULL);
    return FERRY_OK;
}

static int forget(void **state)
{
    (void)state;
    json_decref(told.value);
    memset(&told, 0, sizeof told);
    return 0;
}

static void tell(struct ferry_position *position, int64_t offset, bool exact)
{
    assert_int_equal(ferry_position_tell(NULL, "f.checkpoints", "w", position, offset, exact),
                     FERRY_OK);
}

static void the_first_position_is_told_at_once_and_names_its_partition(void **state)
{
    (void)state;
    struct ferry_position position = {.log = "contact", .partition = 3, .told = -1};
    tell(&position, 0, false);
    assert_int_equal(told.messages, 1);
    assert_string_equal(told.topic, "f.checkpoints");
    assert_string_equal(told.key, "w/writer/contact/3");
    assert_in_range(told.partition, 0, FERRY_CHECKPOINT_PARTITIONS - 1);
    assert_int_equal(json_integer_value(json_object_get(told.value, "offset")), 0);
    assert_string_equal(json_string_value(json_object_get(told.value, "table")), "contact");
    assert_int_equal(position.told, 0);
}

static void a_position_is_never_a_stride_behind_what_is_committed(void **state)
{
    (void)state;
    struct ferry_position position = {.log = "contact", .told = 1000};
    for (int64_t offset = 1000; offset < 3000; offset += 7) {
        tell(&position, offset, false);
        assert_in_range(offset - position.told, 0, FERRY_POSITION_STRIDE - 1);
    }
    assert_in_range(told.messages, 1, 2000 / FERRY_POSITION_STRIDE);
}

static void a_clean_stop_tells_the_exact_one_and_only_once(void **state)
{
    (void)state;
    struct ferry_position position = {.log = "contact", .told = 1000};
    tell(&position, 1001, false);
    assert_int_equal(told.messages, 0);
    tell(&position, 1001, true);
    tell(&position, 1001, true);
    assert_int_equal(told.messages, 1);
    assert_int_equal(position.told, 1001);
}

static void of_what_was_not_read_nothing_is_known(void **state)
{
    (void)state;
    assert_int_equal(ferry_positions_find(NULL, "f.changes.contact", 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_first_position_is_told_at_once_and_names_its_partition,
                                  forget),
        cmocka_unit_test_teardown(a_position_is_never_a_stride_behind_what_is_committed, forget),
        cmocka_unit_test_teardown(a_clean_stop_tells_the_exact_one_and_only_once, forget),
        cmocka_unit_test(of_what_was_not_read_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
