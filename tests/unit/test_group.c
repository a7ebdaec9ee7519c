/* How a member leaves: the library tells of assignments, and its part is played by the test. */
#include "consumers/group.h"

#include "cmocka_all.h"

#include "core/io/kafka.h"

#include <dlfcn.h>
#include <string.h>

typedef void rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t *partitions, void *opaque);

/* ---- the library ---- */

static struct {
    rebalance *tell;
    int answers;         /* to what it told */
    int answers_at_exit; /* when the member left; -1: it has not */
} library;

void rd_kafka_conf_set_rebalance_cb(rd_kafka_conf_t *conf, rebalance *rebalance_cb)
{
    (void)conf;
    library.tell = rebalance_cb;
}

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *rk,
                                       const rd_kafka_topic_partition_list_t *topics)
{
    (void)rk, (void)topics;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *rk,
                                    const rd_kafka_topic_partition_list_t *partitions)
{
    (void)rk, (void)partitions;
    library.answers++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_assignment_lost(rd_kafka_t *rk)
{
    (void)rk;
    return 1;
}

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions,
                                       int timeout_ms)
{
    (void)rk, (void)partitions, (void)timeout_ms;
    return RD_KAFKA_RESP_ERR__TRANSPORT;
}

/* And the library's own, for what it really has. */
rd_kafka_resp_err_t rd_kafka_consumer_close(rd_kafka_t *rk)
{
    union {
        void *symbol;
        rd_kafka_resp_err_t (*close)(rd_kafka_t *rk);
    } real = {.symbol = dlsym(RTLD_NEXT, "rd_kafka_consumer_close")};
    library.answers_at_exit = library.answers;
    return real.close(rk);
}

/* ---- the member ---- */

struct world {
    uv_loop_t loop;
    struct ferry_group *group;
    rd_kafka_topic_partition_list_t *partitions;
    int revoked;
    int troubles;
    bool left;
};

static void on_revoked(void *context, bool lost)
{
    struct world *world = context;
    assert_true(lost);
    world->revoked++;
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct world *world = context;
    (void)error;
    world->troubles++;
}

static void on_left(void *context)
{
    struct world *world = context;
    world->left = true;
}

static int make_world(void **state)
{
    static char instance[] = "f", key[] = "bootstrap.servers", nobody[] = "127.0.0.1:1";
    static struct ferry_pair pair = {key, nobody};
    static const struct ferry_common common = {
        .instance = instance, .kafka = &pair, .kafka_count = 1};
    static const char *const topics[] = {"f.changes.contact"};
    static struct world world;
    struct ferry_error error;
    memset(&world, 0, sizeof world);
    memset(&library, 0, sizeof library);
    library.answers_at_exit = -1;
    const struct ferry_group_options options = {.group_id = "f.dynamics-to-campaign",
                                                .workflow = "dynamics-to-campaign",
                                                .topics = topics,
                                                .topic_count = 1,
                                                .on_revoked = on_revoked,
                                                .on_trouble = on_trouble,
                                                .context = &world};
    uv_loop_init(&world.loop);
    world.partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(world.partitions, topics[0], 0);
    assert_int_equal(ferry_group_new(&world.loop, &common, &options, &world.group, &error),
                     FERRY_OK);
    assert_non_null(library.tell);
    *state = &world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    rd_kafka_topic_partition_list_destroy(world->partitions);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    assert_true(ferry_kafka_join(60000));
    return 0;
}

static void tell(struct world *world, rd_kafka_resp_err_t what)
{
    library.tell(ferry_group_consumer(world->group), what, world->partitions, world->group);
}

static void leave(struct world *world)
{
    ferry_group_free(world->group, on_left, world);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(world->left);
}

static void who_was_told_of_nothing_leaves_without_an_answer(void **state)
{
    leave(*state);
    assert_int_equal(library.answers_at_exit, 0);
}

/* The library would wait for the answer, and where its coordinator is away for nothing else. */
static void who_lost_its_partitions_answers_that_before_it_leaves(void **state)
{
    struct world *world = *state;
    tell(world, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
    assert_int_equal(world->revoked, 1);
    leave(world);
    assert_int_equal(library.answers_at_exit, 1);
}

static void who_answered_leaves_without_another(void **state)
{
    struct world *world = *state;
    tell(world, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
    ferry_group_release(world->group);
    leave(world);
    assert_int_equal(library.answers_at_exit, 1);
}

static void who_does_not_know_yet_where_to_start_answers_before_it_leaves(void **state)
{
    struct world *world = *state;
    tell(world, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
    while (world->troubles == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    leave(world);
    assert_int_equal(library.answers_at_exit, 1);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(who_was_told_of_nothing_leaves_without_an_answer),
        IN_WORLD(who_lost_its_partitions_answers_that_before_it_leaves),
        IN_WORLD(who_answered_leaves_without_another),
        IN_WORLD(who_does_not_know_yet_where_to_start_answers_before_it_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
