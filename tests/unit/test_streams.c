/* Which partitions of the topics of opt-outs are ours, and how far they are worked through. The
 * deletions are played by the test. */
#include "consumers/streams.h"

#include "cmocka_all.h"

#include "consumers/trim.h"

#include <stdlib.h>
#include <string.h>

#define DYNAMICS "f.optouts.dynamics"
#define CAMPAIGN "f.optouts.campaign"
#define LOAD     "f.optouts.load"

/* ---- the deletions ---- */

struct ferry_trim {
    struct ferry_trim_options options;
    int64_t noted;
    bool busy;
};

static struct ferry_trim *trims[FERRY_STREAMS];
static int trim_count;

enum ferry_status ferry_trim_new(const struct ferry_trim_options *options,
                                 struct ferry_trim **ret_trim, struct ferry_error *error)
{
    (void)error;
    struct ferry_trim *trim = calloc(1, sizeof *trim);
    assert_non_null(trim);
    trim->options = *options;
    trims[trim_count++] = *ret_trim = trim;
    return FERRY_OK;
}

void ferry_trim_free(struct ferry_trim *trim)
{
    if (!trim)
        return;
    trim_count--;
    free(trim);
}

void ferry_trim_note(struct ferry_trim *trim, int partition, int64_t offset)
{
    assert_int_equal(partition, 2);
    trim->noted = offset;
}

/* Due is only what is the last. */
void ferry_trim_look(struct ferry_trim *trim, bool last)
{
    trim->busy = trim->busy || (last && trim->noted > 0);
}

bool ferry_trim_busy(const struct ferry_trim *trim)
{
    return trim->busy;
}

void ferry_trim_forget(struct ferry_trim *trim)
{
    trim->noted = 0;
}

static struct ferry_trim *trim_of(const char *topic)
{
    for (int i = 0; i < trim_count; i++)
        if (strcmp(trims[i]->options.topic, topic) == 0)
            return trims[i];
    fail_msg("nobody deletes from %s", topic);
    return NULL;
}

/* ---- the streams ---- */

struct world {
    struct ferry_streams *streams;
    int trimmed;
    int partitions[FERRY_DATA_PARTITIONS];
    size_t count;
    struct ferry_error error;
};

static void on_trimmed(void *context)
{
    struct world *world = context;
    world->trimmed++;
}

static int make_world(void **state)
{
    static char instance[] = "f";
    static const struct ferry_common common = {.instance = instance};
    static struct world world;
    memset(&world, 0, sizeof world);
    assert_int_equal(ferry_streams_new(&common, &world.streams, &world.error), FERRY_OK);
    assert_int_equal(ferry_streams_open(world.streams, NULL, on_trimmed, &world, &world.error),
                     FERRY_OK);
    *state = &world;
    return 0;
}

static int end_world(void **state)
{
    const struct world *world = *state;
    ferry_streams_free(world->streams);
    assert_int_equal(trim_count, 0);
    return 0;
}

static enum ferry_status assign(struct world *world, const struct ferry_group_part *parts,
                                size_t count)
{
    return ferry_streams_assign(world->streams, parts, count, world->partitions, &world->count,
                                &world->error);
}

/* Those of partition 2, from offset 10 on. */
static void assign_one(struct world *world)
{
    const struct ferry_group_part parts[] = {
        {.topic = DYNAMICS, .partition = 2, .committed = 10},
        {.topic = CAMPAIGN, .partition = 2, .committed = 10},
        {.topic = LOAD, .partition = 2, .committed = 10},
    };
    assert_int_equal(assign(world, parts, 3), FERRY_OK);
}

static struct ferry_feed *feed_of(struct world *world, const char *topic)
{
    struct ferry_feed *feed = ferry_streams_find(world->streams, topic, 2);
    assert_non_null(feed);
    return feed;
}

static void a_partition_of_every_topic_is_ours(void **state)
{
    struct world *world = *state;
    assign_one(world);
    assert_true(ferry_streams_assigned(world->streams));
    assert_int_equal(world->count, 1);
    assert_int_equal(world->partitions[0], 2);
    assert_null(ferry_streams_find(world->streams, DYNAMICS, 3));
    assert_null(ferry_streams_find(world->streams, "f.changes.contact", 2));
    ferry_streams_drop(world->streams);
    assert_false(ferry_streams_assigned(world->streams));
    assert_null(ferry_streams_find(world->streams, DYNAMICS, 2));
}

static void a_partition_of_some_topics_only_is_refused(void **state)
{
    struct world *world = *state;
    const struct ferry_group_part parts[] = {
        {.topic = DYNAMICS, .partition = 5},
        {.topic = LOAD, .partition = 5},
    };
    assert_int_equal(assign(world, parts, 2), FERRY_INVALID);
    assert_non_null(strstr(world->error.message, "partition 5 of 2 of the 3 topics"));
    assert_non_null(strstr(world->error.action, "range"));
    assert_false(ferry_streams_assigned(world->streams));
}

static void no_partition_at_all_is_an_assignment_too(void **state)
{
    struct world *world = *state;
    assert_int_equal(assign(world, NULL, 0), FERRY_OK);
    assert_true(ferry_streams_assigned(world->streams));
    assert_int_equal(world->count, 0);
    assert_true(ferry_streams_at_end(world->streams));
}

static void a_first_read_does_not_count_for_the_end(void **state)
{
    struct world *world = *state;
    assign_one(world);
    feed_of(world, DYNAMICS)->at_end = true;
    assert_false(ferry_streams_at_end(world->streams));
    feed_of(world, CAMPAIGN)->at_end = true;
    assert_true(ferry_streams_at_end(world->streams));
    assert_false(feed_of(world, LOAD)->at_end);
}

static int64_t offset_in(const rd_kafka_topic_partition_list_t *offsets, const char *topic)
{
    for (int i = 0; i < offsets->cnt; i++)
        if (strcmp(offsets->elems[i].topic, topic) == 0)
            return offsets->elems[i].offset;
    fail_msg("%s has no offset", topic);
    return -1;
}

static void one_that_got_on_takes_the_others_into_its_commit(void **state)
{
    struct world *world = *state;
    assign_one(world);
    rd_kafka_topic_partition_list_t *offsets = ferry_streams_offsets(world->streams, false);
    assert_int_equal(offsets->cnt, 0);
    rd_kafka_topic_partition_list_destroy(offsets);
    ferry_window_reach(&feed_of(world, CAMPAIGN)->window, 15);
    offsets = ferry_streams_offsets(world->streams, false);
    assert_int_equal(offsets->cnt, 3);
    assert_int_equal(offset_in(offsets, CAMPAIGN), 15);
    assert_int_equal(offset_in(offsets, LOAD), 10);
    ferry_streams_commit(world->streams, offsets);
    rd_kafka_topic_partition_list_destroy(offsets);
    assert_int_equal(feed_of(world, CAMPAIGN)->window.committed, 15);
    offsets = ferry_streams_offsets(world->streams, false);
    assert_int_equal(offsets->cnt, 0);
    rd_kafka_topic_partition_list_destroy(offsets);
    offsets = ferry_streams_offsets(world->streams, true);
    assert_int_equal(offsets->cnt, 3);
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void what_is_untold_is_known_partition_by_partition(void **state)
{
    static const char *const topics[] = {DYNAMICS, CAMPAIGN, LOAD};
    struct world *world = *state;
    assign_one(world);
    for (size_t i = 0; i < 3; i++) {
        assert_true(ferry_streams_has_untold(world->streams));
        feed_of(world, topics[i])->position.told = 10;
    }
    assert_false(ferry_streams_has_untold(world->streams));
}

static void the_document_names_the_partitions_by_topic(void **state)
{
    struct world *world = *state;
    json_t *document = ferry_streams_document(world->streams);
    assert_int_equal(json_object_size(document), 0);
    json_decref(document);
    assign_one(world);
    json_t *expected = json_pack("{s:[i], s:[i], s:[i]}", "dynamics", 2, "campaign", 2, "load", 2);
    document = ferry_streams_document(world->streams);
    assert_true(json_equal(document, expected));
    json_decref(document);
    json_decref(expected);
}

static void commit_all(struct world *world)
{
    rd_kafka_topic_partition_list_t *offsets = ferry_streams_offsets(world->streams, true);
    ferry_streams_commit(world->streams, offsets);
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void what_is_committed_may_be_deleted_until_it_is_given_back(void **state)
{
    struct world *world = *state;
    assign_one(world);
    ferry_window_reach(&feed_of(world, DYNAMICS)->window, 20);
    commit_all(world);
    assert_int_equal(trim_of(DYNAMICS)->noted, 20);
    assert_int_equal(trim_of(LOAD)->noted, 10);
    ferry_streams_drop(world->streams);
    assert_int_equal(trim_of(DYNAMICS)->noted, 0);
}

static void it_has_finished_when_the_last_deletion_has_ended(void **state)
{
    struct world *world = *state;
    assign_one(world);
    commit_all(world);
    ferry_streams_trim(world->streams);
    assert_false(trim_of(CAMPAIGN)->busy);
    assert_false(ferry_streams_finish(world->streams));
    trim_of(DYNAMICS)->busy = trim_of(LOAD)->busy = false;
    assert_false(ferry_streams_finish(world->streams));
    trim_of(CAMPAIGN)->busy = false;
    trim_of(CAMPAIGN)->options.on_done(trim_of(CAMPAIGN)->options.context);
    assert_int_equal(world->trimmed, 1);
    assert_true(ferry_streams_finish(world->streams));
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_partition_of_every_topic_is_ours),
        IN_A_WORLD(a_partition_of_some_topics_only_is_refused),
        IN_A_WORLD(no_partition_at_all_is_an_assignment_too),
        IN_A_WORLD(a_first_read_does_not_count_for_the_end),
        IN_A_WORLD(one_that_got_on_takes_the_others_into_its_commit),
        IN_A_WORLD(what_is_untold_is_known_partition_by_partition),
        IN_A_WORLD(the_document_names_the_partitions_by_topic),
        IN_A_WORLD(what_is_committed_may_be_deleted_until_it_is_given_back),
        IN_A_WORLD(it_has_finished_when_the_last_deletion_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
