/* Where partitions start, when the broker's two answers are played by the test, and the positions
 * of `checkpoints` too. */
#include "consumers/starts.h"

#include "cmocka_all.h"

#include "consumers/position.h"
#include "core/io/kafka.h"

#include <stdlib.h>
#include <string.h>

#define FIRST  "f.changes.contact"
#define SECOND "f.changes.account"

/* ---- the broker ---- */

static struct {
    int64_t committed; /* -1001: none */
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t code; /* of the committed offset */
    int refusals;             /* so often it is given */
    int asked;
} broker;

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions,
                                       int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    broker.asked++;
    for (int i = 0; i < partitions->cnt; i++) {
        partitions->elems[i].offset = broker.committed;
        partitions->elems[i].err = broker.refusals-- > 0 ? broker.code : RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t
rd_kafka_offsets_for_times(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *offsets, int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    if (offsets->cnt == 0)
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    for (int i = 0; i < offsets->cnt; i++)
        offsets->elems[i].offset =
            offsets->elems[i].offset == RD_KAFKA_OFFSET_BEGINNING ? broker.low : broker.high;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- the positions: they are read in the next turn of the loop ---- */

struct ferry_positions {
    struct ferry_positions_options options;
    uv_timer_t timer;
    bool ready;
};

static struct {
    int64_t told; /* -1: nothing */
    int open;
} checkpoints;

static void on_read(uv_timer_t *timer)
{
    struct ferry_positions *told = timer->data;
    told->ready = true;
    told->options.on_ready(told->options.context);
}

enum ferry_status ferry_positions_new(uv_loop_t *loop, const struct ferry_common *common,
                                      const struct ferry_positions_options *options,
                                      struct ferry_positions **ret_positions,
                                      struct ferry_error *error)
{
    (void)common;
    (void)error;
    struct ferry_positions *told = calloc(1, sizeof *told);
    assert_non_null(told);
    told->options = *options;
    told->timer.data = told;
    uv_timer_init(loop, &told->timer);
    uv_timer_start(&told->timer, on_read, 1, 0);
    checkpoints.open++;
    *ret_positions = told;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ferry_positions_free(struct ferry_positions *positions)
{
    if (!positions)
        return;
    checkpoints.open--;
    uv_close((uv_handle_t *)&positions->timer, on_closed);
}

bool ferry_positions_ready(const struct ferry_positions *positions)
{
    return positions->ready;
}

int64_t ferry_positions_find(const struct ferry_positions *positions, const char *topic,
                             int partition)
{
    (void)topic;
    (void)partition;
    return positions ? checkpoints.told : -1;
}

/* ---- the one who asks ---- */

struct world {
    uv_loop_t loop;
    struct ferry_starts *starts;
    int found;
    int count;
    char topic[64];
    struct ferry_group_part part; /* the first one found */
    int64_t start;                /* in the list */
    int troubles;
    struct ferry_error trouble;
    bool freed;
};

static void on_found(void *context, rd_kafka_topic_partition_list_t *list,
                     struct ferry_group_part *parts)
{
    struct world *world = context;
    world->found++;
    world->count = list->cnt;
    if (list->cnt > 0) {
        world->part = parts[0];
        world->start = list->elems[0].offset;
        snprintf(world->topic, sizeof world->topic, "%s", parts[0].topic);
    }
    rd_kafka_topic_partition_list_destroy(list);
    free(parts);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct world *world = context;
    world->troubles++;
    world->trouble = *error;
}

static void on_freed(void *context)
{
    struct world *world = context;
    world->freed = true;
}

static int make_world(void **state)
{
    static char instance[] = "f", key[] = "bootstrap.servers", nobody[] = "127.0.0.1:1";
    static struct ferry_pair pair = {key, nobody};
    static const struct ferry_common common = {
        .instance = instance, .kafka = &pair, .kafka_count = 1};
    static struct world world;
    struct ferry_error error;
    memset(&world, 0, sizeof world);
    memset(&checkpoints, 0, sizeof checkpoints);
    memset(&broker, 0, sizeof broker);
    checkpoints.told = -1;
    broker.committed = 7;
    broker.low = 3;
    broker.high = 10;
    uv_loop_init(&world.loop);
    const struct ferry_starts_options options = {.common = &common,
                                                 .group_id = "f.dynamics-to-campaign",
                                                 .workflow = "dynamics-to-campaign",
                                                 .on_found = on_found,
                                                 .on_trouble = on_trouble,
                                                 .context = &world};
    assert_int_equal(ferry_starts_new(&world.loop, &options, &world.starts, &error), FERRY_OK);
    *state = &world;
    return 0;
}

static void free_starts(struct world *world)
{
    ferry_starts_free(world->starts, on_freed, world);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(world->freed);
}

static int end_world(void **state)
{
    struct world *world = *state;
    if (!world->freed)
        free_starts(world);
    assert_int_equal(checkpoints.open, 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    assert_true(ferry_kafka_join(60000));
    return 0;
}

static void ask(struct world *world, const char *topic, int count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition);
    ferry_starts_ask(world->starts, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* All that comes of it, with the tries that follow. */
static void await(struct world *world)
{
    uv_run(&world->loop, UV_RUN_DEFAULT);
}

static void what_is_committed_is_the_start(void **state)
{
    struct world *world = *state;
    ask(world, FIRST, 2);
    await(world);
    assert_int_equal(world->found, 1);
    assert_int_equal(world->count, 2);
    assert_string_equal(world->topic, FIRST);
    assert_int_equal(world->part.committed, 7);
    assert_int_equal(world->start, 7);
    assert_int_equal(world->part.log_end, 10);
    assert_false(world->part.fresh);
    assert_false(world->part.restored);
    assert_int_equal(world->troubles, 0);
}

/* There are more writers than partitions. */
static void who_has_no_partition_asks_for_none(void **state)
{
    struct world *world = *state;
    ask(world, FIRST, 0);
    await(world);
    assert_int_equal(world->found, 1);
    assert_int_equal(world->count, 0);
    assert_int_equal(world->troubles, 0);
}

static void where_nothing_was_ever_known_it_is_the_beginning(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    ask(world, FIRST, 1);
    await(world);
    assert_int_equal(world->found, 1);
    assert_int_equal(world->part.committed, 3);
    assert_true(world->part.fresh);
    assert_int_equal(broker.asked, 2); /* the second time with the positions */
}

static void an_offset_that_the_broker_has_dropped_is_restored(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    checkpoints.told = 5;
    ask(world, FIRST, 1);
    await(world);
    assert_int_equal(world->part.committed, 5);
    assert_true(world->part.restored);
    assert_false(world->part.fresh);
}

/* What lies below the beginning was written and trimmed: a position may be behind. */
static void a_position_below_the_beginning_is_no_hole(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    checkpoints.told = 1;
    ask(world, FIRST, 1);
    await(world);
    assert_int_equal(world->part.committed, 3);
    assert_true(world->part.restored);
    assert_int_equal(world->troubles, 0);
}

static void a_position_beyond_the_end_is_of_a_log_that_is_gone(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    checkpoints.told = 11;
    ask(world, FIRST, 1);
    await(world);
    assert_int_equal(world->part.committed, 3);
    assert_true(world->part.fresh);
}

static void await_trouble(struct world *world)
{
    while (world->troubles == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void records_that_were_deleted_unwritten_are_told(void **state)
{
    struct world *world = *state;
    broker.low = 8;
    ask(world, FIRST, 1);
    await_trouble(world);
    assert_int_equal(world->trouble.status, FERRY_INVALID);
    assert_non_null(strstr(world->trouble.message, FIRST "/0 begins at 8"));
    assert_non_null(strstr(world->trouble.action, "f.dynamics-to-campaign"));
    assert_int_equal(world->found, 0);
}

static void records_that_were_lost_behind_the_end_are_told(void **state)
{
    struct world *world = *state;
    broker.high = 6;
    ask(world, FIRST, 1);
    await_trouble(world);
    assert_int_equal(world->trouble.status, FERRY_INVALID);
    assert_non_null(strstr(world->trouble.message, FIRST "/0 ends at 6"));
    assert_int_equal(world->found, 0);
}

static void it_asks_until_there_is_an_answer(void **state)
{
    struct world *world = *state;
    broker.code = RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
    broker.refusals = 2;
    ask(world, FIRST, 1);
    await(world);
    assert_int_equal(world->troubles, 2);
    assert_int_equal(world->trouble.status, FERRY_RETRY);
    assert_int_equal(world->found, 1);
}

static void only_the_last_question_is_answered(void **state)
{
    struct world *world = *state;
    ask(world, FIRST, 1);
    ask(world, SECOND, 3);
    await(world);
    assert_int_equal(world->found, 1);
    assert_int_equal(world->count, 3);
    assert_string_equal(world->topic, SECOND);
}

/* Somebody else may have told a later one meanwhile. */
static void positions_that_were_read_for_another_question_are_read_again(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    checkpoints.told = 4;
    ask(world, FIRST, 1);
    while (checkpoints.open == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    ferry_starts_forget(world->starts);
    await(world);
    assert_int_equal(world->found, 0);
    checkpoints.told = 6;
    ask(world, FIRST, 1);
    assert_int_equal(checkpoints.open, 0);
    await(world);
    assert_int_equal(world->found, 1);
    assert_int_equal(world->part.committed, 6);
}

static void nobody_is_answered_who_does_not_want_to_know_any_more(void **state)
{
    struct world *world = *state;
    ask(world, FIRST, 1);
    ferry_starts_forget(world->starts);
    await(world);
    assert_int_equal(broker.asked, 1);
    assert_int_equal(world->found + world->troubles, 0);
}

static void one_that_is_freed_while_it_asks_answers_nothing(void **state)
{
    struct world *world = *state;
    ask(world, FIRST, 1);
    free_starts(world);
    assert_int_equal(broker.asked, 1);
    assert_int_equal(world->found + world->troubles, 0);
}

static void one_that_is_freed_with_its_positions_ends_them(void **state)
{
    struct world *world = *state;
    broker.committed = RD_KAFKA_OFFSET_INVALID;
    ask(world, FIRST, 1);
    while (checkpoints.open == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    free_starts(world);
    assert_int_equal(checkpoints.open, 0);
    assert_int_equal(world->found, 0);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(what_is_committed_is_the_start),
        IN_A_WORLD(who_has_no_partition_asks_for_none),
        IN_A_WORLD(where_nothing_was_ever_known_it_is_the_beginning),
        IN_A_WORLD(an_offset_that_the_broker_has_dropped_is_restored),
        IN_A_WORLD(a_position_below_the_beginning_is_no_hole),
        IN_A_WORLD(a_position_beyond_the_end_is_of_a_log_that_is_gone),
        IN_A_WORLD(records_that_were_deleted_unwritten_are_told),
        IN_A_WORLD(records_that_were_lost_behind_the_end_are_told),
        IN_A_WORLD(it_asks_until_there_is_an_answer),
        IN_A_WORLD(only_the_last_question_is_answered),
        IN_A_WORLD(positions_that_were_read_for_another_question_are_read_again),
        IN_A_WORLD(nobody_is_answered_who_does_not_want_to_know_any_more),
        IN_A_WORLD(one_that_is_freed_while_it_asks_answers_nothing),
        IN_A_WORLD(one_that_is_freed_with_its_positions_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
