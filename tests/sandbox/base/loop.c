#include "base/loop.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

struct sandbox_loop {
    int epoll_fd;
    int signal_fd;
    bool ended;
    struct sandbox_poller *pollers;
    struct sandbox_timer **heap;
    size_t timers;
    size_t size;
};

uint64_t sandbox_loop_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool watch(struct sandbox_loop *loop, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool watch_signals(struct sandbox_loop *loop)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return false;
    loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return loop->signal_fd >= 0 && watch(loop, loop->signal_fd, NULL);
}

struct sandbox_loop *sandbox_loop_new(void)
{
    struct sandbox_loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->signal_fd = -1;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd >= 0 && watch_signals(loop))
        return loop;
    sandbox_loop_free(loop);
    return NULL;
}

void sandbox_loop_free(struct sandbox_loop *loop)
{
    if (!loop)
        return;
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop->heap);
    free(loop);
}

bool sandbox_loop_add(struct sandbox_loop *loop, struct sandbox_poller *poller)
{
    LL_APPEND(loop->pollers, poller);
    return watch(loop, poller->fd, poller);
}

static void put(struct sandbox_loop *loop, size_t at, struct sandbox_timer *timer)
{
    loop->heap[at] = timer;
    timer->place = at + 1;
}

static void sift_up(struct sandbox_loop *loop, size_t at)
{
    struct sandbox_timer *timer = loop->heap[at];

    while (at > 0 && loop->heap[(at - 1) / 2]->due_ms > timer->due_ms) {
        put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(loop, at, timer);
}

static void sift_down(struct sandbox_loop *loop, size_t at)
{
    struct sandbox_timer *timer = loop->heap[at];

    for (size_t child = 2 * at + 1; child < loop->timers; child = 2 * at + 1) {
        if (child + 1 < loop->timers && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
            child++;
        if (loop->heap[child]->due_ms >= timer->due_ms)
            break;
        put(loop, at, loop->heap[child]);
        at = child;
    }
    put(loop, at, timer);
}

bool sandbox_timer_start(struct sandbox_loop *loop, struct sandbox_timer *timer, uint64_t after_ms)
{
    if (loop->ended)
        return false;
    if (loop->timers == loop->size) {
        size_t size = loop->size ? loop->size * 2 : 64;
        struct sandbox_timer **heap = realloc(loop->heap, size * sizeof *heap);
        if (!heap)
            return false;
        loop->heap = heap;
        loop->size = size;
    }
    timer->due_ms = sandbox_loop_now() + after_ms;
    put(loop, loop->timers++, timer);
    sift_up(loop, timer->place - 1);
    return true;
}

void sandbox_timer_stop(struct sandbox_loop *loop, struct sandbox_timer *timer)
{
    if (!timer->place)
        return;
    size_t at = timer->place - 1;
    timer->place = 0;
    struct sandbox_timer *last = loop->heap[--loop->timers];
    if (last == timer)
        return;
    put(loop, at, last);
    sift_up(loop, at);
    sift_down(loop, last->place - 1);
}

static void fire_due(struct sandbox_loop *loop)
{
    uint64_t now = sandbox_loop_now();

    while (loop->timers && loop->heap[0]->due_ms <= now) {
        struct sandbox_timer *timer = loop->heap[0];
        sandbox_timer_stop(loop, timer);
        timer->fire(timer->argument);
    }
}

static int sleep_ms(struct sandbox_loop *loop)
{
    int least = -1;
    struct sandbox_poller *poller;

    LL_FOREACH (loop->pollers, poller) {
        int timeout = poller->wanted ? 0 : poller->timeout_ms(poller->argument);
        if (timeout == 0)
            poller->wanted = true;
        if (timeout >= 0 && (least < 0 || timeout < least))
            least = timeout;
    }
    if (!loop->timers)
        return least;
    uint64_t now = sandbox_loop_now(), due = loop->heap[0]->due_ms;
    uint64_t wait = due > now ? due - now : 0;
    if (least >= 0 && (uint64_t)least < wait)
        return least;
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void run_wanted(struct sandbox_loop *loop)
{
    struct sandbox_poller *poller;

    LL_FOREACH (loop->pollers, poller) {
        if (!poller->wanted)
            continue;
        poller->wanted = false;
        poller->run(poller->argument);
    }
}

void sandbox_loop_run(struct sandbox_loop *loop)
{
    struct epoll_event events[8];

    while (!loop->ended) {
        int count = epoll_wait(loop->epoll_fd, events, 8, sleep_ms(loop));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                ((struct sandbox_poller *)events[i].data.ptr)->wanted = true;
            else
                loop->ended = true;
        }
        fire_due(loop);
        run_wanted(loop);
    }
}

void sandbox_loop_flush(struct sandbox_loop *loop)
{
    struct sandbox_poller *poller;

    while (loop->timers) {
        struct sandbox_timer *timer = loop->heap[0];
        sandbox_timer_stop(loop, timer);
        timer->fire(timer->argument);
    }
    LL_FOREACH (loop->pollers, poller)
        poller->run(poller->argument);
}
