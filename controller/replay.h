/* POST /v1/workflows/{id}/replay and .../replay/cancel: a table, or some rows of it, is read again
 * at the next start. Loop thread only. */
#ifndef FERRY_REPLAY_H
#define FERRY_REPLAY_H

#include "controller/launch.h"
#include "controller/reply.h"

struct ferry_replays;

struct ferry_replays *
ferry_replays_new(const struct ferry_launch_parts *parts); /* NULL: no memory */
/* Before the server: what is under way gets no answer. */
void ferry_replays_free(struct ferry_replays *replays);

/* The exchange is answered, perhaps later: 202 when it is stored, 200 when the same is pending
 * already or when "dryRun" asked for its size only. */
void ferry_replays_post(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange);
/* 200 when the latest one is taken back. */
void ferry_replays_cancel(struct ferry_replays *replays, const struct ferry_workflow *workflow,
                          struct ferry_server_exchange *exchange);

#endif
