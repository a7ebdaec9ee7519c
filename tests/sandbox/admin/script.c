#include "admin/script.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "admin/admin.h"
#include "dynamics/edit.h"
#include "dynamics/seed.h"

#define TICK_MS 20

struct sandbox_script {
    struct sandbox_world *world;
    struct sandbox_plan plan;
    struct sandbox_timer timer;
    unsigned id;
    uint64_t done, total, begun_ms;
    unsigned per_second;
    struct sandbox_script *next;
};

static struct sandbox_record *pick(struct sandbox_plan *plan)
{
    const struct sandbox_table *table = plan->table;
    size_t start = table->slot_count ? sandbox_random(&plan->random) % table->slot_count : 0;

    for (size_t i = 0; i < table->slot_count; i++) {
        struct sandbox_record *record = table->slots[(start + i) % table->slot_count];
        if (record)
            return record;
    }
    return NULL;
}

static bool touch(struct sandbox_world *world, struct sandbox_plan *plan,
                  struct sandbox_record *record)
{
    struct sandbox_edit edit;
    struct sandbox_buf name = {0}, json = {0};

    sandbox_edit_begin(&edit, &world->dynamics, plan->table, record);
    sandbox_seed_name(&plan->random, &name);
    sandbox_json_string(&json, sandbox_buf_text(&name), name.length,
                        world->dynamics.settings.escape_unicode);
    edit.values.of[plan->column] = (struct sandbox_slice){json.data, json.length};
    bool done = sandbox_edit_commit(&edit);
    sandbox_edit_done(&edit);
    sandbox_buf_done(&name);
    sandbox_buf_done(&json);
    return done;
}

bool sandbox_plan_step(struct sandbox_world *world, struct sandbox_plan *plan,
                       uint8_t ret_id[static 16])
{
    if (plan->kind == SANDBOX_SCRIPT_APPEND) {
        if (!sandbox_seed(&world->dynamics, plan->table_at, 1, sandbox_random(&plan->random)))
            return false;
        memcpy(ret_id, plan->table->slots[plan->table->slot_count - 1]->id, 16);
        return true;
    }
    struct sandbox_record *record = pick(plan);
    if (!record)
        return false;
    memcpy(ret_id, record->id, 16);
    if (plan->kind == SANDBOX_SCRIPT_DELETE)
        return sandbox_edit_delete(&world->dynamics, plan->table, record, true);
    return touch(world, plan, record);
}

static void end(struct sandbox_script *script)
{
    sandbox_timer_stop(script->world->loop, &script->timer);
    LL_DELETE(script->world->scripts, script);
    free(script);
}

static void run(void *argument)
{
    struct sandbox_script *script = argument;
    uint64_t due = (sandbox_loop_now() - script->begun_ms) * script->per_second / 1000 + 1;
    uint8_t id[16];

    if (due > script->total)
        due = script->total;
    for (; script->done < due; script->done++)
        if (!sandbox_plan_step(script->world, &script->plan, id))
            script->total = due = script->done;
    if (script->done >= script->total ||
        !sandbox_timer_start(script->world->loop, &script->timer, TICK_MS))
        end(script);
}

unsigned sandbox_script_start(struct sandbox_world *world, const struct sandbox_plan *plan,
                              unsigned per_second, unsigned seconds)
{
    struct sandbox_script *script = calloc(1, sizeof *script);

    if (!script)
        return 0;
    script->world = world;
    script->plan = *plan;
    script->id = ++world->last_script;
    script->per_second = per_second;
    script->total = (uint64_t)per_second * seconds;
    script->begun_ms = sandbox_loop_now();
    script->timer.fire = run;
    script->timer.argument = script;
    LL_APPEND(world->scripts, script);
    if (sandbox_timer_start(world->loop, &script->timer, 0))
        return script->id;
    end(script);
    return 0;
}

void sandbox_scripts_stop(struct sandbox_world *world)
{
    struct sandbox_script *script, *next;

    LL_FOREACH_SAFE (world->scripts, script, next)
        end(script);
}

void sandbox_admin_scripts(struct sandbox_order *order)
{
    json_t *list = json_array();
    const struct sandbox_script *script;

    if (order->request->verb == SANDBOX_DELETE)
        sandbox_scripts_stop(order->world);
    LL_FOREACH (order->world->scripts, script)
        json_array_append_new(list, json_pack("{s:i,s:I,s:I}", "script", (int)script->id, "done",
                                              (json_int_t)script->done, "left",
                                              (json_int_t)(script->total - script->done)));
    sandbox_reply_json(order->request, 200, list);
}
