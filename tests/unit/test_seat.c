/* Turns of a seat, whose producer and checkpoints are played. */
#include "producers/seat.h"

#include "cmocka_all.h"

#include "core/io/tail.h"

#include <string.h>

/* ---- the producer and the checkpoints ---- */

static const struct ferry_producer_calls *told;
static void *seat_context;
static struct ferry_tail_options asked;
static bool begun;
static int producers; /* that there are */
static int opened;    /* producers that there were */

enum ferry_status ferry_producer_new(uv_loop_t *loop, const struct ferry_common *common,
                                     const char *name, const struct ferry_producer_calls *calls,
                                     void *context, struct ferry_producer **ret_producer,
                                     struct ferry_error *error)
{
    (void)loop;
    (void)common;
    (void)name;
    (void)error;
    told = calls;
    seat_context = context;
    producers++;
    opened++;
    *ret_producer = (struct ferry_producer *)&producers;
    return FERRY_OK;
}

void ferry_producer_free(struct ferry_producer *producer)
{
    producers -= producer != NULL;
}

enum ferry_status ferry_producer_send(struct ferry_producer *producer,
                                      struct ferry_producer_record *record,
                                      struct ferry_error *error)
{
    (void)producer;
    (void)record;
    (void)error;
    begun = true;
    return FERRY_OK;
}

bool ferry_producer_full(const struct ferry_producer *producer)
{
    (void)producer;
    return false;
}

bool ferry_producer_begun(const struct ferry_producer *producer)
{
    (void)producer;
    return begun;
}

void ferry_producer_commit(struct ferry_producer *producer)
{
    (void)producer;
}

void ferry_producer_abort(struct ferry_producer *producer, const struct ferry_error *why)
{
    (void)producer;
    (void)why;
}

void ferry_producer_hurry(struct ferry_producer *producer)
{
    (void)producer;
}

enum ferry_status ferry_tail_new(uv_loop_t *loop, const struct ferry_common *common,
                                 const struct ferry_tail_options *options,
                                 struct ferry_tail **ret_tail, struct ferry_error *error)
{
    (void)loop;
    (void)common;
    (void)error;
    asked = *options;
    *ret_tail = NULL;
    return FERRY_OK;
}

void ferry_tail_free(struct ferry_tail *tail)
{
    (void)tail;
}

/* ---- users ---- */

/* Asks for the next turn as soon as one has ended, as tasks with much to do are. */
struct busy {
    struct ferry_seat *seat;
    struct ferry_seat_user user;
    const char *task;
    int turns;
    int openings;
};

static void use(struct busy *busy)
{
    busy->turns++;
    ferry_seat_commit(busy->seat, busy->task, "{}");
}

static void on_open(void *context)
{
    struct busy *busy = context;
    busy->openings++;
}

static void on_turn(void *context)
{
    use(context);
}

static void on_ended(void *context, const struct ferry_error *error)
{
    struct busy *busy = context;
    assert_null(error);
    if (ferry_seat_want(busy->seat, &busy->user))
        use(busy);
}

static const struct ferry_seat_calls calls = {
    .on_open = on_open, .on_turn = on_turn, .on_ended = on_ended};

static void on_closed(void *context)
{
    (void)context;
}

/* What the transaction under way came to. */
static void commit(void)
{
    begun = false;
    told->on_committed(seat_context);
}

/* The predecessor is fenced, and what it left is read. */
static void end_opening(void)
{
    told->on_ready(seat_context);
    asked.on_caught_up(asked.context);
}

static struct ferry_seat *make_seat(uv_loop_t *loop)
{
    static char instance[] = "ferry";
    static const struct ferry_common common = {.instance = instance};
    struct ferry_seat *seat = NULL;
    struct ferry_error error;
    producers = opened = 0;
    begun = false;
    assert_int_equal(uv_loop_init(loop), 0);
    assert_int_equal(ferry_seat_new(loop, &common, 0, &seat, &error), FERRY_OK);
    assert_int_equal(producers, 1);
    return seat;
}

static void join(struct ferry_seat *seat, struct busy *busy)
{
    busy->seat = seat;
    ferry_seat_join(seat, &busy->user, &calls, busy);
}

static void close_seat(struct ferry_seat *seat, uv_loop_t *loop)
{
    ferry_seat_close(seat, on_closed, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
    assert_int_equal(producers, 0);
}

static void who_waits_longest_comes_next_although_the_last_one_wants_again(void **state)
{
    struct busy rows = {.task = "exports"};
    struct busy table = {.task = "contact"};
    uv_loop_t loop;
    (void)state;
    struct ferry_seat *seat = make_seat(&loop);
    join(seat, &rows);
    join(seat, &table);
    end_opening();
    assert_true(ferry_seat_want(seat, &rows.user));
    use(&rows);
    assert_false(ferry_seat_want(seat, &table.user));
    for (int i = 0; i < 9; i++)
        commit();
    assert_int_equal(rows.turns, 5);
    assert_int_equal(table.turns, 5);
    ferry_seat_leave(seat, &rows.user);
    ferry_seat_leave(seat, &table.user);
    commit();
    close_seat(seat, &loop);
}

static void a_seat_that_nobody_uses_rests_until_somebody_comes(void **state)
{
    struct busy table = {.task = "contact"};
    uv_loop_t loop;
    (void)state;
    struct ferry_seat *seat = make_seat(&loop);
    end_opening();
    assert_int_equal(producers, 0);
    join(seat, &table);
    assert_int_equal(table.openings, 0);
    while (opened < 2)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(producers, 1);
    assert_int_equal(table.openings, 0);
    end_opening();
    assert_int_equal(producers, 1);
    assert_int_equal(table.openings, 1);
    assert_true(ferry_seat_want(seat, &table.user));
    ferry_seat_leave(seat, &table.user);
    close_seat(seat, &loop);
}

static void who_comes_while_a_seat_opens_waits_for_that_alone(void **state)
{
    struct busy table = {.task = "contact"};
    uv_loop_t loop;
    (void)state;
    struct ferry_seat *seat = make_seat(&loop);
    told->on_ready(seat_context);
    join(seat, &table);
    asked.on_caught_up(asked.context);
    assert_int_equal(table.openings, 1);
    assert_int_equal(opened, 1);
    assert_int_equal(producers, 1);
    ferry_seat_leave(seat, &table.user);
    close_seat(seat, &loop);
}

static void what_a_resting_seat_had_read_it_reads_again(void **state)
{
    struct busy table = {.task = "contact"};
    char key[] = "contact";
    char value[] = "{}";
    const rd_kafka_message_t message = {
        .key = key, .key_len = strlen(key), .payload = value, .len = strlen(value)};
    uv_loop_t loop;
    (void)state;
    struct ferry_seat *seat = make_seat(&loop);
    told->on_ready(seat_context);
    asked.on_record(asked.context, &message);
    asked.on_caught_up(asked.context);
    assert_null(ferry_seat_checkpoint(seat, "contact"));
    join(seat, &table);
    while (opened < 2)
        uv_run(&loop, UV_RUN_ONCE);
    told->on_ready(seat_context);
    asked.on_record(asked.context, &message);
    asked.on_caught_up(asked.context);
    assert_string_equal(ferry_seat_checkpoint(seat, "contact"), "{}");
    ferry_seat_leave(seat, &table.user);
    close_seat(seat, &loop);
}

static void a_resting_seat_is_closed_also_when_somebody_just_came(void **state)
{
    struct busy table = {.task = "contact"};
    uv_loop_t loop;
    (void)state;
    struct ferry_seat *seat = make_seat(&loop);
    end_opening();
    join(seat, &table);
    ferry_seat_leave(seat, &table.user);
    close_seat(seat, &loop);
    assert_int_equal(opened, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_longest_comes_next_although_the_last_one_wants_again),
        cmocka_unit_test(a_seat_that_nobody_uses_rests_until_somebody_comes),
        cmocka_unit_test(who_comes_while_a_seat_opens_waits_for_that_alone),
        cmocka_unit_test(what_a_resting_seat_had_read_it_reads_again),
        cmocka_unit_test(a_resting_seat_is_closed_also_when_somebody_just_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
