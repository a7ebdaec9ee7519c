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
    *ret_producer = NULL;
    return FERRY_OK;
}

void ferry_producer_free(struct ferry_producer *producer)
{
    (void)producer;
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
};

static void use(struct busy *busy)
{
    busy->turns++;
    ferry_seat_commit(busy->seat, busy->task, "{}");
}

static void on_open(void *context)
{
    (void)context;
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

static void who_waits_longest_comes_next_although_the_last_one_wants_again(void **state)
{
    char instance[] = "ferry";
    const struct ferry_common common = {.instance = instance};
    struct busy rows = {.task = "exports"};
    struct busy table = {.task = "contact"};
    struct ferry_seat *seat = NULL;
    struct ferry_error error;
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ferry_seat_new(&loop, &common, 0, &seat, &error), FERRY_OK);
    rows.seat = table.seat = seat;
    told->on_ready(seat_context);
    asked.on_caught_up(asked.context);
    ferry_seat_join(seat, &rows.user, &calls, &rows);
    ferry_seat_join(seat, &table.user, &calls, &table);
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
    ferry_seat_close(seat, on_closed, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_longest_comes_next_although_the_last_one_wants_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
