/* A schema registry that speaks Confluent's API. Loop thread only. */
#ifndef FERRY_REGISTRY_H
#define FERRY_REGISTRY_H

#include "core/base/settings.h"
#include "core/io/http.h"

struct ferry_registry;

/* `error` NULL: `schema_id` is the registry's. FERRY_RETRY: it does not answer as it should, ask
 * later. FERRY_INVALID: it refuses, and a human is needed. The error names the registry. */
typedef void (*ferry_registry_callback)(void *context, uint32_t schema_id,
                                        const struct ferry_error *error);

/* By schema.registry.url, the base with its path: https://registry.example/apis/ccompat/v7. The
 * settings are borrowed. Without that setting there is none: *ret_registry is NULL and all is well.
 */
enum ferry_status ferry_registry_new(struct ferry_http *http, const struct ferry_common *common,
                                     struct ferry_registry **ret_registry,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Pending callbacks are dropped. */
void ferry_registry_free(struct ferry_registry *registry);
/* Registers `schema` (the text of an .avsc) under `<topic>-value`, which gives the id it already
 * has when it is known. The callback comes exactly once, later. */
enum ferry_status ferry_registry_register(struct ferry_registry *registry, const char *topic,
                                          const char *schema, ferry_registry_callback callback,
                                          void *context,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
/* Asks whether it is there and lets us in, without changing anything: the callback comes as above,
 * with schema id 0. */
enum ferry_status ferry_registry_ask(struct ferry_registry *registry,
                                     ferry_registry_callback callback, void *context,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Drops the pending callbacks of this context. */
void ferry_registry_forget(struct ferry_registry *registry, const void *context);

#endif
