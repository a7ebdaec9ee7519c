#include "consumers/trim.h"

#include "cmocka_all.h"

#include "core/base/settings.h"
#include "core/io/kafka.h"

static int ended;

static void on_done(void *context)
{
    (void)context;
    ended++;
}

static void what_could_not_be_deleted_is_tried_again(void **state)
{
    char instance[] = "f", key[] = "bootstrap.servers", nobody[] = "127.0.0.1:1";
    struct ferry_pair pair = {key, nobody};
    const struct ferry_common common = {.instance = instance, .kafka = &pair, .kafka_count = 1};
    struct ferry_trim *trim = NULL;
    struct ferry_error error;
    uv_loop_t loop;
    (void)state;
    uv_loop_init(&loop);
    const struct ferry_trim_options options = {
        .loop = &loop, .common = &common, .topic = "f.events.email", .on_done = on_done};
    assert_int_equal(ferry_trim_new(&options, &trim, &error), FERRY_OK);
    ferry_trim_look(trim, true);
    assert_false(ferry_trim_busy(trim)); /* nothing was noted */
    ferry_trim_note(trim, 3, 100);
    ferry_trim_look(trim, true);
    assert_true(ferry_trim_busy(trim));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(ended, 1);
    assert_false(ferry_trim_busy(trim));
    ferry_trim_look(trim, true);
    assert_true(ferry_trim_busy(trim));
    ferry_trim_free(trim); /* while it works */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(ended, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_true(ferry_kafka_join(60000)); /* the clients end in threads of their own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_not_be_deleted_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
