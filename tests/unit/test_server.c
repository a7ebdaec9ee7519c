#include "core/io/server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_SIZE 65536

/* One blocking client in libuv's thread pool against a server on the loop of the test. */
struct client {
    uv_work_t work;
    int port;
    const char *request;
    size_t length;
    char answer[ANSWER_SIZE];
    bool done;
};

struct fixture {
    uv_loop_t loop;
    struct ferry_server *server;
    struct ferry_server_exchange *held;
    uv_timer_t later;
    char seen[512];
    size_t body_length;
};

static void send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        data += sent;
        length -= (size_t)sent;
    }
}

static void talk(uv_work_t *work)
{
    struct client *client = work->data;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)client->port)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t length = 0;
    ssize_t got;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        send_all(fd, client->request, client->length);
        while ((got = recv(fd, client->answer + length, ANSWER_SIZE - 1 - length, 0)) > 0)
            length += (size_t)got;
    }
    client->answer[length] = '\0';
    close(fd);
}

static void on_talked(uv_work_t *work, int status)
{
    struct client *client = work->data;

    (void)status;
    client->done = true;
}

static int port_of(const struct fixture *fixture)
{
    return atoi(strrchr(ferry_server_address(fixture->server), ':') + 1);
}

static struct client *ask_bytes(struct fixture *fixture, const char *request, size_t length)
{
    static struct client client;

    memset(&client, 0, sizeof(client));
    client.port = port_of(fixture);
    client.request = request;
    client.length = length;
    client.work.data = &client;
    uv_queue_work(&fixture->loop, &client.work, talk, on_talked);
    while (!client.done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    return &client;
}

static const char *ask(struct fixture *fixture, const char *line, const char *headers,
                       const char *body)
{
    char request[4096];

    snprintf(request, sizeof(request),
             "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
             line, ferry_server_address(fixture->server), headers, strlen(body), body);
    return ask_bytes(fixture, request, strlen(request))->answer;
}

#define JSON "Content-Type: application/json\r\n"

static void handle_show(void *context, struct ferry_server_exchange *exchange)
{
    struct fixture *fixture = context;
    const char *flag = ferry_server_query(exchange, "flag");
    const char *body = ferry_server_body(exchange, &fixture->body_length);

    snprintf(fixture->seen, sizeof(fixture->seen), "%s|%s|%.100s",
             ferry_server_parameter(exchange, "id"), flag ? flag : "none", body);
    ferry_server_set_header(exchange, "ETag", "\"7\"");
    ferry_server_answer(exchange, 200, "text/plain", fixture->seen, strlen(fixture->seen));
}

static void on_later(uv_timer_t *timer)
{
    struct fixture *fixture = timer->data;

    ferry_server_answer(fixture->held, 202, "text/plain", "late", 4);
    fixture->held = NULL;
}

static void handle_hold(void *context, struct ferry_server_exchange *exchange)
{
    struct fixture *fixture = context;

    fixture->held = exchange;
    uv_timer_start(&fixture->later, on_later, 20, 0);
}

static void handle_forget(void *context, struct ferry_server_exchange *exchange)
{
    struct fixture *fixture = context;

    (void)exchange;
    fixture->held = exchange;
    uv_stop(&fixture->loop);
}

static const struct ferry_server_route routes[] = {
    {"GET", "/show/{id}", handle_show},
    {"PUT", "/show/{id}", handle_show},
    {"POST", "/hold", handle_hold},
    {"GET", "/forget", handle_forget},
};

static int open_server(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct ferry_server_options options = {"127.0.0.1:0", routes,
                                           sizeof(routes) / sizeof(routes[0]), fixture};
    struct ferry_error error;

    uv_loop_init(&fixture->loop);
    uv_timer_init(&fixture->loop, &fixture->later);
    fixture->later.data = fixture;
    *state = fixture;
    return ferry_server_new(&fixture->loop, &options, false, &fixture->server, &error) == FERRY_OK
               ? 0
               : -1;
}

static int close_server(void **state)
{
    struct fixture *fixture = *state;

    ferry_server_free(fixture->server);
    uv_close((uv_handle_t *)&fixture->later, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    free(fixture);
    return 0;
}

static void assert_status(const char *answer, int status)
{
    int got = 0;

    if (sscanf(answer, "HTTP/1.1 %d", &got) != 1 || got != status)
        fail_msg("expected %d, got: %.200s", status, answer);
}

static void server_finds_route_parameter_query_and_body(void **state)
{
    const char *answer = ask(*state, "PUT /show/a%20b?flag=x+y%21", JSON, "{\"a\":1}");

    assert_status(answer, 200);
    assert_non_null(strstr(answer, "a b|x y!|{\"a\":1}"));
    assert_non_null(strstr(answer, "ETag: \"7\""));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
}

static void server_answers_later_while_the_connection_is_suspended(void **state)
{
    const char *answer = ask(*state, "POST /hold", "", "");

    assert_status(answer, 202);
    assert_non_null(strstr(answer, "late"));
}

static void server_says_what_it_does_not_know(void **state)
{
    assert_status(ask(*state, "GET /nothing", "", ""), 404);
    assert_status(ask(*state, "DELETE /hold", "", ""), 405);
    assert_non_null(strstr(ask(*state, "GET /hold", "", ""), "Allow: POST"));
    assert_non_null(strstr(ask(*state, "GET /nothing", "", ""), "application/problem+json"));
    assert_status(ask(*state, "HEAD /show/a", "", ""), 200);
}

static void server_refuses_a_foreign_host(void **state)
{
    struct fixture *fixture = *state;
    static const char *const hosts[] = {"evil.example", "evil.example:80", "127.0.0.1",
                                        "localhost:1", ""};
    char request[256];

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        snprintf(request, sizeof(request),
                 "GET /show/a HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", hosts[i]);
        assert_status(ask_bytes(fixture, request, strlen(request))->answer, 421);
    }
    snprintf(request, sizeof(request),
             "GET /show/a HTTP/1.1\r\nHost: LocalHost:%d\r\nConnection: close\r\n\r\n",
             port_of(fixture));
    assert_status(ask_bytes(fixture, request, strlen(request))->answer, 200);
    assert_non_null(strstr(ask_bytes(fixture, "GET /show/a HTTP/1.0\r\n\r\n", 24)->answer, "421"));
}

static void server_refuses_an_unsafe_method_from_another_origin(void **state)
{
    struct fixture *fixture = *state;
    char ours[128];

    fixture->seen[0] = '\0';
    assert_status(ask(fixture, "PUT /show/a", JSON "Origin: http://evil.example\r\n", "{}"), 403);
    assert_status(ask(fixture, "PUT /show/a", JSON "Origin: null\r\n", "{}"), 403);
    assert_status(ask(fixture, "PUT /show/a", JSON "Sec-Fetch-Site: cross-site\r\n", "{}"), 403);
    assert_string_equal(fixture->seen, "");
    snprintf(ours, sizeof(ours), JSON "Origin: http://%s\r\nSec-Fetch-Site: same-origin\r\n",
             ferry_server_address(fixture->server));
    assert_status(ask(fixture, "PUT /show/a", ours, "{}"), 200);
}

static void server_takes_no_body_that_is_not_json(void **state)
{
    assert_status(ask(*state, "PUT /show/a", "Content-Type: text/plain\r\n", "{}"), 415);
    assert_status(ask(*state, "PUT /show/a", "", "{}"), 415);
    assert_status(ask(*state, "PUT /show/a", "Content-Type: application/jsonx\r\n", "{}"), 415);
    assert_status(
        ask(*state, "PUT /show/a", "Content-Type: application/json; charset=utf-8\r\n", "{}"), 200);
}

static char *large_request(struct fixture *fixture, const char *headers, size_t size,
                           size_t *ret_length)
{
    char *request = malloc(size + 512);
    int head =
        snprintf(request, 512, "PUT /show/a HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
                 ferry_server_address(fixture->server), headers);

    memset(request + head, 'x', size);
    *ret_length = (size_t)head + size;
    return request;
}

static void server_takes_a_mebibyte_and_refuses_more(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    char *request = large_request(fixture, JSON "Content-Length: 1048576\r\n", 1048576, &length);

    assert_status(ask_bytes(fixture, request, length)->answer, 200);
    assert_int_equal(fixture->body_length, 1048576);
    free(request);

    request = large_request(fixture, JSON "Content-Length: 1048577\r\n", 0, &length);
    assert_status(ask_bytes(fixture, request, length)->answer, 413);
    free(request);

    /* Without a length to judge by: one chunk of 0x110000 bytes. */
    request = large_request(fixture, JSON "Transfer-Encoding: chunked\r\n\r\n110000", 0x110000 + 7,
                            &length);
    memcpy(request + length - 7, "\r\n0\r\n\r\n", 7);
    assert_status(ask_bytes(fixture, request, length)->answer, 413);
    free(request);
}

static void server_takes_16_kib_of_headers_and_refuses_more(void **state)
{
    struct fixture *fixture = *state;
    char *headers = malloc(70000);
    char request[80000];

    for (int size = 15000; size <= 65000; size += 50000) {
        memset(headers, 'h', 70000);
        headers[size] = '\0';
        snprintf(request, sizeof(request),
                 "GET /show/a HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX: %s\r\n\r\n",
                 ferry_server_address(fixture->server), headers);
        assert_status(ask_bytes(fixture, request, strlen(request))->answer,
                      size == 15000 ? 200 : 431);
    }
    free(headers);
}

static void server_answers_503_to_whom_it_leaves_waiting(void **state)
{
    struct fixture *fixture = *state;
    static struct client client;
    char request[256];

    snprintf(request, sizeof(request),
             "GET /forget HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             ferry_server_address(fixture->server));
    client.port = port_of(fixture);
    client.request = request;
    client.length = strlen(request);
    client.work.data = &client;
    uv_queue_work(&fixture->loop, &client.work, talk, on_talked);
    while (!fixture->held)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    ferry_server_free(fixture->server);
    fixture->server = NULL;
    while (!client.done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    assert_status(client.answer, 503);
}

static void new_refuses_addresses_that_others_can_reach(void **state)
{
    static const char *const bad[] = {
        "0.0.0.0:0",       "[::]:0",     "192.0.2.1:80", "::1:",           "localhost",
        "127.0.0.1:70000", "127.0.0.1:", ":8080",        "example.com:80", "127.0.0.1:8x"};
    struct fixture *fixture = *state;
    struct ferry_server_options options = {.routes = routes, .route_count = 1};
    struct ferry_server *server = NULL;
    struct ferry_error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options.listen = bad[i];
        assert_int_equal(ferry_server_new(&fixture->loop, &options, false, &server, &error),
                         FERRY_INVALID);
        assert_non_null(strstr(error.message, bad[i]));
        assert_null(server);
    }
}

static void new_names_the_address_that_is_taken(void **state)
{
    struct fixture *fixture = *state;
    struct ferry_server_options options = {.routes = routes, .route_count = 1};
    struct ferry_server *server = NULL;
    struct ferry_error error;

    options.listen = ferry_server_address(fixture->server);
    assert_int_equal(ferry_server_new(&fixture->loop, &options, false, &server, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, options.listen));
    assert_non_null(strstr(error.message, "in use"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server_finds_route_parameter_query_and_body),
        TEST(server_answers_later_while_the_connection_is_suspended),
        TEST(server_says_what_it_does_not_know),
        TEST(server_refuses_a_foreign_host),
        TEST(server_refuses_an_unsafe_method_from_another_origin),
        TEST(server_takes_no_body_that_is_not_json),
        TEST(server_takes_a_mebibyte_and_refuses_more),
        TEST(server_takes_16_kib_of_headers_and_refuses_more),
        TEST(server_answers_503_to_whom_it_leaves_waiting),
        TEST(new_refuses_addresses_that_others_can_reach),
        TEST(new_names_the_address_that_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
