#include "controller/view.h"

#include "controller/view_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

static json_t *number_or_null(bool known, int64_t number)
{
    return known ? json_integer(number) : json_null();
}

static json_t *rounded(double number)
{
    return json_real(round(number * 10) / 10);
}

json_t *ferry_view_or_null(json_t *value)
{
    return value ? json_incref(value) : json_null();
}

/* --- tasks --- */

static json_t *view_task(const struct ferry_view *view, const struct ferry_task *task)
{
    const json_t *document = task->document;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:o}", "task", task->id, "worker", task->worker,
        "state", ferry_task_state_name(task->state), "live", ferry_task_is_live(task, view->now),
        "generation", (json_int_t)task->generation, "silentMs",
        (json_int_t)(view->now > task->seen_at ? view->now - task->seen_at : 0), "counters",
        ferry_view_or_null(json_object_get(document, "counters")), "error",
        ferry_view_or_null(json_object_get(document, "error")), "warning",
        ferry_view_or_null(json_object_get(document, "warning")));

    return json;
}

json_t *ferry_view_reader(const struct ferry_view *view, const char *reader)
{
    const struct ferry_task *task;
    char id[256];

    snprintf(id, sizeof id, "%s/reader/%s", view->workflow->id, reader);
    LL_FOREACH (view->tasks, task)
        if (strcmp(task->id, id) == 0)
            return view_task(view, task);
    return json_null();
}

/* The live ones; a dead writer's partitions have gone to others. */
json_t *ferry_view_writers(const struct ferry_view *view, const char *stream)
{
    const struct ferry_task *task;
    json_t *list = json_array();

    LL_FOREACH (view->tasks, task) {
        json_t *partitions = json_object_get(json_object_get(task->document, "partitions"), stream);
        json_t *json;

        if (!task->writes || strcmp(task->workflow, view->workflow->id) != 0 ||
            !ferry_task_is_live(task, view->now) || json_array_size(partitions) == 0)
            continue;
        json = view_task(view, task);
        json_object_set(json, "partitions", partitions);
        json_array_append_new(list, json);
    }
    return list;
}

static int64_t earlier(int64_t oldest, int64_t at)
{
    return at > 0 && (oldest == 0 || at < oldest) ? at : oldest;
}

/* Since when the oldest record of all waits, in its topic or set aside by a writer; null when none
 * does, or it is not known. */
static json_t *oldest_waiting(const struct ferry_view *view, const struct ferry_view_sums *sums)
{
    const struct ferry_task *task;
    int64_t oldest = sums->oldest_at;

    LL_FOREACH (view->tasks, task) {
        json_int_t at = json_integer_value(
            json_object_get(json_object_get(task->document, "counters"), "oldestWaitingAt"));

        if (task->writes && strcmp(task->workflow, view->workflow->id) == 0 &&
            ferry_task_is_live(task, view->now))
            oldest = earlier(oldest, at);
    }
    return number_or_null(oldest > 0, oldest);
}

/* --- backlog --- */

void ferry_view_backlog(const struct ferry_view *view, const char *stream, json_t *json,
                        struct ferry_view_sums *sums)
{
    struct ferry_backlog_view backlog = ferry_backlog_of(view->backlog, view->workflow->id, stream);

    sums->known = sums->known && backlog.known;
    sums->records += backlog.records;
    sums->oldest_at = earlier(sums->oldest_at, backlog.oldest_at);
    sums->written_per_second += backlog.written_per_second;
    json_object_set_new(json, "backlog", number_or_null(backlog.known, backlog.records));
    json_object_set_new(json, "writtenPerSecond",
                        backlog.known ? rounded(backlog.written_per_second) : json_null());
}

/* --- the workflow --- */

static void add_sums(json_t *json, const struct ferry_view_sums *sums)
{
    bool moving = sums->known && sums->written_per_second >= 0.05;

    json_object_set_new(json, "backlog", number_or_null(sums->known, sums->records));
    json_object_set_new(json, "waiting", json_integer(sums->waiting));
    json_object_set_new(json, "deletesHeld", json_integer(sums->held));
    json_object_set_new(json, "writtenPerSecond",
                        sums->known ? rounded(sums->written_per_second) : json_null());
    json_object_set_new(
        json, "secondsToEmpty",
        number_or_null(moving || (sums->known && sums->records == 0),
                       moving ? (int64_t)((double)sums->records / sums->written_per_second) : 0));
}

static void add_state(json_t *json, const struct ferry_state *state)
{
    json_object_set_new(json, "status", json_string(ferry_workflow_status_name(state->status)));
    json_object_set_new(json, "stopping", json_boolean(state->stopping));
    json_object_set_new(json, "restartNeeded", json_boolean(state->restart_needed));
    json_object_set_new(json, "error", ferry_view_or_null(state->error));
    json_object_set_new(json, "warning", ferry_view_or_null(json_array_get(state->warnings, 0)));
    json_object_set(json, "warnings", state->warnings);
    json_object_set(json, "waitingFor", state->waiting_for);
}

static void add_kafka_silence(const struct ferry_store *store, struct ferry_state *state)
{
    int64_t silent = ferry_store_silence_ms(store);
    char sentence[128];

    if (silent <= 0)
        return;
    snprintf(sentence, sizeof sentence,
             "Kafka has not answered for %lld s: what is shown is as old as that",
             (long long)silent / 1000);
    json_array_insert_new(state->warnings, 0,
                          json_pack("{s:s, s:s, s:s}", "class", "network", "message", sentence,
                                    "action", "look whether the brokers are reached"));
}

json_t *ferry_view_workflow(const struct ferry_launch *launch, const struct ferry_store *store,
                            const struct ferry_backlog *backlog)
{
    const struct ferry_workflow *workflow = ferry_launch_workflow(launch);
    const struct ferry_documents *documents = ferry_store_documents(store);
    struct ferry_view view = {.workflow = workflow,
                              .order = ferry_documents_order(documents, workflow->id),
                              .replays = ferry_documents_replays(documents, workflow->id),
                              .tasks = ferry_store_tasks(store),
                              .backlog = backlog,
                              .now = ferry_store_heard_ms(store)};
    struct ferry_view_sums sums = {.known = true};
    int64_t saved = ferry_documents_revision(documents, workflow->id);
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", workflow->id, "name", workflow->name,
                  "generation", ferry_view_or_null(json_object_get(view.order, "generation")),
                  "revision", ferry_view_or_null(json_object_get(view.order, "revision")),
                  "savedRevision", number_or_null(saved > 0, saved), "orderedAt",
                  ferry_view_or_null(json_object_get(view.order, "orderedAt")), "orderedBy",
                  ferry_view_or_null(json_object_get(view.order, "orderedBy")));
    struct ferry_state state;

    ferry_launch_state(launch, &state);
    add_kafka_silence(store, &state);
    add_state(json, &state);
    json_object_set_new(json, "mappings", json_array());
    json_object_set_new(json, "events", json_null());
    json_object_set_new(json, "optOuts", json_null());
    workflow->kind->view(&view, json, &sums);
    add_sums(json, &sums);
    json_object_set_new(json, "oldestWaitingAt", oldest_waiting(&view, &sums));
    if (ferry_launch_faults(launch))
        json_object_set_new(json, "errors", json_deep_copy(ferry_launch_faults(launch)));
    ferry_state_done(&state);
    return json;
}
