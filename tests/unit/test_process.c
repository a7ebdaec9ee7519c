/* The end of a program, where a thread of it returns, and where one never does. */
#include "core/io/process.h"

#include "cmocka_all.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

struct world {
    uv_loop_t loop;
    struct ferry_process process;
    uv_work_t work;
    atomic_bool held;
    int asked;
};

static void on_stop(void *context)
{
    struct world *world = context;
    world->asked++;
}

static void work(uv_work_t *request)
{
    struct world *world = request->data;
    while (world->held)
        usleep(1000);
}

static void after_work(uv_work_t *request, int status)
{
    (void)request;
    (void)status;
}

/* A program with a thread at work that was asked to stop. */
static void begin(struct world *world, bool held)
{
    world->held = held;
    world->asked = 0;
    assert_int_equal(uv_loop_init(&world->loop), 0);
    ferry_process_watch(&world->process, &world->loop, on_stop, world);
    if (held)
        world->process.stop_ms = 50;
    world->work.data = world;
    assert_int_equal(uv_queue_work(&world->loop, &world->work, work, after_work), 0);
    raise(SIGTERM);
    uv_run(&world->loop, UV_RUN_DEFAULT);
}

static void end(struct world *world)
{
    world->held = false;
    if (world->process.late)
        for (int i = 0; i < 2; i++)
            uv_close((uv_handle_t *)&world->process.signals[i], NULL);
    uv_close((uv_handle_t *)&world->process.limit, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void a_program_ends_when_its_threads_have(void **state)
{
    struct world world;
    (void)state;
    begin(&world, false);
    assert_int_equal(world.asked, 1);
    assert_false(ferry_process_late(&world.process));
    assert_true(ferry_process_end(&world.process, 0));
    end(&world);
}

static void a_thread_that_never_returns_holds_up_no_end(void **state)
{
    struct world world;
    (void)state;
    begin(&world, true);
    assert_int_equal(world.asked, 1);
    assert_true(ferry_process_late(&world.process));
    assert_false(ferry_process_end(&world.process, 0));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_ends_when_its_threads_have),
        cmocka_unit_test(a_thread_that_never_returns_holds_up_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
