/* The mappings of a workflow as the API shows them. */
#include "controller/documents.h"
#include "controller/view_private.h"

static int64_t count(const struct ferry_view *view, const char *counter, const char *table)
{
    return ferry_task_sum(view->tasks, view->workflow->id, counter, table, view->now);
}

static json_t *view_mapping(const struct ferry_view *view, const struct ferry_stream *stream,
                            struct ferry_view_sums *sums)
{
    const json_t *mapping = stream->mapping;
    int64_t waiting = count(view, "waiting", stream->name); /* children, for their parent */
    int64_t held = count(view, "deletesHeld", stream->name);
    json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:b, s:o, s:o}", "id",
                             stream->readers[0], "table", stream->name, "resource",
                             ferry_view_or_null(json_object_get(mapping, "resource")), "key",
                             ferry_view_or_null(json_object_get(mapping, "key")), "waiting",
                             (json_int_t)waiting, "deletesHeld", (json_int_t)held, "replayPending",
                             ferry_replay_is_pending(view->replays, mapping), "reader",
                             ferry_view_reader(view, stream->readers[0]), "writers",
                             ferry_view_writers(view, stream->name));

    ferry_view_backlog(view, stream->name, json, sums);
    sums->waiting += waiting;
    sums->held += held;
    return json;
}

void ferry_view_mappings(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums)
{
    json_t *list = json_array();
    struct ferry_stream stream;

    for (size_t i = 0; ferry_workflow_stream(view->workflow, view->order, i, &stream); i++)
        json_array_append_new(list, view_mapping(view, &stream, sums));
    json_object_set_new(json, "mappings", list);
}
