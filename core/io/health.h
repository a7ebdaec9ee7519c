/* /healthz, /readyz and /metrics of a program on its own port. Loop thread only. */
#ifndef FERRY_HEALTH_H
#define FERRY_HEALTH_H

#include "core/base/metrics.h"
#include "core/io/server.h"

struct ferry_health;

/* listen NULL: no port is opened and *ret_health is NULL, which every call accepts. Alive as long
 * as ferry_health_beat was called within the last 30 s; not ready before ferry_health_ask. Logs
 * event=listening name=health. */
enum ferry_status ferry_health_new(uv_loop_t *loop, const char *listen,
                                   struct ferry_metrics *metrics, struct ferry_health **ret_health,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_health_free(struct ferry_health *health);
void ferry_health_beat(struct ferry_health *health);
/* why_not is called whenever somebody asks whether the program is ready: NULL, or a few words that
 * /readyz answers with. It must stay callable until the free. */
void ferry_health_ask(struct ferry_health *health, const char *(*why_not)(const void *context),
                      const void *context);

#endif
