/* Tables of Dynamics 365 into resources of Campaign. */
#include "controller/compile_private.h"
#include "controller/configuration.h"
#include "controller/documents.h"
#include "controller/kind.h"
#include "controller/lineage.h"
#include "controller/optinout.h"
#include "controller/view_private.h"
#include "controller/workflow.h"

/* What was asked for up to now is read by this start. */
static void order_replay(json_t *mapping, const char *table, const json_t *replays)
{
    const json_t *wanted = ferry_replay_wanted(replays, table);

    if (wanted)
        json_object_set(mapping, "replay", json_object_get(wanted, "replay"));
    if (json_object_get(wanted, "where"))
        json_object_set(mapping, "replayWhere", json_object_get(wanted, "where"));
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key)) == 1;
}

/* A table that was not mapped at the last start, or led elsewhere, is a new one: what is remembered
 * of it is about another destination. */
static void order_since(json_t *mapping, const char *table, const json_t *before, json_int_t now)
{
    const json_t *old = ferry_lineage_mapping(json_object_get(before, "mappings"), table);
    bool same = old && same_text(old, mapping, "resource") && same_text(old, mapping, "api") &&
                same_text(old, mapping, "key");

    json_object_set_new(
        mapping, "since",
        json_integer(same ? json_integer_value(json_object_get(old, "since")) : now));
}

static void follow(json_t *order, const json_t *before, const json_t *replays)
{
    json_int_t generation = json_integer_value(json_object_get(order, "generation"));
    size_t i;
    json_t *mapping;

    json_array_foreach (json_object_get(order, "mappings"), i, mapping) {
        const char *table = json_string_value(json_object_get(mapping, "table"));

        if (table) {
            order_replay(mapping, table, replays);
            order_since(mapping, table, before, generation);
        }
    }
}

/* The mappings that have a name and a table; one that has not is no stream. */
static bool stream(const json_t *order, size_t index, struct ferry_stream *ret_stream)
{
    size_t i;
    json_t *mapping;

    json_array_foreach (json_object_get(order, "mappings"), i, mapping) {
        const char *id = json_string_value(json_object_get(mapping, "id"));
        const char *table = json_string_value(json_object_get(mapping, "table"));

        if (!id || !table || index-- > 0)
            continue;
        *ret_stream = (struct ferry_stream){.readers = {id},
                                            .name = table,
                                            .topics = {{FERRY_TOPIC_CHANGES, table},
                                                       {FERRY_TOPIC_WRITTEN, table},
                                                       {FERRY_TOPIC_WAITING, table}},
                                            .topic_count = 3,
                                            .mapping = mapping};
        return true;
    }
    return false;
}

/* Births carry what Opt-In/Out keeps. */
static bool is_outlived(const json_t *order, const json_t *beside)
{
    return !ferry_optinout_is_carried(order, beside);
}

const struct ferry_kind ferry_kind_mappings = {
    .check = ferry_configuration_check,
    .compile = &ferry_compile_mappings,
    .beside = FERRY_WORKFLOW_OPTINOUT,
    .is_outlived = is_outlived,
    .follow = follow,
    .stream = stream,
    .view = ferry_view_mappings,
};
