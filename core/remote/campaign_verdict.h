/* What Adobe Campaign means by an answer that is no success. Its gateway answers JSON, the
 * application behind it plain text, and the application calls a bad record a 500. Values only. */
#ifndef FERRY_CAMPAIGN_VERDICT_H
#define FERRY_CAMPAIGN_VERDICT_H

#include "core/remote/remote.h"

struct ferry_campaign_case {
    const char *resource;
    const char *key; /* in the URL; "" for the collection */
    bool reads;      /* the request changes nothing */
};

/* `http` is an answer other than 2xx, 401, 429, 502, 503, 504 or a web page. Fills verdict and
 * error. */
void ferry_campaign_judge(const struct ferry_campaign_case *given,
                          const struct ferry_http_answer *http, struct ferry_remote_answer *answer);

#endif
