/* Do both systems still have the opt-outs of the order? Reads their metadata, compares, and goes on
 * trying while there is no answer. Loop thread only. */
#ifndef FERRY_EXAMINATION_H
#define FERRY_EXAMINATION_H

#include "core/control/consent.h"
#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

#include <uv.h>

struct ferry_examination;

struct ferry_examination_options {
    const struct ferry_consent *consent; /* borrowed, as all that follows */
    struct ferry_campaign *campaign;
    struct ferry_dataverse *dataverse;
    int64_t retry_ms;
    /* As ferry_inquiry_options says. */
    void (*on_result)(void *context, enum ferry_side side, const struct ferry_error *error,
                      int64_t retry_at);
    void *context;
};

enum ferry_status ferry_examination_new(uv_loop_t *loop,
                                        const struct ferry_examination_options *options,
                                        struct ferry_examination **ret_examination,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_examination_free(struct ferry_examination *examination);

#endif
