/* The e-mail events of a workflow as the API shows them: what the reader's files gave, what became
 * of it, and who does it. */
#include "controller/email.h"
#include "controller/view_private.h"

#include <string.h>
#include <utlist.h>

static json_t *counters_of(const struct ferry_task *task)
{
    return json_object_get(task->document, "counters");
}

static bool is_live_writer(const struct ferry_view *view, const struct ferry_task *task)
{
    return task->writes && strcmp(task->workflow, view->workflow->id) == 0 &&
           ferry_task_is_live(task, view->now);
}

static json_int_t sum(const struct ferry_view *view, const char *counter)
{
    const struct ferry_task *task;
    json_int_t total = 0;

    LL_FOREACH (view->tasks, task)
        if (is_live_writer(view, task))
            total += json_integer_value(json_object_get(counters_of(task), counter));
    return total;
}

/* By kind, of those that are switched on. */
static json_t *written(const struct ferry_view *view, const json_t *kinds)
{
    json_t *json = json_object();
    size_t i;
    json_t *kind;

    json_array_foreach (kinds, i, kind) {
        const char *name = json_string_value(kind);

        if (name)
            json_object_set_new(json, name,
                                json_integer(ferry_task_sum(view->tasks, view->workflow->id,
                                                            "written", name, view->now)));
    }
    return json;
}

/* What the reader counts; 0 as long as nobody reads. */
static void add_reader(const struct ferry_view *view, const struct ferry_stream *stream,
                       json_t *json)
{
    static const char *const names[] = {"filesRead", "filesWaiting", "bytesRead", "eventsRead",
                                        "recordsRejected"};
    json_t *reader = ferry_view_reader(view, stream->readers[0]);
    const json_t *counters = json_object_get(reader, "counters");
    json_t *skipped = json_object_get(counters, "skipped");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(json, names[i],
                            json_integer(json_integer_value(json_object_get(counters, names[i]))));
    json_object_set_new(json, "skipped",
                        json_is_object(skipped) ? json_incref(skipped) : json_object());
    json_object_set_new(json, "reader", reader);
}

static json_t *view_events(const struct ferry_view *view, const struct ferry_stream *stream,
                           struct ferry_view_sums *sums)
{
    const json_t *events = json_object_get(view->order, "events");
    json_t *kinds = json_object_get(events, "kinds");
    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "source",
                             ferry_view_or_null(json_object_get(events, "source")), "since",
                             ferry_view_or_null(json_object_get(events, "since")), "kinds",
                             ferry_view_or_null(kinds), "written", written(view, kinds), "repeated",
                             sum(view, "repeated"), "rejected", sum(view, "rejected"), "writers",
                             ferry_view_writers(view, stream->name));

    ferry_view_backlog(view, stream->name, json, sums);
    add_reader(view, stream, json);
    return json;
}

void ferry_view_events(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums)
{
    struct ferry_stream stream;

    if (ferry_workflow_stream(view->workflow, view->order, 0, &stream))
        json_object_set_new(json, "events", view_events(view, &stream, sums));
}
