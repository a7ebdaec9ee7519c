/* What workflows are told of one follower of the orders, whose tail is played. */
#include "core/control/orders.h"

#include "cmocka_all.h"

#include "core/base/clock.h"
#include "core/control/deletion.h"
#include "core/io/tail.h"

#include <stdio.h>
#include <string.h>

#define INGRESS "dynamics-to-campaign"
#define EGRESS  "campaign-to-dynamics"
#define CONSENT "opt-in-out"

/* ---- the tail ---- */

static struct ferry_tail_options asked;
static int tails;
static bool caught_up;
static bool silent; /* no broker has answered for longer than is borne */

enum ferry_status ferry_tail_follow(uv_loop_t *loop, const struct ferry_common *common,
                                    enum ferry_topic_kind topic,
                                    const struct ferry_tail_options *options,
                                    struct ferry_tail **ret_tail, struct ferry_error *error)
{
    (void)loop;
    (void)common;
    (void)error;
    assert_int_equal(topic, FERRY_TOPIC_WORKFLOWS);
    asked = *options;
    tails++;
    *ret_tail = NULL;
    return FERRY_OK;
}

void ferry_tail_free(struct ferry_tail *tail)
{
    (void)tail;
    tails--;
}

bool ferry_tail_caught_up(const struct ferry_tail *tail)
{
    (void)tail;
    return caught_up;
}

int64_t ferry_tail_contact_ms(const struct ferry_tail *tail)
{
    (void)tail;
    return ferry_boot_ms() - (silent ? 30001 : 0);
}

static void read_record(char *key, char *value)
{
    const rd_kafka_message_t message = {
        .key = key, .key_len = strlen(key), .payload = value, .len = value ? strlen(value) : 0};
    asked.on_record(asked.context, &message);
}

static void read_order(const char *workflow, int generation, const char *phase)
{
    char key[64];
    char value[64];
    snprintf(key, sizeof key, "%s/run", workflow);
    snprintf(value, sizeof value, "{\"generation\":%d,\"phase\":\"%s\"}", generation, phase);
    read_record(key, value);
}

static void read_nonsense(const char *workflow)
{
    char key[64];
    char value[] = "{";
    snprintf(key, sizeof key, "%s/run", workflow);
    read_record(key, value);
}

static void end_history(void)
{
    caught_up = true;
    asked.on_caught_up(asked.context);
}

/* ---- a workflow ---- */

struct listener {
    struct ferry_subscription *subscription;
    struct listener *drops; /* is freed as soon as this one is told something */
    int orders;
    int64_t generation;
    enum ferry_phase phase;
    int decisions;
    char table[64];
    struct ferry_deletion deletion;
    int orders_at_decision;
    int troubles;
    struct ferry_error trouble;
};

static void drop(struct listener *listener)
{
    ferry_subscription_free(listener->subscription);
    listener->subscription = NULL;
}

static void drop_another(struct listener *listener)
{
    struct listener *other = listener->drops;
    listener->drops = NULL;
    if (other)
        drop(other);
}

static void on_order(void *context, const struct ferry_order *order)
{
    struct listener *listener = context;
    listener->orders++;
    listener->generation = order->generation;
    listener->phase = order->phase;
    drop_another(listener);
}

static void on_decision(void *context, const char *table, json_t *decision)
{
    struct listener *listener = context;
    listener->decisions++;
    assert_true(ferry_deletion_read(decision, &listener->deletion));
    snprintf(listener->table, sizeof listener->table, "%s", table);
    listener->orders_at_decision = listener->orders;
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct listener *listener = context;
    listener->troubles++;
    listener->trouble = *error;
    drop_another(listener);
}

/* ---- all of them ---- */

struct world {
    uv_loop_t loop;
    struct ferry_orders *orders;
    struct listener ingress;
    struct listener egress;
    struct listener consent;
};

static enum ferry_status subscribe(struct world *world, const char *workflow,
                                   struct listener *listener, struct ferry_error *error)
{
    const struct ferry_subscription_options options = {.workflow = workflow,
                                                       .on_order = on_order,
                                                       .on_decision = on_decision,
                                                       .on_trouble = on_trouble,
                                                       .context = listener};
    return ferry_orders_subscribe(world->orders, &options, &listener->subscription, error);
}

static int make_world(void **state)
{
    static struct world world;
    static char instance[] = "ferry";
    static const struct ferry_common common = {.instance = instance};
    struct ferry_error error;
    caught_up = silent = false;
    world = (struct world){0};
    assert_int_equal(uv_loop_init(&world.loop), 0);
    assert_int_equal(ferry_orders_new(&world.loop, &common, &world.orders, &error), FERRY_OK);
    assert_int_equal(subscribe(&world, INGRESS, &world.ingress, &error), FERRY_OK);
    assert_int_equal(subscribe(&world, EGRESS, &world.egress, &error), FERRY_OK);
    assert_int_equal(subscribe(&world, CONSENT, &world.consent, &error), FERRY_OK);
    assert_int_equal(tails, 1);
    *state = &world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    drop(&world->ingress);
    drop(&world->egress);
    drop(&world->consent);
    ferry_orders_free(world->orders);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    assert_int_equal(tails, 0);
    return 0;
}

static void await_order(struct world *world, const struct listener *listener)
{
    int before = listener->orders;
    while (listener->orders == before)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void assert_told(const struct listener *listener, int orders, int64_t generation,
                        enum ferry_phase phase)
{
    assert_int_equal(listener->orders, orders);
    assert_int_equal(listener->generation, generation);
    assert_int_equal(listener->phase, phase);
}

static void each_workflow_is_told_of_its_own_orders_alone(void **state)
{
    struct world *world = *state;
    read_order(INGRESS, 1, "GO");
    read_order(EGRESS, 5, "STOP");
    read_order(INGRESS, 2, "PREPARE");
    assert_told(&world->ingress, 0, 0, FERRY_PHASE_NONE);
    end_history();
    assert_told(&world->ingress, 1, 2, FERRY_PHASE_PREPARE);
    assert_told(&world->egress, 1, 5, FERRY_PHASE_STOP);
    assert_told(&world->consent, 0, 0, FERRY_PHASE_NONE);
    read_order(CONSENT, 9, "GO");
    assert_told(&world->ingress, 1, 2, FERRY_PHASE_PREPARE);
    assert_told(&world->egress, 1, 5, FERRY_PHASE_STOP);
    assert_told(&world->consent, 1, 9, FERRY_PHASE_GO);
}

static void a_decision_is_for_its_workflow_and_comes_before_the_first_order(void **state)
{
    struct world *world = *state;
    char key[] = INGRESS "/deletes/contact";
    char value[] = "{\"decision\":3,\"verdict\":\"approve\"}";
    read_order(INGRESS, 1, "GO");
    read_record(key, value);
    end_history();
    assert_int_equal(world->ingress.decisions, 1);
    assert_string_equal(world->ingress.table, "contact");
    assert_int_equal(world->ingress.deletion.decision, 3);
    assert_true(world->ingress.deletion.approved);
    assert_int_equal(world->ingress.orders_at_decision, 0);
    assert_int_equal(world->ingress.orders, 1);
    assert_int_equal(world->egress.decisions + world->consent.decisions, 0);
}

static void what_another_document_or_a_tombstone_says_is_no_order(void **state)
{
    struct world *world = *state;
    char configuration[] = INGRESS "/configuration";
    char run[] = INGRESS "/run";
    char value[] = "{\"generation\":1,\"phase\":\"GO\"}";
    end_history();
    read_record(configuration, value);
    read_record(run, NULL);
    assert_int_equal(world->ingress.orders, 0);
    read_record(run, value);
    assert_int_equal(world->ingress.orders, 1);
    assert_int_equal(world->ingress.troubles, 0);
}

static void an_order_that_cannot_be_read_stops_its_workflow_alone(void **state)
{
    struct world *world = *state;
    read_order(INGRESS, 1, "GO");
    read_order(EGRESS, 2, "GO");
    end_history();
    read_nonsense(EGRESS);
    assert_told(&world->egress, 2, 2, FERRY_PHASE_STOP);
    assert_int_equal(world->egress.troubles, 1);
    assert_non_null(strstr(world->egress.trouble.message, EGRESS));
    assert_told(&world->ingress, 1, 1, FERRY_PHASE_GO);
    assert_int_equal(world->ingress.troubles + world->consent.troubles, 0);
    read_order(EGRESS, 3, "GO");
    assert_told(&world->egress, 3, 3, FERRY_PHASE_GO);
}

static void who_is_cut_off_is_told_to_stop_and_the_real_order_afterwards(void **state)
{
    struct world *world = *state;
    read_order(INGRESS, 1, "GO");
    read_order(EGRESS, 2, "PREPARE");
    end_history();
    silent = true;
    await_order(world, &world->ingress);
    assert_told(&world->ingress, 2, 1, FERRY_PHASE_STOP);
    assert_told(&world->egress, 2, 2, FERRY_PHASE_STOP);
    silent = false;
    await_order(world, &world->ingress);
    assert_told(&world->ingress, 3, 1, FERRY_PHASE_GO);
    assert_told(&world->egress, 3, 2, FERRY_PHASE_PREPARE);
    assert_int_equal(world->consent.orders, 0);
}

static void trouble_with_reading_is_told_to_all(void **state)
{
    struct world *world = *state;
    struct ferry_error error;
    ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_NETWORK, "no broker");
    asked.on_trouble(asked.context, &error);
    assert_string_equal(world->ingress.trouble.message, "no broker");
    assert_string_equal(world->egress.trouble.message, "no broker");
    assert_string_equal(world->consent.trouble.message, "no broker");
}

static void who_has_left_is_told_nothing_and_the_others_all(void **state)
{
    struct world *world = *state;
    drop(&world->egress);
    read_order(INGRESS, 1, "GO");
    read_order(EGRESS, 2, "GO");
    end_history();
    drop(&world->ingress);
    read_order(INGRESS, 3, "GO");
    read_order(CONSENT, 4, "GO");
    assert_told(&world->ingress, 1, 1, FERRY_PHASE_GO);
    assert_told(&world->consent, 1, 4, FERRY_PHASE_GO);
    assert_int_equal(world->egress.orders, 0);
}

static void one_may_leave_when_it_or_another_is_told(void **state)
{
    struct world *world = *state;
    world->ingress.drops = &world->egress;
    world->consent.drops = &world->consent;
    read_order(INGRESS, 1, "GO");
    read_order(EGRESS, 2, "GO");
    read_order(CONSENT, 3, "GO");
    end_history();
    read_order(INGRESS, 4, "GO");
    read_order(EGRESS, 5, "GO");
    read_order(CONSENT, 6, "GO");
    assert_told(&world->ingress, 2, 4, FERRY_PHASE_GO);
    assert_int_equal(world->egress.orders, 0);
    assert_told(&world->consent, 1, 3, FERRY_PHASE_GO);
}

static void who_leaves_for_an_order_that_cannot_be_read_is_not_told_to_stop(void **state)
{
    struct world *world = *state;
    read_order(INGRESS, 1, "GO");
    end_history();
    world->ingress.drops = &world->ingress;
    world->ingress.orders = 0;
    read_nonsense(INGRESS);
    assert_int_equal(world->ingress.troubles, 1);
    assert_int_equal(world->ingress.orders, 0);
}

static void who_comes_after_the_history_is_refused(void **state)
{
    struct world *world = *state;
    struct listener late = {0};
    struct ferry_error error;
    read_order(INGRESS, 1, "GO");
    assert_int_equal(subscribe(world, "late", &late, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "late"));
    assert_null(late.subscription);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(each_workflow_is_told_of_its_own_orders_alone),
        IN_A_WORLD(a_decision_is_for_its_workflow_and_comes_before_the_first_order),
        IN_A_WORLD(what_another_document_or_a_tombstone_says_is_no_order),
        IN_A_WORLD(an_order_that_cannot_be_read_stops_its_workflow_alone),
        IN_A_WORLD(who_is_cut_off_is_told_to_stop_and_the_real_order_afterwards),
        IN_A_WORLD(trouble_with_reading_is_told_to_all),
        IN_A_WORLD(who_has_left_is_told_nothing_and_the_others_all),
        IN_A_WORLD(one_may_leave_when_it_or_another_is_told),
        IN_A_WORLD(who_leaves_for_an_order_that_cannot_be_read_is_not_told_to_stop),
        IN_A_WORLD(who_comes_after_the_history_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
