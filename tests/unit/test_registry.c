#include "core/io/registry.h"

#include "tests/unit/web.h"

#define SUBJECT "/apis/ccompat/v7/subjects/ferry.changes.contact-value/versions"

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct ferry_common common;
    struct ferry_registry *registry;
    struct web *web;
    char url[128];
    char password_file[64];
};

/* What one question was told. */
struct told {
    bool done;
    unsigned times;
    uint32_t id;
    struct ferry_error error; /* status FERRY_OK: none */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    snprintf(fixture->url, sizeof(fixture->url), "%s/apis/ccompat/v7/", fixture->web->url);
    fixture->common.registry_url = fixture->url;
    assert_int_equal(ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL), FERRY_OK);
    assert_int_equal(ferry_registry_new(fixture->http, &fixture->common, &fixture->registry, NULL),
                     FERRY_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_registry_free(fixture->registry);
    ferry_http_free(fixture->http);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    web_stop(fixture->web);
    free(fixture);
    return 0;
}

static void on_told(void *context, uint32_t schema_id, const struct ferry_error *error)
{
    struct told *told = context;

    told->done = true;
    told->times++;
    told->id = schema_id;
    ferry_error_clear(&told->error);
    if (error)
        told->error = *error;
}

static void put(struct fixture *fixture, struct told *told)
{
    assert_int_equal(ferry_registry_register(fixture->registry, "ferry.changes.contact",
                                             "{\"type\": \"string\"}", on_told, told, NULL),
                     FERRY_OK);
}

static void answer(struct fixture *fixture, int status, const char *body)
{
    web_prepare(fixture->web, (struct web_reply){.status = status, .body = body});
}

static struct told ask(struct fixture *fixture)
{
    struct told told = {0};

    put(fixture, &told);
    web_run(&fixture->loop, &told.done);
    assert_int_equal(told.times, 1);
    return told;
}

static void a_schema_is_registered_under_the_path_of_the_url(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    const struct web_seen *seen;

    answer(fixture, 200, "{\"id\":4000000000}");
    told = ask(fixture);
    assert_int_equal(told.error.status, FERRY_OK);
    assert_true(told.id == 4000000000U);
    seen = web_look(fixture->web, "POST " SUBJECT, 0);
    assert_string_equal(seen->body, "{\"schema\":\"{\\\"type\\\": \\\"string\\\"}\"}");
    assert_non_null(strstr(seen->headers, "Content-Type: application/vnd.schemaregistry.v1+json"));
    assert_null(strstr(seen->headers, "Authorization"));
}

static void a_refusal_names_the_registry_and_what_to_do(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum ferry_class class;
        const char *said, *action;
    } cases[] = {
        {401, "{\"error_code\":40101,\"message\":\"Unauthorized\"}", FERRY_CLASS_CREDENTIALS,
         "Unauthorized", "schema.registry.user"},
        {403, "", FERRY_CLASS_PERMISSION, "answered 403", "right to register"},
        {409, "{\"error_code\":409,\"message\":\"Incompatible\"}", FERRY_CLASS_SCHEMA,
         "ferry.changes.contact-value: Incompatible", "compatibility"},
        {404, "<html>no such page</html>", FERRY_CLASS_MAPPING, "answered 404", "path"},
        {200, "<html>welcome</html>", FERRY_CLASS_MAPPING, "no schema registry", "path"},
        {200, "{\"id\":4294967296}", FERRY_CLASS_MAPPING, "no schema registry", "path"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        web_prepare(
            fixture->web,
            (struct web_reply){.status = cases[i].status, .body = cases[i].body, .times = 1});
        struct told told = ask(fixture);
        assert_int_equal(told.error.status, FERRY_INVALID);
        assert_int_equal(told.error.class, cases[i].class);
        assert_non_null(strstr(told.error.message, fixture->web->url));
        assert_non_null(strstr(told.error.message, cases[i].said));
        assert_non_null(strstr(told.error.action, cases[i].action));
    }
}

static struct told look(struct fixture *fixture)
{
    struct told told = {0};

    assert_int_equal(ferry_registry_ask(fixture->registry, on_told, &told, NULL), FERRY_OK);
    web_run(&fixture->loop, &told.done);
    assert_int_equal(told.times, 1);
    return told;
}

static void whether_it_is_there_is_asked_without_changing_anything(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum ferry_status verdict;
        const char *said;
    } cases[] = {
        {200, "[\"JSON\",\"AVRO\"]", FERRY_OK, ""},
        {200, "[\"PROTOBUF\"]", FERRY_INVALID, "names no schemas of type AVRO"},
        {200, "<html>welcome</html>", FERRY_INVALID, "is no schema registry"},
        {401, "{\"message\":\"Unauthorized\"}", FERRY_INVALID, "answered 401: Unauthorized"},
        {503, "", FERRY_RETRY, "answered 503"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        web_prepare(
            fixture->web,
            (struct web_reply){.status = cases[i].status, .body = cases[i].body, .times = 1});
        struct told told = look(fixture);
        assert_int_equal(told.error.status, cases[i].verdict);
        if (cases[i].verdict != FERRY_OK)
            assert_non_null(strstr(told.error.message, cases[i].said));
        assert_non_null(web_look(fixture->web, "GET /apis/ccompat/v7/schemas/types", (unsigned)i));
    }
}

static void what_may_pass_is_to_be_asked_again(void **state)
{
    static const int statuses[] = {408, 429, 500, 503, WEB_CUT};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        web_prepare(fixture->web,
                    (struct web_reply){.status = statuses[i], .body = "", .times = 1});
        struct told told = ask(fixture);
        assert_int_equal(told.error.status, FERRY_RETRY);
        assert_non_null(strstr(told.error.message, fixture->web->url));
    }
}

static void write_password(struct fixture *fixture, const char *password)
{
    FILE *file = fopen(fixture->password_file, "w");

    assert_non_null(file);
    fprintf(file, "%s\n", password);
    fclose(file);
}

static void the_password_is_read_again_for_each_question(void **state)
{
    struct fixture *fixture = *state;
    char user[] = "ferry";
    int fd;

    snprintf(fixture->password_file, sizeof(fixture->password_file), "/tmp/ferry-secret-XXXXXX");
    fd = mkstemp(fixture->password_file);
    assert_true(fd >= 0);
    close(fd);
    fixture->common.registry_user = user;
    fixture->common.registry_password_file = fixture->password_file;
    answer(fixture, 200, "{\"id\":1}");
    write_password(fixture, "one");
    assert_int_equal(ask(fixture).id, 1);
    write_password(fixture, "two");
    assert_int_equal(ask(fixture).id, 1);
    assert_non_null(
        strstr(web_look(fixture->web, SUBJECT, 0)->headers, "Authorization: Basic ZmVycnk6b25l"));
    assert_non_null(
        strstr(web_look(fixture->web, SUBJECT, 1)->headers, "Authorization: Basic ZmVycnk6dHdv"));
    unlink(fixture->password_file);
    struct told told = {0};
    struct ferry_error error;
    assert_int_equal(ferry_registry_register(fixture->registry, "t", "{}", on_told, &told, &error),
                     FERRY_INVALID);
    assert_int_equal(error.class, FERRY_CLASS_CREDENTIALS);
}

static void who_forgets_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    struct told forgotten = {0}, told = {0};

    answer(fixture, 200, "{\"id\":1}");
    put(fixture, &forgotten);
    put(fixture, &told);
    ferry_registry_forget(fixture->registry, &forgotten);
    web_run(&fixture->loop, &told.done);
    assert_false(forgotten.done);
}

static void plain_http_is_for_this_machine_only(void **state)
{
    struct fixture *fixture = *state;
    char url[] = "http://registry.example/apis/ccompat/v7";
    const struct ferry_common far = {.registry_url = url}, none = {.registry_url = NULL};
    struct ferry_registry *registry = NULL;
    struct ferry_error error;

    assert_int_equal(ferry_registry_new(fixture->http, &far, &registry, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "schema.registry.url"));
    assert_int_equal(ferry_registry_new(fixture->http, &none, &registry, &error), FERRY_OK);
    assert_null(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_schema_is_registered_under_the_path_of_the_url, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_names_the_registry_and_what_to_do, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(whether_it_is_there_is_asked_without_changing_anything,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_pass_is_to_be_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_password_is_read_again_for_each_question, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_forgets_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_http_is_for_this_machine_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
