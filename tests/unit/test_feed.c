/* What of the changes of opt-outs is a reason to look, and which is none. */
#include "consumers/feed.h"

#include "cmocka_all.h"

#include "core/io/kafka.h"
#include "core/io/topics.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC   "f.optouts.campaign"
#define CONTACT "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"

struct world {
    struct ferry_feed *feed;
    struct ferry_buffer value; /* a change of the contact */
    struct ferry_reason *reason;
    struct ferry_error error;
};

static int home_of(const char *contact)
{
    return ferry_kafka_partition(contact, strlen(contact), FERRY_DATA_PARTITIONS);
}

static void encode(const char *contact, struct ferry_buffer *out)
{
    const struct ferry_optout_change change = {.contact = {contact, strlen(contact)},
                                               .side = FERRY_SIDE_CAMPAIGN,
                                               .source = FERRY_OPTOUT_API,
                                               .read_at = 1795240800001};
    struct ferry_error error;
    ferry_buffer_init(out, 1 << 12);
    assert_int_equal(ferry_optout_encode(&change, NULL, out, &error), FERRY_OK);
}

static struct world make_world(const char *contact, int partition)
{
    const struct ferry_group_part part = {.topic = TOPIC, .partition = partition, .committed = 10};
    struct world world = {.feed = ferry_feed_new(TOPIC, "optouts.campaign", false, &part)};
    assert_non_null(world.feed);
    encode(contact, &world.value);
    return world;
}

static void end_world(struct world *world)
{
    ferry_buffer_done(&world->value);
    ferry_feed_free(world->feed);
}

static enum ferry_status take(struct world *world, int64_t offset)
{
    return ferry_feed_take(world->feed, offset, world->value.data, world->value.length,
                           &world->reason, &world->error);
}

static void a_change_is_open_until_it_is_settled(void **state)
{
    struct world world = make_world(CONTACT, home_of(CONTACT));
    (void)state;
    world.feed->at_end = true;
    assert_int_equal(take(&world, 12), FERRY_OK);
    assert_false(world.feed->at_end);
    assert_ptr_equal(world.reason->feed, world.feed);
    assert_memory_equal(world.reason->change.contact.data, CONTACT, strlen(CONTACT));
    assert_int_equal(ferry_window_oldest(&world.feed->window), 1795240800001);
    assert_int_equal(ferry_window_prefix(&world.feed->window), 12);
    ferry_reason_settle(world.reason);
    assert_int_equal(ferry_window_prefix(&world.feed->window), 13);
    end_world(&world);
}

static void what_was_read_before_is_ignored(void **state)
{
    struct world world = make_world(CONTACT, home_of(CONTACT));
    (void)state;
    assert_int_equal(take(&world, 9), FERRY_OK);
    assert_null(world.reason);
    assert_int_equal(ferry_window_prefix(&world.feed->window), 10);
    end_world(&world);
}

/* The reason is there all the same, to be rejected. */
static void assert_no_change(const char *contact, int partition, const char *word)
{
    struct world world = make_world(contact, partition);
    assert_int_equal(take(&world, 10), FERRY_BAD_RECORD);
    assert_non_null(world.reason);
    assert_non_null(strstr(world.error.message, word));
    assert_int_equal(world.reason->length, world.value.length);
    assert_memory_equal(world.reason->value, world.value.data, world.value.length);
    ferry_reason_settle(world.reason);
    assert_int_equal(ferry_window_prefix(&world.feed->window), 11);
    end_world(&world);
}

static void a_contact_that_is_no_guid_is_no_reason(void **state)
{
    (void)state;
    assert_no_change("4711", home_of("4711"), "no GUID");
}

static void a_contact_in_upper_case_is_no_reason(void **state)
{
    const char *upper = "5F1C0B8E-8A3D-EC11-8C62-000D3A1B2C3D";
    (void)state;
    assert_no_change(upper, home_of(upper), "lower case");
}

static void a_contact_in_a_foreign_partition_is_no_reason(void **state)
{
    (void)state;
    assert_no_change(CONTACT, (home_of(CONTACT) + 1) % FERRY_DATA_PARTITIONS, "partition");
}

static void bytes_that_are_no_change_are_no_reason(void **state)
{
    struct world world = make_world(CONTACT, home_of(CONTACT));
    (void)state;
    ferry_buffer_done(&world.value); /* a tombstone */
    assert_int_equal(take(&world, 10), FERRY_BAD_RECORD);
    assert_non_null(world.reason);
    ferry_reason_settle(world.reason);
    assert_int_equal(ferry_window_prefix(&world.feed->window), 11);
    end_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_open_until_it_is_settled),
        cmocka_unit_test(what_was_read_before_is_ignored),
        cmocka_unit_test(a_contact_that_is_no_guid_is_no_reason),
        cmocka_unit_test(a_contact_in_upper_case_is_no_reason),
        cmocka_unit_test(a_contact_in_a_foreign_partition_is_no_reason),
        cmocka_unit_test(bytes_that_are_no_change_are_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
