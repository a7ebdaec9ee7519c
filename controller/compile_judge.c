/* What the answers of both systems mean for a configuration. */
#include "controller/compile_private.h"
#include "controller/fault.h"
#include "controller/translation.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool ferry_compile_is_passing(enum ferry_verdict verdict)
{
    return verdict == FERRY_VERDICT_THROTTLED || verdict == FERRY_VERDICT_UNAVAILABLE ||
           verdict == FERRY_VERDICT_UNKNOWN || verdict == FERRY_VERDICT_ILL;
}

static bool is_told(const json_t *faults, const char *reason)
{
    for (size_t i = 0; i < json_array_size(faults); i++)
        if (strcmp(text_of(json_array_get(faults, i), "reason"), reason) == 0)
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
static void tell(struct ferry_compile *compile, size_t index, const char *member,
                 const struct ferry_error *error)
{
    char path[64];
    char reason[sizeof error->message + sizeof error->action + 4];
    bool everywhere = error->class == FERRY_CLASS_CREDENTIALS;
    snprintf(path, sizeof path, "/mappings/%zu/%s", index, member);
    snprintf(reason, sizeof reason, "%s%s%s", error->message, joint(error), error->action);
    if (everywhere && is_told(compile->result.faults, reason))
        return;
    if (!ferry_fault_add(compile->result.faults, error->class, everywhere ? "" : path, "%s",
                         reason))
        compile->out_of_memory = true;
}

/* True when the question was answered. */
static bool judge_reply(struct ferry_compile *compile, size_t index, const char *member,
                        const struct ferry_compile_reply *reply)
{
    if (!reply->failed)
        return true;
    if (!ferry_compile_is_passing(reply->verdict)) {
        tell(compile, index, member, &reply->error);
    } else if (!compile->unreachable) {
        compile->unreachable = true;
        compile->result.error = reply->error;
        compile->result.error.status = FERRY_RETRY;
    }
    return false;
}

static void judge_key(struct ferry_compile *compile, size_t index)
{
    const struct ferry_compile_part *part = &compile->parts[index];
    const char *key = text_of(part->mapping, "key");
    const char *resource = text_of(part->mapping, "resource");
    const struct ferry_place mappings = {NULL, "mappings", 0};
    const struct ferry_place mapping = {&mappings, NULL, index};
    const struct ferry_place place = {&mapping, "key", 0};
    struct ferry_shape shape = {.faults = compile->result.faults};
    if (!judge_reply(compile, index, "key", &part->key_reply) || part->key_proved)
        return;
    ferry_shape_fault_of(
        &shape, FERRY_CLASS_SCHEMA, &place,
        "%s is no identification key of %s, or not yet published: Campaign does not "
        "find records by it; declare it as one, without duplicates, and publish",
        key, resource);
    compile->out_of_memory = compile->out_of_memory || shape.out_of_memory;
}

static json_t *translate(struct ferry_compile *compile, size_t index)
{
    struct ferry_compile_part *part = &compile->parts[index];
    const struct ferry_place mappings = {NULL, "mappings", 0};
    const struct ferry_place mapping = {&mappings, NULL, index};
    struct ferry_shape faults = {.faults = compile->result.faults};
    struct ferry_shape warnings = {.faults = compile->result.warnings};
    const struct ferry_translation translation = {
        .mapping = part->mapping,
        .mappings = json_object_get(compile->configuration, "mappings"),
        .table = part->table,
        .resource = part->resource,
        .place = &mapping,
        .faults = &faults,
        .warnings = &warnings,
    };
    json_t *compiled = ferry_translation_make(&translation);
    if (faults.out_of_memory || warnings.out_of_memory)
        compile->out_of_memory = true;
    return compiled;
}

static void judge_part(struct ferry_compile *compile, size_t index)
{
    const struct ferry_compile_part *part = &compile->parts[index];
    bool table = judge_reply(compile, index, "table", &part->table_reply);
    bool resource = judge_reply(compile, index, "resource", &part->resource_reply);
    if (resource &&
        json_object_get(json_object_get(part->resource, "fields"), text_of(part->mapping, "key")))
        judge_key(compile, index);
    if (!table || !resource)
        return;
    json_t *compiled = translate(compile, index);
    if (compiled && json_array_append_new(compile->result.mappings, compiled) != 0)
        compile->out_of_memory = true;
}

enum ferry_status ferry_compile_judge(struct ferry_compile *compile)
{
    if (json_array_size(compile->result.faults) == 0)
        for (size_t i = 0; i < compile->count && !compile->out_of_memory; i++)
            judge_part(compile, i);
    if (compile->out_of_memory)
        return ferry_fail(&compile->result.error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (json_array_size(compile->result.faults) > 0)
        return ferry_fail(&compile->result.error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "the configuration has %zu fault%s",
                          json_array_size(compile->result.faults),
                          json_array_size(compile->result.faults) == 1 ? "" : "s");
    return compile->unreachable ? FERRY_RETRY : FERRY_OK;
}
