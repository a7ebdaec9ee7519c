#include "core/io/multi.h"

#include <stdlib.h>
#include <unistd.h>

/* A socket that cannot be entered for want of memory is refused by watch_new, not answered with
 * exit(). */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

/* One socket of curl. That of a connection lives as long as the connection: taking it out of epoll
 * and putting it back for each request would cost three system calls a request. */
struct watch {
    uv_poll_t poll;
    struct ferry_multi *multi;
    curl_socket_t fd;
    int events;  /* what libuv watches now */
    bool wanted; /* by a transfer; an idle connection is watched on, without keeping the loop alive
                  */
    bool connection; /* opened by ferry_multi_open; others belong to the resolver */
    UT_hash_handle hh;
};

struct ferry_multi {
    CURLM *curl;
    uv_loop_t *loop;
    uv_timer_t timer; /* curl's own */
    uv_timer_t wake;
    struct watch *watches; /* by fd */
    ferry_multi_callback on_step;
    void *context;
    unsigned inside;
    unsigned handles; /* not yet closed by libuv */
};

static void release(struct ferry_multi *multi)
{
    if (--multi->handles == 0)
        free(multi);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct ferry_multi *multi = watch->multi;

    free(watch);
    release(multi);
}

static void step(struct ferry_multi *multi, curl_socket_t fd, int flags)
{
    int running;

    multi->inside++;
    /* An error here concerns the multi handle, not a transfer, and there is nothing to do about it.
     */
    curl_multi_socket_action(multi->curl, fd, flags, &running);
    multi->inside--;
    multi->on_step(multi->context);
}

static void on_timer(uv_timer_t *timer)
{
    step(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_wake(uv_timer_t *timer)
{
    struct ferry_multi *multi = timer->data;

    multi->on_step(multi->context);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;

    if (!watch->wanted) {
        /* The server closed an idle connection. curl finds out when it wants the connection again;
         * until then the socket would be readable for ever. */
        uv_poll_stop(poll);
        watch->events = 0;
        return;
    }
    if (status <
        0) /* libuv stopped watching; curl may still have something to read before the error */
        uv_poll_start(poll, watch->events, on_poll);
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    step(watch->multi, watch->fd, flags);
}

static struct watch *watch_find(struct ferry_multi *multi, curl_socket_t fd)
{
    struct watch *watch;

    HASH_FIND_INT(multi->watches, &fd, watch);
    return watch;
}

static void watch_free(struct watch *watch)
{
    HASH_DEL(watch->multi->watches, watch);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *watch_new(struct ferry_multi *multi, curl_socket_t fd, bool connection)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return NULL;
    watch->multi = multi;
    watch->fd = fd;
    watch->connection = connection;
    watch->poll.data = watch;
    HASH_ADD_INT(multi->watches, fd, watch);
    if (!watch->hh.tbl) {
        free(watch);
        return NULL;
    }
    if (uv_poll_init(multi->loop, &watch->poll, fd) < 0) {
        HASH_DEL(multi->watches, watch);
        free(watch);
        return NULL;
    }
    multi->handles++;
    uv_unref((uv_handle_t *)&watch->poll);
    return watch;
}

static void watch_want(struct watch *watch, int events)
{
    watch->wanted = true;
    uv_ref((uv_handle_t *)&watch->poll);
    if (watch->events == events)
        return;
    watch->events = events;
    uv_poll_start(&watch->poll, events, on_poll);
}

static void watch_rest(struct watch *watch)
{
    if (!watch->connection) {
        watch_free(watch);
        return;
    }
    watch->wanted = false;
    uv_unref((uv_handle_t *)&watch->poll);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    static const int events[] = {[CURL_POLL_IN] = UV_READABLE,
                                 [CURL_POLL_OUT] = UV_WRITABLE,
                                 [CURL_POLL_INOUT] = UV_READABLE | UV_WRITABLE};
    struct ferry_multi *multi = context;
    struct watch *watch = watch_find(multi, fd);

    (void)easy;
    (void)assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            watch_rest(watch);
        return 0;
    }
    if (!watch)
        watch = watch_new(multi, fd, false);
    /* Out of memory: 0 all the same, since an error would end every transfer; this one runs into
     * its timeout. */
    if (watch && what > CURL_POLL_NONE && what < CURL_POLL_REMOVE)
        watch_want(watch, events[what]);
    return 0;
}

static int on_timeout(CURLM *curl, long timeout_ms, void *context)
{
    struct ferry_multi *multi = context;

    (void)curl;
    if (timeout_ms < 0)
        uv_timer_stop(&multi->timer);
    else
        uv_timer_start(&multi->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

enum ferry_status ferry_multi_new(uv_loop_t *loop, ferry_multi_callback on_step, void *context,
                                  struct ferry_multi **ret_multi, struct ferry_error *error)
{
    struct ferry_multi *multi = calloc(1, sizeof(*multi));

    if (multi)
        multi->curl = curl_multi_init();
    if (!multi || !multi->curl) {
        free(multi);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    multi->loop = loop;
    multi->on_step = on_step;
    multi->context = context;
    uv_timer_init(loop, &multi->timer);
    uv_timer_init(loop, &multi->wake);
    multi->timer.data = multi;
    multi->wake.data = multi;
    multi->handles = 2;
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    *ret_multi = multi;
    return FERRY_OK;
}

void ferry_multi_free(struct ferry_multi *multi)
{
    if (!multi)
        return;
    curl_multi_cleanup(multi->curl); /* closes the connections, each through ferry_multi_close */
    multi->curl = NULL;
    while (multi->watches)
        watch_free(multi->watches);
    uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
    uv_close((uv_handle_t *)&multi->wake, on_timer_closed);
}

CURLM *ferry_multi_curl(const struct ferry_multi *multi)
{
    return multi->curl;
}

bool ferry_multi_inside(const struct ferry_multi *multi)
{
    return multi->inside > 0;
}

void ferry_multi_wake(struct ferry_multi *multi)
{
    uv_timer_start(&multi->wake, on_wake, 0, 0);
}

void ferry_multi_unpause(struct ferry_multi *multi, CURL *easy)
{
    multi->inside++;
    curl_easy_pause(easy, CURLPAUSE_CONT);
    multi->inside--;
}

curl_socket_t ferry_multi_open(struct ferry_multi *multi, const struct curl_sockaddr *address)
{
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    struct watch *stale;

    if (fd < 0)
        return CURL_SOCKET_BAD;
    stale = watch_find(multi, fd);
    if (stale)
        watch_free(stale);
    if (watch_new(multi, fd, true))
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

int ferry_multi_close(void *context, curl_socket_t fd)
{
    struct watch *watch = watch_find(context, fd);

    if (watch)
        watch_free(watch);
    return close(fd);
}
