/* ferry-writer's requests by the libraries alone: messages of Kafka, each already the body of a
 * PATCH, sent by one curl multi handle. No mapping, no memory, no offsets, no second try.
 *
 *   bare-writer BOOTSTRAP TOPIC BASE_URL CONCURRENCY COUNT
 *
 * The key of a message is the last segment of the URL. BENCH_AUTHORIZATION and BENCH_API_KEY are
 * the two headers. One line of JSON on stdout; times begin with the first message in hand. */
#include "tests/bench/kafka.h"
#include "tests/bench/usage.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS      64
#define TEXT        8192
#define IDLE_MS     50 /* how long we wait for a message when nothing is in flight */
#define CONCURRENCY 1024

struct call {
    CURL *easy;
    rd_kafka_message_t *message; /* its payload is the body, and is not copied */
    struct call *next;           /* among the idle */
};

static struct writer {
    rd_kafka_t *consumer;
    CURLM *multi;
    int epoll;
    long timeout_ms; /* what curl asked for; -1: nothing */
    struct curl_slist *headers;
    const char *base;
    struct call calls[CONCURRENCY];
    struct call *idle;
    int concurrency, in_flight;
    size_t wanted, taken, done, failed;
} writer;

static void add_header(const char *name, const char *value)
{
    char line[TEXT];
    if (!value || snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        bench_die("the value of %s is missing or too long", name);
    writer.headers = curl_slist_append(writer.headers, line);
}

static size_t drop_data(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct epoll_event event = {.data.fd = fd};
    (void)easy, (void)context;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(writer.epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    epoll_ctl(writer.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(writer.multi, fd, &writer);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi, (void)context;
    writer.timeout_ms = timeout_ms;
    return 0;
}

static void open_multi(void)
{
    writer.epoll = epoll_create1(EPOLL_CLOEXEC);
    writer.timeout_ms = -1;
    writer.multi = curl_multi_init();
    curl_multi_setopt(writer.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(writer.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(writer.multi, CURLMOPT_MAXCONNECTS, (long)writer.concurrency);
}

/* The same headers as Ferry sends. */
static void open_calls(void)
{
    add_header("Authorization", getenv("BENCH_AUTHORIZATION"));
    add_header("X-Api-Key", getenv("BENCH_API_KEY"));
    add_header("Cache-Control", "no-cache");
    add_header("Accept", "application/json");
    add_header("Content-Type", "application/json");
    for (int i = 0; i < writer.concurrency; i++) {
        struct call *call = &writer.calls[i];
        call->easy = curl_easy_init();
        curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, writer.headers);
        curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "bare-writer");
        curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
        curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, drop_data);
        call->next = writer.idle;
        writer.idle = call;
    }
}

static void send_message(rd_kafka_message_t *message)
{
    struct call *call = writer.idle;
    char url[TEXT];
    writer.idle = call->next;
    call->message = message;
    snprintf(url, sizeof url, "%s/%.*s", writer.base, (int)message->key_len,
             (const char *)message->key);
    curl_easy_setopt(call->easy, CURLOPT_URL, url);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, message->payload);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)message->len);
    curl_multi_add_handle(writer.multi, call->easy);
    writer.in_flight++;
}

static void fill(void)
{
    while (writer.in_flight < writer.concurrency && writer.taken < writer.wanted) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(writer.consumer, writer.in_flight ? 0 : IDLE_MS);
        if (!message)
            return;
        if (message->err) {
            rd_kafka_message_destroy(message);
            continue;
        }
        writer.taken++;
        send_message(message);
    }
}

static void finish(CURLMsg *message)
{
    struct call *call;
    long status = 0;
    CURL *easy = message->easy_handle;
    writer.failed += message->data.result != CURLE_OK;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    writer.failed += message->data.result == CURLE_OK && status / 100 != 2;
    curl_multi_remove_handle(writer.multi, easy);
    rd_kafka_message_destroy(call->message);
    call->next = writer.idle;
    writer.idle = call;
    writer.in_flight--;
    writer.done++;
}

static void collect(void)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(writer.multi, &left)))
        finish(message);
}

static int mask_of(const struct epoll_event *event)
{
    return (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
           (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int running;
    int wait =
        writer.timeout_ms < 0 || writer.timeout_ms > IDLE_MS ? IDLE_MS : (int)writer.timeout_ms;
    int count = epoll_wait(writer.epoll, events, EVENTS, wait);
    for (int i = 0; i < count; i++)
        curl_multi_socket_action(writer.multi, events[i].data.fd, mask_of(&events[i]), &running);
    if (count == 0 || writer.timeout_ms == 0)
        curl_multi_socket_action(writer.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect();
}

static void wait_for_first(void)
{
    while (writer.taken == 0)
        fill();
}

static void close_all(void)
{
    for (int i = 0; i < writer.concurrency; i++)
        curl_easy_cleanup(writer.calls[i].easy);
    curl_multi_cleanup(writer.multi);
    curl_slist_free_all(writer.headers);
    close(writer.epoll);
    rd_kafka_consumer_close(writer.consumer);
    rd_kafka_destroy(writer.consumer);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        bench_die("usage: bare-writer BOOTSTRAP TOPIC BASE_URL CONCURRENCY COUNT");
    writer.base = argv[3];
    writer.concurrency = atoi(argv[4]);
    writer.wanted = strtoul(argv[5], NULL, 10);
    if (writer.concurrency < 1 || writer.concurrency > CONCURRENCY)
        bench_die("CONCURRENCY is not between 1 and %d", CONCURRENCY);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    open_multi();
    open_calls();
    writer.consumer = bench_consumer_new(argv[1], argv[2]);
    struct bench_usage begun = bench_usage_now();
    wait_for_first();
    while (writer.done < writer.wanted) {
        turn();
        fill();
    }
    struct bench_usage used = bench_usage_since(begun);
    printf("{\"records\":%zu,\"failed\":%zu,\"cpuUs\":%.0f,\"wallUs\":%.0f}\n", writer.done,
           writer.failed, used.cpu_us, used.wall_us);
    close_all();
    return 0;
}
