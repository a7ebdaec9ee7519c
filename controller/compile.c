#include "controller/compile.h"

#include "controller/compile_private.h"
#include "controller/description.h"

#include <stdlib.h>

/* Parts asked about at once: a table takes some ten questions one after the other, and Dataverse
 * admits 52 in all. */
#define WIDTH 8

static struct ferry_compile_part *part_at(const struct ferry_compile *compile, size_t index)
{
    return (struct ferry_compile_part *)(void *)(compile->parts + index * compile->way->part_size);
}

/* --- life --- */

static void forget_parts(struct ferry_compile *compile)
{
    for (size_t i = 0; i < compile->count; i++) {
        ferry_dataverse_forget(compile->dataverse, part_at(compile, i));
        ferry_campaign_forget(compile->campaign, part_at(compile, i));
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_compile *compile = handle->data;
    for (size_t i = 0; i < compile->count; i++) {
        compile->way->done(part_at(compile, i));
        json_decref(part_at(compile, i)->table);
    }
    free(compile->parts);
    json_decref(compile->configuration);
    json_decref(compile->beside);
    json_decref(compile->settled);
    json_decref(compile->result.order);
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
        json_decref(compile->result.order);
        compile->result.order = NULL;
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

static void ask_more(struct ferry_compile *compile)
{
    while (compile->next < compile->count && compile->busy < WIDTH) {
        struct ferry_compile_part *part = part_at(compile, compile->next++);
        compile->way->ask(part);
        if (part->pending > 0)
            compile->busy++;
    }
    if (compile->busy == 0)
        finish(compile);
}

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

enum ferry_status ferry_compile_ask_table(struct ferry_compile_part *part, const char *table,
                                          struct ferry_error *error)
{
    return ferry_dataverse_describe(part->compile->dataverse, table, on_table, part, error);
}

void ferry_compile_ask(struct ferry_compile_part *part, ferry_compile_question *question,
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

/* --- starting --- */

static bool make_parts(struct ferry_compile *compile)
{
    size_t count = compile->way->begin(compile);
    compile->parts = calloc(count + 1, compile->way->part_size);
    if (!compile->parts || compile->out_of_memory)
        return false;
    compile->count = count;
    for (size_t i = 0; i < count; i++) {
        part_at(compile, i)->compile = compile;
        compile->way->fill(compile, part_at(compile, i), i);
    }
    return true;
}

static struct ferry_compile *make(uv_loop_t *loop, const struct ferry_compile_options *options)
{
    struct ferry_compile *compile = calloc(1, sizeof *compile);
    if (!compile)
        return NULL;
    compile->way = options->kind->compile;
    compile->configuration = json_incref(options->configuration);
    compile->dataverse = options->dataverse;
    compile->campaign = options->campaign;
    compile->before = options->before;
    compile->beside = json_incref(options->beside);
    compile->on_done = options->on_done;
    compile->context = options->context;
    compile->result.order = json_pack("{s:[]}", "mappings");
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
    enum ferry_status status = options->kind->check(compile->configuration, compile->result.faults);
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
