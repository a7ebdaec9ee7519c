/* Mappings: each is asked about in both systems. */
#include "controller/compile_private.h"
#include "controller/configuration.h"
#include "controller/description.h"
#include "controller/optinout.h"
#include "controller/translation.h"

#include <stdio.h>
#include <stdlib.h>

static struct ferry_compile_mapping *own(struct ferry_compile_part *part)
{
    return (struct ferry_compile_mapping *)(void *)part;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *ferry_compile_api(const struct ferry_compile_mapping *mapping)
{
    const char *api = text_of(mapping->mapping, "api");
    return api ? api : FERRY_CONFIGURATION_API;
}

static size_t begin(struct ferry_compile *compile)
{
    if (!ferry_optinout_collide(compile->beside, compile->configuration,
                                FERRY_OPTINOUT_MAPPINGS_SAVED, compile->result.faults))
        compile->out_of_memory = true;
    return json_array_size(json_object_get(compile->configuration, "mappings"));
}

static void fill(struct ferry_compile *compile, struct ferry_compile_part *part, size_t index)
{
    own(part)->mapping = json_array_get(json_object_get(compile->configuration, "mappings"), index);
    own(part)->index = index;
}

static void done(struct ferry_compile_part *part)
{
    json_decref(own(part)->resource);
    free(own(part)->sample);
}

/* --- asking --- */

static void on_resource(void *context, const struct ferry_campaign_resource *resource,
                        const struct ferry_remote_answer *answer)
{
    struct ferry_compile_mapping *mapping = context;
    mapping->resource = resource ? ferry_description_resource(resource) : NULL;
    if (!resource)
        ferry_compile_failed(&mapping->resource_reply, answer);
    else if (!mapping->resource)
        mapping->part.compile->out_of_memory = true;
    ferry_compile_answered(&mapping->part);
}

static enum ferry_status ask_table(struct ferry_compile_part *part, struct ferry_error *error)
{
    return ferry_compile_ask_table(part, text_of(own(part)->mapping, "table"), error);
}

enum ferry_status ferry_compile_ask_resource(struct ferry_compile_part *part,
                                             struct ferry_error *error)
{
    return ferry_campaign_describe(part->compile->campaign, ferry_compile_api(own(part)),
                                   text_of(own(part)->mapping, "resource"), on_resource, part,
                                   error);
}

static void ask(struct ferry_compile_part *part)
{
    ferry_compile_ask(part, ask_table, &part->table_reply);
    ferry_compile_ask(part, ferry_compile_ask_resource, &own(part)->resource_reply);
    ferry_compile_ask(part, ferry_compile_ask_key, &own(part)->key_reply);
}

/* --- judging --- */

#define PATH_SIZE 64

static void write_path(const struct ferry_compile_mapping *mapping, const char *member,
                       char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "/mappings/%zu/%s", mapping->index, member);
}

/* True when the question about a member of the mapping was answered. */
static bool judge_reply(struct ferry_compile_mapping *mapping, const char *member,
                        const struct ferry_compile_reply *reply)
{
    char path[PATH_SIZE];
    write_path(mapping, member, path);
    return ferry_compile_judge_reply(mapping->part.compile, path, reply);
}

static void judge_key(struct ferry_compile_mapping *mapping)
{
    char path[PATH_SIZE];
    write_path(mapping, "key", path);
    ferry_compile_judge_key(mapping, path);
}

static json_t *translate(struct ferry_compile_mapping *mapping)
{
    struct ferry_compile *compile = mapping->part.compile;
    const struct ferry_place mappings = {NULL, "mappings", 0};
    const struct ferry_place place = {&mappings, NULL, mapping->index};
    struct ferry_shape faults = {.faults = compile->result.faults};
    struct ferry_shape warnings = {.faults = compile->result.warnings};
    const struct ferry_translation translation = {
        .mapping = mapping->mapping,
        .mappings = json_object_get(compile->configuration, "mappings"),
        .table = mapping->part.table,
        .resource = mapping->resource,
        .optinout = compile->beside,
        .place = &place,
        .faults = &faults,
        .warnings = &warnings,
    };
    json_t *compiled = ferry_translation_make(&translation);
    if (faults.out_of_memory || warnings.out_of_memory)
        compile->out_of_memory = true;
    return compiled;
}

static void judge(struct ferry_compile_part *part)
{
    struct ferry_compile_mapping *mapping = own(part);
    json_t *list = json_object_get(part->compile->result.order, "mappings");
    bool table = judge_reply(mapping, "table", &part->table_reply);
    bool resource = judge_reply(mapping, "resource", &mapping->resource_reply);
    if (resource && json_object_get(json_object_get(mapping->resource, "fields"),
                                    text_of(mapping->mapping, "key")))
        judge_key(mapping);
    if (!table || !resource)
        return;
    json_t *compiled = translate(mapping);
    if (compiled && json_array_append_new(list, compiled) != 0)
        part->compile->out_of_memory = true;
}

const struct ferry_compile_way ferry_compile_mappings = {
    .part_size = sizeof(struct ferry_compile_mapping),
    .begin = begin,
    .fill = fill,
    .ask = ask,
    .judge = judge,
    .done = done,
};
