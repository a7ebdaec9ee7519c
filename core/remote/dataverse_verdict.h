/* What an answer of the Dataverse Web API means. Pure; a part of dataverse. */
#ifndef FERRY_DATAVERSE_VERDICT_H
#define FERRY_DATAVERSE_VERDICT_H

#include "core/remote/remote.h"

/* `delta`: the request followed a delta link. Fills verdict, status, retry_after_ms and error of
 * *ret_answer; body and length are borrowed from `answer`. */
void ferry_dataverse_judge(const struct ferry_http_answer *answer, bool delta,
                           struct ferry_remote_answer *ret_answer);

#endif
