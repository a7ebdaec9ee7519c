/* What Dataverse means by an answer that is no success. Values only. */
#ifndef FERRY_DATAVERSE_VERDICT_H
#define FERRY_DATAVERSE_VERDICT_H

#include "core/remote/remote.h"

/* `http` is an answer other than 2xx, 401, 408, 429, 502, 503, 504 or a web page. `reads`: the
 * request changes nothing, so that the server's words cannot hold a value of a record. Fills
 * verdict and error; true when a rule knew the error's code, false when only the status spoke. */
bool ferry_dataverse_judge(const struct ferry_http_answer *http, bool reads,
                           struct ferry_remote_answer *answer);

#endif
