/* POST /v1/workflows/{id}/deletes/approve and /drop: a person decides on the deletes of a table
 * that the brake holds. Loop thread only. */
#ifndef FERRY_DELETES_H
#define FERRY_DELETES_H

#include "controller/reply.h"
#include "controller/store.h"
#include "controller/workflow.h"

struct ferry_deletes;

struct ferry_deletes *ferry_deletes_new(struct ferry_store *store); /* NULL: out of memory */
/* Before the server: what is under way gets no answer. */
void ferry_deletes_free(struct ferry_deletes *deletes);

/* The exchange is answered, perhaps later: 202 when it is stored; the writers act on it at once. */
void ferry_deletes_post(struct ferry_deletes *deletes, const struct ferry_workflow *workflow,
                        struct ferry_server_exchange *exchange, bool approve);

#endif
