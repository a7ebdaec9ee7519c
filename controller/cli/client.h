/* Questions to the controller's API, one at a time, waiting for each answer. */
#ifndef FERRY_CLIENT_H
#define FERRY_CLIENT_H

#include "core/base/status.h"

#include <jansson.h>

struct ferry_client;

struct ferry_client_answer {
    int status; /* HTTP; 0: the controller was not reached, `trouble` says why */
    json_t *body;
    char etag[64]; /* "" when there was none */
    char trouble[512];
};

/* NULL: out of memory. `server`: http://host:port */
struct ferry_client *ferry_client_new(const char *server);
void ferry_client_free(struct ferry_client *client);

/* `path` is what follows the server, already encoded. `body` may be NULL; `header` is one line
 * more, or NULL. */
void ferry_client_ask(struct ferry_client *client, const char *method, const char *path,
                      const json_t *body, const char *header,
                      struct ferry_client_answer *ret_answer);
void ferry_client_done(struct ferry_client_answer *answer);
const char *ferry_client_server(const struct ferry_client *client);

#endif
