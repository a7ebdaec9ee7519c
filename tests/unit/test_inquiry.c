#include "consumers/inquiry.h"

#include "cmocka_all.h"

#define RETRY_MS 10 /* so that a refusal waits for 600 ms */

static uv_loop_t loop;
static struct ferry_inquiry *inquiry;
static int asked;
static uint64_t asked_at; /* ns */
static bool refuses;

static void ask(void *context, size_t subject)
{
    static const struct ferry_error refusal = {.status = FERRY_INVALID, .message = "no"};
    (void)context;
    asked++;
    asked_at = uv_hrtime();
    ferry_inquiry_answer(inquiry, subject, refuses ? &refusal : NULL);
}

static void on_result(void *context, size_t subject, const struct ferry_error *error,
                      int64_t retry_at)
{
    (void)context;
    (void)subject;
    (void)error;
    (void)retry_at;
}

static int make(int64_t retry_ms)
{
    const struct ferry_inquiry_options options = {
        .count = 1, .retry_ms = retry_ms, .ask = ask, .on_result = on_result};
    struct ferry_error error;
    asked = 0;
    uv_loop_init(&loop);
    return (int)ferry_inquiry_new(&loop, &options, &inquiry, &error);
}

static int set_up(void **state)
{
    (void)state;
    return make(RETRY_MS);
}

/* A wait after a refusal would be a minute. */
static int set_up_slow(void **state)
{
    (void)state;
    return make(100 * RETRY_MS);
}

static int tear_down(void **state)
{
    (void)state;
    ferry_inquiry_free(inquiry);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

/* Returns how long after the one before the last was asked, in ms. */
static uint64_t run_until_asked(int times)
{
    uint64_t before = asked_at;
    while (asked < times)
        uv_run(&loop, UV_RUN_ONCE);
    return (asked_at - before) / 1000000;
}

static void a_doubt_is_asked_about_at_once(void **state)
{
    (void)state;
    refuses = false;
    run_until_asked(1);
    ferry_inquiry_repeat(inquiry, 0);
    assert_in_range(run_until_asked(2), 0, 30000);
}

static void a_doubt_does_not_shorten_the_wait_after_a_refusal(void **state)
{
    (void)state;
    refuses = true;
    run_until_asked(1);
    ferry_inquiry_repeat(inquiry, 0);
    assert_in_range(run_until_asked(2), 550, 60000);
}

static void a_doubt_does_not_shorten_a_postponement(void **state)
{
    (void)state;
    refuses = false;
    run_until_asked(1);
    ferry_inquiry_postpone(inquiry, 0);
    ferry_inquiry_repeat(inquiry, 0);
    assert_in_range(run_until_asked(2), 550, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_doubt_is_asked_about_at_once, set_up_slow, tear_down),
        cmocka_unit_test_setup_teardown(a_doubt_does_not_shorten_the_wait_after_a_refusal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_doubt_does_not_shorten_a_postponement, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
