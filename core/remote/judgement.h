/* What is true of the answers of both APIs, whatever they say. A part of session; values only. */
#ifndef FERRY_JUDGEMENT_H
#define FERRY_JUDGEMENT_H

#include "core/remote/remote.h"

/* True when the status alone says what the answer means; *answer is filled then. `reads`: the
 * request changes nothing, so that it cannot have been done unseen. */
bool ferry_judge(const char *name, bool reads, const struct ferry_http_answer *http,
                 struct ferry_remote_answer *answer);
/* No token: what that means for the request that wanted one. */
void ferry_judge_token(const struct ferry_error *error, struct ferry_remote_answer *answer);
/* A web page instead of an answer: something in between spoke. */
bool ferry_judge_is_page(const struct ferry_http_answer *http);
/* Something in between failed: a write may have been done. */
enum ferry_verdict ferry_judge_gateway(bool reads);
/* Fills verdict and error; the class says who has to act. */
void ferry_verdict(struct ferry_remote_answer *answer, enum ferry_verdict verdict,
                   enum ferry_class class, const char *format, ...) FERRY_PRINTF(4, 5);

#endif
