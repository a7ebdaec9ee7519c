/* E-mail events of Campaign into activities of Dynamics 365 (ADR 4). */
#include "controller/compile_private.h"
#include "controller/email.h"
#include "controller/kind.h"
#include "controller/view_private.h"

/* What is older than the first start was never promised to anybody. */
static void follow(json_t *order, const json_t *before, const json_t *replays)
{
    json_t *events = json_object_get(order, "events");
    json_t *since = json_object_get(json_object_get(before, "events"), "since");

    (void)replays;
    if (json_object_get(events, "since"))
        return;
    json_object_set(events, "since", since ? since : json_object_get(order, "orderedAt"));
}

static bool stream(const json_t *order, size_t index, struct ferry_stream *ret_stream)
{
    if (index > 0 || !json_is_object(json_object_get(order, "events")))
        return false;
    *ret_stream = (struct ferry_stream){.readers = {"exports"},
                                        .name = "email",
                                        .topics = {{FERRY_TOPIC_EVENTS, "email"}},
                                        .topic_count = 1};
    return true;
}

const struct ferry_kind ferry_kind_events = {
    .check = ferry_email_check,
    .compile = &ferry_compile_events,
    .follow = follow,
    .stream = stream,
    .view = ferry_view_events,
    .no_replay = "e-mail events have no replay: a file that is put into the export folder again "
                 "under its name is read again only if its content is new, and an event that is on "
                 "the timeline is never written twice. To carry older events, set \"since\" to an "
                 "earlier time and export them again",
    .no_deletes = "e-mail events are never deleted in Dynamics 365, so no deletes wait here",
};
