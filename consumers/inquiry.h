/* Asks about each of some subjects until there is an answer: at once, again after a failure, more
 * rarely after a refusal, and whenever somebody has a doubt. Loop thread only. */
#ifndef FERRY_INQUIRY_H
#define FERRY_INQUIRY_H

#include "core/base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct ferry_inquiry;

struct ferry_inquiry_options {
    size_t count; /* of subjects */
    int64_t retry_ms;
    /* Asks; ferry_inquiry_answer follows, now or later. */
    void (*ask)(void *context, size_t subject);
    /* error NULL: all is well. FERRY_INVALID: a human is needed, and it is asked again too, as it
     * may be mended; FERRY_RETRY: it will be asked again. At retry_at (wall ms). */
    void (*on_result)(void *context, size_t subject, const struct ferry_error *error,
                      int64_t retry_at);
    void *context;
};

enum ferry_status ferry_inquiry_new(uv_loop_t *loop, const struct ferry_inquiry_options *options,
                                    struct ferry_inquiry **ret_inquiry,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Nobody is asked or told any more. */
void ferry_inquiry_free(struct ferry_inquiry *inquiry);
void ferry_inquiry_answer(struct ferry_inquiry *inquiry, size_t subject,
                          const struct ferry_error *error);
/* Asks again, now; or when a refusal's wait is over. */
void ferry_inquiry_repeat(struct ferry_inquiry *inquiry, size_t subject);
/* The same, but as late as after a refusal. */
void ferry_inquiry_postpone(struct ferry_inquiry *inquiry, size_t subject);

#endif
