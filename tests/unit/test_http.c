#include "core/io/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/unit/web.h"

struct fixture {
    uv_loop_t loop;
    struct ferry_http *http;
    struct web *web;
};

/* What became of one request. */
struct outcome {
    struct fixture *fixture;
    struct ferry_http_call *call;
    bool done;
    unsigned times;
    struct ferry_http_answer answer;
    char body[65536];
    char type[128];
    size_t streamed;
    unsigned pieces;
    unsigned sum; /* of the bytes */
    uv_timer_t timer;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    uv_loop_init(&fixture->loop);
    fixture->web = web_start();
    *state = fixture;
    return ferry_http_new(&fixture->loop, NULL, &fixture->http, NULL) == FERRY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_http_free(fixture->http);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    web_stop(fixture->web);
    free(fixture);
    return 0;
}

static void on_done(void *context, const struct ferry_http_answer *answer)
{
    struct outcome *outcome = context;

    outcome->done = true;
    outcome->times++;
    outcome->answer = *answer;
    snprintf(outcome->body, sizeof(outcome->body), "%s", answer->body);
    snprintf(outcome->type, sizeof(outcome->type), "%s", answer->content_type);
    outcome->answer.body = outcome->body;
}

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    for (size_t i = 0; i < length; i++)
        outcome->sum += (unsigned char)data[i];
    outcome->streamed += length;
    outcome->pieces++;
    return FERRY_HTTP_GO_ON;
}

static struct ferry_http_request get(struct fixture *fixture, struct outcome *outcome,
                                     const char *path)
{
    static char url[8][512];
    static unsigned turn;
    char *text = url[turn++ % 8];

    snprintf(text, sizeof(url[0]), "%s%s", fixture->web->url, path);
    outcome->fixture = fixture;
    return (struct ferry_http_request){
        .method = "GET", .url = text, .on_done = on_done, .context = outcome};
}

static void start(struct outcome *outcome, const struct ferry_http_request *request)
{
    struct ferry_error error = {0};

    if (ferry_http_send(outcome->fixture->http, request, &outcome->call, &error) != FERRY_OK)
        fail_msg("not sent: %s", error.message);
    assert_false(outcome->done);
}

static void finish(struct outcome *outcome)
{
    web_run(&outcome->fixture->loop, &outcome->done);
    assert_int_equal(outcome->times, 1);
}

static void run(struct outcome *outcome, const struct ferry_http_request *request)
{
    start(outcome, request);
    finish(outcome);
}

static void an_answer_has_status_type_and_body(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/a?b=%20c");

    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .type = "text/plain", .body = "hello"});
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);
    assert_int_equal(outcome.answer.status, 200);
    assert_string_equal(outcome.body, "hello");
    assert_int_equal(outcome.answer.length, 5);
    assert_string_equal(outcome.type, "text/plain");
    assert_int_equal(outcome.answer.retry_after_ms, -1);
    assert_int_equal(web_count(outcome.fixture->web, "GET /a?b=%20c"), 1);
}

/* One after the other, so that what one left behind would show in the next. */
static void a_target_arrives_byte_for_byte_and_a_fragment_never(void **state)
{
    static const char *const targets[][2] = {
        {"/a/../b?$filter=name eq 1", NULL},
        {"/a/../b?$filter=name%20eq%20'1'&x=%2F", "/a/../b?$filter=name%20eq%20'1'&x=%2F"},
        {"/a#b", "/a"},
        {"?q=1", "/?q=1"},
        {"/a\r\nX-Injected: 1", NULL},
        {"", "/"},
        {"/b", "/b"},
    };
    struct fixture *fixture = *state;
    size_t seen = 0;

    web_prepare(fixture->web, (struct web_reply){.status = 200});
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(fixture, &outcome, targets[i][0]);
        char expected[100];

        run(&outcome, &request);
        assert_int_equal(outcome.answer.outcome,
                         targets[i][1] ? FERRY_HTTP_ANSWERED : FERRY_HTTP_REFUSED);
        if (!targets[i][1])
            continue;
        snprintf(expected, sizeof(expected), "GET %s", targets[i][1]);
        assert_string_equal(web_look(fixture->web, "GET", seen++)->target, expected);
    }
    assert_int_equal(web_count(fixture->web, "GET"), seen);
}

/* They share one connection and one handle of curl, which must not remember what was before. */
static void a_request_has_nothing_of_the_one_before(void **state)
{
    static const struct {
        const char *method;
        const char *body;
    } requests[] = {{"PATCH", "{\"a\":1}"}, {"PATCH", "{\"b\":22}"}, {"DELETE", NULL},
                    {"PATCH", "{\"c\":3}"}, {"POST", "{\"d\":4}"},   {"GET", NULL},
                    {"POST", NULL},         {"POST", "{\"e\":5}"},   {"GET", NULL},
                    {"PATCH", "{\"f\":6}"}, {"PATCH", "{\"g\":7}"}};
    struct fixture *fixture = *state;

    web_prepare(fixture->web, (struct web_reply){.status = 200});
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(fixture, &outcome, "/");
        const struct web_seen *seen;

        request.method = requests[i].method;
        request.body = requests[i].body;
        request.body_length = requests[i].body ? strlen(requests[i].body) : 0;
        run(&outcome, &request);
        assert_int_equal(outcome.answer.status, 200);
        seen = web_look(fixture->web, " /", i);
        assert_int_equal(strncmp(seen->target, request.method, strlen(request.method)), 0);
        if (requests[i].body)
            assert_string_equal(seen->body, requests[i].body);
        else
            assert_null(seen->body);
        assert_int_equal(strstr(seen->headers, "Accept-Encoding") != NULL,
                         strcmp(request.method, "GET") == 0);
    }
}

static void an_empty_answer_has_an_empty_body_and_type(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 204});
    run(&outcome, &request);
    assert_int_equal(outcome.answer.status, 204);
    assert_string_equal(outcome.body, "");
    assert_string_equal(outcome.type, "");
}

static void an_error_of_the_server_is_an_answer(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 500, .body = "RST-360011"});
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);
    assert_int_equal(outcome.answer.status, 500);
    assert_string_equal(outcome.body, "RST-360011");
}

static void method_headers_and_body_arrive_as_given(void **state)
{
    static const char *const headers[] = {"Authorization: Bearer abc", "X-Api-Key: key",
                                          "Content-Type: application/json", NULL};
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/profile/1");
    const struct web_seen *seen;

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200});
    request.method = "PATCH";
    request.headers = headers;
    request.body = "{\"a\":1}";
    request.body_length = 7;
    run(&outcome, &request);
    seen = web_look(outcome.fixture->web, "PATCH /profile/1", 0);
    assert_string_equal(seen->body, "{\"a\":1}");
    assert_non_null(strstr(seen->headers, "Authorization: Bearer abc\n"));
    assert_non_null(strstr(seen->headers, "X-Api-Key: key\n"));
    assert_non_null(strstr(seen->headers, "Content-Type: application/json\n"));
    assert_null(strstr(seen->headers, "Cookie"));
    assert_null(strstr(seen->headers, "Accept-Encoding"));
}

static void common_headers_arrive_beside_those_of_the_request(void **state)
{
    static const char *const shared[] = {"Authorization: Bearer abc", "X-Api-Key: key", NULL};
    static const char *const own[] = {"X-Own: 1", NULL};
    struct fixture *fixture = *state;
    struct ferry_http_headers *common;
    const struct web_seen *seen;

    assert_int_equal(ferry_http_headers_new(shared, NULL, &common, NULL), FERRY_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(fixture, &outcome, "/");

        request.common = common;
        request.headers = i == 1 ? own : NULL;
        start(&outcome, &request);
        if (i == 2) /* the request keeps them */
            ferry_http_headers_unref(common);
        finish(&outcome);
        seen = web_look(fixture->web, "GET", i);
        assert_non_null(strstr(seen->headers, "Authorization: Bearer abc\n"));
        assert_non_null(strstr(seen->headers, "X-Api-Key: key\n"));
        assert_int_equal(strstr(seen->headers, "X-Own: 1\n") != NULL, i == 1);
    }
}

static void a_large_body_is_sent_without_asking_first(void **state)
{
    const size_t length = 2 * 1024 * 1024;
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    char *body = malloc(length);

    memset(body, 'x', length);
    web_prepare(outcome.fixture->web, (struct web_reply){.status = 201});
    request.method = "POST";
    request.body = body;
    request.body_length = length;
    run(&outcome, &request);
    free(body);
    assert_int_equal(outcome.answer.status, 201);
    assert_int_equal(web_look(outcome.fixture->web, "POST", 0)->length, length);
    assert_null(strstr(web_look(outcome.fixture->web, "POST", 0)->headers, "Expect"));
}

static void methods_without_a_body_have_none(void **state)
{
    static const char *const methods[] = {"DELETE", "GET", "HEAD"};

    for (size_t i = 0; i < 3; i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(*state, &outcome, "/x");

        web_prepare(outcome.fixture->web, (struct web_reply){.status = 200, .body = "b"});
        request.method = methods[i];
        run(&outcome, &request);
        assert_int_equal(outcome.answer.status, 200);
        assert_null(web_look(outcome.fixture->web, methods[i], 0)->body);
        assert_null(strstr(web_look(outcome.fixture->web, methods[i], 0)->headers, "Content-Type"));
    }
}

static void requests_after_each_other_share_a_connection(void **state)
{
    struct fixture *fixture = *state;

    web_prepare(fixture->web, (struct web_reply){.status = 200, .body = "x"});
    for (int i = 0; i < 10; i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(fixture, &outcome, "/");

        request.method = i % 2 ? "GET" : "DELETE";
        run(&outcome, &request);
        assert_int_equal(outcome.answer.status, 200);
    }
    assert_int_equal(fixture->web->connections, 1);
}

static void an_idle_connection_does_not_keep_the_loop_alive(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200});
    run(&outcome, &request);
    uv_run(&outcome.fixture->loop, UV_RUN_DEFAULT); /* hangs if it does */
}

static void send_many(struct fixture *fixture, size_t connections)
{
    const struct ferry_http_options options = {.max_connections = connections};
    struct outcome *outcomes = calloc(200, sizeof(*outcomes));
    struct ferry_http *small;

    assert_int_equal(ferry_http_new(&fixture->loop, &options, &small, NULL), FERRY_OK);
    web_prepare(fixture->web, (struct web_reply){.status = 200});
    for (int i = 0; i < 200; i++) {
        struct ferry_http_request request = get(fixture, &outcomes[i], "/");

        assert_int_equal(ferry_http_send(small, &request, NULL, NULL), FERRY_OK);
    }
    for (int i = 0; i < 200; i++) {
        finish(&outcomes[i]);
        assert_int_equal(outcomes[i].answer.status, 200);
    }
    ferry_http_free(small);
    free(outcomes);
}

static void more_requests_than_connections_wait_their_turn(void **state)
{
    struct fixture *fixture = *state;

    send_many(fixture, 3);
    assert_true(fixture->web->connections <= 3);
}

/* More than one of curl's multi handles has, and they cannot all have as many. */
static void many_requests_use_all_connections(void **state)
{
    struct fixture *fixture = *state;

    send_many(fixture, 20);
    assert_int_equal(fixture->web->connections, 20);
}

/* A port that was free a moment ago. */
static int closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void a_port_where_nobody_listens_means_not_sent(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", closed_port());
    request.url = url;
    request.method = "POST";
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_NOT_SENT);
    assert_int_equal(outcome.answer.status, 0);
    assert_true(outcome.answer.error[0] != '\0');
    assert_string_equal(outcome.body, "");
}

static void a_server_without_tls_behind_https_means_not_sent(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    char url[80];

    snprintf(url, sizeof(url), "https%s/", strchr(outcome.fixture->web->url, ':'));
    request.url = url;
    request.method = "POST";
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_NOT_SENT);
    assert_int_equal(outcome.fixture->web->seen_count, 0);
}

static void a_connection_cut_before_the_answer_means_unknown(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = WEB_CUT});
    request.method = "POST";
    request.body = "x";
    request.body_length = 1;
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_UNKNOWN);
}

static void a_write_is_never_sent_twice_on_its_own(void **state)
{
    struct outcome first = {0}, second = {0};
    struct ferry_http_request request = get(*state, &first, "/");

    web_prepare(first.fixture->web, (struct web_reply){.status = 200, .times = 1});
    web_prepare(first.fixture->web, (struct web_reply){.status = WEB_CUT, .times = 1});
    web_prepare(first.fixture->web, (struct web_reply){.status = 200});
    request.method = "POST";
    request.body = "x";
    request.body_length = 1;
    run(&first, &request);
    second.fixture = first.fixture;
    request.context = &second;
    run(&second, &request); /* on the same connection, which dies: curl alone would repeat it */
    assert_int_equal(second.answer.outcome, FERRY_HTTP_UNKNOWN);
    assert_int_equal(web_count(first.fixture->web, "POST"), 2);
}

static void a_read_on_a_connection_that_died_is_repeated(void **state)
{
    struct outcome first = {0}, second = {0};
    struct ferry_http_request request = get(*state, &first, "/");

    web_prepare(first.fixture->web, (struct web_reply){.status = 200, .times = 1});
    web_prepare(first.fixture->web, (struct web_reply){.status = WEB_CUT, .times = 1});
    web_prepare(first.fixture->web, (struct web_reply){.status = 200});
    run(&first, &request);
    request = get(*state, &second, "/");
    run(&second, &request);
    assert_int_equal(second.answer.status, 200);
    assert_int_equal(web_count(first.fixture->web, "GET"), 3);
}

static void a_request_that_takes_too_long_is_unknown(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = WEB_HANG});
    request.timeout_ms = 50;
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_UNKNOWN);
}

static void an_answer_beyond_its_ceiling_is_refused(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200, .body = "0123456789"});
    request.max_answer_bytes = 10;
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);

    struct outcome again = {0};
    request = get(*state, &again, "/");
    request.max_answer_bytes = 9;
    run(&again, &request);
    assert_int_equal(again.answer.outcome, FERRY_HTTP_REFUSED);
    assert_non_null(strstr(again.answer.error, "larger"));
    assert_int_equal(again.answer.length, 0);
}

/* printf '%s' hello | gzip -n9, and 2 MB of zeros with the same tool */
static const unsigned char gzip_hello[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
                                           0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
                                           0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00};

static void a_packed_answer_is_unpacked(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200,
                                                         .body = (const char *)gzip_hello,
                                                         .length = sizeof(gzip_hello),
                                                         .headers = {"Content-Encoding: gzip"}});
    run(&outcome, &request);
    assert_string_equal(outcome.body, "hello");

    struct outcome small = {0};
    request = get(*state, &small, "/");
    request.max_answer_bytes = 4; /* fewer than unpacked */
    run(&small, &request);
    assert_int_equal(small.answer.outcome, FERRY_HTTP_REFUSED);
}

static void a_redirect_is_not_followed(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/from");
    char header[128];

    snprintf(header, sizeof(header), "Location: %s/to", outcome.fixture->web->url);
    web_prepare(outcome.fixture->web, (struct web_reply){.status = 302, .headers = {header}});
    run(&outcome, &request);
    assert_int_equal(outcome.answer.status, 302);
    assert_int_equal(web_count(outcome.fixture->web, "/to"), 0);
}

static void dot_segments_are_sent_as_they_are(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/a/../b//c");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200});
    run(&outcome, &request);
    assert_int_equal(web_count(outcome.fixture->web, "GET /a/../b//c"), 1);
}

static void a_proxy_of_the_environment_is_ignored(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200});
    run(&outcome, &request);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(outcome.answer.status, 200);
}

static void what_must_not_be_called_is_refused(void **state)
{
    static const char *const urls[] = {
        "http://192.0.2.1:9/",           /* plain, and not this machine */
        "http://[2001:db8::1]/",         /* likewise */
        "http://[::ffff:192.0.2.1]/",    /* likewise */
        "http://user:pass@127.0.0.1:1/", /* userinfo */
        "http://127.0.0.1:1/a b",        /* no URL */
        "https://",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(*state, &outcome, "/");

        request.url = urls[i];
        run(&outcome, &request);
        if (outcome.answer.outcome != FERRY_HTTP_REFUSED)
            fail_msg("%s: outcome %d, %s", urls[i], (int)outcome.answer.outcome,
                     outcome.answer.error);
    }
}

static void other_schemes_and_broken_headers_fail_at_once(void **state)
{
    static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1/", ""};
    static const char *const headers[] = {"X-Good: 1", "X-Bad: 1\r\nX-Evil: 2", NULL};
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    struct ferry_error error;

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        request.url = urls[i];
        assert_int_equal(ferry_http_send(outcome.fixture->http, &request, NULL, &error),
                         FERRY_INVALID);
    }
    request = get(*state, &outcome, "/");
    request.headers = headers;
    assert_int_equal(ferry_http_send(outcome.fixture->http, &request, NULL, &error), FERRY_INVALID);
    assert_null(strstr(error.message, "Evil"));
}

static void retry_after_is_read_in_all_its_forms(void **state)
{
    static const struct {
        const char *header;
        int64_t least, most;
    } cases[] = {
        {"Retry-After: 27", 27000, 27000},
        {"Retry-After: 0", 0, 0},
        {"Retry_After: 300s", 300000, 300000},
        {"Retry-After: nonsense", -1, -1},
        {"Retry-After: -5", 0, 0},
        {"Retry-After: 99999999999", 86400000, 86400000},
        {"X-Other: 27", -1, -1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = {0};
        struct ferry_http_request request = get(*state, &outcome, "/");

        web_prepare(outcome.fixture->web,
                    (struct web_reply){.status = 429, .headers = {cases[i].header}, .times = 1});
        run(&outcome, &request);
        assert_in_range(outcome.answer.retry_after_ms + 1, cases[i].least + 1, cases[i].most + 1);
    }
}

static void retry_after_may_be_a_date(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    time_t then = time(NULL) + 100;
    struct tm parts;
    char header[64];

    gmtime_r(&then, &parts);
    strftime(header, sizeof(header), "Retry-After: %a, %d %b %Y %H:%M:%S GMT", &parts);
    web_prepare(outcome.fixture->web, (struct web_reply){.status = 503, .headers = {header}});
    run(&outcome, &request);
    assert_in_range(outcome.answer.retry_after_ms, 90000, 100000);
}

/* --- streams --- */

#define LONG_BODY ((size_t)3 * 1024 * 1024)

static char *long_body(unsigned *ret_sum)
{
    char *body = malloc(LONG_BODY);

    *ret_sum = 0;
    for (size_t i = 0; i < LONG_BODY; i++) {
        body[i] = (char)(1 + i % 113);
        *ret_sum += (unsigned)(1 + i % 113);
    }
    return body;
}

static void a_stream_gives_every_byte_once(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = on_body;
    run(&outcome, &request);
    free(body);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);
    assert_int_equal(outcome.streamed, LONG_BODY);
    assert_int_equal(outcome.sum, sum);
    assert_int_equal(outcome.answer.length, 0);
}

static void only_a_good_answer_is_streamed(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 401, .body = "no"});
    request.on_body = on_body;
    run(&outcome, &request);
    assert_int_equal(outcome.streamed, 0);
    assert_string_equal(outcome.body, "no");
}

static enum ferry_http_flow stop_at_once(void *context, const char *data, size_t length)
{
    (void)context, (void)data, (void)length;
    return FERRY_HTTP_STOP;
}

static void the_receiver_may_stop_a_stream(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = 200, .body = "abc"});
    request.on_body = stop_at_once;
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_REFUSED);
}

static void on_resume(uv_timer_t *timer)
{
    struct outcome *outcome = timer->data;

    ferry_http_resume(outcome->call);
}

/* Refuses every other piece, and asks for it again a little later. */
static enum ferry_http_flow pause_often(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    if (outcome->pieces++ % 2 == 0) {
        uv_timer_start(&outcome->timer, on_resume, 1, 0);
        return FERRY_HTTP_PAUSE;
    }
    outcome->pieces--;
    on_body(context, data, length);
    return FERRY_HTTP_GO_ON;
}

static void a_paused_stream_goes_on_without_loss(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    uv_timer_init(&outcome.fixture->loop, &outcome.timer);
    outcome.timer.data = &outcome;
    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = pause_often;
    run(&outcome, &request);
    free(body);
    web_close(&outcome.timer);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);
    assert_int_equal(outcome.streamed, LONG_BODY);
    assert_int_equal(outcome.sum, sum);
}

static enum ferry_http_flow resume_inside(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    if (outcome->pieces++ % 2 == 0) {
        ferry_http_resume(outcome->call);
        return FERRY_HTTP_PAUSE;
    }
    outcome->pieces--;
    return on_body(context, data, length);
}

static void a_stream_may_be_resumed_from_inside_its_own_callback(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = resume_inside;
    run(&outcome, &request);
    free(body);
    assert_int_equal(outcome.streamed, LONG_BODY);
    assert_int_equal(outcome.sum, sum);
}

static void a_stream_without_a_byte_is_cut(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");

    web_prepare(outcome.fixture->web, (struct web_reply){.status = WEB_HANG});
    request.on_body = on_body;
    request.timeout_ms = 1000;
    run(&outcome, &request);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_UNKNOWN);
}

static enum ferry_http_flow pause_long(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    if (outcome->pieces++ == 0) {
        uv_timer_start(&outcome->timer, on_resume, 2500, 0); /* more than twice what is allowed */
        return FERRY_HTTP_PAUSE;
    }
    return on_body(context, data, length);
}

static void paused_time_does_not_count_as_a_stall(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    uv_timer_init(&outcome.fixture->loop, &outcome.timer);
    outcome.timer.data = &outcome;
    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = pause_long;
    request.timeout_ms = 1000;
    run(&outcome, &request);
    free(body);
    web_close(&outcome.timer);
    assert_int_equal(outcome.answer.outcome, FERRY_HTTP_ANSWERED);
    assert_int_equal(outcome.sum, sum);
}

/* --- cancel and free, from everywhere --- */

static void a_cancelled_request_is_not_answered(void **state)
{
    struct outcome cancelled = {0}, other = {0};
    struct ferry_http_request request = get(*state, &cancelled, "/cancelled");

    web_prepare(cancelled.fixture->web, (struct web_reply){.status = 200});
    start(&cancelled, &request);
    ferry_http_cancel(cancelled.call);
    request = get(*state, &other, "/other");
    run(&other, &request);
    assert_false(cancelled.done);
    assert_int_equal(web_count(other.fixture->web, "/cancelled"), 0);
    ferry_http_cancel(NULL);
}

static void a_request_under_way_can_be_cancelled(void **state)
{
    struct outcome cancelled = {0}, other = {0};
    struct ferry_http_request request = get(*state, &cancelled, "/hang");

    web_prepare(cancelled.fixture->web, (struct web_reply){.match = "/hang", .status = WEB_HANG});
    web_prepare(cancelled.fixture->web, (struct web_reply){.status = 200});
    start(&cancelled, &request);
    request = get(*state, &other, "/other");
    run(&other, &request);
    while (web_count(other.fixture->web, "/hang") == 0)
        uv_run(&other.fixture->loop, UV_RUN_NOWAIT);
    ferry_http_cancel(cancelled.call);
    uv_run(&other.fixture->loop, UV_RUN_DEFAULT);
    assert_false(cancelled.done);
}

static enum ferry_http_flow cancel_inside(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    ferry_http_cancel(outcome->call);
    outcome->pieces++;
    return on_body(context, data, length);
}

static void a_stream_may_be_cancelled_from_inside_its_own_callback(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = cancel_inside;
    start(&outcome, &request);
    uv_run(&outcome.fixture->loop, UV_RUN_DEFAULT);
    assert_false(outcome.done);
    assert_int_equal(outcome.pieces, 2); /* one piece, counted twice */
    struct outcome after = {0};
    request = get(*state, &after, "/");
    request.max_answer_bytes = LONG_BODY;
    run(&after, &request); /* the pool is whole */
    assert_int_equal(after.answer.length, LONG_BODY);
    free(body);
}

static enum ferry_http_flow send_inside(void *context, const char *data, size_t length)
{
    struct outcome *pair = context;

    if (pair[0].pieces++ == 0) {
        struct ferry_http_request request = get(pair[0].fixture, &pair[1], "/second");
        start(&pair[1], &request);
    }
    (void)data, (void)length;
    return FERRY_HTTP_GO_ON;
}

static void the_next_request_may_be_sent_from_inside_a_stream(void **state)
{
    struct outcome *pair = calloc(2, sizeof(*pair));
    struct ferry_http_request request = get(*state, &pair[0], "/first");

    web_prepare(pair[0].fixture->web, (struct web_reply){.status = 200, .body = "abc"});
    request.on_body = send_inside;
    run(&pair[0], &request);
    finish(&pair[1]);
    assert_string_equal(pair[1].body, "abc");
    free(pair);
}

static void on_done_send(void *context, const struct ferry_http_answer *answer)
{
    struct outcome *pair = context;
    struct ferry_http_request request = get(pair[0].fixture, &pair[1], "/second");

    on_done(&pair[0], answer);
    ferry_http_cancel(pair[0].call); /* has no effect any more */
    start(&pair[1], &request);
}

static void the_next_request_may_be_sent_from_an_answer(void **state)
{
    struct outcome *pair = calloc(2, sizeof(*pair));
    struct ferry_http_request request = get(*state, &pair[0], "/first");

    web_prepare(pair[0].fixture->web, (struct web_reply){.status = 200, .body = "abc"});
    request.on_done = on_done_send;
    run(&pair[0], &request);
    finish(&pair[1]);
    assert_string_equal(pair[1].body, "abc");
    free(pair);
}

static void on_done_free(void *context, const struct ferry_http_answer *answer)
{
    struct outcome *outcome = context;

    ferry_http_free(outcome->fixture->http);
    outcome->fixture->http = NULL;
    on_done(context, answer); /* what was answered is still there */
}

static void the_client_may_be_freed_from_an_answer(void **state)
{
    struct outcome outcome = {0}, other = {0};
    struct ferry_http_request request = get(*state, &other, "/hang");

    web_prepare(other.fixture->web, (struct web_reply){.match = "/hang", .status = WEB_HANG});
    web_prepare(other.fixture->web, (struct web_reply){.status = 200, .body = "abc"});
    start(&other, &request);
    request = get(*state, &outcome, "/");
    request.on_done = on_done_free;
    run(&outcome, &request);
    assert_string_equal(outcome.body, "abc");
    uv_run(&outcome.fixture->loop, UV_RUN_DEFAULT);
    assert_false(other.done);
}

static enum ferry_http_flow free_inside(void *context, const char *data, size_t length)
{
    struct outcome *outcome = context;

    (void)data, (void)length;
    outcome->pieces++;
    ferry_http_free(outcome->fixture->http);
    outcome->fixture->http = NULL;
    return FERRY_HTTP_GO_ON;
}

static void the_client_may_be_freed_from_inside_a_stream(void **state)
{
    struct outcome outcome = {0};
    struct ferry_http_request request = get(*state, &outcome, "/");
    unsigned sum;
    char *body = long_body(&sum);

    web_prepare(outcome.fixture->web,
                (struct web_reply){.status = 200, .body = body, .length = LONG_BODY});
    request.on_body = free_inside;
    start(&outcome, &request);
    uv_run(&outcome.fixture->loop, UV_RUN_DEFAULT);
    free(body);
    assert_false(outcome.done);
    assert_int_equal(outcome.pieces, 1);
}

static void a_client_with_requests_under_way_can_be_freed(void **state)
{
    struct outcome outcomes[20] = {0};

    for (int i = 0; i < 20; i++) {
        struct ferry_http_request request = get(*state, &outcomes[i], "/");

        start(&outcomes[i], &request);
    }
    uv_run(&outcomes[0].fixture->loop, UV_RUN_NOWAIT);
    ferry_http_free(outcomes[0].fixture->http);
    outcomes[0].fixture->http = NULL;
    uv_run(&outcomes[0].fixture->loop, UV_RUN_DEFAULT);
    assert_false(outcomes[0].done);
    ferry_http_free(NULL);
}

/* --- tasks --- */

static void count_up(void *context)
{
    (*(int *)context)++;
}

static void a_posted_task_runs_once_and_later(void **state)
{
    struct fixture *fixture = *state;
    int first = 0, second = 0;
    struct ferry_http_task one = {.run = count_up, .context = &first};
    struct ferry_http_task two = {.run = count_up, .context = &second};

    ferry_http_post(fixture->http, &one);
    ferry_http_post(fixture->http, &one);
    ferry_http_post(fixture->http, &two);
    ferry_http_unpost(fixture->http, &two);
    ferry_http_unpost(fixture->http, &two);
    assert_int_equal(first, 0);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    ferry_http_post(fixture->http, &two);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(second, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_has_status_type_and_body),
        TEST(a_target_arrives_byte_for_byte_and_a_fragment_never),
        TEST(a_request_has_nothing_of_the_one_before),
        TEST(an_empty_answer_has_an_empty_body_and_type),
        TEST(an_error_of_the_server_is_an_answer),
        TEST(method_headers_and_body_arrive_as_given),
        TEST(common_headers_arrive_beside_those_of_the_request),
        TEST(a_large_body_is_sent_without_asking_first),
        TEST(methods_without_a_body_have_none),
        TEST(requests_after_each_other_share_a_connection),
        TEST(an_idle_connection_does_not_keep_the_loop_alive),
        TEST(more_requests_than_connections_wait_their_turn),
        TEST(many_requests_use_all_connections),
        TEST(a_port_where_nobody_listens_means_not_sent),
        TEST(a_server_without_tls_behind_https_means_not_sent),
        TEST(a_connection_cut_before_the_answer_means_unknown),
        TEST(a_write_is_never_sent_twice_on_its_own),
        TEST(a_read_on_a_connection_that_died_is_repeated),
        TEST(a_request_that_takes_too_long_is_unknown),
        TEST(an_answer_beyond_its_ceiling_is_refused),
        TEST(a_packed_answer_is_unpacked),
        TEST(a_redirect_is_not_followed),
        TEST(dot_segments_are_sent_as_they_are),
        TEST(a_proxy_of_the_environment_is_ignored),
        TEST(what_must_not_be_called_is_refused),
        TEST(other_schemes_and_broken_headers_fail_at_once),
        TEST(retry_after_is_read_in_all_its_forms),
        TEST(retry_after_may_be_a_date),
        TEST(a_stream_gives_every_byte_once),
        TEST(only_a_good_answer_is_streamed),
        TEST(the_receiver_may_stop_a_stream),
        TEST(a_paused_stream_goes_on_without_loss),
        TEST(a_stream_may_be_resumed_from_inside_its_own_callback),
        TEST(a_stream_without_a_byte_is_cut),
        TEST(paused_time_does_not_count_as_a_stall),
        TEST(a_cancelled_request_is_not_answered),
        TEST(a_request_under_way_can_be_cancelled),
        TEST(a_stream_may_be_cancelled_from_inside_its_own_callback),
        TEST(the_next_request_may_be_sent_from_inside_a_stream),
        TEST(the_next_request_may_be_sent_from_an_answer),
        TEST(the_client_may_be_freed_from_an_answer),
        TEST(the_client_may_be_freed_from_inside_a_stream),
        TEST(a_client_with_requests_under_way_can_be_freed),
        TEST(a_posted_task_runs_once_and_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
