/* GET of what was decided about a person's opt-outs, read from the topic of decisions in libuv's
 * thread pool. Loop thread only. */
#ifndef FERRY_CONSENTLOG_H
#define FERRY_CONSENTLOG_H

#include "controller/workflow.h"
#include "core/base/settings.h"
#include "core/io/server.h"
#include "core/record/decision.h"

#include <jansson.h>
#include <uv.h>

struct ferry_consentlog; /* all questions under way */

struct ferry_consentlog *ferry_consentlog_new(uv_loop_t *loop, const struct ferry_common *common);
/* Before the server: whoever still waits gets his 503 from it. Run the loop until it has no more to
 * do. */
void ferry_consentlog_free(struct ferry_consentlog *log);
/* Answers the exchange later. ?contact=ID */
void ferry_consentlog_get(struct ferry_consentlog *log, const struct ferry_workflow *workflow,
                          struct ferry_server_exchange *exchange);

/* One decision as the API shows it. A new object; NULL: out of memory. Any thread. */
json_t *ferry_consentlog_view(const struct ferry_decision *decision);

#endif
