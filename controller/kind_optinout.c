/* Opt-outs of contacts and profiles, kept in step (ADR 5). */
#include "controller/compile_private.h"
#include "controller/kind.h"
#include "controller/optinout.h"
#include "controller/view_private.h"
#include "controller/workflow.h"

#include <string.h>

/* What it was ordered before says nothing about what it is ordered now. */
static void follow(json_t *order, const json_t *before, const json_t *replays)
{
    (void)order;
    (void)before;
    (void)replays;
}

/* In one direction only the side that decides is read (ferry_consent_reads, in the reader), and
 * files where an export is named. */
static bool is_read(const json_t *order, const char *back)
{
    const json_t *consent = json_object_get(order, "optOuts");
    const char *direction = json_string_value(json_object_get(consent, "direction"));

    return !direction || strcmp(direction, back) != 0;
}

/* The first reads of both readers are in a stream of their own, which is read behind the others. */
static bool stream(const json_t *order, size_t index, struct ferry_stream *ret_stream)
{
    static const struct ferry_stream streams[] = {
        {.readers = {"contact"},
         .name = "dynamics",
         .topics = {{FERRY_TOPIC_OPTOUTS, "dynamics"},
                    {FERRY_TOPIC_CONSENT, "state"},
                    {FERRY_TOPIC_CONSENT, "decisions"}},
         .topic_count = 3},
        {.readers = {"profiles", "exports"},
         .name = "campaign",
         .topics = {{FERRY_TOPIC_OPTOUTS, "campaign"}},
         .topic_count = 1},
        {.name = "load", .topics = {{FERRY_TOPIC_OPTOUTS, "load"}}, .topic_count = 1},
    };

    if (index >= sizeof streams / sizeof streams[0] ||
        !json_is_object(json_object_get(order, "optOuts")))
        return false;
    *ret_stream = streams[index];
    if (!is_read(order, index == 0 ? "campaign-to-dynamics" : "dynamics-to-campaign"))
        ret_stream->readers[0] = ret_stream->readers[1] = NULL;
    if (!json_is_object(json_object_get(json_object_get(order, "optOuts"), "export")))
        ret_stream->readers[1] = NULL;
    return true;
}

static enum ferry_status admit(const json_t *configuration, const json_t *beside,
                               struct ferry_error *error)
{
    const char *missing;

    if (!ferry_optinout_is_on(configuration)) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                   "opt-in-out is disabled: its direction says that nothing is kept in step");
        ferry_advise(error, "set the direction to both, dynamics-to-campaign or "
                            "campaign-to-dynamics, and start again");
        return FERRY_INVALID;
    }
    missing = ferry_optinout_missing(beside, configuration);
    if (!missing)
        return FERRY_OK;
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
               "dynamics-to-campaign was started before %s was saved here as it is, so it creates "
               "profiles without that opt-out",
               missing);
    ferry_advise(error, "stop and start dynamics-to-campaign, then start opt-in-out");
    return FERRY_INVALID;
}

const struct ferry_kind ferry_kind_optinout = {
    .check = ferry_optinout_check,
    .compile = &ferry_compile_optinout,
    .beside = FERRY_WORKFLOW_INGRESS,
    .admit = admit,
    .follow = follow,
    .stream = stream,
    .view = ferry_view_optinout,
    .no_replay =
        "opt-outs have no replay: whatever is queued, the values that both systems show at "
        "that moment decide, so reading everything again would change nothing",
    .no_deletes = "Opt-In/Out deletes nothing, so no deletes wait here",
};
