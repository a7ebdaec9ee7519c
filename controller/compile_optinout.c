/* Opt-In/Out: contact and profile are asked about, and whether the instance has the filter over the
 * times of opt-outs. */
#include "controller/compile_private.h"
#include "controller/configuration.h"
#include "controller/fault.h"
#include "controller/optinout.h"
#include "controller/translation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 160
#define PATH_SIZE 64

/* The only part: the pair, as a mapping would name it. */
struct pair {
    struct ferry_compile_mapping mapping;
    struct ferry_compile_reply filter_reply;
    bool has_filter;
};

static struct pair *own(struct ferry_compile_part *part)
{
    return (struct pair *)(void *)part;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* --- the part --- */

/* Nobody is asked about what is switched off. */
static size_t begin(struct ferry_compile *compile)
{
    compile->settled = ferry_optinout_fill(compile->configuration);
    if (!compile->settled ||
        json_object_set_new(compile->settled, "table", json_string(FERRY_OPTINOUT_TABLE)) != 0 ||
        json_object_set_new(compile->settled, "resource", json_string(FERRY_OPTINOUT_RESOURCE)) !=
            0 ||
        !ferry_optinout_collide(compile->configuration, compile->beside,
                                FERRY_OPTINOUT_ITSELF_SAVED, compile->result.faults))
        compile->out_of_memory = true;
    return ferry_optinout_is_on(compile->settled);
}

static void fill(struct ferry_compile *compile, struct ferry_compile_part *part, size_t index)
{
    (void)index;
    own(part)->mapping.mapping = compile->settled;
}

static void done(struct ferry_compile_part *part)
{
    ferry_compile_mappings.done(part);
}

/* --- asking --- */

/* A read of nothing, the way that it will be read: Campaign answers an unknown filter with 404. */
static void on_filter(void *context, const struct ferry_remote_answer *answer)
{
    struct pair *pair = context;
    json_t *body = answer->verdict == FERRY_VERDICT_OK
                       ? json_loadb(answer->body, answer->length, 0, NULL)
                       : NULL;

    pair->has_filter = json_is_array(json_object_get(body, "content"));
    if (answer->verdict != FERRY_VERDICT_OK && answer->status != 404)
        ferry_compile_failed(&pair->filter_reply, answer);
    json_decref(body);
    ferry_compile_answered(&pair->mapping.part);
}

static enum ferry_status ask_filter(struct ferry_compile_part *part, struct ferry_error *error)
{
    const json_t *filter = json_object_get(part->compile->settled, "filter");
    char query[NAME_SIZE];
    const struct ferry_campaign_request request = {.method = "GET",
                                                   .api = ferry_compile_api(&own(part)->mapping),
                                                   .resource = FERRY_OPTINOUT_RESOURCE,
                                                   .key = text_of(filter, "name"),
                                                   .query = query,
                                                   .on_done = on_filter,
                                                   .context = part};
    struct ferry_campaign_call *call = NULL; /* forgotten by its context */

    snprintf(query, sizeof query, "%s=2999-12-31%%2000%%3A00%%3A00.000Z&_lineCount=1",
             text_of(filter, "parameter"));
    return ferry_campaign_send(part->compile->campaign, &request, &call, error);
}

static enum ferry_status ask_table(struct ferry_compile_part *part, struct ferry_error *error)
{
    return ferry_compile_ask_table(part, FERRY_OPTINOUT_TABLE, error);
}

static void ask(struct ferry_compile_part *part)
{
    struct pair *pair = own(part);

    ferry_compile_ask(part, ask_table, &part->table_reply);
    ferry_compile_ask(part, ferry_compile_ask_resource, &pair->mapping.resource_reply);
    ferry_compile_ask(part, ferry_compile_ask_key, &pair->mapping.key_reply);
    ferry_compile_ask(part, ask_filter, &pair->filter_reply);
}

/* --- judging --- */

static void fault(struct ferry_compile *compile, const char *path, const char *reason)
{
    if (!ferry_fault_add(compile->result.faults, FERRY_CLASS_SCHEMA, path, "%s", reason))
        compile->out_of_memory = true;
}

static void judge_tracking(struct pair *pair)
{
    if (!json_is_true(json_object_get(pair->mapping.part.table, "tracking")))
        fault(pair->mapping.part.compile, "",
              "change tracking is off for the table contact: switch on \"Track changes\" in its "
              "properties in Dynamics 365");
}

static void judge_key(struct pair *pair)
{
    struct ferry_compile *compile = pair->mapping.part.compile;
    struct ferry_shape faults = {.faults = compile->result.faults};
    const struct ferry_translation translation = {.mapping = compile->settled,
                                                  .table = pair->mapping.part.table,
                                                  .resource = pair->mapping.resource,
                                                  .faults = &faults};
    size_t before = json_array_size(faults.faults);

    ferry_translation_check_key(&translation);
    compile->out_of_memory = compile->out_of_memory || faults.out_of_memory;
    if (json_array_size(faults.faults) == before)
        ferry_compile_judge_key(&pair->mapping, "/key");
}

/* By the same name as the attribute, or the other one; NULL: the instance keeps no time of it. */
static json_t *time_of(const struct pair *pair, const char *wire, const char *name)
{
    const json_t *fields = json_object_get(pair->mapping.resource, "fields");
    const char *const names[] = {wire, name};
    char field[NAME_SIZE];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(field, sizeof field, "%sLastModified", names[i]);
        if (json_object_get(fields, field))
            return json_string(field);
    }
    return json_null();
}

static bool is_written(const struct ferry_compile *compile)
{
    return strcmp(text_of(compile->settled, "direction"), "dynamics-to-campaign") != 0;
}

/* A column that cannot be written serves one way only. */
static json_t *refusal_of(const struct pair *pair, const json_t *attribute, const char **ret_member)
{
    const struct ferry_compile_part *part = &pair->mapping.part;
    const char *column = text_of(attribute, "dynamics");
    json_t *refusal = ferry_optinout_refusal(part->table, pair->mapping.resource,
                                             text_of(attribute, "campaign"), column, ret_member);
    const json_t *described = json_object_get(json_object_get(part->table, "columns"), column);

    if (refusal || !is_written(part->compile) ||
        json_is_true(json_object_get(described, "creatable")))
        return refusal;
    *ret_member = "dynamics";
    return json_sprintf("the column %s cannot be written: name another one, or choose the "
                        "direction dynamics-to-campaign",
                        column);
}

/* The compiled attribute; NULL with a fault. */
static json_t *judge_attribute(struct pair *pair, const json_t *attribute, size_t index)
{
    const char *name = text_of(attribute, "campaign");
    const char *wire = text_of(json_object_get(pair->mapping.resource, "optOuts"), name);
    const char *member = "campaign";
    json_t *refusal = refusal_of(pair, attribute, &member);
    char path[PATH_SIZE];

    if (!refusal)
        return json_pack("{s:s, s:s, s:s, s:o}", "name", name, "dynamics",
                         text_of(attribute, "dynamics"), "campaign", wire, "time",
                         time_of(pair, wire, name));
    snprintf(path, sizeof path, "/attributes/%zu/%s", index, member);
    fault(pair->mapping.part.compile, path, json_string_value(refusal));
    json_decref(refusal);
    return NULL;
}

static json_t *judge_attributes(struct pair *pair)
{
    struct ferry_compile *compile = pair->mapping.part.compile;
    json_t *list = json_array();
    size_t i;
    json_t *attribute;

    json_array_foreach (json_object_get(compile->settled, "attributes"), i, attribute) {
        json_t *compiled = judge_attribute(pair, attribute, i);

        if (compiled && json_array_append_new(list, compiled) != 0)
            compile->out_of_memory = true;
    }
    return list;
}

/* Export files go without it; but they are a day old, and the API is not. With neither nobody would
 * ever hear of an opt-out in Campaign. */
static void judge_filter(const struct pair *pair)
{
    struct ferry_compile *compile = pair->mapping.part.compile;
    const char *name = text_of(json_object_get(compile->settled, "filter"), "name");
    bool exported = json_object_get(compile->settled, "export") != NULL;

    if (pair->has_filter || !is_written(compile))
        return;
    if (!ferry_fault_add(exported ? compile->result.warnings : compile->result.faults,
                         FERRY_CLASS_SCHEMA, "/filter",
                         exported
                             ? "this instance has no custom filter %s on profiles: what people "
                               "decide in Campaign is known from export files alone, which are as "
                               "old as the export; create and publish the filter "
                               "(docs/opt-in-out.md)"
                             : "this instance has no custom filter %s on profiles, and no export "
                               "is configured: nobody would hear of what people decide in "
                               "Campaign; create and publish the filter, or have the opt-outs "
                               "exported and add \"export\" (docs/opt-in-out.md)",
                         name))
        compile->out_of_memory = true;
}

static void compile_pair(struct pair *pair, json_t *attributes)
{
    struct ferry_compile *compile = pair->mapping.part.compile;
    const json_t *settled = compile->settled;
    const json_t *table = pair->mapping.part.table;
    json_t *filter = pair->has_filter ? json_object_get(settled, "filter") : NULL;
    json_int_t tolerance = json_integer_value(json_object_get(settled, "clockToleranceSeconds"));
    json_t *order = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:O?, s:o, s:O?}", "direction",
        text_of(settled, "direction"), "rule", text_of(settled, "rule"), "clockToleranceMs",
        tolerance * 1000, "table", FERRY_OPTINOUT_TABLE, "entitySet", text_of(table, "entitySet"),
        "primaryId", text_of(table, "primaryId"), "api", ferry_compile_api(&pair->mapping),
        "resource", FERRY_OPTINOUT_RESOURCE, "key", text_of(settled, "key"), "filter", filter,
        "attributes", attributes, "export", json_object_get(settled, "export"));

    if (json_object_set_new(compile->result.order, "optOuts", order) != 0)
        compile->out_of_memory = true;
}

static void judge(struct ferry_compile_part *part)
{
    struct pair *pair = own(part);
    bool table = ferry_compile_judge_reply(part->compile, "", &part->table_reply);
    bool resource = ferry_compile_judge_reply(part->compile, "", &pair->mapping.resource_reply);
    bool filter = ferry_compile_judge_reply(part->compile, "/filter", &pair->filter_reply);
    json_t *attributes;

    if (!table || !resource)
        return;
    judge_tracking(pair);
    judge_key(pair);
    attributes = judge_attributes(pair);
    if (!filter) {
        json_decref(attributes);
        return;
    }
    judge_filter(pair);
    compile_pair(pair, attributes);
}

const struct ferry_compile_way ferry_compile_optinout = {
    .part_size = sizeof(struct pair),
    .begin = begin,
    .fill = fill,
    .ask = ask,
    .judge = judge,
    .done = done,
};
