#include "tests/bench/calls.h"

#include "tests/bench/usage.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64
#define TEXT   8192

void bench_calls_header(struct bench_calls *calls, const char *name, const char *value)
{
    char line[TEXT];
    if (!value || snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        bench_die("the value of %s is missing or too long", name);
    calls->headers = curl_slist_append(calls->headers, line);
}

static size_t drop_data(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct bench_calls *calls = context;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(calls->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    epoll_ctl(calls->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(calls->multi, fd, calls);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct bench_calls *calls = context;
    (void)multi;
    calls->timeout_ms = timeout_ms;
    return 0;
}

static void open_multi(struct bench_calls *calls)
{
    calls->epoll = epoll_create1(EPOLL_CLOEXEC);
    calls->timeout_ms = -1;
    calls->multi = curl_multi_init();
    curl_multi_setopt(calls->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(calls->multi, CURLMOPT_SOCKETDATA, calls);
    curl_multi_setopt(calls->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(calls->multi, CURLMOPT_TIMERDATA, calls);
    curl_multi_setopt(calls->multi, CURLMOPT_MAXCONNECTS, (long)calls->concurrency);
}

static void open_call(struct bench_calls *calls, struct bench_call *call, const char *method)
{
    call->easy = curl_easy_init();
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, calls->headers);
    curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "bare-writer");
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, drop_data);
    call->next = calls->idle;
    calls->idle = call;
}

void bench_calls_open(struct bench_calls *calls, const char *method, int concurrency)
{
    if (concurrency < 1 || concurrency > BENCH_CONCURRENCY)
        bench_die("CONCURRENCY is not between 1 and %d", BENCH_CONCURRENCY);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    calls->concurrency = concurrency;
    open_multi(calls);
    for (int i = 0; i < concurrency; i++)
        open_call(calls, &calls->calls[i], method);
}

void bench_calls_close(struct bench_calls *calls)
{
    for (int i = 0; i < calls->concurrency; i++)
        curl_easy_cleanup(calls->calls[i].easy);
    curl_multi_cleanup(calls->multi);
    curl_slist_free_all(calls->headers);
    close(calls->epoll);
}

void bench_calls_send(struct bench_calls *calls, void *cargo, const char *url, const void *body,
                      size_t length)
{
    struct bench_call *call = calls->idle;
    calls->idle = call->next;
    call->cargo = cargo;
    curl_easy_setopt(call->easy, CURLOPT_URL, url);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_multi_add_handle(calls->multi, call->easy);
    calls->in_flight++;
}

static void finish(struct bench_calls *calls, CURLMsg *message)
{
    struct bench_call *call;
    long status = 0;
    CURL *easy = message->easy_handle;
    calls->failed += message->data.result != CURLE_OK;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    calls->failed += message->data.result == CURLE_OK && status / 100 != 2;
    curl_multi_remove_handle(calls->multi, easy);
    calls->on_done(call);
    call->next = calls->idle;
    calls->idle = call;
    calls->in_flight--;
}

static void collect(struct bench_calls *calls)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(calls->multi, &left)))
        finish(calls, message);
}

static int mask_of(const struct epoll_event *event)
{
    return (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
           (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

void bench_calls_turn(struct bench_calls *calls)
{
    struct epoll_event events[EVENTS];
    int running;
    int wait = calls->timeout_ms < 0 || calls->timeout_ms > BENCH_IDLE_MS ? BENCH_IDLE_MS
                                                                          : (int)calls->timeout_ms;
    int count = epoll_wait(calls->epoll, events, EVENTS, wait);
    for (int i = 0; i < count; i++)
        curl_multi_socket_action(calls->multi, events[i].data.fd, mask_of(&events[i]), &running);
    if (count == 0 || calls->timeout_ms == 0) {
        calls->timeout_ms = -1; /* it was for once; curl asks again if it wants more */
        curl_multi_socket_action(calls->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect(calls);
}
