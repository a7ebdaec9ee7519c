/* What an answer of a remote API means for us: one vocabulary for Dataverse and Campaign. */
#ifndef FERRY_REMOTE_H
#define FERRY_REMOTE_H

#include "core/base/status.h"
#include "core/io/http.h"

enum ferry_verdict {
    FERRY_VERDICT_OK,        /* 2xx */
    FERRY_VERDICT_ABSENT,    /* 404 on the record itself */
    FERRY_VERDICT_NO_PARENT, /* Campaign: 404 on a record of the body, not of the URL */
    FERRY_VERDICT_DUPLICATE, /* the same key exists already */
    /* The destination's word that the record is at fault: listed texts only. Class schema: the
     * field is not there (any more) or read-only, so that the next record fails likewise. */
    FERRY_VERDICT_BAD_RECORD,
    FERRY_VERDICT_ILL, /* a 500 that names nobody: judge by its neighbours; may have been done */
    FERRY_VERDICT_THROTTLED, /* 429, 503: slow down, try after retry_after_ms */
    /* Try later; it was not done: connection refused, no token now, and for a request that only
     * reads 502, 504 and a web page. */
    FERRY_VERDICT_UNAVAILABLE,
    /* Cut or timed out, and for a write 502, 504 and a web page: it may have been done. */
    FERRY_VERDICT_UNKNOWN,
    FERRY_VERDICT_CREDENTIALS, /* token refused twice, or the authority refused us */
    FERRY_VERDICT_PERMISSION,  /* 403 */
    FERRY_VERDICT_EXPIRED,     /* Dataverse: the delta link is too old; read in full */
    FERRY_VERDICT_REFUSED,     /* any other 4xx: our request is wrong (schema, mapping or bug) */
    FERRY_VERDICT_FOREIGN,     /* a link to somebody else: nothing was sent */
};

struct ferry_remote_answer {
    enum ferry_verdict verdict;
    int status;             /* HTTP, 0 when none */
    int64_t retry_after_ms; /* -1 when the server did not say */
    const char *body;       /* valid during the callback */
    size_t length;
    const struct ferry_http_answer *http; /* for its headers, during the callback; NULL: none */
    /* Unless OK: class and sentence. Quotes the server on a record for BAD_RECORD only, whose
     * sentence belongs into the reject and nowhere else. */
    struct ferry_error error;
};

typedef void (*ferry_remote_callback)(void *context, const struct ferry_remote_answer *answer);
const char *ferry_verdict_name(enum ferry_verdict verdict);

#endif
