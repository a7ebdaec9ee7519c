#include "controller/state.h"

#include "controller/documents.h"
#include "core/io/topics.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define ALL_PARTITIONS ((1u << FERRY_DATA_PARTITIONS) - 1)
#define COMING_MS      3000 /* so long a worker may take to see the order before it is missed */
#define SENTENCE_SIZE  512

const char *ferry_workflow_status_name(enum ferry_workflow_status status)
{
    static const char *const names[] = {"STOPPED", "STARTING", "RUNNING", "FAILED"};

    return names[status];
}

static json_t *advice(const char *class, const char *message, const char *action)
{
    return json_pack("{s:s?, s:s, s:s}", "class", class, "message", message, "action", action);
}

json_t *ferry_state_error(const struct ferry_error *error)
{
    return advice(error->class == FERRY_CLASS_NONE ? NULL : ferry_class_name(error->class),
                  error->message, error->action);
}

static void warn(struct ferry_state *state, json_t *warning)
{
    if (warning)
        json_array_append_new(state->warnings, warning);
}

static void wait_for(struct ferry_state *state, const char *sentence)
{
    json_array_append_new(state->waiting_for, json_string(sentence));
}

static bool is_ours(const struct ferry_state_input *input, const struct ferry_task *task)
{
    return strcmp(task->workflow, input->workflow->id) == 0 && ferry_task_is_live(task, input->now);
}

static int64_t ordered_ago(const struct ferry_state_input *input)
{
    return input->wall_now - json_integer_value(json_object_get(input->order, "orderedAt"));
}

/* --- readers and writers of the streams --- */

/* "0-3,5" */
static void name_partitions(unsigned mask, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (int first = 0; first < FERRY_DATA_PARTITIONS; first++) {
        int last = first;

        if (!(mask & 1u << first))
            continue;
        while (last + 1 < FERRY_DATA_PARTITIONS && mask & 1u << (last + 1))
            last++;
        used += (size_t)snprintf(out + used, size - used, last > first ? "%s%d-%d" : "%s%d",
                                 used ? "," : "", first, last);
        first = last;
    }
}

static const struct ferry_task *find_reader(const struct ferry_state_input *input,
                                            const char *reader)
{
    const struct ferry_task *task;
    char id[256];

    snprintf(id, sizeof id, "%s/reader/%s", input->workflow->id, reader);
    LL_FOREACH (input->tasks, task)
        if (is_ours(input, task) && strcmp(task->id, id) == 0)
            return task;
    return NULL;
}

static bool has_live_writer(const struct ferry_state_input *input)
{
    const struct ferry_task *task;

    LL_FOREACH (input->tasks, task)
        if (is_ours(input, task) && task->writes)
            return true;
    return false;
}

static unsigned ready_partitions(const struct ferry_state_input *input, const char *table)
{
    int64_t generation = ferry_order_generation(input->order);
    const struct ferry_task *task;
    unsigned mask = 0;

    LL_FOREACH (input->tasks, task)
        if (is_ours(input, task) && task->writes &&
            ferry_task_is_ready(task, generation, input->now))
            mask |= ferry_task_partitions(task, table);
    return mask;
}

/* While it prepares a gap is what the start waits for; later, or when nobody is there, it is a
 * warning. */
static void report_gap(const struct ferry_state_input *input, struct ferry_state *state,
                       const char *sentence, const char *absent)
{
    bool prepares = ferry_order_phase(input->order) == FERRY_PHASE_PREPARE;
    bool may_be_coming = ordered_ago(input) <= COMING_MS;
    char action[128] = "it goes on by itself as soon as one is ready";

    if (absent)
        snprintf(action, sizeof action, "look whether %s runs and reaches Kafka", absent);
    if ((absent && !may_be_coming) || !prepares)
        warn(state, advice(NULL, sentence, action));
    if (prepares)
        wait_for(state, sentence);
}

static void look_at_reader(const struct ferry_state_input *input, struct ferry_state *state,
                           const char *name)
{
    int64_t generation = ferry_order_generation(input->order);
    const struct ferry_task *reader = find_reader(input, name);
    char sentence[SENTENCE_SIZE];

    if (!reader) {
        snprintf(sentence, sizeof sentence, "no live reader has taken %s", name);
        report_gap(input, state, sentence, "ferry-reader");
    } else if (!ferry_task_is_ready(reader, generation, input->now)) {
        bool failed = reader->generation == generation && reader->state == FERRY_TASK_FAILED;

        snprintf(sentence, sizeof sentence, "the reader of %s (%s) is %s", name, reader->worker,
                 reader->generation == generation ? ferry_task_state_name(reader->state)
                                                  : "not yet at this start");
        if (failed)
            wait_for(state, sentence); /* its error says the rest */
        else
            report_gap(input, state, sentence, NULL);
    }
}

static void look_at_writers(const struct ferry_state_input *input, struct ferry_state *state,
                            const char *table)
{
    unsigned missing = ALL_PARTITIONS & ~ready_partitions(input, table);
    char partitions[64];
    char sentence[SENTENCE_SIZE];

    if (!missing)
        return;
    if (!has_live_writer(input)) {
        snprintf(sentence, sizeof sentence, "no live writer has taken %s", table);
        report_gap(input, state, sentence, "ferry-writer");
        return;
    }
    name_partitions(missing, partitions, sizeof partitions);
    snprintf(sentence, sizeof sentence, "no ready writer has partitions %s of %s", partitions,
             table);
    report_gap(input, state, sentence, NULL);
}

static void look_at_streams(const struct ferry_state_input *input, struct ferry_state *state)
{
    struct ferry_stream stream;

    for (size_t i = 0; ferry_workflow_stream(input->workflow, input->order, i, &stream); i++) {
        for (size_t k = 0; k < FERRY_STREAM_READERS; k++)
            if (stream.readers[k])
                look_at_reader(input, state, stream.readers[k]);
        look_at_writers(input, state, stream.name);
    }
}

/* --- what the tasks say --- */

static void repeat_warnings(const struct ferry_state_input *input, struct ferry_state *state)
{
    const struct ferry_task *task;

    LL_FOREACH (input->tasks, task) {
        json_t *warning = json_object_get(task->document, "warning");

        if (!json_is_object(warning) || !is_ours(input, task))
            continue;
        warning = json_copy(warning);
        json_object_set_new(warning, "task", json_string(task->id));
        warn(state, warning);
    }
}

static json_t *failure_of(const struct ferry_task *task)
{
    json_t *error = json_copy(json_object_get(task->document, "error"));

    if (!json_is_object(error)) {
        json_decref(error);
        error = advice(ferry_class_name(FERRY_CLASS_BUG), "a task failed and did not say why",
                       "look at the log of its worker");
    }
    json_object_set_new(error, "task", json_string(task->id));
    return error;
}

/* The first failure is the error; others stand among the warnings. */
static void look_for_failures(const struct ferry_state_input *input, struct ferry_state *state)
{
    const struct ferry_task *task;

    LL_FOREACH (input->tasks, task) {
        if (!is_ours(input, task) || task->state != FERRY_TASK_FAILED ||
            task->generation != ferry_order_generation(input->order))
            continue;
        if (state->error)
            warn(state, failure_of(task));
        else
            state->error = failure_of(task);
        state->status = FERRY_WORKFLOW_FAILED;
    }
}

/* --- the phases --- */

/* A failed task that does not say STOPPED is believed after the time of silence: Stop always stops.
 */
static bool still_works(const struct ferry_state_input *input, const struct ferry_task *task)
{
    if (task->state == FERRY_TASK_FAILED)
        return ordered_ago(input) <= FERRY_TASK_SILENT_MS;
    return task->state != FERRY_TASK_STOPPED;
}

static void derive_stop(const struct ferry_state_input *input, struct ferry_state *state)
{
    const struct ferry_task *task;
    char sentence[SENTENCE_SIZE];

    LL_FOREACH (input->tasks, task) {
        if (!is_ours(input, task) || !still_works(input, task))
            continue;
        state->status = FERRY_WORKFLOW_RUNNING;
        state->stopping = true;
        snprintf(sentence, sizeof sentence, "%s (%s) is still %s", task->id, task->worker,
                 ferry_task_state_name(task->state));
        wait_for(state, sentence);
    }
}

static bool differs(const struct ferry_state_input *input)
{
    if (!input->saved)
        return false;
    if (!input->running)
        return json_integer_value(json_object_get(input->saved, "revision")) !=
               json_integer_value(json_object_get(input->order, "revision"));
    return !json_equal(json_object_get(input->saved, "configuration"),
                       json_object_get(input->running, "configuration"));
}

static bool replay_is_pending(const struct ferry_state_input *input)
{
    struct ferry_stream stream;

    for (size_t i = 0; ferry_workflow_stream(input->workflow, input->order, i, &stream); i++)
        if (stream.mapping && ferry_replay_is_pending(input->replays, stream.mapping))
            return true;
    return false;
}

static bool is_outlived(const struct ferry_state_input *input)
{
    const struct ferry_kind *kind = input->workflow->kind;

    return kind->is_outlived && kind->is_outlived(input->order, input->beside);
}

static void derive_run(const struct ferry_state_input *input, struct ferry_state *state)
{
    bool prepares = ferry_order_phase(input->order) == FERRY_PHASE_PREPARE;

    state->status = prepares ? FERRY_WORKFLOW_STARTING : FERRY_WORKFLOW_RUNNING;
    look_for_failures(input, state);
    look_at_streams(input, state);
    repeat_warnings(input, state);
    state->ready = prepares && json_array_size(state->waiting_for) == 0;
    if (!prepares)
        json_array_clear(state->waiting_for);
    state->restart_needed = differs(input) || replay_is_pending(input) || is_outlived(input);
}

static void derive_start(const struct ferry_state_input *input, struct ferry_state *state)
{
    const struct ferry_start_view *start = &input->start;
    json_t *warning;

    if (start->under_way) {
        state->status = FERRY_WORKFLOW_STARTING;
        state->ready = false;
        json_decref(state->error);
        state->error = NULL;
        wait_for(state, start->warning ? start->warning->message
                                       : "the configuration is checked against both systems");
        warning = start->warning ? ferry_state_error(start->warning) : NULL;
        if (warning && start->retry_at > 0)
            json_object_set_new(warning, "retryAt", json_integer(start->retry_at));
        if (warning)
            json_array_insert_new(state->warnings, 0, warning);
    } else if (start->error) {
        state->status = FERRY_WORKFLOW_FAILED;
        json_decref(state->error);
        state->error = ferry_state_error(start->error);
    }
}

void ferry_state_derive(const struct ferry_state_input *input, struct ferry_state *ret_state)
{
    *ret_state = (struct ferry_state){.warnings = json_array(), .waiting_for = json_array()};
    switch (ferry_order_phase(input->order)) {
    case FERRY_PHASE_NONE:
        break;
    case FERRY_PHASE_STOP:
        derive_stop(input, ret_state);
        break;
    case FERRY_PHASE_PREPARE:
    case FERRY_PHASE_GO:
        derive_run(input, ret_state);
        break;
    }
    derive_start(input, ret_state);
}

void ferry_state_done(struct ferry_state *state)
{
    json_decref(state->error);
    json_decref(state->warnings);
    json_decref(state->waiting_for);
}
