#include "core/control/registration.h"

#include "core/base/clock.h"
#include "core/record/change.h"
#include "tests/unit/web.h"

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct ferry_common common;
    struct ferry_registry *registry;
    struct ferry_registration *registration;
    struct web *web;
    struct ferry_wire wire;
    bool done, troubled;
    struct ferry_error error;
    int64_t retry_at;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    fixture->common.registry_url = fixture->web->url;
    assert_int_equal(ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL), FERRY_OK);
    assert_int_equal(ferry_registry_new(fixture->http, &fixture->common, &fixture->registry, NULL),
                     FERRY_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_registration_free(fixture->registration);
    ferry_registry_free(fixture->registry);
    ferry_http_free(fixture->http);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    web_stop(fixture->web);
    free(fixture);
    ferry_wire_forget_all();
    return 0;
}

static void on_done(void *context)
{
    struct fixture *fixture = context;
    assert_false(fixture->done);
    fixture->done = true;
}

static void on_trouble(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct fixture *fixture = context;
    fixture->troubled = true;
    fixture->error = *error;
    fixture->retry_at = retry_at;
}

static void begin(struct fixture *fixture, struct ferry_registry *registry)
{
    const struct ferry_registration_entry entries[] = {
        {"i.changes.contact", FERRY_SCHEMA_CHANGE, NULL},
        {"i.written.contact", FERRY_SCHEMA_WRITTEN, &fixture->wire},
    };
    const struct ferry_registration_options options = {
        .loop = &fixture->loop,
        .registry = registry,
        .entries = entries,
        .count = 2,
        .on_done = on_done,
        .on_trouble = on_trouble,
        .context = fixture,
    };
    assert_int_equal(ferry_registration_new(&options, &fixture->registration, NULL), FERRY_OK);
}

static enum ferry_status decode(uint32_t schema_id, struct ferry_error *error)
{
    const struct ferry_wire wire = {.registered = true, .schema_id = schema_id};
    struct ferry_change change = {.table = {"contact", 7}, .id = {"a", 1}};
    struct ferry_buffer out;
    ferry_buffer_init(&out, 4096);
    assert_int_equal(ferry_change_encode(&change, &wire, &out, error), FERRY_OK);
    enum ferry_status status = ferry_change_decode(out.data, out.length, &change, error);
    ferry_change_done(&change);
    ferry_buffer_done(&out);
    return status;
}

static void all_are_registered_and_their_ids_known(void **state)
{
    struct fixture *fixture = *state;
    struct ferry_error error;

    assert_int_equal(decode(8, &error), FERRY_OK); /* nothing is known: it is believed */
    web_prepare(fixture->web,
                (struct web_reply){.match = "changes", .status = 200, .body = "{\"id\":7}"});
    web_prepare(fixture->web,
                (struct web_reply){.match = "written", .status = 200, .body = "{\"id\":8}"});
    begin(fixture, fixture->registry);
    web_run(&fixture->loop, &fixture->done);
    assert_true(fixture->wire.registered);
    assert_int_equal(fixture->wire.schema_id, 8);
    assert_non_null(strstr(web_look(fixture->web, "i.changes.contact-value", 0)->body,
                           "\\\"name\\\": \\\"ChangeRecord\\\""));
    assert_int_equal(decode(7, &error), FERRY_OK);
    assert_int_equal(decode(8, &error), FERRY_INVALID);
    assert_int_equal(error.class, FERRY_CLASS_SCHEMA);
    assert_non_null(strstr(error.message, "schema 8"));
}

static void a_registry_that_is_down_is_asked_again(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = ferry_wall_ms();

    web_prepare(fixture->web, (struct web_reply){.status = 503, .body = "", .times = 1});
    web_prepare(fixture->web, (struct web_reply){.status = 200, .body = "{\"id\":7}"});
    begin(fixture, fixture->registry);
    web_run(&fixture->loop, &fixture->troubled);
    assert_false(fixture->done);
    assert_int_equal(fixture->error.status, FERRY_RETRY);
    assert_true(fixture->retry_at > before);
    web_run(&fixture->loop, &fixture->done);
    assert_true(fixture->wire.registered);
}

static void a_refusal_is_the_end(void **state)
{
    struct fixture *fixture = *state;

    web_prepare(fixture->web, (struct web_reply){.status = 401, .body = ""});
    begin(fixture, fixture->registry);
    web_run(&fixture->loop, &fixture->troubled);
    assert_int_equal(fixture->error.status, FERRY_INVALID);
    assert_true(fixture->retry_at == 0);
    uv_run(&fixture->loop, UV_RUN_DEFAULT); /* no timer is left that would ask again */
    assert_false(fixture->done);
    assert_int_equal(web_count(fixture->web, "POST"), 1);
}

static void without_a_registry_there_is_nothing_to_wait_for(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, NULL);
    web_run(&fixture->loop, &fixture->done);
    assert_false(fixture->wire.registered);
    assert_int_equal(web_count(fixture->web, "POST"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_registered_and_their_ids_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registry_that_is_down_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_registry_there_is_nothing_to_wait_for, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
