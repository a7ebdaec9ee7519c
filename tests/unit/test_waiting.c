#include "consumers/share.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PARENT  "78914942-34cb-ed11-b596-0022481d68cd"
#define STRANGE "00000000-34cb-ed11-b596-0022481d68cd"

static const char *const purchase =
    "{\"id\":\"p\",\"table\":\"new_purchase\",\"entitySet\":\"s\",\"primaryId\":\"i\","
    "\"api\":\"a\",\"resource\":\"r\",\"key\":\"k\",\"columnsHash\":\"0\","
    "\"columns\":[\"_new_contact_value\"],\"fields\":[{\"source\":\"_new_contact_value\","
    "\"sourceType\":\"Lookup\",\"destination\":\"d\",\"destinationType\":\"link\","
    "\"linkTable\":\"contact\"}]}";

#define PARTITION 3

struct place {
    char folder[64];
    struct ferry_map *map;
    struct ferry_mapping *mapping;
    struct ferry_waiting *waiting;
    struct ferry_buffer value; /* a purchase of PARENT */
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    struct ferry_error error;
    json_t *json = from_json(purchase);
    snprintf(place->folder, sizeof place->folder, "/tmp/ferry-waiting-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    assert_int_equal(ferry_map_new(place->folder, 1, &place->map, &error), FERRY_OK);
    assert_int_equal(ferry_mapping_new(json, &place->mapping, &error), FERRY_OK);
    json_decref(json);
    assert_int_equal(
        ferry_waiting_open(place->map, place->mapping, PARTITION, &place->waiting, &error),
        FERRY_OK);

    struct ferry_change change;
    const struct ferry_wire wire = {.registered = false};
    json_t *columns = from_json("{\"_new_contact_value\":\"" PARENT "\"}");
    change_from(columns, &change);
    ferry_buffer_init(&place->value, 4096);
    assert_int_equal(ferry_change_encode(&change, &wire, &place->value, &error), FERRY_OK);
    ferry_change_done(&change);
    json_decref(columns);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    static const char *const files[] = {"memory.mdb", "boot", "lock"};
    struct place *place = *state;
    char path[128];
    ferry_waiting_close(place->waiting);
    ferry_mapping_free(place->mapping);
    ferry_map_free(place->map);
    ferry_buffer_done(&place->value);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", place->folder, files[i]);
        unlink(path);
    }
    rmdir(place->folder);
    free(place);
    return 0;
}

static void put(struct place *place, const char *key, enum ferry_wait why, int64_t decision)
{
    const struct ferry_waiting_entry entry = {
        .why = why, .since = 7, .offset = key[0], .decision = decision};
    struct ferry_error error;
    if (ferry_waiting_put(place->waiting, slice_of(key), &entry,
                          (struct ferry_slice){place->value.data, place->value.length},
                          &error) != FERRY_OK)
        fail_msg("%s", error.message);
}

static void take_out(struct place *place, const char *key, bool expected)
{
    struct ferry_error error;
    bool found = !expected;
    assert_int_equal(ferry_waiting_remove(place->waiting, slice_of(key), &found, &error), FERRY_OK);
    assert_int_equal(found, expected);
}

static void what_was_put_is_found_until_it_is_removed(void **state)
{
    struct place *place = *state;
    struct ferry_waiting_entry entry;
    struct ferry_slice value;
    put(place, "a", FERRY_WAIT_PARENT, 0);
    put(place, "other", FERRY_WAIT_PARENT,
        0); /* goes on waiting: a count of 0 finds nothing anyway */
    assert_true(ferry_waiting_get(place->waiting, slice_of("a"), &entry));
    assert_int_equal(entry.since, 7);
    assert_true(ferry_waiting_value(place->waiting, slice_of("a"), &value));
    assert_int_equal(value.length, place->value.length);
    take_out(place, "a", true);
    take_out(place, "a", false);
    assert_false(ferry_waiting_get(place->waiting, slice_of("a"), &entry));
}

static void entries_are_counted_by_what_they_wait_for(void **state)
{
    struct place *place = *state;
    put(place, "a", FERRY_WAIT_PARENT, 0);
    put(place, "b", FERRY_WAIT_PARENT, 0);
    put(place, "b", FERRY_WAIT_DELETE, 0); /* in its place */
    assert_int_equal(ferry_waiting_count(place->waiting, FERRY_WAIT_PARENT), 1);
    assert_int_equal(ferry_waiting_count(place->waiting, FERRY_WAIT_DELETE), 1);
    take_out(place, "b", true);
    assert_int_equal(ferry_waiting_total(place->waiting), 1);
}

static void a_decision_is_about_what_waited_before_it(void **state)
{
    struct place *place = *state;
    struct ferry_deletion all = {.decision = 1};
    all.below[PARTITION] = INT64_MAX;
    put(place, "a", FERRY_WAIT_DELETE, 0);
    put(place, "b", FERRY_WAIT_DELETE, 0);
    assert_int_equal(ferry_waiting_undecided(place->waiting), 2);
    ferry_waiting_decide(place->waiting, &all);
    assert_int_equal(ferry_waiting_undecided(place->waiting), 0);
    put(place, "c", FERRY_WAIT_DELETE, 1);
    take_out(place, "a", true);
    assert_int_equal(ferry_waiting_undecided(place->waiting), 1);
}

static void a_decision_is_not_about_offsets_that_nobody_had_seen(void **state)
{
    struct place *place = *state;
    struct ferry_deletion seen = {.decision = 1};
    seen.below[PARTITION] = 'c';
    put(place, "a", FERRY_WAIT_DELETE, 0);
    put(place, "b", FERRY_WAIT_DELETE, 0);
    put(place, "c", FERRY_WAIT_DELETE, 0);
    ferry_waiting_decide(place->waiting, &seen);
    assert_int_equal(ferry_waiting_undecided(place->waiting), 1);
    put(place, "d", FERRY_WAIT_DELETE, 0); /* before it was heard of */
    assert_int_equal(ferry_waiting_undecided(place->waiting), 2);
    take_out(place, "b", true);
    take_out(place, "c", true);
    assert_int_equal(ferry_waiting_undecided(place->waiting), 1);
}

static void children_are_found_by_their_parent(void **state)
{
    struct place *place = *state;
    struct ferry_buffer names;
    ferry_buffer_init(&names, 1000);
    put(place, "a", FERRY_WAIT_PARENT, 0);
    put(place, "b", FERRY_WAIT_PARENT, 0);
    put(place, "b", FERRY_WAIT_PARENT, 0); /* once, however often it is put */
    assert_int_equal(ferry_waiting_children(place->waiting, "contact", slice_of(PARENT), &names),
                     FERRY_OK);
    assert_int_equal(names.length, 4);
    assert_memory_equal(names.data, "a\0b", 4);
    ferry_buffer_clear(&names);
    assert_int_equal(ferry_waiting_children(place->waiting, "contact", slice_of(STRANGE), &names),
                     FERRY_OK);
    assert_int_equal(ferry_waiting_children(place->waiting, "account", slice_of(PARENT), &names),
                     FERRY_OK);
    assert_int_equal(names.length, 0);
    ferry_buffer_done(&names);
}

static void a_look_through_sees_every_entry_once(void **state)
{
    struct place *place = *state;
    struct ferry_waiting_entry entry;
    char key[FERRY_WAIT_KEY_SIZE];
    char at[FERRY_WAIT_KEY_SIZE] = "";
    int seen = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "%08d", i);
        put(place, key, FERRY_WAIT_PARENT, 0);
    }
    while (ferry_waiting_next(place->waiting, at, &entry)) {
        assert_int_equal(atoi(at), seen);
        if (seen++ % 2 == 0) /* what it has seen may go meanwhile */
            take_out(place, at, true);
    }
    assert_int_equal(seen, 3000);
    assert_int_equal(ferry_waiting_total(place->waiting), 1500);
}

static void a_partition_taken_over_is_empty(void **state)
{
    struct place *place = *state;
    struct ferry_waiting_entry entry;
    struct ferry_error error;
    put(place, "a", FERRY_WAIT_PARENT, 0);
    ferry_waiting_close(place->waiting);
    assert_int_equal(
        ferry_waiting_open(place->map, place->mapping, PARTITION, &place->waiting, &error),
        FERRY_OK);
    assert_int_equal(ferry_waiting_total(place->waiting), 0);
    assert_false(ferry_waiting_get(place->waiting, slice_of("a"), &entry));
}

/* As the predecessor may have sent what waits, and not lived to say so. */
static void a_change_is_as_uncertain_as_what_waits_under_its_key(void **state)
{
    struct place *place = *state;
    static struct ferry_mapping mapping = {.table = "contact"};
    static struct ferry_table table = {.mapping = &mapping};
    struct ferry_share *share = NULL;
    struct ferry_error error;
    char keys[2][2] = {"a", "b"};
    put(place, "a", FERRY_WAIT_PARENT, 0);
    assert_int_equal(ferry_share_new(&table, 3, 0, 0, &share, &error), FERRY_OK);
    share->waiting = place->waiting;
    for (int i = 0; i < 2; i++) {
        const rd_kafka_message_t message = {.payload = place->value.data,
                                            .len = place->value.length,
                                            .key = keys[i],
                                            .key_len = 1,
                                            .offset = i};
        assert_int_equal(ferry_share_take(share, &message, ""), FERRY_OK);
    }
    assert_false(ferry_share_next(share)->now->certain);
    assert_true(ferry_share_next(share)->now->certain);
    share->waiting = NULL;
    ferry_share_free(share);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found_until_it_is_removed),
        TEST(entries_are_counted_by_what_they_wait_for),
        TEST(a_decision_is_about_what_waited_before_it),
        TEST(a_decision_is_not_about_offsets_that_nobody_had_seen),
        TEST(children_are_found_by_their_parent),
        TEST(a_look_through_sees_every_entry_once),
        TEST(a_partition_taken_over_is_empty),
        TEST(a_change_is_as_uncertain_as_what_waits_under_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
