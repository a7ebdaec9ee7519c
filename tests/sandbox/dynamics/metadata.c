/* EntityDefinitions: tables, their columns with the casts, keys; and RelationshipDefinitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dynamics/customize.h"
#include "dynamics/definition.h"
#include "dynamics/dynamics.h"
#include "dynamics/filter.h"

#define CAST "Microsoft.Dynamics.CRM."

/* The options of one level of a query; NULL where not given. */
struct options {
    char *select;
    char *filter;
    char *expand;
};

static void refuse(struct sandbox_call_context *call, const char *format, const char *what)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    char message[300];
    snprintf(message, sizeof message, format, what);
#pragma GCC diagnostic pop
    sandbox_dynamics_refuse(call->request, 400, "0x80060888", "%s", message);
}

static struct sandbox_filter_value get_member(void *row, const char *name)
{
    struct sandbox_filter_value value = {.kind = SANDBOX_FILTER_UNKNOWN, .text = ""};
    const json_t *at = row;
    char part[80];

    while (at && *name) {
        size_t length = strcspn(name, "/");
        snprintf(part, sizeof part, "%.*s", (int)length, name);
        at = json_object_get(at, part);
        name += length + (name[length] == '/');
    }
    if (!at)
        return value;
    value.kind = json_is_string(at)    ? SANDBOX_FILTER_TEXT
                 : json_is_number(at)  ? SANDBOX_FILTER_NUMBER
                 : json_is_boolean(at) ? SANDBOX_FILTER_BOOLEAN
                                       : SANDBOX_FILTER_NULL;
    value.text = json_is_string(at) ? json_string_value(at) : "";
    value.number = json_is_boolean(at) ? json_is_true(at) : json_number_value(at);
    return value;
}

/* The length up to `stop` outside parentheses. */
static size_t outside(const char *text, char stop)
{
    size_t at = 0;
    int depth = 0;

    for (; text[at] && (depth > 0 || text[at] != stop); at++)
        depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    return at;
}

/* Takes "$select=a,b;$filter=…" apart, as it stands inside the parentheses of an $expand. */
static void read_nested(const char *text, size_t length, struct options *options)
{
    char *copy = strndup(text, length), *at = copy;

    while (at && *at) {
        size_t size = outside(at, ';');
        char **slot = strncmp(at, "$select=", 8) == 0   ? &options->select
                      : strncmp(at, "$filter=", 8) == 0 ? &options->filter
                      : strncmp(at, "$expand=", 8) == 0 ? &options->expand
                                                        : NULL;
        if (slot && !*slot)
            *slot = strndup(at + 8, size - 8);
        at += size + (at[size] == ';');
    }
    free(copy);
}

static void options_done(struct options *options)
{
    free(options->select);
    free(options->filter);
    free(options->expand);
}

static json_t *apply(struct sandbox_call_context *call, json_t *list,
                     const struct options *options);

/* Adds one expanded property to `to`: a list or an object that the definition carries under
 * "+name". */
static bool expand_one(struct sandbox_call_context *call, const json_t *from, json_t *to,
                       const char *text, size_t length)
{
    struct options nested = {0};
    char name[80], held[84];
    size_t size = strcspn(text, "(");

    if (size > length)
        size = length;
    else if (text[size] == '(' && length > size + 1)
        read_nested(text + size + 1, length - size - 2, &nested);
    snprintf(name, sizeof name, "%.*s", (int)size, text);
    snprintf(held, sizeof held, "+%s", name);
    json_t *value = json_object_get(from, held);
    if (!value)
        refuse(call, "Could not find a property named '%s' to expand.", name);
    else
        json_object_set_new(to, name, apply(call, value, &nested));
    options_done(&nested);
    return value;
}

static bool expand(struct sandbox_call_context *call, const json_t *from, json_t *to,
                   const char *text)
{
    while (text && *text) {
        size_t length = outside(text, ',');
        if (!expand_one(call, from, to, text, length))
            return false;
        text += length + (text[length] == ',');
    }
    return true;
}

static void copy_member(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (value)
        json_object_set(to, name, value);
}

static bool select_members(struct sandbox_call_context *call, const json_t *from, json_t *to,
                           const char *select)
{
    const char *name;
    char part[80];
    json_t *value;

    for (const char *at = select; at && *at;) {
        size_t length = strcspn(at, ",");
        snprintf(part, sizeof part, "%.*s", (int)length, at);
        value = json_object_get(from, part);
        if (!value) {
            refuse(call, "Could not find a property named '%s'.", part);
            return false;
        }
        json_object_set(to, part, value);
        at += length + (at[length] == ',');
    }
    json_object_foreach ((json_t *)(uintptr_t)from, name, value) {
        if (!select && *name != '+')
            json_object_set(to, name, value);
    }
    copy_member(to, from, "MetadataId");
    return true;
}

static json_t *project(struct sandbox_call_context *call, const json_t *from,
                       const struct options *options)
{
    json_t *to = json_object();

    copy_member(to, from, "@odata.type");
    if (select_members(call, from, to, options->select))
        expand(call, from, to, options->expand);
    return to;
}

/* A list is filtered and each element projected; an object is projected. */
static json_t *apply(struct sandbox_call_context *call, json_t *list, const struct options *options)
{
    json_t *result = json_array(), *element;
    struct sandbox_filter *filter = NULL;
    char error[160];
    size_t i;

    if (json_is_object(list) || json_is_null(list)) {
        json_decref(result);
        return json_is_null(list) ? json_null() : project(call, list, options);
    }
    if (options->filter && !(filter = sandbox_filter_parse(options->filter, error)))
        refuse(call, "Syntax error in $filter: %s", error);
    json_array_foreach (list, i, element) {
        const char *unknown = i ? NULL : sandbox_filter_unknown(filter, get_member, element);
        if (unknown)
            refuse(call, "Could not find a property named '%s' to filter by.", unknown);
        if (call->request->reply.status)
            break;
        if (!filter || sandbox_filter_matches(filter, get_member, element))
            json_array_append_new(result, project(call, element, options));
    }
    sandbox_filter_free(filter);
    return result;
}

/* Takes `value`; a list goes into "value", an object stands alone. */
static void reply(struct sandbox_call_context *call, json_t *value, const char *what)
{
    struct sandbox_buf context = {0};
    json_t *answer = json_object();

    if (call->request->reply.status) {
        json_decref(value);
        json_decref(answer);
        return;
    }
    bool single = json_is_object(value);
    sandbox_buf_addf(&context, "%s" SANDBOX_API "$metadata#%s%s", call->request->base.data, what,
                     single ? "/$entity" : "");
    json_object_set_new(answer, "@odata.context", json_string(sandbox_buf_text(&context)));
    if (single)
        json_object_update(answer, value);
    else
        json_object_set(answer, "value", value);
    json_decref(value);
    sandbox_reply_json(call->request, 200, answer);
    sandbox_buf_done(&context);
}

static struct options request_options(const struct sandbox_call_context *call)
{
    const char *select = sandbox_request_param(call->request, "$select");
    const char *filter = sandbox_request_param(call->request, "$filter");
    const char *expanded = sandbox_request_param(call->request, "$expand");

    return (struct options){.select = select ? strdup(select) : NULL,
                            .filter = filter ? strdup(filter) : NULL,
                            .expand = expanded ? strdup(expanded) : NULL};
}

static void serve(struct sandbox_call_context *call, json_t *held, const char *what)
{
    struct options options = request_options(call);

    reply(call, apply(call, held, &options), what);
    options_done(&options);
}

static void not_found(struct sandbox_call_context *call, const char *what)
{
    sandbox_dynamics_refuse(call->request, 404, "0x80060888",
                            "Could not find '%s' in the metadata.", what);
}

/* "LogicalName='x'" -> x, cut off in place; a MetadataId stays as it is. */
static const char *read_name(char *key)
{
    static const char prefix[] = "LogicalName='";
    size_t length = strlen(key);

    if (strncmp(key, prefix, sizeof prefix - 1) != 0 || key[length - 1] != '\'')
        return key;
    key[length - 1] = '\0';
    return key + sizeof prefix - 1;
}

/* Of a list of definitions the one with this logical name or MetadataId. */
static json_t *find_definition(json_t *list, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach (list, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "LogicalName")), name) == 0 ||
            strcasecmp(json_string_value(json_object_get(one, "MetadataId")), name) == 0)
            return one;
    }
    return NULL;
}

static bool is_cast(const json_t *attribute, const char *cast)
{
    const char *type = json_string_value(json_object_get(attribute, "@odata.type"));

    return strcmp(type + 1, cast) == 0;
}

static void serve_cast(struct sandbox_call_context *call, json_t *attributes, const char *cast)
{
    json_t *matching = json_array(), *attribute;
    size_t i;

    json_array_foreach (attributes, i, attribute) {
        if (is_cast(attribute, cast))
            json_array_append(matching, attribute);
    }
    serve(call, matching, "EntityDefinitions/Attributes");
    json_decref(matching);
}

static void serve_attributes(struct sandbox_call_context *call, json_t *attributes)
{
    char *part = (char *)(uintptr_t)call->segments[1], *open = strchr(part, '(');
    const char *cast = call->segment_count > 2 ? call->segments[2] : NULL;

    if (cast && (strncmp(cast, CAST, strlen(CAST)) != 0 || !strstr(cast, "AttributeMetadata"))) {
        not_found(call, cast);
        return;
    }
    if (!open && cast) {
        serve_cast(call, attributes, cast);
        return;
    }
    if (!open) {
        serve(call, attributes, "EntityDefinitions/Attributes");
        return;
    }
    open[strlen(open) - 1] = '\0';
    const char *name = read_name(open + 1);
    json_t *attribute = find_definition(attributes, name);
    if (!attribute || (cast && !is_cast(attribute, cast)))
        not_found(call, name);
    else
        serve(call, attribute, "EntityDefinitions/Attributes");
}

static bool is_elsewhere(const char *part)
{
    static const char *const parts[] = {"OneToManyRelationships", "ManyToManyRelationships"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i], part) == 0)
            return true;
    return false;
}

static void serve_part(struct sandbox_call_context *call, json_t *definition)
{
    const char *part = call->segments[1];

    if (strncmp(part, "Attributes", 10) == 0 && (!part[10] || part[10] == '('))
        serve_attributes(call, json_object_get(definition, "+Attributes"));
    else if (strcmp(part, "Keys") == 0 && call->segment_count == 2)
        serve(call, json_object_get(definition, "+Keys"), "EntityDefinitions/Keys");
    else if (strcmp(part, "ManyToOneRelationships") == 0 && call->segment_count == 2)
        serve(call, json_object_get(definition, "+ManyToOneRelationships"),
              "EntityDefinitions/ManyToOneRelationships");
    else if (is_elsewhere(part))
        sandbox_dynamics_missing(call->request, part);
    else
        not_found(call, part);
}

/* What the caches of the service know: who wants more asks for strong consistency. */
static int64_t known_ms(const struct sandbox_call_context *call)
{
    const char *consistency = sandbox_request_header(call->request, "Consistency");
    bool strong = consistency && strcmp(consistency, "Strong") == 0;

    return sandbox_clock_ms(call->dynamics->clock) -
           (strong ? 0 : call->dynamics->settings.metadata_lag_ms);
}

static json_t *all_definitions(struct sandbox_call_context *call, int64_t upto_ms)
{
    json_t *all = json_array();

    for (size_t i = 0; i < call->dynamics->table_count; i++)
        if (call->dynamics->tables[i].born_ms <= upto_ms)
            json_array_append_new(all, sandbox_definition(&call->dynamics->tables[i], upto_ms));
    return all;
}

static void serve_one(struct sandbox_call_context *call, json_t *all)
{
    const char *name = read_name((char *)(uintptr_t)call->key);
    json_t *definition = find_definition(all, name);

    if (!definition)
        sandbox_dynamics_error(call->request, 404, "0x80060888",
                               "Could not find an entity with name %s.", name);
    else if (call->segment_count > 1)
        serve_part(call, definition);
    else
        serve(call, definition, "EntityDefinitions");
}

/* Columns are made where the table is named; else a table is. */
static void customize(struct sandbox_call_context *call, json_t *all)
{
    const char *part = call->segment_count > 1 ? call->segments[1] : "";

    if (!call->key) {
        sandbox_customize_table(call);
        return;
    }
    const char *name = read_name((char *)(uintptr_t)call->key);
    const json_t *definition = find_definition(all, name);
    const char *logical = json_string_value(json_object_get(definition, "LogicalName"));
    if (!logical)
        not_found(call, name);
    else if (strcmp(part, "Attributes") == 0 && call->segment_count == 2)
        sandbox_customize_column(call, sandbox_dynamics_table(call->dynamics, logical));
    else
        sandbox_dynamics_missing(call->request, "the creation of anything but tables and columns");
}

void sandbox_dynamics_entities(struct sandbox_call_context *call)
{
    bool posted = call->request->verb == SANDBOX_POST;
    json_t *all = all_definitions(call, posted ? INT64_MAX : known_ms(call));

    call->request->call = SANDBOX_CALL_METADATA;
    if (posted)
        customize(call, all);
    else if (call->key)
        serve_one(call, all);
    else
        serve(call, all, "EntityDefinitions");
    json_decref(all);
}

/* What relations of every kind have: all that is to be seen without a cast. */
static void strip_to_base(json_t *relations)
{
    static const char *const special[] = {"ReferencingEntity",
                                          "ReferencingAttribute",
                                          "ReferencedEntity",
                                          "ReferencedAttribute",
                                          "ReferencingEntityNavigationPropertyName",
                                          "ReferencedEntityNavigationPropertyName"};
    json_t *one;
    size_t at;

    json_array_foreach (relations, at, one) {
        for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
            json_object_del(one, special[i]);
    }
}

void sandbox_dynamics_relations(struct sandbox_call_context *call)
{
    const char *cast = call->segment_count > 1 ? call->segments[1] : NULL;
    json_t *all = json_array();

    call->request->call = SANDBOX_CALL_METADATA;
    for (size_t i = 0; i < call->dynamics->table_count; i++)
        if (call->dynamics->tables[i].born_ms <= known_ms(call))
            sandbox_definition_relations(&call->dynamics->tables[i], all);
    if (!cast)
        strip_to_base(all);
    if (call->key || call->segment_count > 2)
        sandbox_dynamics_missing(call->request, "RelationshipDefinitions by key");
    else if (cast && strcmp(cast, CAST "OneToManyRelationshipMetadata") != 0)
        not_found(call, cast);
    else
        serve(call, all, "RelationshipDefinitions");
    json_decref(all);
}
