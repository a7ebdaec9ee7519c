#include "core/remote/dataverse.h"

#include "core/remote/dataverse_verdict.h"
#include "tests/unit/web.h"

#define TOKEN_A              "{\"access_token\":\"tokenA\",\"expires_in\":3599}"
#define TOKEN_B              "{\"access_token\":\"tokenB\",\"expires_in\":3599}"
#define FAULT(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"

/* --- verdicts --- */

static const struct verdict_case {
    int status;
    const char *body;
    enum ferry_verdict verdict;
    enum ferry_class class;
} verdict_cases[] = {
    {400, FAULT("0x80044352", "Version stamp associated with the client has expired."),
     FERRY_VERDICT_EXPIRED, FERRY_CLASS_SCHEMA},
    {410, "", FERRY_VERDICT_EXPIRED, FERRY_CLASS_SCHEMA},
    {400, FAULT("0x80072491", "Entity x isn't enabled for change tracking."), FERRY_VERDICT_REFUSED,
     FERRY_CLASS_SCHEMA},
    {400, FAULT("0x80072491", "other"), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {400, FAULT("0X8005f103", "throttled"), FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA},
    {500, FAULT("0x80044150", "Generic SQL error."), FERRY_VERDICT_UNAVAILABLE,
     FERRY_CLASS_NETWORK},
    {412, FAULT("0x80040237", "Cannot insert duplicate key."), FERRY_VERDICT_DUPLICATE,
     FERRY_CLASS_NONE},
    {412, FAULT("0x80060882", "version"), FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
    {400, FAULT("0x80044331", "too long"), FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {400, FAULT("0x80048d19", "undeclared"), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {400, FAULT("", "no code"), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {400, "not json", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {400, "{\"error\":7}", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {403, FAULT("0x80040220", "Principal user is missing prvReadContact privilege"),
     FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION},
    {404, FAULT("0x80040217", "contact With Id Does Not Exist"), FERRY_VERDICT_ABSENT,
     FERRY_CLASS_MAPPING},
    {404, FAULT("0x8006088A", "Resource not found for the segment"), FERRY_VERDICT_REFUSED,
     FERRY_CLASS_SCHEMA},
    {413, "", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {405, "", FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
    {500, FAULT("0x80040216", "An unexpected error occurred."), FERRY_VERDICT_ILL,
     FERRY_CLASS_NETWORK},
    {500, "", FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
};

static struct ferry_remote_answer judge(int status, const char *body, bool reads)
{
    const struct ferry_http_answer http = {
        .status = status, .body = body, .length = strlen(body), .content_type = "application/json"};
    struct ferry_remote_answer answer = {.status = status};

    ferry_dataverse_judge(&http, reads, &answer);
    return answer;
}

static void each_error_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdict_cases) / sizeof(verdict_cases[0]); i++) {
        const struct verdict_case *given = &verdict_cases[i];
        struct ferry_remote_answer answer = judge(given->status, given->body, true);

        if (answer.verdict != given->verdict || answer.error.class != given->class)
            fail_msg("%d %s: %s, %s: %s", given->status, given->body,
                     ferry_verdict_name(answer.verdict), ferry_class_name(answer.error.class),
                     answer.error.message);
    }
}

static void the_servers_words_about_a_write_stay_out_of_the_sentence(void **state)
{
    const char *body = FAULT("0x80048d19", "Cannot convert the literal 'ann@example.com'");

    (void)state;
    assert_null(strstr(judge(400, body, false).error.message, "ann@"));
    assert_non_null(strstr(judge(400, body, false).error.message, "0x80048d19"));
    assert_non_null(strstr(judge(400, body, true).error.message, "Cannot convert"));
}

/* --- requests --- */

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct ferry_dataverse *dataverse;
    struct web *web;
    char secret_file[64];
};

struct told {
    struct fixture *fixture;
    bool done;
    unsigned times;
    struct ferry_remote_answer answer;
    char body[4096];
    char streamed[4096];
    unsigned pauses;
    bool frees;
    struct ferry_buffer *returned; /* takes the large body back; NULL: nobody does */
    struct ferry_dataverse_call *call;
};

static struct ferry_dataverse *dataverse_at(struct fixture *fixture, const char *url,
                                            const char *authority, struct ferry_error *error)
{
    char environment[256], login[256];
    struct ferry_dataverse *dataverse = NULL;
    struct ferry_dynamics_settings settings = {.url = environment,
                                               .authority_url = login,
                                               .tenant = (char[]){"tenant-1"},
                                               .client_id = (char[]){"client"},
                                               .client_secret_file = fixture->secret_file};

    snprintf(environment, sizeof(environment), "%s", url);
    snprintf(login, sizeof(login), "%s", authority);
    if (ferry_dataverse_new(fixture->http, &settings, &dataverse, error) != FERRY_OK)
        return NULL;
    return dataverse;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char url[128];
    int fd;

    snprintf(fixture->secret_file, sizeof(fixture->secret_file), "/tmp/ferry-secret-XXXXXX");
    fd = mkstemp(fixture->secret_file);
    assert_int_equal(write(fd, "secret", 6), 6);
    close(fd);
    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    assert_int_equal(ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL), FERRY_OK);
    snprintf(url, sizeof(url), "%s/", fixture->web->url);
    fixture->dataverse = dataverse_at(fixture, url, url, NULL);
    assert_non_null(fixture->dataverse);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_dataverse_free(fixture->dataverse);
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
    if (told->returned)
        ferry_dataverse_return_body(told->call, answer, told->returned);
    ferry_dataverse_cancel(told->call); /* has no effect any more */
    if (told->frees) {
        ferry_dataverse_free(told->fixture->dataverse);
        told->fixture->dataverse = NULL;
    }
}

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct told *told = context;
    size_t at = strlen(told->streamed);

    if (told->pauses > 0) {
        told->pauses--;
        ferry_dataverse_resume(told->call);
        return FERRY_HTTP_PAUSE;
    }
    snprintf(told->streamed + at, sizeof(told->streamed) - at, "%.*s", (int)length, data);
    return FERRY_HTTP_GO_ON;
}

static void prepare(struct fixture *fixture, const char *match, int status, const char *body,
                    unsigned times)
{
    web_prepare(fixture->web, (struct web_reply){.match = match,
                                                 .status = status,
                                                 .type = "application/json",
                                                 .body = body,
                                                 .times = times});
}

static void run(struct fixture *fixture, struct told *told, struct ferry_dataverse_request request)
{
    struct ferry_error error;

    told->fixture = fixture;
    request.on_done = on_answer;
    request.context = told;
    if (ferry_dataverse_send(fixture->dataverse, &request, &told->call, &error) != FERRY_OK)
        fail_msg("not sent: %s", error.message);
    assert_false(told->done);
    web_run(&fixture->loop, &told->done);
    assert_int_equal(told->times, 1);
}

static void a_request_has_the_headers_of_the_reference(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    const struct web_seen *seen;

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{\"value\":[]}", 0);
    run(fixture, &told,
        (struct ferry_dataverse_request){.path = "contacts?$select=firstname",
                                         .prefer = "odata.track-changes,odata.maxpagesize=10"});
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_OK);
    assert_string_equal(told.body, "{\"value\":[]}");
    seen = web_look(fixture->web, "GET", 0);
    assert_string_equal(seen->target, "GET /api/data/v9.2/contacts?$select=firstname");
    assert_non_null(strstr(seen->headers, "Authorization: Bearer tokenA\n"));
    assert_non_null(strstr(seen->headers, "Accept: application/json\n"));
    assert_non_null(strstr(seen->headers, "OData-MaxVersion: 4.0\n"));
    assert_non_null(strstr(seen->headers, "OData-Version: 4.0\n"));
    assert_non_null(strstr(seen->headers, "If-None-Match: null\n"));
    assert_non_null(strstr(seen->headers, "Prefer: odata.track-changes,odata.maxpagesize=10\n"));
    assert_null(strstr(seen->headers, "Content-Type"));
    seen = web_look(fixture->web, "POST /tenant-1/oauth2/v2.0/token", 0);
    assert_non_null(strstr(seen->body, "%2F.default"));
    assert_null(strstr(seen->body, "%2F%2F.default"));
}

static void a_body_is_sent_as_json(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 204, "", 0);
    run(fixture, &told,
        (struct ferry_dataverse_request){.method = "POST", .path = "contacts", .body = "{}"});
    assert_int_equal(told.answer.status, 204);
    assert_non_null(strstr(web_look(fixture->web, "POST /api", 0)->headers,
                           "Content-Type: application/json; charset=utf-8\n"));
    assert_string_equal(web_look(fixture->web, "POST /api", 0)->body, "{}");
}

static void a_large_body_comes_back_with_its_answer_also_when_it_went_twice(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    struct ferry_buffer body;

    ferry_buffer_init(&body, 1000);
    assert_int_equal(ferry_buffer_append_text(&body, "{\"large\":1}"), FERRY_OK);
    const char *memory = body.data;
    told.returned = &body;
    prepare(fixture, "/token", 200, TOKEN_A, 1);
    prepare(fixture, "/token", 200, TOKEN_B, 0);
    prepare(fixture, "POST /api", 401, "", 1);
    prepare(fixture, NULL, 204, "", 0);
    run(fixture, &told,
        (struct ferry_dataverse_request){
            .method = "POST", .path = "contacts", .large_body = &body});
    assert_int_equal(told.answer.status, 204);
    assert_string_equal(web_look(fixture->web, "POST /api", 1)->body, "{\"large\":1}");
    assert_ptr_equal(body.data, memory);
    assert_int_equal(body.ceiling, 1000);
    ferry_buffer_done(&body);
}

static void a_link_is_used_byte_for_byte(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    char link[256];

    snprintf(link, sizeof(link),
             "%s/api/data/v9.2/contacts?$select=x&$deltatoken=919042%%2108%%2f22",
             fixture->web->url);
    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 200, "{}", 0);
    run(fixture, &told, (struct ferry_dataverse_request){.link = link});
    assert_string_equal(web_look(fixture->web, "GET", 0)->target,
                        "GET /api/data/v9.2/contacts?$select=x&$deltatoken=919042%2108%2f22");
}

static void a_link_to_somebody_else_sends_nothing_at_all(void **state)
{
    static const char *const links[] = {"https://evil.example/api/data/v9.2/contacts",
                                        "%s/api/data/v9.1/contacts", "%s@evil.example/", "garbage"};
    struct fixture *fixture = *state;
    char link[256];

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        struct told told = {0};
        const char *host = strstr(links[i], "%s");

        snprintf(link, sizeof(link), "%s%s", host ? fixture->web->url : "",
                 host ? links[i] + 2 : links[i]);
        run(fixture, &told, (struct ferry_dataverse_request){.link = link});
        assert_int_equal(told.answer.verdict, FERRY_VERDICT_FOREIGN);
        assert_int_equal(told.answer.error.status, FERRY_INVALID);
        assert_true(told.answer.error.message[0] != '\0');
    }
    assert_int_equal(fixture->web->seen_count, 0); /* not even for a token */
}

static void a_path_that_is_not_encoded_fails_at_once(void **state)
{
    static const char *const paths[] = {"contacts?$filter=x eq 1", "../v9.1/contacts", "a\r\nb"};
    struct fixture *fixture = *state;
    struct ferry_error error;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct ferry_dataverse_request request = {.path = paths[i], .on_done = on_answer};

        assert_int_equal(ferry_dataverse_send(fixture->dataverse, &request, NULL, &error),
                         FERRY_INVALID);
        assert_int_equal(error.class, FERRY_CLASS_BUG);
    }
    assert_int_equal(fixture->web->seen_count, 0);
}

static void a_foreign_link_may_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    const struct ferry_dataverse_request request = {
        .link = "https://evil.example/", .on_done = on_answer, .context = &told};

    assert_int_equal(ferry_dataverse_send(fixture->dataverse, &request, &told.call, NULL),
                     FERRY_OK);
    ferry_dataverse_cancel(told.call);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(told.done);
    assert_int_equal(ferry_dataverse_send(fixture->dataverse, &request, &told.call, NULL),
                     FERRY_OK);
    ferry_dataverse_forget(fixture->dataverse, &told);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_false(told.done);
}

static void a_401_renews_the_token_once(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 1);
    prepare(fixture, "/token", 200, TOKEN_B, 0);
    prepare(fixture, "GET", 401, "", 1);
    prepare(fixture, "GET", 200, "{}", 0);
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts", .on_body = on_body});
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_OK);
    assert_string_equal(told.streamed, "{}");
    assert_non_null(strstr(web_look(fixture->web, "GET", 1)->headers, "tokenB"));
}

static void a_second_401_is_a_matter_of_credentials(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 401, "<html>", 0);
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts"});
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_CREDENTIALS);
    assert_int_equal(web_count(fixture->web, "GET"), 2);
}

static void delta(struct fixture *fixture, struct told *told)
{
    char link[256];

    snprintf(link, sizeof(link), "%s/api/data/v9.2/contacts?%%24deltatoken=1", fixture->web->url);
    run(fixture, told, (struct ferry_dataverse_request){.link = link, .on_body = on_body});
}

static void a_400_on_a_delta_link_counts_when_it_comes_twice(void **state)
{
    struct fixture *fixture = *state;
    struct told once = {0}, twice = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 400, FAULT("0x80060888", "bad"), 1);
    prepare(fixture, "GET", 200, "{}", 1);
    prepare(fixture, "GET", 400, FAULT("0x80060888", "bad"), 0);
    delta(fixture, &once);
    assert_int_equal(once.answer.verdict, FERRY_VERDICT_OK);
    assert_int_equal(web_count(fixture->web, "GET"), 2);
    delta(fixture, &twice);
    assert_int_equal(twice.answer.verdict, FERRY_VERDICT_EXPIRED);
    assert_non_null(strstr(twice.answer.error.action, "read in full"));
    assert_int_equal(web_count(fixture->web, "GET"), 4);
}

static void a_code_that_speaks_for_itself_is_believed_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct told expired = {0}, untracked = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 400, FAULT("0x80044352", "expired"), 1);
    prepare(fixture, "GET", 400, FAULT("0x80072491", "off"), 1);
    delta(fixture, &expired);
    delta(fixture, &untracked);
    assert_int_equal(expired.answer.verdict, FERRY_VERDICT_EXPIRED);
    assert_int_equal(untracked.answer.verdict, FERRY_VERDICT_REFUSED);
    assert_non_null(strstr(untracked.answer.error.action, "Track changes"));
    assert_int_equal(web_count(fixture->web, "GET"), 2);
}

static void a_400_on_another_link_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 400, FAULT("0x80060888", "bad"), 0);
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts"});
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_REFUSED);
    assert_int_equal(web_count(fixture->web, "GET"), 1);
}

static void throttling_carries_its_patience(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    web_prepare(fixture->web, (struct web_reply){.match = "GET",
                                                 .status = 429,
                                                 .body = FAULT("0x80072322", "many"),
                                                 .headers = {"Retry-After: 27"}});
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts"});
    assert_int_equal(told.answer.verdict, FERRY_VERDICT_THROTTLED);
    assert_int_equal(told.answer.retry_after_ms, 27000);
    assert_int_equal(told.answer.error.class, FERRY_CLASS_QUOTA);
}

static void a_stream_may_pause(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {.pauses = 3};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 200, "{\"value\":[1,2,3]}", 0);
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts", .on_body = on_body});
    assert_string_equal(told.streamed, "{\"value\":[1,2,3]}");
    assert_string_equal(told.body, "");
}

static void everything_may_be_freed_from_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {.frees = true};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "GET", 200, "{}", 0);
    run(fixture, &told, (struct ferry_dataverse_request){.path = "contacts"});
}

static void everything_may_be_freed_from_a_refusal(void **state)
{
    struct told told = {.frees = true};

    run(*state, &told, (struct ferry_dataverse_request){.link = "https://evil.example/"});
}

static void an_address_that_must_not_be_called_is_refused_at_the_start(void **state)
{
    struct ferry_error error;

    assert_null(dataverse_at(*state, "http://contoso.example", "https://login.example", &error));
    assert_non_null(strstr(error.message, "dynamics.url"));
    assert_null(dataverse_at(*state, "https://contoso.example", "http://login.example", &error));
    assert_non_null(strstr(error.message, "dynamics.authority.url"));
}

/* --- descriptions --- */

#define ATTRIBUTE(name, type)                                                                      \
    "{\"LogicalName\":\"" name "\",\"AttributeType\":\"" type                                      \
    "\",\"AttributeOf\":null,\"IsValidForRead\":true}"

#define TABLE                                                                                                                                                                                                                                                                                                     \
    "{\"LogicalName\":\"contact\",\"EntitySetName\":\"contacts\",\"PrimaryIdAttribute\":"                                                                                                                                                                                                                         \
    "\"contactid\",\"ChangeTrackingEnabled\":true,\"Attributes\":[" ATTRIBUTE(                                                                                                                                                                                                                                    \
        "contactid",                                                                                                                                                                                                                                                                                              \
        "Uniqu"                                                                                                                                                                                                                                                                                                   \
        "eiden"                                                                                                                                                                                                                                                                                                   \
        "tifie"                                                                                                                                                                                                                                                                                                   \
        "r") "," ATTRIBUTE("firstname",                                                                                                                                                                                                                                                                           \
                           "String") "," ATTRIBUTE("birthdate",                                                                                                                                                                                                                                                   \
                                                   "DateTime") "," ATTRIBUTE("parentcustomerid",                                                                                                                                                                                                                  \
                                                                             "Customer") "," ATTRIBUTE("gendercode",                                                                                                                                                                                              \
                                                                                                       "Picklist") "," ATTRIBUTE("donotemail",                                                                                                                                                                    \
                                                                                                                                 "Boolean") "," ATTRIBUTE("statecode",                                                                                                                                            \
                                                                                                                                                          "State") "," ATTRIBUTE("entityimage",                                                                                                                   \
                                                                                                                                                                                 "Virtual") "," ATTRIBUTE("parentcustomeridtype",                                                                                 \
                                                                                                                                                                                                          "EntityName") ","                                                                                       \
                                                                                                                                                                                                                        "{\"LogicalName\":\"hobbies\",\"AttributeType\":\"Virtual\",\"AttributeTypeName\":"       \
                                                                                                                                                                                                                        "{\"Value\":\"MultiSelectPicklistType\"}},"                                               \
                                                                                                                                                                                                                        "{\"LogicalName\":\"parentcustomeridname\",\"AttributeType\":\"String\",\"AttributeOf\":" \
                                                                                                                                                                                                                        "\"parentcustomerid\",\"IsValidForRead\":true},"                                          \
                                                                                                                                                                                                                        "{\"LogicalName\":\"hidden\",\"AttributeType\":\"String\",\"IsValidForRead\":false},"     \
                                                                                                                                                                                                                        "{\"AttributeType\":\"String\"},7]}"

#define OPTION(value, label)                                                                       \
    "{\"Value\":" value ",\"Label\":{\"UserLocalizedLabel\":{\"Label\":\"" label "\"}}}"

struct described {
    struct fixture *fixture;
    bool done;
    bool found;
    enum ferry_verdict verdict;
    struct ferry_error error;
    bool frees;
};

static const char *label_of(const struct ferry_dataverse_table *table, const char *column,
                            const char *option)
{
    const char *label =
        json_string_value(json_object_get(ferry_dataverse_column(table, column)->labels, option));

    return label ? label : "";
}

static void check_table(const struct ferry_dataverse_table *table)
{
    assert_string_equal(table->name, "contact");
    assert_string_equal(table->entity_set, "contacts");
    assert_string_equal(table->primary_id, "contactid");
    assert_true(table->change_tracking);
    assert_int_equal(table->count, 8);
    assert_int_equal(ferry_dataverse_column(table, "firstname")->length, 50);
    assert_true(ferry_dataverse_column(table, "birthdate")->date_only);
    assert_string_equal(ferry_dataverse_column(table, "_parentcustomerid_value")->type, "Customer");
    assert_int_equal(
        json_array_size(ferry_dataverse_column(table, "_parentcustomerid_value")->targets), 2);
    assert_string_equal(ferry_dataverse_column(table, "hobbies")->type, "MultiSelectPicklist");
    assert_string_equal(label_of(table, "gendercode", "2"), "Female");
    assert_string_equal(label_of(table, "hobbies", "-5"), "Chess");
    assert_string_equal(label_of(table, "statecode", "0"), "Active");
    assert_string_equal(label_of(table, "donotemail", "true"), "Do Not Allow");
    assert_string_equal(label_of(table, "donotemail", "false"), "Allow");
    assert_null(ferry_dataverse_column(table, "parentcustomerid"));
    assert_null(ferry_dataverse_column(table, "parentcustomeridname"));
    assert_null(ferry_dataverse_column(table, "parentcustomeridtype"));
    assert_null(ferry_dataverse_column(table, "entityimage"));
    assert_null(ferry_dataverse_column(table, "hidden"));
}

static void on_described(void *context, const struct ferry_dataverse_table *table,
                         const struct ferry_remote_answer *answer)
{
    struct described *described = context;

    described->done = true;
    described->found = table != NULL;
    described->verdict = answer->verdict;
    described->error = answer->error;
    if (table && table->count > 2)
        check_table(table);
    if (described->frees) {
        ferry_dataverse_free(described->fixture->dataverse);
        described->fixture->dataverse = NULL;
    }
}

static void describe(struct fixture *fixture, struct described *described)
{
    described->fixture = fixture;
    assert_int_equal(
        ferry_dataverse_describe(fixture->dataverse, "contact", on_described, described, NULL),
        FERRY_OK);
    web_run(&fixture->loop, &described->done);
}

static void prepare_details(struct fixture *fixture)
{
    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, ".StringAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"firstname\",\"MaxLength\":50},{\"LogicalName\":"
            "\"stranger\",\"MaxLength\":1}]}",
            0);
    prepare(fixture, ".DateTimeAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"birthdate\",\"DateTimeBehavior\":{\"Value\":"
            "\"DateOnly\"}}]}",
            0);
    prepare(fixture, ".LookupAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"parentcustomerid\",\"Targets\":[\"account\","
            "\"contact\"]}]}",
            0);
    prepare(fixture, ".PicklistAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"gendercode\",\"OptionSet\":{\"Options\":[" OPTION(
                "1", "Male") "," OPTION("2", "Female") "]}}]}",
            0);
    prepare(fixture, ".MultiSelectPicklistAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"hobbies\",\"OptionSet\":null,\"GlobalOptionSet\":"
            "{\"Options\":[{\"Value\":-5,\"Label\":{\"LocalizedLabels\":[{\"Label\":\"Chess\"}],"
            "\"UserLocalizedLabel\":null}}]}}]}",
            0);
    prepare(fixture, ".StateAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"statecode\",\"OptionSet\":{\"Options\":[" OPTION(
                "0", "Active") "]}}]}",
            0);
    prepare(fixture, ".BooleanAttributeMetadata", 200,
            "{\"value\":[{\"LogicalName\":\"donotemail\",\"OptionSet\":{\"TrueOption\":" OPTION(
                "1", "Do Not Allow") ",\"FalseOption\":" OPTION("0", "Allow") "}}]}",
            0);
    prepare(fixture, "AttributeMetadata", 404, FAULT("0x80060888", "no such cast"), 0);
}

static void a_table_is_described_with_all_that_its_columns_know(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare_details(fixture);
    prepare(fixture, "EntityDefinitions(LogicalName='contact')?", 200, TABLE, 0);
    describe(fixture, &described);
    assert_true(described.found);
    assert_int_equal(described.verdict, FERRY_VERDICT_OK);
}

#define ACTIVITY                                                                                   \
    "{\"LogicalName\":\"contact\",\"EntitySetName\":\"sets\",\"PrimaryIdAttribute\":"              \
    "\"activityid\","                                                                              \
    "\"IsActivity\":true,\"Attributes\":["                                                         \
    "{\"LogicalName\":\"a\",\"AttributeType\":\"String\",\"IsValidForCreate\":true},"              \
    "{\"LogicalName\":\"b\",\"AttributeType\":\"String\",\"IsValidForCreate\":false}]}"

static void on_activity(void *context, const struct ferry_dataverse_table *table,
                        const struct ferry_remote_answer *answer)
{
    bool *done = context;

    (void)answer;
    assert_non_null(table);
    assert_true(table->activity);
    assert_true(ferry_dataverse_column(table, "a")->creatable);
    assert_false(ferry_dataverse_column(table, "b")->creatable);
    *done = true;
}

/* Half a minute old, it would not show what has just been made. */
static void an_activity_is_described_as_it_is_now(void **state)
{
    struct fixture *fixture = *state;
    bool done = false;

    prepare_details(fixture);
    prepare(fixture, "EntityDefinitions(LogicalName='contact')?", 200, ACTIVITY, 0);
    assert_int_equal(
        ferry_dataverse_describe(fixture->dataverse, "contact", on_activity, &done, NULL),
        FERRY_OK);
    web_run(&fixture->loop, &done);
    const struct web_seen *seen = web_look(fixture->web, "EntityDefinitions", 0);
    assert_non_null(strstr(seen->headers, "Consistency: Strong\n"));
    assert_non_null(
        strstr(web_look(fixture->web, "AttributeMetadata", 0)->headers, "Consistency: Strong\n"));
}

static void a_description_wrapped_into_a_list_is_taken_too(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare_details(fixture);
    prepare(fixture, "EntityDefinitions(LogicalName='contact')?", 200, "{\"value\":[" TABLE "]}",
            0);
    describe(fixture, &described);
    assert_true(described.found);
}

static void an_unknown_table_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, NULL, 404, FAULT("0x80060888", "Could not find an entity"), 0);
    describe(fixture, &described);
    assert_false(described.found);
    assert_int_equal(described.verdict, FERRY_VERDICT_ABSENT);
    assert_int_equal(described.error.class, FERRY_CLASS_MAPPING);
    assert_string_equal(described.error.message, "Dynamics 365 has no table \"contact\"");
}

static void a_failure_on_the_way_ends_the_description(void **state)
{
    struct fixture *fixture = *state;
    struct described described = {0};

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    prepare(fixture, "AttributeMetadata", 503, "", 0);
    prepare(fixture, NULL, 200, TABLE, 0);
    describe(fixture, &described);
    assert_false(described.found);
    assert_int_equal(described.verdict, FERRY_VERDICT_THROTTLED);
}

static void a_description_that_is_none_is_told(void **state)
{
    static const char *const bodies[] = {"", "[]", "{}", "{\"value\":[]}", "{\"EntitySetName\":7}"};
    struct fixture *fixture = *state;

    prepare(fixture, "/token", 200, TOKEN_A, 0);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct described described = {0};

        prepare(fixture, NULL, 200, bodies[i], 1);
        describe(fixture, &described);
        assert_false(described.found);
        assert_int_equal(described.verdict, FERRY_VERDICT_UNAVAILABLE);
    }
}

static void a_name_that_is_none_asks_nobody(void **state)
{
    static const char *const names[] = {"", "con'tact", "a/b", "contact)", "con tact"};
    struct fixture *fixture = *state;
    struct described described = {0};
    struct ferry_error error;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(ferry_dataverse_describe(fixture->dataverse, names[i], on_described,
                                                  &described, &error),
                         FERRY_INVALID);
    assert_int_equal(fixture->web->seen_count, 0);
}

static void a_description_may_be_forgotten_or_free_everything(void **state)
{
    struct fixture *fixture = *state;
    struct described forgotten = {0}, freeing = {.frees = true};

    prepare_details(fixture);
    prepare(fixture, "EntityDefinitions(LogicalName='contact')?", 200, TABLE, 0);
    assert_int_equal(
        ferry_dataverse_describe(fixture->dataverse, "contact", on_described, &forgotten, NULL),
        FERRY_OK);
    ferry_dataverse_forget(fixture->dataverse, &forgotten);
    describe(fixture, &freeing);
    assert_true(freeing.found);
    assert_false(forgotten.done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_verdict),
        cmocka_unit_test(the_servers_words_about_a_write_stay_out_of_the_sentence),
        TEST(a_request_has_the_headers_of_the_reference),
        TEST(a_body_is_sent_as_json),
        TEST(a_large_body_comes_back_with_its_answer_also_when_it_went_twice),
        TEST(a_link_is_used_byte_for_byte),
        TEST(a_link_to_somebody_else_sends_nothing_at_all),
        TEST(a_path_that_is_not_encoded_fails_at_once),
        TEST(a_foreign_link_may_be_cancelled),
        TEST(a_401_renews_the_token_once),
        TEST(a_second_401_is_a_matter_of_credentials),
        TEST(a_400_on_a_delta_link_counts_when_it_comes_twice),
        TEST(a_code_that_speaks_for_itself_is_believed_at_once),
        TEST(a_400_on_another_link_is_told_at_once),
        TEST(throttling_carries_its_patience),
        TEST(a_stream_may_pause),
        TEST(everything_may_be_freed_from_an_answer),
        TEST(everything_may_be_freed_from_a_refusal),
        TEST(an_address_that_must_not_be_called_is_refused_at_the_start),
        TEST(a_table_is_described_with_all_that_its_columns_know),
        TEST(an_activity_is_described_as_it_is_now),
        TEST(a_description_wrapped_into_a_list_is_taken_too),
        TEST(an_unknown_table_is_named),
        TEST(a_failure_on_the_way_ends_the_description),
        TEST(a_description_that_is_none_is_told),
        TEST(a_name_that_is_none_asks_nobody),
        TEST(a_description_may_be_forgotten_or_free_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
