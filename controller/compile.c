#include "controller/compile.h"

#include "controller/compile_private.h"
#include "controller/configuration.h"
#include "controller/description.h"

#include <stdlib.h>
#include <string.h>

/* Mappings asked about at once: a table takes some ten questions one after the other, and Dataverse
 * admits 52 in all. */
#define WIDTH 8

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *ferry_compile_api(const struct ferry_compile_part *part)
{
    const char *api = text_of(part->mapping, "api");
    return api ? api : FERRY_CONFIGURATION_API;
}

/* --- life --- */

static void forget_parts(struct ferry_compile *compile)
{
    for (size_t i = 0; i < compile->count; i++) {
        ferry_dataverse_forget(compile->dataverse, &compile->parts[i]);
        ferry_campaign_forget(compile->campaign, &compile->parts[i]);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_compile *compile = handle->data;
    for (size_t i = 0; i < compile->count; i++) {
        json_decref(compile->parts[i].table);
        json_decref(compile->parts[i].resource);
        free(compile->parts[i].sample);
    }
    free(compile->parts);
    json_decref(compile->configuration);
    json_decref(compile->result.mappings);
    json_decref(compile->result.faults);
    json_decref(compile->result.warnings);
    free(compile);
}

void ferry_compile_cancel(struct ferry_compile *compile)
{
    if (!compile || uv_is_closing((uv_handle_t *)&compile->turn))
        return;
    forget_parts(compile);
    uv_close((uv_handle_t *)&compile->turn, on_closed);
}

static void on_turn(uv_timer_t *timer)
{
    struct ferry_compile *compile = timer->data;
    compile->result.status = ferry_compile_judge(compile);
    if (compile->result.status != FERRY_OK) {
        json_decref(compile->result.mappings);
        compile->result.mappings = NULL;
    }
    compile->on_done(compile->context, &compile->result);
    ferry_compile_cancel(compile);
}

static void finish(struct ferry_compile *compile)
{
    /* A timer that was initialised and has a callback cannot fail to start. */
    (void)uv_timer_start(&compile->turn, on_turn, 0, 0);
}

/* --- asking --- */

static void ask_more(struct ferry_compile *compile);

void ferry_compile_answered(struct ferry_compile_part *part)
{
    if (--part->pending > 0)
        return;
    part->compile->busy--;
    ask_more(part->compile);
}

void ferry_compile_failed(struct ferry_compile_reply *reply,
                          const struct ferry_remote_answer *answer)
{
    *reply = (struct ferry_compile_reply){true, answer->verdict, answer->error};
}

static void on_table(void *context, const struct ferry_dataverse_table *table,
                     const struct ferry_remote_answer *answer)
{
    struct ferry_compile_part *part = context;
    part->table = table ? ferry_description_table(table) : NULL;
    if (!table)
        ferry_compile_failed(&part->table_reply, answer);
    else if (!part->table)
        part->compile->out_of_memory = true;
    ferry_compile_answered(part);
}

static void on_resource(void *context, const struct ferry_campaign_resource *resource,
                        const struct ferry_remote_answer *answer)
{
    struct ferry_compile_part *part = context;
    part->resource = resource ? ferry_description_resource(resource) : NULL;
    if (!resource)
        ferry_compile_failed(&part->resource_reply, answer);
    else if (!part->resource)
        part->compile->out_of_memory = true;
    ferry_compile_answered(part);
}

static enum ferry_status ask_table(struct ferry_compile_part *part, struct ferry_error *error)
{
    return ferry_dataverse_describe(part->compile->dataverse, text_of(part->mapping, "table"),
                                    on_table, part, error);
}

static enum ferry_status ask_resource(struct ferry_compile_part *part, struct ferry_error *error)
{
    return ferry_campaign_describe(part->compile->campaign, ferry_compile_api(part),
                                   text_of(part->mapping, "resource"), on_resource, part, error);
}

/* A question that could not even be asked is answered on the spot. */
static void ask(struct ferry_compile_part *part,
                enum ferry_status (*question)(struct ferry_compile_part *, struct ferry_error *),
                struct ferry_compile_reply *reply)
{
    struct ferry_error error = {.status = FERRY_OK};
    enum ferry_status status = question(part, &error);
    if (status == FERRY_OK)
        part->pending++;
    else if (status == FERRY_NOMEM)
        part->compile->out_of_memory = true;
    else
        *reply = (struct ferry_compile_reply){
            true, status == FERRY_INVALID ? FERRY_VERDICT_REFUSED : FERRY_VERDICT_UNAVAILABLE,
            error};
}

static void ask_part(struct ferry_compile_part *part)
{
    ask(part, ask_table, &part->table_reply);
    ask(part, ask_resource, &part->resource_reply);
    ask(part, ferry_compile_ask_key, &part->key_reply);
    if (part->pending > 0)
        part->compile->busy++;
}

static void ask_more(struct ferry_compile *compile)
{
    while (compile->next < compile->count && compile->busy < WIDTH)
        ask_part(&compile->parts[compile->next++]);
    if (compile->busy == 0)
        finish(compile);
}

/* --- starting --- */

static bool make_parts(struct ferry_compile *compile)
{
    json_t *mappings = json_object_get(compile->configuration, "mappings");
    compile->parts = calloc(json_array_size(mappings) + 1, sizeof *compile->parts);
    if (!compile->parts)
        return false;
    compile->count = json_array_size(mappings);
    for (size_t i = 0; i < compile->count; i++) {
        compile->parts[i].compile = compile;
        compile->parts[i].mapping = json_array_get(mappings, i);
    }
    return true;
}

static struct ferry_compile *make(uv_loop_t *loop, const struct ferry_compile_options *options)
{
    struct ferry_compile *compile = calloc(1, sizeof *compile);
    if (!compile)
        return NULL;
    compile->configuration = json_incref(options->configuration);
    compile->dataverse = options->dataverse;
    compile->campaign = options->campaign;
    compile->on_done = options->on_done;
    compile->context = options->context;
    compile->result.mappings = json_array();
    compile->result.faults = json_array();
    compile->result.warnings = json_array();
    uv_timer_init(loop, &compile->turn);
    compile->turn.data = compile;
    return compile;
}

enum ferry_status ferry_compile_start(uv_loop_t *loop, const struct ferry_compile_options *options,
                                      struct ferry_compile **ret_compile, struct ferry_error *error)
{
    struct ferry_compile *compile = make(loop, options);
    if (!compile)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status =
        ferry_configuration_check(compile->configuration, compile->result.faults);
    if (status == FERRY_NOMEM || (status == FERRY_OK && !make_parts(compile)))
        compile->out_of_memory = true;
    /* Faults in the configuration itself are told without asking anybody. */
    if (status == FERRY_OK)
        ask_more(compile);
    else
        finish(compile);
    *ret_compile = compile;
    return FERRY_OK;
}
