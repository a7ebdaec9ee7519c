/* What the answers of both systems mean for a configuration, whatever kind it is. */
#include "controller/compile_private.h"
#include "controller/fault.h"

#include <stdio.h>
#include <string.h>

bool ferry_compile_is_passing(enum ferry_verdict verdict)
{
    return verdict == FERRY_VERDICT_THROTTLED || verdict == FERRY_VERDICT_UNAVAILABLE ||
           verdict == FERRY_VERDICT_UNKNOWN || verdict == FERRY_VERDICT_ILL;
}

static bool is_told(const json_t *faults, const char *reason)
{
    for (size_t i = 0; i < json_array_size(faults); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(faults, i), "reason")),
                   reason) == 0)
            return true;
    return false;
}

static const char *joint(const struct ferry_error *error)
{
    size_t length = strlen(error->message);
    bool ended = length > 0 && error->message[length - 1] == '.';
    return !error->action[0] ? "" : ended ? " " : ": ";
}

/* Wrong credentials are told once, and not for every table. */
static void tell(struct ferry_compile *compile, const char *path, const struct ferry_error *error)
{
    char reason[sizeof error->message + sizeof error->action + 4];
    bool everywhere = error->class == FERRY_CLASS_CREDENTIALS;
    snprintf(reason, sizeof reason, "%s%s%s", error->message, joint(error), error->action);
    if (everywhere && is_told(compile->result.faults, reason))
        return;
    if (!ferry_fault_add(compile->result.faults, error->class, everywhere ? "" : path, "%s",
                         reason))
        compile->out_of_memory = true;
}

bool ferry_compile_judge_reply(struct ferry_compile *compile, const char *path,
                               const struct ferry_compile_reply *reply)
{
    if (!reply->failed)
        return true;
    if (!ferry_compile_is_passing(reply->verdict)) {
        tell(compile, path, &reply->error);
    } else if (!compile->unreachable) {
        compile->unreachable = true;
        compile->result.error = reply->error;
        compile->result.error.status = FERRY_RETRY;
    }
    return false;
}

enum ferry_status ferry_compile_judge(struct ferry_compile *compile)
{
    const json_t *faults = compile->result.faults;
    if (json_array_size(faults) == 0)
        for (size_t i = 0; i < compile->count && !compile->out_of_memory; i++)
            compile->way->judge((void *)(compile->parts + i * compile->way->part_size));
    if (compile->out_of_memory)
        return ferry_fail(&compile->result.error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (json_array_size(faults) > 0)
        return ferry_fail(&compile->result.error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "the configuration has %zu fault%s", json_array_size(faults),
                          json_array_size(faults) == 1 ? "" : "s");
    return compile->unreachable ? FERRY_RETRY : FERRY_OK;
}
