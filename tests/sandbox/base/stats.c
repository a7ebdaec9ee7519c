#include "base/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sandbox_verb_names[SANDBOX_VERBS] = {"GET",    "POST", "PATCH",
                                                       "DELETE", "PUT",  "OTHER"};

static const char *const call_names[SANDBOX_CALLS] = {
    [SANDBOX_CALL_OTHER] = "other",       [SANDBOX_CALL_PAGE] = "page",
    [SANDBOX_CALL_DELTA] = "delta",       [SANDBOX_CALL_GET] = "get",
    [SANDBOX_CALL_LIST] = "list",         [SANDBOX_CALL_INSERT] = "insert",
    [SANDBOX_CALL_UPDATE] = "update",     [SANDBOX_CALL_DELETE] = "delete",
    [SANDBOX_CALL_METADATA] = "metadata", [SANDBOX_CALL_TOKEN] = "token",
    [SANDBOX_CALL_BATCH] = "batch",
};

const char *const sandbox_fault_names[SANDBOX_FAULT_KINDS] = {
    [SANDBOX_FAULT_429] = "status429",
    [SANDBOX_FAULT_503] = "status503",
    [SANDBOX_FAULT_502_OOPS] = "status502oops",
    [SANDBOX_FAULT_500_TEXT] = "status500text",
    [SANDBOX_FAULT_HTML] = "html",
    [SANDBOX_FAULT_DROP] = "dropBeforeReply",
    [SANDBOX_FAULT_LOST_REPLY] = "lostReply",
    [SANDBOX_FAULT_TOKEN_REVOKED] = "tokenRevoked",
    [SANDBOX_FAULT_DELTA_EXPIRED] = "deltaExpired",
    [SANDBOX_FAULT_METADATA_EXPIRY] = "metadataChangedExpiry",
    [SANDBOX_FAULT_FOREIGN_LINK] = "foreignLink",
    [SANDBOX_FAULT_INVALID_UTF8] = "invalidUtf8",
    [SANDBOX_FAULT_STALL] = "stall",
    [SANDBOX_FAULT_SLOW_BODY] = "slowBody",
    [SANDBOX_FAULT_CUT_ANSWER] = "cutAnswer",
    [SANDBOX_FAULT_PART] = "partFails",
};

void sandbox_stats_breach(struct sandbox_stats *stats, const char *text)
{
    stats->breaches++;
    if (stats->text_count == SANDBOX_BREACHES)
        return;
    char *copy = strdup(text);
    if (copy)
        stats->texts[stats->text_count++] = copy;
}

void sandbox_stats_reset(struct sandbox_stats *stats)
{
    size_t in_flight = stats->in_flight;

    for (size_t i = 0; i < stats->text_count; i++)
        free(stats->texts[i]);
    memset(stats, 0, sizeof *stats);
    stats->in_flight = stats->in_flight_peak = in_flight;
}

static json_t *requests_json(const struct sandbox_stats *stats)
{
    json_t *verbs = json_object();

    for (size_t verb = 0; verb < SANDBOX_VERBS; verb++) {
        json_t *statuses = json_object();
        for (size_t status = 0; status < SANDBOX_STATUSES; status++) {
            char name[24];
            snprintf(name, sizeof name, "%zu", status);
            if (stats->requests[verb][status])
                json_object_set_new(statuses, name,
                                    json_integer((json_int_t)stats->requests[verb][status]));
        }
        if (json_object_size(statuses))
            json_object_set(verbs, sandbox_verb_names[verb], statuses);
        json_decref(statuses);
    }
    return verbs;
}

static json_t *operations_json(const struct sandbox_stats *stats)
{
    json_t *statuses = json_object();
    json_int_t sum = 0;

    for (size_t status = 0; status < SANDBOX_STATUSES; status++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", status);
        sum += (json_int_t)stats->operations[status];
        if (stats->operations[status])
            json_object_set_new(statuses, name,
                                json_integer((json_int_t)stats->operations[status]));
    }
    return json_pack("{s:I,s:o}", "count", sum, "statuses", statuses);
}

static json_t *counts_json(const uint64_t *counts, const char *const *names, size_t count, bool all)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        if (all || counts[i])
            json_object_set_new(object, names[i], json_integer((json_int_t)counts[i]));
    return object;
}

static json_t *texts_json(const struct sandbox_stats *stats)
{
    json_t *texts = json_array();

    for (size_t i = 0; i < stats->text_count; i++)
        json_array_append_new(texts, json_string(stats->texts[i]));
    return texts;
}

json_t *sandbox_stats_json(const struct sandbox_stats *stats)
{
    return json_pack(
        "{s:o,s:o,s:o,s:{s:I,s:o},s:I,s:I,s:I,s:o}", "requests", requests_json(stats), "calls",
        counts_json(stats->calls, call_names, SANDBOX_CALLS, true), "operations",
        operations_json(stats), "breaches", "count", (json_int_t)stats->breaches, "texts",
        texts_json(stats), "inFlight", (json_int_t)stats->in_flight, "inFlightPeak",
        (json_int_t)stats->in_flight_peak, "bytesSent", (json_int_t)stats->bytes_sent, "faults",
        counts_json(stats->faults, sandbox_fault_names, SANDBOX_FAULT_KINDS, false));
}
