#include "core/io/token.h"

#include "tests/unit/web.h"

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct ferry_token *token;
    struct web *web;
    char url[128];
    char secret_file[64];
};

/* What one waiter was told. */
struct told {
    struct fixture *fixture;
    bool done;
    unsigned times;
    char bearer[256];
    unsigned number;
    struct ferry_error error;
    struct told *forgets; /* dropped from inside the callback */
    bool frees;
};

static void write_secret(struct fixture *fixture, const char *secret)
{
    FILE *file = fopen(fixture->secret_file, "w");

    assert_non_null(file);
    fprintf(file, "%s\n", secret);
    fclose(file);
}

static struct ferry_token *token_at(struct fixture *fixture, const char *url)
{
    const struct ferry_token_options options = {.name = "Dynamics 365",
                                                .url = url,
                                                .client_id = "client & co",
                                                .secret_file = fixture->secret_file,
                                                .scope = "https://contoso.example/.default"};
    struct ferry_token *token = NULL;

    assert_int_equal(ferry_token_new(fixture->http, &options, &token, NULL), FERRY_OK);
    return token;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    int fd;

    snprintf(fixture->secret_file, sizeof(fixture->secret_file), "/tmp/ferry-secret-XXXXXX");
    fd = mkstemp(fixture->secret_file);
    assert_true(fd >= 0);
    close(fd);
    write_secret(fixture, "s3cr+t/&=");
    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    snprintf(fixture->url, sizeof(fixture->url), "%s/t/oauth2/v2.0/token", fixture->web->url);
    assert_int_equal(ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL), FERRY_OK);
    fixture->token = token_at(fixture, fixture->url);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_token_free(fixture->token);
    ferry_http_free(fixture->http);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    web_stop(fixture->web);
    unlink(fixture->secret_file);
    free(fixture);
    return 0;
}

static void on_token(void *context, const char *bearer, const struct ferry_error *error)
{
    struct told *told = context;

    told->done = true;
    told->times++;
    assert_true(!bearer != !error);
    told->number = ferry_token_number(told->fixture->token);
    if (bearer)
        snprintf(told->bearer, sizeof(told->bearer), "%s", bearer);
    else
        told->error = *error;
    if (told->forgets)
        ferry_token_forget(told->fixture->token, told->forgets);
    if (told->frees) {
        ferry_token_free(told->fixture->token);
        told->fixture->token = NULL;
    }
}

static void get(struct fixture *fixture, struct told *told)
{
    told->fixture = fixture;
    ferry_token_get(fixture->token, on_token, told);
}

static void run(struct fixture *fixture, struct told *told)
{
    get(fixture, told);
    web_run(&fixture->loop, &told->done);
    assert_int_equal(told->times, 1);
}

static void grant(struct fixture *fixture, const char *body, unsigned times)
{
    web_prepare(fixture->web, (struct web_reply){.status = 200, .body = body, .times = times});
}

#define TOKEN_A "{\"access_token\":\"tokenA\",\"expires_in\":3599}"
#define TOKEN_B "{\"access_token\":\"tokenB\",\"expires_in\":\"3599\",\"token_type\":\"Bearer\"}"

static void a_token_is_asked_for_with_an_encoded_form(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    const struct web_seen *seen;

    grant(fixture, TOKEN_A, 0);
    run(fixture, &told);
    assert_string_equal(told.bearer, "tokenA");
    seen = web_look(fixture->web, "POST /t/oauth2/v2.0/token", 0);
    assert_string_equal(seen->body, "grant_type=client_credentials&client_id=client%20%26%20co"
                                    "&scope=https%3A%2F%2Fcontoso.example%2F.default"
                                    "&client_secret=s3cr%2Bt%2F%26%3D");
    assert_non_null(strstr(seen->headers, "Content-Type: application/x-www-form-urlencoded"));
}

static void a_token_at_hand_is_given_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0};

    grant(fixture, TOKEN_B, 0);
    run(fixture, &first);
    get(fixture, &second);
    assert_true(second.done);
    assert_string_equal(second.bearer, "tokenB");
    assert_int_equal(web_count(fixture->web, "POST"), 1);
}

static void many_who_wait_make_one_request(void **state)
{
    struct fixture *fixture = *state;
    struct told told[20] = {0};

    grant(fixture, TOKEN_A, 0);
    for (int i = 0; i < 20; i++)
        get(fixture, &told[i]);
    for (int i = 0; i < 20; i++) {
        web_run(&fixture->loop, &told[i].done);
        assert_string_equal(told[i].bearer, "tokenA");
    }
    assert_int_equal(web_count(fixture->web, "POST"), 1);
}

static void a_token_without_a_lifetime_counts_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0};

    grant(fixture, "{\"access_token\":\"tokenA\"}", 0);
    run(fixture, &first);
    get(fixture, &second);
    assert_true(second.done);
    assert_int_equal(web_count(fixture->web, "POST"), 1);
}

static void a_refused_token_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0};

    grant(fixture, TOKEN_A, 1);
    grant(fixture, TOKEN_B, 0);
    run(fixture, &first);
    ferry_token_refused(fixture->token, first.number);
    run(fixture, &second);
    assert_string_equal(second.bearer, "tokenB");
}

static void the_refusal_of_an_older_token_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0}, third = {0};

    grant(fixture, TOKEN_A, 0); /* the same text each time: the number tells them apart */
    ferry_token_refused(fixture->token, ferry_token_number(fixture->token)); /* none yet */
    run(fixture, &first);
    ferry_token_refused(fixture->token, first.number);
    run(fixture, &second);
    assert_int_not_equal(second.number, first.number);
    ferry_token_refused(fixture->token, first.number);
    get(fixture, &third);
    assert_true(third.done);
    assert_int_equal(web_count(fixture->web, "POST"), 2);
}

static void a_token_near_its_end_is_renewed_beside_the_work(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, last = {0};
    uint64_t begin;

    grant(fixture, "{\"access_token\":\"tokenA\",\"expires_in\":2}", 1);
    grant(fixture, TOKEN_B, 0);
    run(fixture, &first);
    begin = uv_now(&fixture->loop);
    while (strcmp(last.bearer, "tokenB") != 0) {
        struct told told = {0};

        get(fixture, &told);
        assert_true(told.done); /* nobody waits for the renewal */
        last = told;
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    assert_true(uv_now(&fixture->loop) - begin < 1990);
    assert_int_equal(web_count(fixture->web, "POST"), 2);
}

static void the_secret_is_read_again_for_every_request(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0};

    grant(fixture, TOKEN_A, 1);
    grant(fixture, TOKEN_B, 0);
    run(fixture, &first);
    write_secret(fixture, "rotated");
    ferry_token_refused(fixture->token, first.number);
    run(fixture, &second);
    assert_non_null(strstr(web_look(fixture->web, "POST", 1)->body, "client_secret=rotated"));
}

static void a_missing_secret_is_told_later_and_asks_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    unlink(fixture->secret_file);
    get(fixture, &told);
    assert_false(told.done);
    web_run(&fixture->loop, &told.done);
    assert_int_equal(told.error.status, FERRY_INVALID);
    assert_int_equal(told.error.class, FERRY_CLASS_CREDENTIALS);
    assert_non_null(strstr(told.error.message, fixture->secret_file));
    assert_int_equal(web_count(fixture->web, "POST"), 0);
}

#define ENTRA_REFUSAL                                                                              \
    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "  \
    "provided. Yours was s3cr+t/&=\\r\\nTrace ID: 0815\\r\\nTimestamp: now\"}"
#define IMS_REFUSAL                                                                                \
    "{\"error\":\"invalid_client\",\"error_description\":\"invalid client_id parameter\"}"
#define ENTRA_TROUBLE                                                                              \
    "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS90033: A transient "               \
    "error\\r\\nx\"}"

static const struct refusal {
    int status;
    const char *body;
    enum ferry_status expected;
    enum ferry_class class;
    const char *contains;
} refusals[] = {
    {400, IMS_REFUSAL, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
     "invalid_client: invalid client_id parameter"},
    {401, ENTRA_REFUSAL, FERRY_INVALID, FERRY_CLASS_CREDENTIALS, "invalid_client"},
    {403, "", FERRY_INVALID, FERRY_CLASS_CREDENTIALS, "HTTP 403"},
    {400, ENTRA_TROUBLE, FERRY_RETRY, FERRY_CLASS_NETWORK, "AADSTS90033: A transient error"},
    {400, "{\"error\":\"temporarily_unavailable\"}", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 400"},
    {400, "<html>", FERRY_INVALID, FERRY_CLASS_CREDENTIALS, "HTTP 400"},
    {429, "", FERRY_RETRY, FERRY_CLASS_QUOTA, "HTTP 429"},
    {500, "", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 500"},
    {503, "{}", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 503"},
    {302, "", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 302"},
    {200, "no json", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 200"},
    {200, "[]", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 200"},
    {200, "{\"access_token\":\"\"}", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 200"},
    {200, "{\"access_token\":7}", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 200"},
    {200, "{\"access_token\":\"a\\r\\nX-Evil: 1\"}", FERRY_RETRY, FERRY_CLASS_NETWORK, "HTTP 200"},
    {WEB_CUT, "", FERRY_RETRY, FERRY_CLASS_NETWORK, "Dynamics 365"},
};

static void a_refusal_says_who_has_to_act_and_never_the_secret(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        struct told told = {0};

        ferry_token_free(fixture->token);
        fixture->token = token_at(fixture, fixture->url);
        web_prepare(
            fixture->web,
            (struct web_reply){.status = refusal->status, .body = refusal->body, .times = 1});
        run(fixture, &told);
        if (told.error.status != refusal->expected || told.error.class != refusal->class ||
            !strstr(told.error.message, refusal->contains))
            fail_msg("case %zu: %s, %s: %s", i, ferry_status_name(told.error.status),
                     ferry_class_name(told.error.class), told.error.message);
        assert_null(strstr(told.error.message, "s3cr"));
        assert_null(strstr(told.error.message, "Trace ID"));
    }
}

static void a_server_that_is_not_there_is_a_passing_fault(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    ferry_token_free(fixture->token);
    fixture->token = token_at(fixture, "http://127.0.0.1:1/token");
    run(fixture, &told);
    assert_int_equal(told.error.status, FERRY_RETRY);
    assert_int_equal(told.error.class, FERRY_CLASS_NETWORK);
}

static void an_address_that_must_not_be_called_is_the_administrators_affair(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    ferry_token_free(fixture->token);
    fixture->token = token_at(fixture, "http://192.0.2.1/token");
    run(fixture, &told);
    assert_int_equal(told.error.status, FERRY_INVALID);
    assert_int_equal(told.error.class, FERRY_CLASS_CREDENTIALS);
}

static void a_failure_is_not_repeated_at_once(void **state)
{
    struct fixture *fixture = *state;

    web_prepare(fixture->web, (struct web_reply){.status = 401, .body = IMS_REFUSAL});
    for (int i = 0; i < 10; i++) {
        struct told told = {0};

        run(fixture, &told);
        assert_int_equal(told.error.class, FERRY_CLASS_CREDENTIALS);
    }
    assert_int_equal(web_count(fixture->web, "POST"), 1);
}

static void after_a_moment_a_failure_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    web_prepare(fixture->web, (struct web_reply){.status = 500, .times = 1});
    grant(fixture, TOKEN_A, 0);
    while (!told.bearer[0]) {
        memset(&told, 0, sizeof(told));
        run(fixture, &told);
    }
    assert_int_equal(web_count(fixture->web, "POST"), 2);
}

static void who_was_forgotten_is_not_called(void **state)
{
    struct fixture *fixture = *state;
    struct told forgotten = {0}, other = {0};

    grant(fixture, TOKEN_A, 0);
    get(fixture, &forgotten);
    get(fixture, &other);
    ferry_token_forget(fixture->token, &forgotten);
    web_run(&fixture->loop, &other.done);
    assert_false(forgotten.done);
}

static void one_waiter_may_forget_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0}, third = {0};

    grant(fixture, TOKEN_A, 0);
    first.forgets = &second;
    get(fixture, &first);
    get(fixture, &second);
    get(fixture, &third);
    web_run(&fixture->loop, &third.done);
    assert_true(first.done);
    assert_false(second.done);
}

static void it_may_be_freed_while_somebody_waits(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    get(fixture, &told);
    ferry_token_free(fixture->token);
    fixture->token = NULL;
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(told.done);
    ferry_token_free(NULL);
}

static void it_may_be_freed_by_a_waiter(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {0}, second = {0};

    grant(fixture, TOKEN_A, 0);
    first.frees = true;
    get(fixture, &first);
    get(fixture, &second);
    web_run(&fixture->loop, &first.done);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(second.done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_asked_for_with_an_encoded_form),
        TEST(a_token_at_hand_is_given_at_once),
        TEST(many_who_wait_make_one_request),
        TEST(a_token_without_a_lifetime_counts_for_a_while),
        TEST(a_refused_token_is_replaced),
        TEST(the_refusal_of_an_older_token_changes_nothing),
        TEST(a_token_near_its_end_is_renewed_beside_the_work),
        TEST(the_secret_is_read_again_for_every_request),
        TEST(a_missing_secret_is_told_later_and_asks_nobody),
        TEST(a_refusal_says_who_has_to_act_and_never_the_secret),
        TEST(a_server_that_is_not_there_is_a_passing_fault),
        TEST(an_address_that_must_not_be_called_is_the_administrators_affair),
        TEST(a_failure_is_not_repeated_at_once),
        TEST(after_a_moment_a_failure_is_forgotten),
        TEST(who_was_forgotten_is_not_called),
        TEST(one_waiter_may_forget_the_next),
        TEST(it_may_be_freed_while_somebody_waits),
        TEST(it_may_be_freed_by_a_waiter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
