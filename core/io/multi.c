#include "core/io/multi.h"

#include <stdlib.h>
#include <unistd.h>

#define LOT_CONNECTIONS 8

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
    struct lot *lot; /* that wants it */
    curl_socket_t fd;
    int events;  /* what libuv watches now */
    bool wanted; /* by a transfer; an idle connection is watched on, without keeping the loop alive
                  */
    bool connection; /* opened by ferry_multi_open; others belong to the resolver */
    UT_hash_handle hh;
};

/* For each request curl looks through all connections of a multi handle, and through the timers of
 * all its transfers. So there are several handles of few connections each. */
struct lot {
    struct ferry_multi *multi;
    CURLM *curl;
    uv_timer_t timer; /* curl's own */
    bool due;         /* curl wants to be called at once */
    size_t room;      /* connections */
    size_t running;   /* transfers */
};

struct ferry_multi {
    uv_loop_t *loop;
    uv_timer_t wake;
    struct watch *watches; /* by fd */
    ferry_multi_callback on_step;
    void *context;
    unsigned inside;
    unsigned handles;    /* not yet closed by libuv */
    CURLSH *share;       /* names and TLS sessions, of all lots */
    struct lot *stepped; /* the last that curl worked on, whose messages are not all taken */
    size_t lot_count;
    struct lot lots[];
};

static void release(struct ferry_multi *multi)
{
    if (--multi->handles == 0)
        free(multi);
}

static void on_wake_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void on_lot_closed(uv_handle_t *handle)
{
    const struct lot *lot = handle->data;

    release(lot->multi);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct ferry_multi *multi = watch->multi;

    free(watch);
    release(multi);
}

static void step(struct lot *lot, curl_socket_t fd, int flags)
{
    struct ferry_multi *multi = lot->multi;
    int running;

    multi->inside++;
    /* An error here concerns the multi handle, not a transfer, and there is nothing to do about it.
     */
    curl_multi_socket_action(lot->curl, fd, flags, &running);
    multi->inside--;
    multi->stepped = lot;
    multi->on_step(multi->context);
}

static void on_timer(uv_timer_t *timer)
{
    step(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* A transfer that was added begins so. A timer for each would cost more than its beginning. */
static bool step_due(struct ferry_multi *multi)
{
    bool stepped = false;

    for (size_t i = 0; i < multi->lot_count; i++) {
        if (!multi->lots[i].due)
            continue;
        multi->lots[i].due = false;
        step(&multi->lots[i], CURL_SOCKET_TIMEOUT, 0);
        stepped = true;
    }
    return stepped;
}

static void on_wake(uv_timer_t *timer)
{
    struct ferry_multi *multi = timer->data;

    if (!step_due(multi))
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
    step(watch->lot, watch->fd, flags);
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

static void watch_want(struct watch *watch, struct lot *lot, int events)
{
    watch->lot = lot;
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
    struct lot *lot = context;
    struct watch *watch = watch_find(lot->multi, fd);

    (void)easy;
    (void)assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            watch_rest(watch);
        return 0;
    }
    if (!watch)
        watch = watch_new(lot->multi, fd, false);
    /* Out of memory: 0 all the same, since an error would end every transfer; this one runs into
     * its timeout. */
    if (watch && what > CURL_POLL_NONE && what < CURL_POLL_REMOVE)
        watch_want(watch, lot, events[what]);
    return 0;
}

static int on_timeout(CURLM *curl, long timeout_ms, void *context)
{
    struct lot *lot = context;

    (void)curl;
    lot->due = timeout_ms == 0;
    if (lot->due)
        ferry_multi_wake(lot->multi);
    if (timeout_ms <= 0)
        uv_timer_stop(&lot->timer);
    else
        uv_timer_start(&lot->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

/* --- lots --- */

static bool lot_open(struct ferry_multi *multi, struct lot *lot, size_t room)
{
    lot->curl = curl_multi_init();
    if (!lot->curl)
        return false;
    lot->multi = multi;
    lot->room = room;
    curl_multi_setopt(lot->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(lot->curl, CURLMOPT_SOCKETDATA, lot);
    curl_multi_setopt(lot->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(lot->curl, CURLMOPT_TIMERDATA, lot);
    curl_multi_setopt(lot->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(lot->curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)room);
    curl_multi_setopt(lot->curl, CURLMOPT_MAXCONNECTS, (long)room);
    return true;
}

static bool share_open(struct ferry_multi *multi)
{
    multi->share = curl_share_init();
    if (!multi->share)
        return false;
    curl_share_setopt(multi->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(multi->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return true;
}

/* They differ by one connection at most. */
static bool open_all(struct ferry_multi *multi, size_t connections)
{
    size_t count = multi->lot_count;

    if (!share_open(multi))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!lot_open(multi, &multi->lots[i], connections / count + (i < connections % count)))
            return false;
    return true;
}

/* Closes the connections, each through ferry_multi_close. */
static void close_all(struct ferry_multi *multi)
{
    for (size_t i = 0; i < multi->lot_count; i++)
        curl_multi_cleanup(multi->lots[i].curl);
    curl_share_cleanup(multi->share);
}

static void start_timers(struct ferry_multi *multi)
{
    uv_timer_init(multi->loop, &multi->wake);
    multi->wake.data = multi;
    for (size_t i = 0; i < multi->lot_count; i++) {
        uv_timer_init(multi->loop, &multi->lots[i].timer);
        multi->lots[i].timer.data = &multi->lots[i];
    }
    multi->handles = 1 + (unsigned)multi->lot_count;
}

/* Where few are under way, they share the connections of the first. */
static struct lot *lot_with_room(struct ferry_multi *multi)
{
    struct lot *emptiest = &multi->lots[0];

    for (size_t i = 0; i < multi->lot_count; i++) {
        struct lot *lot = &multi->lots[i];
        if (lot->running < lot->room)
            return lot;
        if (lot->running < emptiest->running)
            emptiest = lot;
    }
    return emptiest;
}

/* --- life --- */

enum ferry_status ferry_multi_new(uv_loop_t *loop, const struct ferry_multi_options *options,
                                  struct ferry_multi **ret_multi, struct ferry_error *error)
{
    size_t count = (options->connections + LOT_CONNECTIONS - 1) / LOT_CONNECTIONS;
    struct ferry_multi *multi = calloc(1, sizeof(*multi) + count * sizeof(multi->lots[0]));

    if (!multi)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    multi->loop = loop;
    multi->on_step = options->on_step;
    multi->context = options->context;
    multi->lot_count = count;
    if (!open_all(multi, options->connections)) {
        close_all(multi);
        free(multi);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    start_timers(multi);
    *ret_multi = multi;
    return FERRY_OK;
}

void ferry_multi_free(struct ferry_multi *multi)
{
    if (!multi)
        return;
    close_all(multi);
    while (multi->watches)
        watch_free(multi->watches);
    for (size_t i = 0; i < multi->lot_count; i++) {
        multi->lots[i].due = false;
        uv_close((uv_handle_t *)&multi->lots[i].timer, on_lot_closed);
    }
    uv_close((uv_handle_t *)&multi->wake, on_wake_closed);
}

CURLSH *ferry_multi_share(const struct ferry_multi *multi)
{
    return multi->share;
}

/* --- transfers --- */

enum ferry_status ferry_multi_add(struct ferry_multi *multi, CURL *easy, size_t *ret_lot)
{
    struct lot *lot = lot_with_room(multi);

    if (curl_multi_add_handle(lot->curl, easy) != CURLM_OK)
        return FERRY_NOMEM;
    lot->running++;
    *ret_lot = (size_t)(lot - multi->lots);
    return FERRY_OK;
}

void ferry_multi_remove(struct ferry_multi *multi, CURL *easy, size_t lot)
{
    curl_multi_remove_handle(multi->lots[lot].curl, easy);
    multi->lots[lot].running--;
}

CURL *ferry_multi_ended(struct ferry_multi *multi, CURLcode *ret_code)
{
    CURLMsg *message;
    int left;

    while (multi->stepped && (message = curl_multi_info_read(multi->stepped->curl, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        *ret_code = message->data.result;
        return message->easy_handle;
    }
    multi->stepped = NULL;
    return NULL;
}

bool ferry_multi_inside(const struct ferry_multi *multi)
{
    return multi->inside > 0;
}

void ferry_multi_wake(struct ferry_multi *multi)
{
    if (!uv_is_active((const uv_handle_t *)&multi->wake))
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
