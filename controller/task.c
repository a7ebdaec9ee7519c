#include "controller/task.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STATES 5

static bool state_from_name(const char *name, enum ferry_task_state *ret_state)
{
    for (int i = 0; i < STATES; i++) {
        if (strcmp(name, ferry_task_state_name((enum ferry_task_state)i)) == 0) {
            *ret_state = (enum ferry_task_state)i;
            return true;
        }
    }
    return false;
}

static bool fill(struct ferry_task *task)
{
    const char *role;
    const char *state;
    json_int_t generation;

    if (json_unpack(task->document, "{s:s, s:s, s:s, s:s, s:s, s:I}", "task", &task->id, "workflow",
                    &task->workflow, "worker", &task->worker, "role", &role, "state", &state,
                    "generation", &generation) != 0)
        return false;
    task->generation = generation;
    task->writes = strcmp(role, "writer") == 0;
    return state_from_name(state, &task->state);
}

enum ferry_status ferry_task_parse(const char *text, size_t length, int64_t seen_at,
                                   struct ferry_task **ret_task, struct ferry_error *error)
{
    struct ferry_task *task = calloc(1, sizeof *task);
    json_error_t fault;

    if (!task)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for a task status");
    task->seen_at = seen_at;
    task->document = json_loadb(text, length, 0, &fault);
    if (!task->document || !fill(task)) {
        ferry_task_free(task);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a message in the status topic is no task status");
    }
    *ret_task = task;
    return FERRY_OK;
}

void ferry_task_free(struct ferry_task *task)
{
    if (!task)
        return;
    json_decref(task->document);
    free(task);
}

bool ferry_task_is_live(const struct ferry_task *task, int64_t now)
{
    return now - task->seen_at <= FERRY_TASK_SILENT_MS;
}

bool ferry_task_is_ready(const struct ferry_task *task, int64_t generation, int64_t now)
{
    return task->generation == generation && ferry_task_is_live(task, now) &&
           (task->state == FERRY_TASK_READY || task->state == FERRY_TASK_RUNNING);
}

static bool is_counted(const struct ferry_task *task, const char *workflow, int64_t now)
{
    return task->writes && strcmp(task->workflow, workflow) == 0 && ferry_task_is_live(task, now);
}

int64_t ferry_task_sum(const struct ferry_task *tasks, const char *workflow, const char *counter,
                       const char *table, int64_t now)
{
    const struct ferry_task *task;
    int64_t sum = 0;

    LL_FOREACH (tasks, task) {
        const json_t *counts =
            json_object_get(json_object_get(task->document, "counters"), counter);

        if (is_counted(task, workflow, now))
            sum += json_integer_value(json_object_get(counts, table));
    }
    return sum;
}

/* Of two that tell of one partition the one that has seen less. */
static void take_below(json_t *below, json_t *told)
{
    const char *partition;
    json_t *offset;

    json_object_foreach (told, partition, offset) {
        const json_t *before = json_object_get(below, partition);

        if (!before || json_integer_value(offset) < json_integer_value(before))
            json_object_set(below, partition, offset);
    }
}

json_t *ferry_task_below(const struct ferry_task *tasks, const char *workflow, const char *table,
                         int64_t now)
{
    const struct ferry_task *task;
    json_t *below = NULL;

    LL_FOREACH (tasks, task) {
        const json_t *counters = json_object_get(task->document, "counters");
        json_t *told = json_object_get(json_object_get(counters, "deletesHeldBelow"), table);

        if (!told || !is_counted(task, workflow, now))
            continue;
        if (!below)
            below = json_object();
        take_below(below, told);
    }
    return below;
}

unsigned ferry_task_partitions(const struct ferry_task *task, const char *table)
{
    const json_t *list = json_object_get(json_object_get(task->document, "partitions"), table);
    unsigned mask = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t partition = json_integer_value(json_array_get(list, i));

        if (partition >= 0 && partition < 32)
            mask |= 1u << partition;
    }
    return mask;
}
