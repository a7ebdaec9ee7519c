/* POST /v1/workflows/{id}/replay: a whole table is read again at the next start. Loop thread only.
 */
#ifndef FERRY_REPLAY_H
#define FERRY_REPLAY_H

#include "controller/reply.h"
#include "controller/store.h"
#include "controller/workflow.h"

struct ferry_replays;

struct ferry_replays *ferry_replays_new(struct ferry_store *store); /* NULL: out of memory */
/* Before the server: what is under way gets no answer. */
void ferry_replays_free(struct ferry_replays *replays);

/* The exchange is answered, perhaps later: 202 when it is stored, 200 when one is pending already.
 */
void ferry_replays_post(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange);

#endif
