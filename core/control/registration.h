/* The schemas of some topics in the schema registry: registered one after the other, for as long as
 * it takes the registry to answer. What is registered is known to the decoders too (record/wire).
 * Loop thread only. */
#ifndef FERRY_REGISTRATION_H
#define FERRY_REGISTRATION_H

#include "core/io/registry.h"
#include "core/record/wire.h"

struct ferry_registration;

enum ferry_schema {
    FERRY_SCHEMA_CHANGE,
    FERRY_SCHEMA_WRITTEN,
    FERRY_SCHEMA_EVENT,
    FERRY_SCHEMA_OPTOUT,
    FERRY_SCHEMA_DECISION,
};

struct ferry_registration_entry {
    const char *topic; /* borrowed, as `wire` */
    enum ferry_schema schema;
    struct ferry_wire *wire; /* filled when it is registered; NULL: only to be decoded */
};

struct ferry_registration_options {
    uv_loop_t *loop;
    struct ferry_registry *registry; /* borrowed; NULL: there is none, and nothing to do */
    const struct ferry_registration_entry *entries; /* copied */
    size_t count;
    /* Once, when all are registered; later, and at once on the loop without a registry. */
    void (*on_done)(void *context);
    /* FERRY_RETRY: goes on by itself at retry_at (wall ms). FERRY_INVALID: it is refused, and not
     * asked again. */
    void (*on_trouble)(void *context, const struct ferry_error *error, int64_t retry_at);
    void *context;
};

enum ferry_status ferry_registration_new(const struct ferry_registration_options *options,
                                         struct ferry_registration **ret_registration,
                                         struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment, in its callbacks too. */
void ferry_registration_free(struct ferry_registration *registration);

#endif
