/* From a saved configuration to what a run order says of it: checked against both systems as they
 * are now. Loop thread only. */
#ifndef FERRY_COMPILE_H
#define FERRY_COMPILE_H

#include "controller/kind.h"
#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

#include <jansson.h>
#include <uv.h>

struct ferry_compile; /* one under way; valid until its callback returns or it is cancelled */

struct ferry_compile_result {
    /* FERRY_OK: `order` is ready. FERRY_INVALID: `faults` says why not. FERRY_RETRY: a system
     * could not be reached, `error` names it. FERRY_NOMEM. */
    enum ferry_status status;
    /* {"mappings":[...]} (ADR 1), of e-mail events "events" (ADR 4), of Opt-In/Out "optOuts"
     * (ADR 5); NULL unless FERRY_OK. Borrowed, like the two below: keep a reference. */
    json_t *order;
    json_t *faults;   /* [{"path","reason","class"}] */
    json_t *warnings; /* the same; nothing that forbids a start */
    struct ferry_error error;
};
typedef void (*ferry_compile_callback)(void *context, const struct ferry_compile_result *result);

struct ferry_compile_options {
    const struct ferry_kind *kind;
    json_t *configuration; /* a reference is kept */
    struct ferry_dataverse *dataverse;
    struct ferry_campaign *campaign;
    const json_t *before; /* the latest order, looked at before this returns; or NULL */
    json_t *beside;       /* the configuration of kind->beside; a reference is kept; or NULL */
    ferry_compile_callback on_done; /* exactly once, later, unless cancelled */
    void *context;
};

enum ferry_status ferry_compile_start(uv_loop_t *loop, const struct ferry_compile_options *options,
                                      struct ferry_compile **ret_compile,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* on_done is not called. Closes a libuv handle: run the loop once more before it is freed. NULL is
 * accepted. */
void ferry_compile_cancel(struct ferry_compile *compile);

/* The system is ill or away: ask again later, nobody is at fault. */
bool ferry_compile_is_passing(enum ferry_verdict verdict);

#endif
