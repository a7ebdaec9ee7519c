/* Calls to one remote API under one token: asks for the token, sends, renews the token once on 401,
 * and leaves to its owner what an answer means. A part of dataverse and campaign; loop thread only.
 */
#ifndef FERRY_SESSION_H
#define FERRY_SESSION_H

#include "core/base/buffer.h"
#include "core/io/token.h"
#include "core/remote/remote.h"

struct ferry_session;

enum ferry_session_state {
    FERRY_SESSION_IDLE,
    FERRY_SESSION_ASKING, /* for a token */
    FERRY_SESSION_SENT,
    FERRY_SESSION_REFUSED, /* by us: nothing is sent */
    FERRY_SESSION_ENDED,   /* on_done is running */
};

/* The memory of these serves the next request too. */
enum ferry_session_text {
    FERRY_SESSION_URL,
    FERRY_SESSION_HEADER,  /* one more; empty for none */
    FERRY_SESSION_MATCH,   /* another one: on what condition; empty for none */
    FERRY_SESSION_BODY,    /* counts with has_body */
    FERRY_SESSION_SUBJECT, /* what it is about, for the owner's sentences */
    FERRY_SESSION_TYPE,    /* the header that names the body's type; empty: that of the session */
    FERRY_SESSION_KEY,     /* of the record it is about, for the owner's judgement */
    FERRY_SESSION_TEXTS,
};

/* Filled by the owner between ferry_session_take and ferry_session_start. */
struct ferry_session_call {
    struct ferry_session *session;
    struct ferry_session_call *prev, *next;
    enum ferry_session_state state;
    const char *method; /* lives longer than the call */
    struct ferry_buffer texts[FERRY_SESSION_TEXTS];
    bool has_body;
    bool doubtful; /* the owner's note for its judgement */
    enum ferry_http_flow (*on_body)(void *context, const char *data, size_t length);
    ferry_remote_callback on_done;
    void *context;
    size_t max_answer_bytes;
    /* Of the session: */
    struct ferry_http_call *http;
    unsigned bearer; /* the number of the token it was sent with */
    bool starting;
    bool renewed;
    bool repeated;
    enum ferry_status status; /* of sending */
    struct ferry_error error;
    enum ferry_verdict refusal;
    struct ferry_http_task refuse;
};

/* Called for every answer of the API that the common rules leave open: no 2xx, 401, 408, 429, 502,
 * 503, 504. True: send the request once more, this answer does not count; heeded unless `repeated`.
 */
typedef bool (*ferry_session_judge)(const struct ferry_session_call *call,
                                    const struct ferry_http_answer *http,
                                    struct ferry_remote_answer *answer);

struct ferry_session_options {
    struct ferry_token_options token;
    const char *const *headers; /* of every request, NULL-terminated; copied */
    const char *body_header;    /* with a body only; copied; NULL for none */
    int64_t timeout_ms;
    ferry_session_judge judge;
};

enum ferry_status ferry_session_new(struct ferry_http *http,
                                    const struct ferry_session_options *options,
                                    struct ferry_session **ret_session,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_session_free(struct ferry_session *session);
const char *ferry_session_name(const struct ferry_session *session);

/* An empty call, or NULL when out of memory. */
struct ferry_session_call *ferry_session_take(struct ferry_session *session);
/* Gives back a call that was not started. */
void ferry_session_give(struct ferry_session_call *call);
/* on_done comes exactly once, later, unless cancelled. On failure the call is given back. */
enum ferry_status ferry_session_start(struct ferry_session_call *call,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* Sends nothing: on_done comes later with this verdict. */
void ferry_session_refuse(struct ferry_session_call *call, enum ferry_verdict verdict,
                          const struct ferry_error *error);
void ferry_session_cancel(struct ferry_session_call *call);
void ferry_session_resume(struct ferry_session_call *call);
/* Cancels every call of this context. */
void ferry_session_forget(struct ferry_session *session, const void *context);

/* The text, "" when it is empty. */
const char *ferry_session_text(const struct ferry_session_call *call, enum ferry_session_text text);
/* True for a method that changes nothing. */
bool ferry_session_reads(const struct ferry_session_call *call);

#endif
