/* Opt-In/Out as the API shows it: what runs, who does it, and what became of it. */
#include "controller/view_private.h"
#include "core/record/optout.h"

#include <string.h>
#include <utlist.h>

static bool is_live_writer(const struct ferry_view *view, const struct ferry_task *task)
{
    return task->writes && strcmp(task->workflow, view->workflow->id) == 0 &&
           ferry_task_is_live(task, view->now);
}

static int64_t sum(const struct ferry_view *view, const char *counter)
{
    const struct ferry_task *task;
    int64_t total = 0;

    LL_FOREACH (view->tasks, task)
        if (is_live_writer(view, task))
            total += json_integer_value(
                json_object_get(json_object_get(task->document, "counters"), counter));
    return total;
}

static json_t *by_side(const struct ferry_view *view, const char *counter)
{
    json_t *json = json_object();

    for (int side = 0; side < FERRY_SIDES; side++) {
        const char *name = ferry_side_name((enum ferry_side)side);

        json_object_set_new(json, name,
                            json_integer(ferry_task_sum(view->tasks, view->workflow->id, counter,
                                                        name, view->now)));
    }
    return json;
}

/* A task of the stream or null: it may have none at this place, or nobody has taken it. */
static json_t *view_reader(const struct ferry_view *view, const char *reader)
{
    return reader ? ferry_view_reader(view, reader) : json_null();
}

/* How old what it told last can be at worst; null where nobody can say. */
static json_t *age_of(const json_t *reader)
{
    bool live = json_is_true(json_object_get(reader, "live"));
    json_t *counters = json_object_get(reader, "counters");

    return ferry_view_or_null(live ? json_object_get(counters, "newsAgeSeconds") : NULL);
}

static void add_source(const struct ferry_view *view, const char *source, const char *reader,
                       json_t *list)
{
    json_t *task = view_reader(view, reader);

    json_array_append_new(
        list, json_pack("{s:s, s:o}", "source", source, "newsAgeSeconds", age_of(task)));
    json_decref(task);
}

/* Where Campaign's news come from: none, where it only follows. */
static json_t *view_sources(const struct ferry_view *view)
{
    const json_t *order = json_object_get(view->order, "optOuts");
    json_t *list = json_array();
    struct ferry_stream stream;

    for (size_t i = 0; ferry_workflow_stream(view->workflow, view->order, i, &stream); i++) {
        if (strcmp(stream.name, "campaign") != 0)
            continue;
        if (stream.readers[0] && json_is_object(json_object_get(order, "filter")))
            add_source(view, "API", stream.readers[0], list);
        if (stream.readers[1])
            add_source(view, "FILE", stream.readers[1], list);
    }
    return list;
}

static json_t *view_stream(const struct ferry_view *view, const struct ferry_stream *stream,
                           struct ferry_view_sums *sums)
{
    json_t *json = json_pack("{s:s, s:o, s:o, s:o}", "name", stream->name, "reader",
                             view_reader(view, stream->readers[0]), "exports",
                             view_reader(view, stream->readers[1]), "writers",
                             ferry_view_writers(view, stream->name));

    ferry_view_backlog(view, stream->name, json, sums);
    return json;
}

static void add_order(const struct ferry_view *view, json_t *json)
{
    static const char *const names[] = {"direction", "rule",   "clockToleranceMs",
                                        "key",       "filter", "attributes"};
    const json_t *order = json_object_get(view->order, "optOuts");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(json, names[i], ferry_view_or_null(json_object_get(order, names[i])));
}

static void add_counters(const struct ferry_view *view, json_t *json)
{
    static const char *const names[] = {"equal", "overtaken", "withoutProfile", "withoutContact",
                                        "rejected"};

    json_object_set_new(json, "decided", by_side(view, "decided"));
    json_object_set_new(json, "written", by_side(view, "written"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(json, names[i], json_integer(sum(view, names[i])));
}

void ferry_view_optinout(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums)
{
    struct ferry_stream stream;
    json_t *streams;
    json_t *optouts;

    if (!ferry_workflow_stream(view->workflow, view->order, 0, &stream))
        return;
    streams = json_array();
    optouts = json_object();
    add_order(view, optouts);
    json_object_set_new(optouts, "sources", view_sources(view));
    add_counters(view, optouts);
    for (size_t i = 0; ferry_workflow_stream(view->workflow, view->order, i, &stream); i++)
        json_array_append_new(streams, view_stream(view, &stream, sums));
    json_object_set_new(optouts, "streams", streams);
    json_object_set_new(json, "optOuts", optouts);
    sums->waiting += sum(view, "waiting"); /* contacts, for their profile */
}
