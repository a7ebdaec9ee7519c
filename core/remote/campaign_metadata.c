/* What a resource is: GET <api>/resourceType/<resource>. Items nest their fields; we name them with
 * dots. */
#include "core/remote/campaign_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define ANSWER_BYTES (16 * 1024 * 1024)
#define DEPTH_MAX    4
#define NAME_BYTES   256

struct ferry_campaign_description {
    struct ferry_campaign *campaign;
    struct ferry_campaign_description *prev, *next;
    struct ferry_campaign_call *call;
    char *api;
    char *name;
    ferry_campaign_resource_callback callback;
    void *context;
};

/* --- the resource --- */

static void resource_done(struct ferry_campaign_resource *resource)
{
    for (size_t i = 0; i < resource->count; i++) {
        struct ferry_campaign_field *field = &resource->fields[i];

        free(field->name);
        free(field->type);
        free(field->kind);
        free(field->target);
        json_decref(field->values);
    }
    free(resource->fields);
    free(resource->name);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* A string in the documentation; a number would be no surprise. */
static int64_t length_of(const json_t *field)
{
    const json_t *length = json_object_get(field, "length");
    long long number = json_is_string(length) ? strtoll(json_string_value(length), NULL, 10)
                                              : json_integer_value(length);

    return number > 0 ? number : 0;
}

static bool add_name(json_t *names, const char *key, const json_t *value)
{
    const char *name = json_is_string(value) ? json_string_value(value)
                                             : json_string_value(json_object_get(value, "name"));

    if (!name)
        name = key;
    return !name || json_array_append_new(names, json_string(name)) == 0;
}

/* The names of an enumeration, which are what is written; given as a map by name or as a list. */
static bool read_values(struct ferry_campaign_field *field, json_t *values)
{
    const char *key;
    json_t *value;
    size_t i;
    bool good = true;

    if (!json_is_object(values) && !json_is_array(values))
        return true;
    field->values = json_array();
    json_object_foreach (values, key, value)
        good = good && add_name(field->values, key, value);
    json_array_foreach (values, i, value)
        good = good && add_name(field->values, NULL, value);
    return good && field->values;
}

static bool read_field(struct ferry_campaign_resource *resource, const char *name,
                       const json_t *json)
{
    struct ferry_campaign_field *field = &resource->fields[resource->count++];
    const char *target = text_of(json, "resTarget");
    const char *kind = text_of(json, "type");
    const char *type = text_of(json, "resType");

    if (!*target)
        target = text_of(json, "resName");
    field->name = strdup(name);
    field->kind = strdup(kind);
    field->type = strdup(*type ? type : kind);
    field->target = *target ? strdup(target) : NULL;
    field->length = length_of(json);
    field->read_only = json_is_true(json_object_get(json, "readOnly"));
    field->mandatory = json_is_true(json_object_get(json, "mandatory"));
    return field->name && field->kind && field->type && (!*target || field->target) &&
           read_values(field, json_object_get(json, "values"));
}

static size_t count_fields(json_t *content, int depth)
{
    size_t count = 0;
    const char *key;
    json_t *json;

    json_object_foreach (content, key, json) {
        json_t *nested = json_object_get(json, "content");

        count += json_is_object(nested) && depth < DEPTH_MAX ? count_fields(nested, depth + 1) : 1;
    }
    return count;
}

static bool read_fields(struct ferry_campaign_resource *resource, json_t *content,
                        const char *prefix, int depth)
{
    char name[NAME_BYTES];
    const char *key;
    json_t *json;
    bool good = true;

    json_object_foreach (content, key, json) {
        json_t *nested = json_object_get(json, "content");

        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(nested) && depth < DEPTH_MAX)
            good = good && read_fields(resource, nested, name, depth + 1);
        else
            good = good && read_field(resource, name, json);
    }
    return good;
}

static enum ferry_status read_resource(struct ferry_campaign_resource *resource, const char *name,
                                       const json_t *body)
{
    json_t *content = json_object_get(body, "content");

    if (!json_is_object(content))
        return FERRY_INVALID;
    resource->name = strdup(name);
    resource->fields = calloc(count_fields(content, 0) + 1, sizeof(*resource->fields));
    if (!resource->name || !resource->fields || !read_fields(resource, content, "", 0))
        return FERRY_NOMEM;
    return FERRY_OK;
}

const struct ferry_campaign_field *
ferry_campaign_field(const struct ferry_campaign_resource *resource, const char *name)
{
    for (size_t i = 0; i < resource->count; i++)
        if (strcmp(resource->fields[i].name, name) == 0)
            return &resource->fields[i];
    return NULL;
}

const struct ferry_campaign_field *
ferry_campaign_optout(const struct ferry_campaign_resource *resource, const char *name)
{
    static const char ours[] = "denyList";
    const struct ferry_campaign_field *field = ferry_campaign_field(resource, name);
    char wire[NAME_BYTES];

    if (field || strncmp(name, ours, sizeof(ours) - 1) != 0)
        return field;
    snprintf(wire, sizeof(wire), "blackList%s", name + sizeof(ours) - 1);
    return ferry_campaign_field(resource, wire);
}

/* --- the conversation --- */

void ferry_campaign_description_free(struct ferry_campaign_description *description)
{
    ferry_campaign_cancel(description->call);
    DL_DELETE(*ferry_campaign_descriptions(description->campaign), description);
    free(description->api);
    free(description->name);
    free(description);
}

void ferry_campaign_descriptions_forget(struct ferry_campaign *campaign, const void *context)
{
    struct ferry_campaign_description *description, *next;

    DL_FOREACH_SAFE (*ferry_campaign_descriptions(campaign), description, next)
        if (description->context == context)
            ferry_campaign_description_free(description);
}

/* Nothing is touched after the callback, which may free everything. */
static void finish(struct ferry_campaign_description *description,
                   const struct ferry_campaign_resource *resource,
                   const struct ferry_remote_answer *answer)
{
    ferry_campaign_resource_callback callback = description->callback;
    void *context = description->context;

    description->call = NULL;
    ferry_campaign_description_free(description);
    callback(context, resource, answer);
}

static void fail(struct ferry_campaign_description *description,
                 const struct ferry_remote_answer *answer)
{
    struct ferry_remote_answer told = *answer;

    if (answer->status == 404 &&
        (answer->verdict == FERRY_VERDICT_REFUSED || answer->verdict == FERRY_VERDICT_ABSENT)) {
        told.verdict = FERRY_VERDICT_ABSENT;
        ferry_fail(&told.error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                   "Adobe Campaign has no resource \"%s\" in %s", description->name,
                   description->api);
        ferry_advise(&told.error,
                     "Check the name, and that the resource and its API are published.");
    }
    finish(description, NULL, &told);
}

static void fail_to_read(struct ferry_campaign_description *description,
                         struct ferry_remote_answer *answer, enum ferry_status status)
{
    answer->verdict = FERRY_VERDICT_UNAVAILABLE;
    if (status == FERRY_NOMEM)
        ferry_fail(&answer->error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    else
        ferry_fail(&answer->error, FERRY_RETRY, FERRY_CLASS_SCHEMA,
                   "Adobe Campaign does not describe the resource \"%s\" as its API should",
                   description->name);
    finish(description, NULL, answer);
}

static void on_answer(void *context, const struct ferry_remote_answer *given)
{
    struct ferry_campaign_description *description = context;
    struct ferry_campaign_resource resource = {0};
    struct ferry_remote_answer answer = *given;
    enum ferry_status status;
    json_t *body;

    if (answer.verdict != FERRY_VERDICT_OK) {
        fail(description, &answer);
        return;
    }
    body = json_loadb(answer.body, answer.length, 0, NULL);
    status = read_resource(&resource, description->name, body);
    json_decref(body);
    if (status == FERRY_OK)
        finish(description, &resource, &answer);
    else
        fail_to_read(description, &answer, status);
    resource_done(&resource);
}

static struct ferry_campaign_description *description_new(struct ferry_campaign *campaign,
                                                          const char *api, const char *name)
{
    struct ferry_campaign_description *description = calloc(1, sizeof(*description));

    if (!description)
        return NULL;
    description->campaign = campaign;
    description->api = strdup(api);
    description->name = strdup(name);
    DL_APPEND(*ferry_campaign_descriptions(campaign), description);
    if (description->api && description->name)
        return description;
    ferry_campaign_description_free(description);
    return NULL;
}

enum ferry_status ferry_campaign_describe(struct ferry_campaign *campaign, const char *api,
                                          const char *resource,
                                          ferry_campaign_resource_callback callback, void *context,
                                          struct ferry_error *error)
{
    struct ferry_campaign_description *description = description_new(campaign, api, resource);
    const struct ferry_campaign_request request = {.method = "GET",
                                                   .api = api,
                                                   .resource = "resourceType",
                                                   .key = resource,
                                                   .max_answer_bytes = ANSWER_BYTES,
                                                   .on_done = on_answer,
                                                   .context = description};
    enum ferry_status status;

    if (!description)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    description->callback = callback;
    description->context = context;
    status = ferry_campaign_send(campaign, &request, &description->call, error);
    if (status != FERRY_OK)
        ferry_campaign_description_free(description);
    return status;
}
