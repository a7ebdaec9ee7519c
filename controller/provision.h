/* Makes sure that the topics of a workflow's streams are there, in libuv's thread pool. Loop thread
 * only. */
#ifndef FERRY_PROVISION_H
#define FERRY_PROVISION_H

#include "controller/workflow.h"
#include "core/base/settings.h"

#include <jansson.h>
#include <uv.h>

struct ferry_provision; /* one under way */

/* error NULL: they are there. FERRY_INVALID names the topic and what is wrong with it; FERRY_RETRY:
 * not now. */
typedef void (*ferry_provision_callback)(void *context, const struct ferry_error *error);

/* `order` as compiled; a reference is kept. The callback comes once, later, unless
 * cancelled. */
enum ferry_status ferry_provision_start(uv_loop_t *loop, const struct ferry_common *common,
                                        const struct ferry_workflow *workflow, json_t *order,
                                        ferry_provision_callback callback, void *context,
                                        struct ferry_provision **ret_provision,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
/* The callback does not come any more; the memory goes with the thread's end. NULL is accepted. */
void ferry_provision_cancel(struct ferry_provision *provision);

#endif
