/* A schema registry that speaks Confluent's API. Loop thread only. */
#ifndef FERRY_REGISTRY_H
#define FERRY_REGISTRY_H

#include "core/base/status.h"
#include "core/io/http.h"

struct ferry_registry;

/* `schema_id` is the registry's; FERRY_RETRY: not reachable; FERRY_INVALID: it refused the schema
 * (incompatible, or no rights). */
typedef void (*ferry_registry_callback)(void *context, uint32_t schema_id,
                                        const struct ferry_error *error);

/* `url` is the base with its path: https://registry.example/apis/ccompat/v7. */
enum ferry_status ferry_registry_new(struct ferry_http *http, const char *url,
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

#endif
