/* GET of a workflow's rejects: the newest of its topic, read in libuv's thread pool. Loop thread
 * only. */
#ifndef FERRY_REJECTS_H
#define FERRY_REJECTS_H

#include "controller/workflow.h"
#include "core/base/settings.h"
#include "core/io/server.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <uv.h>

#define FERRY_REJECTS_MAX 1000

struct ferry_rejects; /* all questions under way */

struct ferry_rejects *ferry_rejects_new(uv_loop_t *loop, const struct ferry_common *common);
/* Before the server: whoever still waits gets his 503 from it. Run the loop until it has no more to
 * do. */
void ferry_rejects_free(struct ferry_rejects *rejects);
/* Answers the exchange later. ?limit=N, ?values=true */
void ferry_rejects_get(struct ferry_rejects *rejects, const struct ferry_workflow *workflow,
                       struct ferry_server_exchange *exchange);

/* One message as the API shows it: what its headers and its framing say, and the record's fields
 * only when `values`. A new object; NULL: out of memory. Any thread. */
json_t *ferry_reject_view(const rd_kafka_message_t *message, bool values);

#endif
