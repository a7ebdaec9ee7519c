#include "core/remote/judgement.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What the caller does about it; the verdict says more. */
static enum ferry_status status_of(enum ferry_verdict verdict)
{
    static const enum ferry_status statuses[] = {
        [FERRY_VERDICT_OK] = FERRY_OK,
        [FERRY_VERDICT_ABSENT] = FERRY_INVALID,
        [FERRY_VERDICT_NO_PARENT] = FERRY_RETRY,
        [FERRY_VERDICT_DUPLICATE] = FERRY_INVALID,
        [FERRY_VERDICT_BAD_RECORD] = FERRY_BAD_RECORD,
        [FERRY_VERDICT_ILL] = FERRY_RETRY,
        [FERRY_VERDICT_THROTTLED] = FERRY_RETRY,
        [FERRY_VERDICT_UNAVAILABLE] = FERRY_RETRY,
        [FERRY_VERDICT_UNKNOWN] = FERRY_RETRY,
        [FERRY_VERDICT_CREDENTIALS] = FERRY_INVALID,
        [FERRY_VERDICT_PERMISSION] = FERRY_INVALID,
        [FERRY_VERDICT_EXPIRED] = FERRY_RETRY,
        [FERRY_VERDICT_REFUSED] = FERRY_INVALID,
        [FERRY_VERDICT_FOREIGN] = FERRY_INVALID,
    };

    return statuses[verdict];
}

void ferry_verdict(struct ferry_remote_answer *answer, enum ferry_verdict verdict,
                   enum ferry_class class, const char *format, ...)
{
    ferry_error_clear(&answer->error);
    answer->verdict = verdict;
    answer->error.status = status_of(verdict);
    answer->error.class = class;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(answer->error.message, sizeof(answer->error.message), format, arguments);
    va_end(arguments);
}

enum ferry_verdict ferry_judge_gateway(bool reads)
{
    return reads ? FERRY_VERDICT_UNAVAILABLE : FERRY_VERDICT_UNKNOWN;
}

bool ferry_judge_is_page(const struct ferry_http_answer *http)
{
    return strncasecmp(http->content_type, "text/html", 9) == 0 ||
           http->body[strspn(http->body, " \t\r\n")] == '<';
}

static void judge_silence(const char *name, const struct ferry_http_answer *http,
                          struct ferry_remote_answer *answer)
{
    if (http->outcome == FERRY_HTTP_NOT_SENT)
        ferry_verdict(answer, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, "cannot reach %s: %s",
                      name, http->error);
    else if (http->outcome == FERRY_HTTP_UNKNOWN)
        ferry_verdict(answer, FERRY_VERDICT_UNKNOWN, FERRY_CLASS_NETWORK,
                      "the connection to %s was lost: %s", name, http->error);
    else
        ferry_verdict(answer, FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG,
                      "a request to %s was given up: %s", name, http->error);
}

static bool judge_status(const char *name, bool reads, const struct ferry_http_answer *http,
                         struct ferry_remote_answer *answer)
{
    switch (http->status) {
    case 401:
        ferry_verdict(answer, FERRY_VERDICT_CREDENTIALS, FERRY_CLASS_CREDENTIALS,
                      "%s refuses a fresh token (HTTP 401)", name);
        ferry_advise(&answer->error, "Check that client id, secret and address belong together.");
        return true;
    case 429:
        ferry_verdict(answer, FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA,
                      "%s asks for fewer requests (HTTP 429)", name);
        return true;
    case 503:
        ferry_verdict(answer, FERRY_VERDICT_THROTTLED, FERRY_CLASS_NETWORK,
                      "%s is not available now (HTTP 503)", name);
        return true;
    case 408:
    case 502:
    case 504:
        ferry_verdict(answer, ferry_judge_gateway(reads), FERRY_CLASS_NETWORK,
                      "the way to %s is disturbed (HTTP %d)", name, http->status);
        return true;
    default:
        return false;
    }
}

bool ferry_judge(const char *name, bool reads, const struct ferry_http_answer *http,
                 struct ferry_remote_answer *answer)
{
    if (http->outcome != FERRY_HTTP_ANSWERED) {
        judge_silence(name, http, answer);
        return true;
    }
    if (judge_status(name, reads, http, answer))
        return true;
    /* A firewall's 403 is a 403 all the same, and a proxy's 413 a 413. Anything else on a web page
     * was not said by the API. */
    if (http->status != 403 && http->status != 413 && ferry_judge_is_page(http)) {
        ferry_verdict(answer, ferry_judge_gateway(reads), FERRY_CLASS_NETWORK,
                      "a web page came instead of an answer of %s (HTTP %d)", name, http->status);
        return true;
    }
    if (http->status / 100 != 2)
        return false;
    answer->verdict = FERRY_VERDICT_OK;
    return true;
}

void ferry_judge_token(const struct ferry_error *error, struct ferry_remote_answer *answer)
{
    if (error->status == FERRY_INVALID)
        answer->verdict = FERRY_VERDICT_CREDENTIALS;
    else if (error->class == FERRY_CLASS_QUOTA)
        answer->verdict = FERRY_VERDICT_THROTTLED;
    else
        answer->verdict = FERRY_VERDICT_UNAVAILABLE;
    answer->error = *error;
}
