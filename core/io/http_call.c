#include "core/io/http_call.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_TIMEOUT_MS 70000
#define ANSWER_BYTES       (1024 * 1024)
#define BODY_BYTES         (128 * 1024 * 1024)
#define ORIGIN_BYTES       1024
#define RETRY_SECONDS      86400LL      /* nobody means more */
#define KEPT_BYTES         (256 * 1024) /* a buffer that grew beyond is not kept for the next request */
#define IDLE_SECONDS       60           /* shorter than what gateways grant an idle connection */

static const char *const refusal_texts[] = {
    [FERRY_CALL_PLAIN] = "plain http is allowed to this machine only",
    [FERRY_CALL_LARGE] = "the answer is larger than allowed",
    [FERRY_CALL_STOPPED] = "stopped by the receiver of the answer",
    [FERRY_CALL_MEMORY] = "out of memory for the answer",
};

static bool is_loopback(const struct sockaddr *address)
{
    const void *raw = address;

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = raw;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = raw;
        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    }
    return false;
}

/* The last place where a name has become an address: what DNS says is judged, not what the URL
 * says. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ferry_http_call *call = context;

    (void)purpose;
    if (call->plain && !is_loopback(&address->addr)) {
        call->refusal = FERRY_CALL_PLAIN;
        return CURL_SOCKET_BAD;
    }
    return ferry_multi_open(call->multi, address);
}

/* Comes when a connection stands and the request is about to go. The second time, the connection
 * died under the first one and curl would silently repeat what the server may have done already. */
static int on_ready(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct ferry_http_call *call = context;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    if (call->sent && !call->repeatable)
        return CURL_PREREQFUNC_ABORT;
    call->sent = true;
    call->refusal = FERRY_CALL_NOT_REFUSED; /* another address of the same name was good */
    return CURL_PREREQFUNC_OK;
}

static long status_of(const struct ferry_http_call *call)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t stream(struct ferry_http_call *call, const char *data, size_t length)
{
    enum ferry_http_flow flow = call->on_body(call->context, data, length);

    if (flow == FERRY_HTTP_PAUSE)
        return CURL_WRITEFUNC_PAUSE;
    if (flow == FERRY_HTTP_GO_ON)
        return length;
    call->refusal = FERRY_CALL_STOPPED;
    return CURL_WRITEFUNC_ERROR;
}

static size_t keep(struct ferry_http_call *call, const char *data, size_t length)
{
    enum ferry_status status = ferry_buffer_append(&call->answer, data, length);

    if (status == FERRY_OK)
        return length;
    call->refusal = status == FERRY_FULL ? FERRY_CALL_LARGE : FERRY_CALL_MEMORY;
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_write(char *data, size_t size, size_t count, void *context)
{
    struct ferry_http_call *call = context;
    size_t length = size * count;

    if (call->state != FERRY_CALL_RUNNING)
        return CURL_WRITEFUNC_ERROR;
    if (length == 0)
        return 0;
    if (call->on_body && status_of(call) / 100 == 2)
        return stream(call, data, length);
    return keep(call, data, length);
}

/* What is the same for every request. Where it repeats curl's default, a change of the default must
 * not reach us. */
static const struct {
    CURLoption option;
    long value;
} fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_PATH_AS_IS, 1}, /* links are sent byte for byte, as ferry_origin_check has seen them */
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_MAXAGE_CONN, IDLE_SECONDS},
};

static void configure(struct ferry_http_call *call, int64_t connect_timeout_ms)
{
    CURL *easy = call->easy;

    for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
        curl_easy_setopt(easy, fixed_options[i].option, fixed_options[i].value);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even from the environment */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->trouble);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, ferry_multi_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, call->multi);
    curl_easy_setopt(easy, CURLOPT_SHARE, ferry_multi_share(call->multi));
}

struct ferry_http_call *ferry_http_call_new(struct ferry_http *http, struct ferry_multi *multi,
                                            int64_t connect_timeout_ms)
{
    struct ferry_http_call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->http = http;
    call->multi = multi;
    ferry_buffer_init(&call->origin, ORIGIN_BYTES);
    ferry_buffer_init(&call->body, BODY_BYTES);
    ferry_buffer_init(&call->answer, ANSWER_BYTES);
    call->easy = curl_easy_init();
    call->address = curl_url();
    if (!call->easy || !call->address) {
        ferry_http_call_free(call);
        return NULL;
    }
    configure(call, connect_timeout_ms);
    return call;
}

void ferry_http_call_free(struct ferry_http_call *call)
{
    if (!call)
        return;
    ferry_http_call_clear(call);
    curl_easy_cleanup(call->easy);
    curl_url_cleanup(call->address);
    ferry_buffer_done(&call->origin);
    ferry_buffer_done(&call->body);
    ferry_buffer_done(&call->answer);
    free(call);
}

static void rest(struct ferry_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES)
        ferry_buffer_done(buffer);
    else
        ferry_buffer_clear(buffer);
}

static void wipe(struct ferry_buffer *buffer)
{
    if (buffer->data)
        explicit_bzero(buffer->data, buffer->length);
}

void ferry_http_call_clear(struct ferry_http_call *call)
{
    ferry_http_headers_unref(call->headers);
    call->headers = NULL;
    if (call->secret) {
        wipe(&call->body);
        wipe(&call->answer);
    }
    rest(&call->body);
    rest(&call->answer);
    call->state = FERRY_CALL_IDLE;
    call->sent = false;
    call->resume = false;
    call->refusal = FERRY_CALL_NOT_REFUSED;
    call->trouble[0] = '\0';
}

static enum ferry_status fill_headers(struct ferry_http_call *call,
                                      const struct ferry_http_request *request,
                                      struct ferry_error *error)
{
    bool own = request->headers && *request->headers;
    enum ferry_status status = FERRY_OK;

    if (request->common && !own)
        call->headers = ferry_http_headers_ref(request->common);
    else
        status = ferry_http_headers_new(request->headers, request->common, &call->headers, error);
    if (status == FERRY_OK)
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, ferry_http_headers_list(call->headers));
    return status;
}

/* The ceilings are the same; a body may hold NULs. */
void ferry_http_call_swap_body(struct ferry_http_call *call, struct ferry_buffer *body)
{
    struct ferry_buffer own = call->body;

    call->body = *body;
    *body = own;
}

static enum ferry_status take_body(struct ferry_http_call *call,
                                   const struct ferry_http_request *request,
                                   struct ferry_error *error)
{
    if (request->large_body)
        ferry_http_call_swap_body(call, request->large_body);
    else if (ferry_buffer_append(&call->body, request->body, request->body_length) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG,
                          "no room for a request body of %zu bytes", request->body_length);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body.data ? call->body.data : "");
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.length);
    return FERRY_OK;
}

/* Most requests are like the one before. curl takes whatever has a body for a POST until it is told
 * otherwise. */
static void fill_method(struct ferry_http_call *call, const char *method, bool has_body)
{
    bool head = strcmp(method, "HEAD") == 0;
    bool get = strcmp(method, "GET") == 0;

    if (has_body && call->had_body && strcmp(method, call->method) == 0)
        return;
    snprintf(call->method, sizeof(call->method), "%s", method);
    call->had_body = has_body;
    call->repeatable = head || get;
    curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(call->easy, CURLOPT_NOBODY, head ? 1L : 0L);
    curl_easy_setopt(call->easy, CURLOPT_ACCEPT_ENCODING, get ? "gzip" : NULL);
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, head ? NULL : method);
}

static enum ferry_status fill_body(struct ferry_http_call *call,
                                   const struct ferry_http_request *request,
                                   struct ferry_error *error)
{
    bool has_body = request->body || request->large_body;

    fill_method(call, request->method, has_body);
    return has_body ? take_body(call, request, error) : FERRY_OK;
}

static void fill_limits(struct ferry_http_call *call, const struct ferry_http_request *request)
{
    long timeout_ms = (long)(request->timeout_ms > 0 ? request->timeout_ms : REQUEST_TIMEOUT_MS);
    bool streamed = request->on_body != NULL;

    /* A stream lasts as long as its reader takes; curl does not count paused time as slow. */
    curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, streamed ? 0L : timeout_ms);
    curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_LIMIT, streamed ? 1L : 0L);
    curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_TIME, streamed ? (timeout_ms + 999) / 1000 : 0L);
    call->answer.ceiling = request->max_answer_bytes ? request->max_answer_bytes : ANSWER_BYTES;
}

/* Does curl send these bytes as they are? What it would cut off, escape or refuse is left to it. */
static bool is_plain(const char *target)
{
    for (; *target; target++)
        if (*target <= ' ' || *target >= 0x7f || *target == '#')
            return false;
    return true;
}

static CURLcode give_whole(struct ferry_http_call *call, const char *url)
{
    ferry_buffer_clear(&call->origin);
    curl_easy_setopt(call->easy, CURLOPT_CURLU, NULL);
    curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, NULL);
    return curl_easy_setopt(call->easy, CURLOPT_URL, url);
}

/* Nearly all requests go where the one before went. */
static CURLcode give_origin(struct ferry_http_call *call, const char *url, size_t length)
{
    if (length == call->origin.length && memcmp(url, call->origin.data, length) == 0)
        return CURLE_OK;
    ferry_buffer_clear(&call->origin);
    if (ferry_buffer_append(&call->origin, url, length) != FERRY_OK)
        return CURLE_OUT_OF_MEMORY;
    if (curl_url_set(call->address, CURLUPART_URL, call->origin.data, 0) != CURLUE_OK)
        return CURLE_URL_MALFORMAT;
    return curl_easy_setopt(call->easy, CURLOPT_CURLU, call->address);
}

/* curl takes a URL apart and prints it anew for each request, a byte at a time. It need not where
 * it knows the server, and what follows is only to be copied. */
static CURLcode fill_url(struct ferry_http_call *call, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *target = host + strcspn(host, "/?#@");

    if (*target != '/' || !is_plain(target) ||
        give_origin(call, url, (size_t)(target - url)) != CURLE_OK)
        return give_whole(call, url);
    return curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, target);
}

enum ferry_status ferry_http_call_fill(struct ferry_http_call *call,
                                       const struct ferry_http_request *request,
                                       struct ferry_error *error)
{
    bool https = strncasecmp(request->url, "https://", 8) == 0;
    enum ferry_status status;

    if (!https && strncasecmp(request->url, "http://", 7) != 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "an address to call does not begin with https://");
    call->plain = !https;
    call->secret = request->secret;
    call->on_body = request->on_body;
    call->on_done = request->on_done;
    call->context = request->context;
    if (fill_url(call, request->url) != CURLE_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    curl_easy_setopt(call->easy, CURLOPT_USERNAME, request->user);
    curl_easy_setopt(call->easy, CURLOPT_PASSWORD, request->password);
    status = fill_headers(call, request, error);
    if (status == FERRY_OK)
        status = fill_body(call, request, error);
    fill_limits(call, request);
    return status;
}

/* Seconds or an HTTP date; Adobe's gateway also writes "Retry_After: 300s". */
static int64_t retry_after_ms(CURL *easy)
{
    static const char *const names[] = {"Retry-After", "Retry_After"};
    struct curl_header *header = NULL;
    char *end;
    long long seconds;
    time_t date;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !header; i++)
        if (curl_easy_header(easy, names[i], 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
            header = NULL;
    if (!header)
        return -1;
    seconds = strtoll(header->value, &end, 10);
    if (end != header->value && (*end == '\0' || *end == 's'))
        return seconds < 0 ? 0 : seconds > RETRY_SECONDS ? RETRY_SECONDS * 1000 : seconds * 1000;
    date = curl_getdate(header->value, NULL);
    if (date < 0)
        return -1;
    seconds = (long long)date - ferry_wall_ms() / 1000;
    return seconds < 0 ? 0 : seconds > RETRY_SECONDS ? RETRY_SECONDS * 1000 : seconds * 1000;
}

static enum ferry_http_outcome outcome_of(const struct ferry_http_call *call, CURLcode code)
{
    if (code == CURLE_OK)
        return FERRY_HTTP_ANSWERED;
    if (call->refusal != FERRY_CALL_NOT_REFUSED || code == CURLE_URL_MALFORMAT ||
        code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_LOGIN_DENIED)
        return FERRY_HTTP_REFUSED;
    return call->sent ? FERRY_HTTP_UNKNOWN : FERRY_HTTP_NOT_SENT;
}

static const char *trouble_of(const struct ferry_http_call *call, CURLcode code)
{
    if (call->refusal != FERRY_CALL_NOT_REFUSED)
        return refusal_texts[call->refusal];
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return "the connection was closed before an answer came";
    return call->trouble[0] ? call->trouble : curl_easy_strerror(code);
}

const char *ferry_http_call_header(const struct ferry_http_call *call, const char *name)
{
    struct curl_header *header = NULL;

    return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
               ? header->value
               : NULL;
}

void ferry_http_call_answer(struct ferry_http_call *call, CURLcode code,
                            struct ferry_http_answer *ret_answer)
{
    char *type = NULL;

    *ret_answer = (struct ferry_http_answer){.outcome = outcome_of(call, code),
                                             .body = "",
                                             .content_type = "",
                                             .retry_after_ms = -1,
                                             .call = call};
    if (ret_answer->outcome != FERRY_HTTP_ANSWERED) {
        snprintf(ret_answer->error, sizeof(ret_answer->error), "%s", trouble_of(call, code));
        return;
    }
    ret_answer->status = (int)status_of(call);
    if (call->answer.length > 0) {
        ret_answer->body = call->answer.data;
        ret_answer->length = call->answer.length;
    }
    if (curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
        ret_answer->content_type = type;
    if (ret_answer->status >= 400)
        ret_answer->retry_after_ms = retry_after_ms(call->easy);
}
