#include "core/remote/campaign.h"

#include "core/remote/campaign_verdict.h"
#include "tests/unit/web.h"

#define RST "RST-360011 An error has occurred - please contact your administrator.\n"
#define PGS                                                                                        \
    "PGS-220000 PostgreSQL error: ERROR:  duplicate key value violates unique constraint "         \
    "\"nmsservice_name\" DETAIL:  Key (sname)=(SVC4) already exists."
#define LOST(path, key, schema, name)                                                              \
    RST "Unable to find document with path '" path "' from key '" key                              \
        "' (document with schema '" schema "' and name '" name "')"

/* --- verdicts --- */

static const struct verdict_case {
    const char *resource;
    const char *key;
    int status;
    const char *body;
    enum ferry_verdict verdict;
    enum ferry_class class;
} verdict_cases[] = {
    /* the texts of the reference */
    {"profile", "k1", 500,
     RST "The value 'invalid' is not valid for the 'nms:recipient:gender' enumeration of the "
         "'@gender' field",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"profile", "k1", 500,
     RST "The value 'x' is not valid for the '@email' field (data policy 'email')",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"profile", "k1", 500,
     "Cannot update the 'age' property that is read-only\n'age' property is not valid for the "
     "'profile' resource.",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_SCHEMA},
    {"profile", "", 500, "'foo' property is not valid for the 'profile' resource.",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_SCHEMA},
    {"profile", "", 400, "'foo' property is not valid for the 'profile' resource.",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_SCHEMA},
    {"service", "", 500, "A 'Service' with the same key 'SVC4' already exists.\n" PGS,
     FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
    {"service", "", 500, PGS, FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
    {"service", "", 500, RST PGS, FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
    {"service", "SVC3", 500,
     RST "RST-360012 Inconsistent operation on resource 'service' \xe2\x80\x93 Cannot update key "
         "'SVC3' to 'SVC4'.",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"profile", "k1", 500,
     "'O5iRp40EGA' attribute unknown (see definition of 'Profiles (nms:recipient)' schema).\n"
     "XTK-170036 Unable to parse expression '@id = @O5iRp40EGA'.",
     FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {"cusPurchase", "", 500, RST "The 'label' field of the 'cusPurchase' resource is mandatory",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"cusPurchase", "", 500,
     "PGS-220000 PostgreSQL error: ERROR:  value too long for type character varying(30)",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"cusPurchase", "", 500, RST "XTK-170006 Unable to parse expression '@birthDate = x'.",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"profile", "", 500, RST "'@gibberish' is not a valid constant", FERRY_VERDICT_BAD_RECORD,
     FERRY_CLASS_BUG},
    {"profile", "", 500, "JSON parse error", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_BUG},
    {"profile", "", 413, "too much", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    /* the same with the ends of line of another system */
    {"profile", "", 500,
     "RST-360011 An error\r\n'foo' property is not valid for the 'profile' resource.\r\n",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_SCHEMA},
    /* errors that name nobody */
    {"profile", "k1", 500, RST "PGS-220000 PostgreSQL error: FATAL:  the database is starting up",
     FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    {"profile", "k1", 500, RST, FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    {"profile", "k1", 500, "", FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    {"profile", "k1", 500, "\n\n\n", FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    {"profile", "k1", 507, "storage", FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    /* a value that talks like an error, in a line that is known or in one that is not */
    {"profile", "k1", 500,
     RST "The value 'A 'x' with the same key 'y' already exists' is not valid for the '@a' field",
     FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"profile", "k1", 500, RST "Trouble with 'foo' property is not valid for the 'profile'",
     FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    /* 404 */
    {"service", "adobe_nl", 404, LOST("Service", "adobe_nl:0", "service", "adobe_nl"),
     FERRY_VERDICT_ABSENT, FERRY_CLASS_NONE},
    {"cusPurchase", "p1", 404, LOST("Profile", "adobe_nl", "profile", "adobe_nl"),
     FERRY_VERDICT_NO_PARENT, FERRY_CLASS_NONE},
    {"cusPurchase", "", 404, LOST("Profile", "adobe_nl", "profile", "adobe_nl"),
     FERRY_VERDICT_NO_PARENT, FERRY_CLASS_NONE},
    {"profile", "", 404, LOST("Profile", "k2", "profile", "k2"), FERRY_VERDICT_NO_PARENT,
     FERRY_CLASS_NONE},
    {"profile", "k1", 404, LOST("Profile", "k2", "profile", "k2"), FERRY_VERDICT_NO_PARENT,
     FERRY_CLASS_NONE}, /* a link to a record of the same resource */
    {"profile", "k1", 404, LOST("Profile", "k1", "recipient", "k1"), FERRY_VERDICT_ABSENT,
     FERRY_CLASS_NONE}, /* in doubt, itself */
    {"profile", "k1:0", 404, LOST("Profile", "k1:0:0", "profile", "k1:0"), FERRY_VERDICT_ABSENT,
     FERRY_CLASS_NONE},
    {"cusPurchase", "p1", 404, LOST("Profile", "k:0", "profile", "k:0"), FERRY_VERDICT_NO_PARENT,
     FERRY_CLASS_NONE}, /* the parent's key itself ends so */
    {"profile", "it's", 404, LOST("Profile", "it's:0", "profile", "it's"), FERRY_VERDICT_ABSENT,
     FERRY_CLASS_NONE},
    {"profile", "k1", 404, RST "Unable to find document with path 'Profile' from key 'k1:0' (...)",
     FERRY_VERDICT_ABSENT, FERRY_CLASS_NONE},
    {"profile", "k1", 404, RST "Error rc=-2003", FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
    {"cusNothing", "k1", 404, RST "The 'cusNothing' resource is unknown.", FERRY_VERDICT_REFUSED,
     FERRY_CLASS_SCHEMA},
    {"cusNothing", "k1", 404, "", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {"profile", "k1", 404, "Unable to find document with path '", FERRY_VERDICT_REFUSED,
     FERRY_CLASS_SCHEMA},
    /* the gateway */
    {"profile", "k1", 403, "{\"error_code\":\"403003\",\"message\":\"Api Key is invalid\"}",
     FERRY_VERDICT_CREDENTIALS, FERRY_CLASS_CREDENTIALS},
    {"profile", "k1", 403, "{\"error_code\":\"403023\",\"message\":\"Profile is not valid\"}",
     FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION},
    {"profile", "k1", 403, "", FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION},
    {"profile", "k1", 403, "<html>", FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION},
    {"profile", "k1", 500, "{\"code\":500,\"message\":\"Oops. Something went wrong.\"}",
     FERRY_VERDICT_UNKNOWN, FERRY_CLASS_NETWORK},
    {"profile", "k1", 400, "{\"code\":400,\"message\":\"Bad Request\"}", FERRY_VERDICT_REFUSED,
     FERRY_CLASS_NETWORK},
    {"profile", "k1", 500, "{\"some\":\"thing\"}", FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
    /* the rest */
    {"profile", "k1", 400, "what", FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
    {"profile", "k1", 405, "", FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
    {"profile", "k1", 302, "", FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
};

static struct ferry_remote_answer judge(const char *resource, const char *key, int status,
                                        const char *body)
{
    const struct ferry_campaign_case given = {.resource = resource, .key = key};
    const struct ferry_http_answer http = {
        .status = status, .body = body, .length = strlen(body), .content_type = "text/plain"};
    struct ferry_remote_answer answer = {.status = status};

    ferry_campaign_judge(&given, &http, &answer);
    return answer;
}

static void each_known_text_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdict_cases) / sizeof(verdict_cases[0]); i++) {
        const struct verdict_case *given = &verdict_cases[i];
        struct ferry_remote_answer answer =
            judge(given->resource, given->key, given->status, given->body);

        if (answer.verdict != given->verdict || answer.error.class != given->class)
            fail_msg("%d %s: %s, %s: %s", given->status, given->body,
                     ferry_verdict_name(answer.verdict), ferry_class_name(answer.error.class),
                     answer.error.message);
        assert_true(answer.error.message[0] != '\0');
    }
}

static void only_a_reject_quotes_the_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdict_cases) / sizeof(verdict_cases[0]); i++) {
        const struct verdict_case *given = &verdict_cases[i];
        struct ferry_remote_answer answer =
            judge(given->resource, given->key, given->status, given->body);

        if (answer.verdict == FERRY_VERDICT_BAD_RECORD)
            assert_non_null(strstr(answer.error.message, given->resource));
        else if (strstr(answer.error.message, "SVC4") || strstr(answer.error.message, "adobe_nl") ||
                 strstr(answer.error.message, "O5iRp40EGA") || strstr(answer.error.message, "k1"))
            fail_msg("quoted: %s", answer.error.message);
    }
}

static void a_reject_keeps_the_line_that_names_the_culprit(void **state)
{
    (void)state;
    assert_string_equal(
        judge("profile", "k1", 500, RST "The value 'q' is not valid for the '@a' field\nmore")
            .error.message,
        "profile: The value 'q' is not valid for the '@a' field");
}

static void an_ill_answer_keeps_its_code(void **state)
{
    (void)state;
    assert_non_null(strstr(
        judge("profile", "k1", 500, RST "PGS-220000 PostgreSQL error: FATAL:  x").error.message,
        "PGS-220000"));
}

/* Whatever a server sends, cut anywhere: no byte outside is read (the sanitizer watches). */
static void a_cut_text_is_judged_without_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdict_cases) / sizeof(verdict_cases[0]); i++) {
        const struct verdict_case *given = &verdict_cases[i];
        size_t length = strlen(given->body);

        for (size_t cut = 0; cut < length; cut++) {
            char *body = strndup(given->body, cut);

            judge(given->resource, given->key, given->status, body);
            free(body);
        }
    }
}

/* --- requests --- */

#define TOKEN_A "{\"access_token\":\"tokenA\",\"expires_in\":86399}"
#define TOKEN_B "{\"access_token\":\"tokenB\",\"expires_in\":86399}"

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct ferry_campaign *campaign;
    struct web *web;
    char secret_file[64];
};

struct told {
    struct fixture *fixture;
    bool done;
    unsigned times;
    struct ferry_remote_answer answer;
    char body[4096];
    bool frees;
    struct ferry_campaign_call *call;
};

static struct ferry_campaign *campaign_at(struct fixture *fixture, const char *url,
                                          const char *token_url)
{
    char base[256], token[256];
    struct ferry_campaign *campaign = NULL;
    struct ferry_error error;
    struct ferry_campaign_settings settings = {.url = base,
                                               .token_url = token,
                                               .client_id = (char[]){"the-key"},
                                               .client_secret_file = fixture->secret_file,
                                               .scope = (char[]){"openid,AdobeID"},
                                               .timeout_ms = 1000};

    snprintf(base, sizeof(base), "%s", url);
    snprintf(token, sizeof(token), "%s", token_url);
    if (ferry_campaign_new(fixture->http, &settings, &campaign, &error) != FERRY_OK)
        print_message("%s\n", error.message);
    return campaign;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char base[128], token[128];
    int fd;

    snprintf(fixture->secret_file, sizeof(fixture->secret_file), "/tmp/ferry-secret-XXXXXX");
    fd = mkstemp(fixture->secret_file);
    assert_int_equal(write(fd, "secret", 6), 6);
    close(fd);
    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    assert_int_equal(ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL), FERRY_OK);
    snprintf(base, sizeof(base), "%s/acme/", fixture->web->url);
    snprintf(token, sizeof(token), "%s/ims/token/v3", fixture->web->url);
    fixture->campaign = campaign_at(fixture, base, token);
    assert_non_null(fixture->campaign);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_campaign_free(fixture->campaign);
    ferry_http_free(fixture->http);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    web_stop(fixture->web);
    unlink(fixture->secret_file);
    free(fixture);
    return 0;
}

static void on_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct told *told = context;

    told->done = true;
    told->times++;
    told->answer = *answer;
    snprintf(told->body, sizeof(told->body), "%s", answer->body);
    ferry_campaign_cancel(told->call); /* has no effect any more */
    if (told->frees) {
        ferry_campaign_free(told->fixture->campaign);
        told->fixture->campaign = NULL;
    }
}

static void prepare(struct fixture *fixture, const char *match, int status, const char *body,
                    unsigned times)
{
    web_prepare(
        fixture->web,
        (struct web_reply){
            .match = match, .status = status, .type = "text/plain", .body = body, .times = times});
}

static enum ferry_status send_to(struct fixture *fixture, struct told *told, const char *method,
                                 const char *key, const char *body, struct ferry_error *error)
{
    const struct ferry_campaign_request request = {.method = method,
                                                   .api = "profileAndServicesExt",
                                                   .resource = "profile",
                                                   .key = key,
                                                   .body = body,
                                                   .length = body ? strlen(body) : 0,
                                                   .on_done = on_answer,
                                                   .context = told};

    told->fixture = fixture;
    return ferry_campaign_send(fixture->campaign, &request, &told->call, error);
}

static void run(struct fixture *fixture, struct told *told, const char *method, const char *key,
                const char *body)
{
    assert_int_equal(send_to(fixture, told, method, key, body, NULL), FERRY_OK);
    assert_false(told->done);
    web_run(&fixture->loop, &told->done);
    assert_int_equal(told->times, 1);
}

static void a_request_has_path_headers_and_body_of_the_reference(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    const struct web_seen *seen;

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{\"PKey\":\"@x\"}", 0);
    run(fixture, &told, "PATCH", "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d", "{\"a\":1}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_OK);
    assert_string_equal(told.body, "{\"PKey\":\"@x\"}");
    seen = web_look(fixture->web, "PATCH", 0);
    assert_string_equal(seen->target, "PATCH /acme/campaign/profileAndServicesExt/profile/"
                                      "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d");
    assert_string_equal(seen->body, "{\"a\":1}");
    assert_non_null(strstr(seen->headers, "Authorization: Bearer tokenA\n"));
    assert_non_null(strstr(seen->headers, "X-Api-Key: the-key\n"));
    assert_non_null(strstr(seen->headers, "Cache-Control: no-cache\n"));
    assert_non_null(strstr(seen->headers, "Content-Type: application/json\n"));
}

static void the_collection_and_a_delete_have_neither_key_nor_body(void **state)
{
    struct fixture *fixture = *state;
    struct told post = {0}, delete = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, "POST", 201, "{}", 0);
    prepare(fixture, "DELETE", 200, "", 0);
    run(fixture, &post, "POST", NULL, "{}");
    run(fixture, &delete, "DELETE", "k1", NULL);
    assert_int_equal(post.answer.status, 201);
    assert_int_equal(delete.answer.verdict, FERRY_VERDICT_OK);
    web_look(fixture->web, "POST /acme/campaign/profileAndServicesExt/profile", 0);
    assert_null(web_look(fixture->web, "DELETE", 0)->body);
}

static void a_key_is_encoded_and_a_pkey_keeps_its_mark(void **state)
{
    static const struct {
        const char *key;
        const char *target;
    } cases[] = {
        {"@Qx7-_", "/profile/@Qx7-_"},
        {"a b/c", "/profile/a%20b%2Fc"},
        {"x?y#z", "/profile/x%3Fy%23z"},
        {"\xc3\xa9", "/profile/%C3%A9"},
        {"a%2fb", "/profile/a%252fb"},
        {"..x", "/profile/..x"},
        {"a@b.example", "/profile/a%40b.example"},
    };
    struct fixture *fixture = *state;

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "", 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told told = {0};
        const char *target;

        run(fixture, &told, "PATCH", cases[i].key, "{}");
        target = web_look(fixture->web, "PATCH", i)->target;
        assert_string_equal(strstr(target, "/profile/"), cases[i].target);
    }
}

static void a_key_that_would_name_something_else_is_a_bad_record(void **state)
{
    static const char *const keys[] = {"", ".", ".."};
    char lengthy[1024];
    struct ferry_error error;
    struct told told = {0};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(send_to(*state, &told, "DELETE", keys[i], NULL, &error), FERRY_BAD_RECORD);
        assert_int_equal(error.class, FERRY_CLASS_MAPPING);
    }
    memset(lengthy, 'x', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    assert_int_equal(send_to(*state, &told, "DELETE", lengthy, NULL, &error), FERRY_BAD_RECORD);
    assert_false(told.done);
}

/* A GET of the collection through a filter, or of a link. */
static void look(struct fixture *fixture, struct told *told, const char *query, const char *link)
{
    const struct ferry_campaign_request request = {.method = "GET",
                                                   .api = "profileAndServicesExt",
                                                   .resource = "profile",
                                                   .filter = "byOptOutsSince",
                                                   .query = query,
                                                   .link = link,
                                                   .max_answer_bytes = 4 << 20,
                                                   .on_done = on_answer,
                                                   .context = told};

    told->fixture = fixture;
    assert_int_equal(ferry_campaign_send(fixture->campaign, &request, &told->call, NULL), FERRY_OK);
    web_run(&fixture->loop, &told->done);
    assert_int_equal(told->times, 1);
}

static void a_collection_is_asked_through_a_filter_with_its_query_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    look(fixture, &told, "since_parameter=2026-01-01%2000%3A00%3A00.000Z&_order=externalId", NULL);
    assert_string_equal(web_look(fixture->web, "GET", 0)->target,
                        "GET /acme/campaign/profileAndServicesExt/profile/byOptOutsSince?"
                        "since_parameter=2026-01-01%2000%3A00%3A00.000Z&_order=externalId");
}

static void a_link_is_followed_as_it_came(void **state)
{
    static const char path[] = "/acme/campaign/profileAndServicesExt/profile//byOptOutsSince?"
                               "since_parameter=x&_lineStart=@kP%2b";
    struct fixture *fixture = *state;
    struct told told = {0};
    char link[512];

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    snprintf(link, sizeof(link), "%s%s", fixture->web->url, path);
    look(fixture, &told, "another=1", link);
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_OK);
    assert_string_equal(web_look(fixture->web, "GET", 0)->target + strlen("GET "), path);
}

static void a_link_to_somebody_else_is_not_followed_and_costs_no_token(void **state)
{
    static const char *const links[] = {"http://127.0.0.1:1/acme/campaign/x",
                                        "https://evil.example/acme/campaign/x"};
    struct fixture *fixture = *state;
    char outside[128];

    prepare(fixture, NULL, 200, TOKEN_A, 0);
    snprintf(outside, sizeof(outside), "%s/other/campaign/x", fixture->web->url);
    for (size_t i = 0; i < 3; i++) {
        struct told told = {0};

        look(fixture, &told, NULL, i < 2 ? links[i] : outside);
        assert_int_equal(told.answer.verdict, FERRY_VERDICT_FOREIGN);
    }
    assert_int_equal(fixture->web->seen_count, 0);
}

static void an_unknown_filter_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 404, RST "Unknown filter.", 0);
    look(fixture, &told, NULL, NULL);
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_REFUSED);
    assert_non_null(strstr(told.answer.error.message, "profile/byOptOutsSince"));
}

static void a_strange_resource_or_method_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct ferry_campaign_request request = {.method = "PUT",
                                             .api = "profileAndServicesExt",
                                             .resource = "profile",
                                             .on_done = on_answer};
    struct ferry_error error;

    assert_int_equal(ferry_campaign_send(fixture->campaign, &request, NULL, &error), FERRY_INVALID);
    request.method = "GET";
    request.resource = "../../other";
    assert_int_equal(ferry_campaign_send(fixture->campaign, &request, NULL, &error), FERRY_INVALID);
    request.resource = "profile";
    request.api = "";
    assert_int_equal(ferry_campaign_send(fixture->campaign, &request, NULL, &error), FERRY_INVALID);
}

static void a_refused_token_is_renewed_once_and_the_request_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 1);
    prepare(fixture, "/ims/", 200, TOKEN_B, 0);
    prepare(fixture, "PATCH", 401, "{\"error_code\":\"401013\"}", 1);
    prepare(fixture, "PATCH", 200, "{}", 0);
    run(fixture, &told, "PATCH", "k1", "{\"a\":1}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_OK);
    assert_non_null(strstr(web_look(fixture->web, "PATCH", 1)->headers, "Bearer tokenB"));
    assert_string_equal(web_look(fixture->web, "PATCH", 1)->body, "{\"a\":1}");
    assert_int_equal(web_count(fixture->web, "/ims/"), 2);
}

static void a_token_refused_twice_is_a_matter_of_credentials(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 401, "{\"error_code\":\"401013\"}", 0);
    run(fixture, &told, "PATCH", "k1", "{}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_CREDENTIALS);
    assert_int_equal(told.answer.error.class, FERRY_CLASS_CREDENTIALS);
    assert_int_equal(told.answer.status, 401);
    assert_int_equal(web_count(fixture->web, "PATCH"), 2);
}

static void many_refused_at_once_renew_the_token_once(void **state)
{
    struct fixture *fixture = *state;
    struct told told[20] = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 1);
    prepare(fixture, "/ims/", 200, TOKEN_B, 0);
    web_prepare(fixture->web, (struct web_reply){.header = "tokenA", .status = 401});
    prepare(fixture, "PATCH", 200, "{}", 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_to(fixture, &told[i], "PATCH", "k1", "{}", NULL), FERRY_OK);
    for (int i = 0; i < 20; i++) {
        web_run(&fixture->loop, &told[i].done);
        assert_int_equal(told[i].answer.verdict, FERRY_VERDICT_OK);
    }
    assert_int_equal(web_count(fixture->web, "/ims/"), 2);
    assert_int_equal(web_count(fixture->web, "PATCH"), 40);
}

static void an_authority_that_refuses_us_is_told_as_such(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/ims/", 400, "{\"error\":\"invalid_client\"}", 0);
    run(fixture, &told, "PATCH", "k1", "{}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_CREDENTIALS);
    assert_non_null(strstr(told.answer.error.message, "invalid_client"));
    assert_int_equal(told.answer.status, 0);
    assert_int_equal(web_count(fixture->web, "PATCH"), 0);
}

static void a_missing_secret_comes_as_an_answer_later(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    unlink(fixture->secret_file);
    run(fixture, &told, "PATCH", "k1", "{}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_CREDENTIALS);
}

static const struct status_case {
    const char *method;
    int status;
    const char *type;
    const char *body;
    const char *header;
    enum ferry_verdict verdict;
    int64_t retry_after_ms;
} status_cases[] = {
    {"PATCH", 204, NULL, "", NULL, FERRY_VERDICT_OK, -1},
    {"PATCH", 429, "application/json", "{\"error_code\":\"429050\"}", "Retry-After: 7",
     FERRY_VERDICT_THROTTLED, 7000},
    {"PATCH", 503, NULL, "", "Retry_After: 300s", FERRY_VERDICT_THROTTLED, 300000},
    {"PATCH", 502, "application/json", "{\"code\":502,\"message\":\"Oops\"}", NULL,
     FERRY_VERDICT_UNKNOWN, -1},
    {"GET", 502, "application/json", "{\"code\":502,\"message\":\"Oops\"}", NULL,
     FERRY_VERDICT_UNAVAILABLE, -1},
    {"POST", 504, NULL, "", NULL, FERRY_VERDICT_UNKNOWN, -1},
    {"GET", 504, NULL, "", NULL, FERRY_VERDICT_UNAVAILABLE, -1},
    {"GET", 200, "text/html", "<html>Sign in</html>", NULL, FERRY_VERDICT_UNAVAILABLE, -1},
    {"DELETE", 200, "text/html; charset=utf-8", "", NULL, FERRY_VERDICT_UNKNOWN, -1},
    {"DELETE", 404, "text/html", "<html>", NULL, FERRY_VERDICT_UNKNOWN, -1},
    {"GET", 500, NULL, "  <!DOCTYPE html>", NULL, FERRY_VERDICT_UNAVAILABLE, -1},
    {"POST", WEB_CUT, NULL, "", NULL, FERRY_VERDICT_UNKNOWN, -1},
    {"PATCH", WEB_HANG, NULL, "", NULL, FERRY_VERDICT_UNKNOWN, -1},
};

static void each_status_has_its_verdict(void **state)
{
    struct fixture *fixture = *state;

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    for (size_t i = 0; i < sizeof(status_cases) / sizeof(status_cases[0]); i++) {
        const struct status_case *given = &status_cases[i];
        struct told told = {0};

        web_prepare(fixture->web, (struct web_reply){.match = given->method,
                                                     .status = given->status,
                                                     .type = given->type,
                                                     .body = given->body,
                                                     .headers = {given->header},
                                                     .times = 1});
        run(fixture, &told, given->method, "k1", strcmp(given->method, "GET") == 0 ? NULL : "{}");
        if (told.answer.verdict != given->verdict ||
            told.answer.retry_after_ms != given->retry_after_ms)
            fail_msg("%s %d: %s, retry after %lld: %s", given->method, given->status,
                     ferry_verdict_name(told.answer.verdict), (long long)told.answer.retry_after_ms,
                     told.answer.error.message);
    }
}

static void a_server_that_is_gone_was_not_reached(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    char token[128];

    snprintf(token, sizeof(token), "%s/ims/token/v3", fixture->web->url);
    ferry_campaign_free(fixture->campaign);
    fixture->campaign = campaign_at(fixture, "http://127.0.0.1:1/acme", token);
    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    run(fixture, &told, "POST", NULL, "{}");
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_UNAVAILABLE);
    assert_int_equal(told.answer.error.status, FERRY_RETRY);
}

static void an_address_that_must_not_be_called_is_refused_at_the_start(void **state)
{
    struct fixture *fixture = *state;

    assert_null(campaign_at(fixture, "http://mc.adobe.io/acme", "https://ims.example/token"));
    assert_null(campaign_at(fixture, "https://mc.adobe.io/acme", "http://ims.example/token"));
    assert_null(campaign_at(fixture, "https://u:p@mc.adobe.io/acme", "https://ims.example/token"));
}

static void a_cancelled_request_is_not_answered(void **state)
{
    struct fixture *fixture = *state;
    struct told asking = {0}, sent = {0}, other = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    assert_int_equal(send_to(fixture, &asking, "PATCH", "k1", "{}", NULL), FERRY_OK);
    ferry_campaign_cancel(asking.call);
    run(fixture, &other, "PATCH", "k2", "{}");
    assert_int_equal(send_to(fixture, &sent, "PATCH", "k3", "{}", NULL), FERRY_OK);
    ferry_campaign_cancel(sent.call);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(asking.done);
    assert_false(sent.done);
    ferry_campaign_cancel(NULL);
}

static void a_forgotten_context_is_not_called(void **state)
{
    struct fixture *fixture = *state;
    struct told forgotten = {0}, other = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    assert_int_equal(send_to(fixture, &forgotten, "PATCH", "k1", "{}", NULL), FERRY_OK);
    assert_int_equal(send_to(fixture, &forgotten, "PATCH", "k2", "{}", NULL), FERRY_OK);
    assert_int_equal(send_to(fixture, &other, "PATCH", "k3", "{}", NULL), FERRY_OK);
    ferry_campaign_forget(fixture->campaign, &forgotten);
    web_run(&fixture->loop, &other.done);
    assert_false(forgotten.done);
}

static void everything_may_be_freed_from_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {.frees = true}, second = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    assert_int_equal(send_to(fixture, &first, "PATCH", "k1", "{}", NULL), FERRY_OK);
    assert_int_equal(send_to(fixture, &second, "PATCH", "k2", "{}", NULL), FERRY_OK);
    web_run(&fixture->loop, &first.done);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_true(first.times + second.times <= 2);
}

static void everything_may_be_freed_from_a_failure_to_get_a_token(void **state)
{
    struct fixture *fixture = *state;
    struct told first = {.frees = true}, second = {0};

    unlink(fixture->secret_file);
    assert_int_equal(send_to(fixture, &first, "PATCH", "k1", "{}", NULL), FERRY_OK);
    assert_int_equal(send_to(fixture, &second, "PATCH", "k2", "{}", NULL), FERRY_OK);
    web_run(&fixture->loop, &first.done);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(second.done);
}

/* --- descriptions --- */

#define METADATA                                                                                   \
    "{\"name\":\"profile\",\"content\":{"                                                          \
    "\"email\":{\"type\":\"string\",\"resType\":\"string\",\"length\":\"128\",\"mandatory\":true," \
    "\"readOnly\":false},"                                                                         \
    "\"age\":{\"type\":\"number\",\"resType\":\"long\",\"length\":0,\"readOnly\":true},"           \
    "\"gender\":{\"type\":\"enumeration\",\"resType\":\"byte\",\"values\":{\"unknown\":"           \
    "{\"name\":\"unknown\",\"value\":\"0\"},\"male\":{\"name\":\"male\",\"value\":\"1\"}}},"       \
    "\"status\":{\"type\":\"enumeration\",\"resType\":\"string\",\"values\":[\"active\","          \
    "{\"name\":\"inactive\"}]},"                                                                   \
    "\"location\":{\"type\":\"item\",\"content\":{\"city\":{\"type\":\"string\",\"resType\":"      \
    "\"string\",\"length\":\"80\"},\"geo\":{\"type\":\"item\",\"content\":{\"lat\":{\"type\":"     \
    "\"number\",\"resType\":\"double\"}}}}},"                                                      \
    "\"orgUnit\":{\"type\":\"link\",\"resType\":\"link\",\"resTarget\":\"orgUnitBase\"},"          \
    "\"blackListEmail\":{\"type\":\"boolean\",\"resType\":\"boolean\"},"                           \
    "\"denyListFax\":{\"type\":\"boolean\",\"resType\":\"boolean\"},"                              \
    "\"ccpaOptOut\":{\"type\":\"boolean\",\"resType\":\"boolean\"}}}"

struct described {
    struct fixture *fixture;
    bool done;
    bool found;
    enum ferry_verdict verdict;
    struct ferry_error error;
    bool frees;
    size_t strange; /* how many fields are expected, of whatever kind */
};

static void check_description(const struct ferry_campaign_resource *resource)
{
    const struct ferry_campaign_field *field = ferry_campaign_field(resource, "email");

    assert_string_equal(resource->name, "profile");
    assert_int_equal(resource->count, 9 + 1);
    assert_string_equal(field->type, "string");
    assert_int_equal(field->length, 128);
    assert_true(field->mandatory);
    assert_true(ferry_campaign_field(resource, "age")->read_only);
    assert_int_equal(ferry_campaign_field(resource, "age")->length, 0);
    field = ferry_campaign_field(resource, "gender");
    assert_string_equal(field->kind, "enumeration");
    assert_int_equal(json_array_size(field->values), 2);
    assert_string_equal(json_string_value(json_array_get(field->values, 1)), "male");
    field = ferry_campaign_field(resource, "status");
    assert_string_equal(json_string_value(json_array_get(field->values, 0)), "active");
    assert_string_equal(json_string_value(json_array_get(field->values, 1)), "inactive");
    assert_int_equal(ferry_campaign_field(resource, "location.city")->length, 80);
    assert_string_equal(ferry_campaign_field(resource, "location.geo.lat")->type, "double");
    assert_null(ferry_campaign_field(resource, "location"));
    assert_string_equal(ferry_campaign_field(resource, "orgUnit")->target, "orgUnitBase");
    assert_null(ferry_campaign_field(resource, "nothing"));
    assert_string_equal(ferry_campaign_optout(resource, "denyListEmail")->name, "blackListEmail");
    assert_string_equal(ferry_campaign_optout(resource, "denyListFax")->name, "denyListFax");
    assert_string_equal(ferry_campaign_optout(resource, "ccpaOptOut")->name, "ccpaOptOut");
    assert_null(ferry_campaign_optout(resource, "denyListPhone"));
    assert_null(ferry_campaign_optout(resource, "other"));
}

static void on_described(void *context, const struct ferry_campaign_resource *resource,
                         const struct ferry_remote_answer *answer)
{
    struct described *described = context;

    described->done = true;
    described->found = resource != NULL;
    described->verdict = answer->verdict;
    described->error = answer->error;
    if (resource && described->strange)
        assert_int_equal(resource->count, described->strange);
    else if (resource)
        check_description(resource);
    if (described->frees) {
        ferry_campaign_free(described->fixture->campaign);
        described->fixture->campaign = NULL;
    }
}

static void describe(struct fixture *fixture, struct described *described, const char *resource)
{
    described->fixture = fixture;
    assert_int_equal(ferry_campaign_describe(fixture->campaign, "profileAndServicesExt", resource,
                                             on_described, described, NULL),
                     FERRY_OK);
    web_run(&fixture->loop, &described->done);
}

static void a_resource_is_described_with_flat_names(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, METADATA, 0);
    describe(fixture, &described, "profile");
    assert_true(described.found);
    assert_int_equal(described.verdict, FERRY_VERDICT_OK);
    web_look(fixture->web, "GET /acme/campaign/profileAndServicesExt/resourceType/profile", 0);
}

static void an_unknown_resource_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 404, RST "Error rc=-2003", 0);
    describe(fixture, &described, "cusNothing");
    assert_false(described.found);
    assert_int_equal(described.verdict, FERRY_VERDICT_ABSENT);
    assert_int_equal(described.error.class, FERRY_CLASS_MAPPING);
    assert_string_equal(described.error.message,
                        "Adobe Campaign has no resource \"cusNothing\" in profileAndServicesExt");
}

static void a_description_that_is_none_is_told(void **state)
{
    static const char *const bodies[] = {"", "[]", "{}", "{\"content\":[]}", "no"};
    struct fixture *fixture = *state;

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct described described = {0};

        prepare(fixture, NULL, 200, bodies[i], 1);
        describe(fixture, &described, "profile");
        assert_false(described.found);
        assert_int_equal(described.verdict, FERRY_VERDICT_UNAVAILABLE);
    }
}

static void strange_fields_do_no_harm(void **state)
{
    static const char *const bodies[] = {
        "{\"content\":{\"a\":null,\"b\":7,\"c\":{},\"d\":{\"values\":[null,3,{}]},\"e\":{"
        "\"length\":"
        "\"-9\"},\"f\":{\"content\":{}}}}",
        "{\"content\":{\"a\":{\"content\":{\"a\":{\"content\":{\"a\":{\"content\":{\"a\":"
        "{\"content\":{\"a\":{\"content\":{\"a\":{}}}}}}}}}}}}}",
    };
    struct fixture *fixture = *state;

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct described described = {.strange = i == 0 ? 5 : 1};

        prepare(fixture, NULL, 200, bodies[i], 1);
        describe(fixture, &described, "profile");
        assert_true(described.found);
    }
}

static void a_description_may_be_forgotten_or_free_everything(void **state)
{
    struct fixture *fixture = *state;
    struct described forgotten = {0}, freeing = {.frees = true};

    prepare(fixture, "/ims/", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, METADATA, 0);
    assert_int_equal(ferry_campaign_describe(fixture->campaign, "profileAndServicesExt", "profile",
                                             on_described, &forgotten, NULL),
                     FERRY_OK);
    ferry_campaign_forget(fixture->campaign, &forgotten);
    describe(fixture, &freeing, "profile");
    assert_true(freeing.found);
    assert_false(forgotten.done);
}

static void every_verdict_has_a_name(void **state)
{
    (void)state;
    for (int i = FERRY_VERDICT_OK; i <= FERRY_VERDICT_FOREIGN; i++)
        assert_true(strlen(ferry_verdict_name((enum ferry_verdict)i)) > 1);
    assert_string_equal(ferry_verdict_name((enum ferry_verdict)99), "none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_known_text_has_its_verdict),
        cmocka_unit_test(only_a_reject_quotes_the_server),
        cmocka_unit_test(a_reject_keeps_the_line_that_names_the_culprit),
        cmocka_unit_test(an_ill_answer_keeps_its_code),
        cmocka_unit_test(a_cut_text_is_judged_without_harm),
        cmocka_unit_test(every_verdict_has_a_name),
        TEST(a_request_has_path_headers_and_body_of_the_reference),
        TEST(the_collection_and_a_delete_have_neither_key_nor_body),
        TEST(a_key_is_encoded_and_a_pkey_keeps_its_mark),
        TEST(an_unknown_filter_is_named),
        TEST(a_link_to_somebody_else_is_not_followed_and_costs_no_token),
        TEST(a_link_is_followed_as_it_came),
        TEST(a_collection_is_asked_through_a_filter_with_its_query_as_it_is),
        TEST(a_key_that_would_name_something_else_is_a_bad_record),
        TEST(a_strange_resource_or_method_is_refused_at_once),
        TEST(a_refused_token_is_renewed_once_and_the_request_repeated),
        TEST(a_token_refused_twice_is_a_matter_of_credentials),
        TEST(many_refused_at_once_renew_the_token_once),
        TEST(an_authority_that_refuses_us_is_told_as_such),
        TEST(a_missing_secret_comes_as_an_answer_later),
        TEST(each_status_has_its_verdict),
        TEST(a_server_that_is_gone_was_not_reached),
        TEST(an_address_that_must_not_be_called_is_refused_at_the_start),
        TEST(a_cancelled_request_is_not_answered),
        TEST(a_forgotten_context_is_not_called),
        TEST(everything_may_be_freed_from_an_answer),
        TEST(everything_may_be_freed_from_a_failure_to_get_a_token),
        TEST(a_resource_is_described_with_flat_names),
        TEST(an_unknown_resource_is_named),
        TEST(a_description_that_is_none_is_told),
        TEST(strange_fields_do_no_harm),
        TEST(a_description_may_be_forgotten_or_free_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
