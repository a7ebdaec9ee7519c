/* What a table is: one question about its columns, then one for each kind of column that knows more
 * about itself. */
#include "core/remote/dataverse_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define PATH_SIZE 512

struct ferry_dataverse_description {
    struct ferry_dataverse *dataverse;
    struct ferry_dataverse_description *prev;
    struct ferry_dataverse_description *next;
    struct ferry_dataverse_call *call;
    struct ferry_dataverse_table table;
    size_t detail; /* index of the question under way in details[] */
    bool head_known;
    ferry_dataverse_table_callback callback;
    void *context;
};

/* --- values --- */

static bool copy(char **field, const char *text)
{
    *field = strdup(text ? text : "");
    return *field != NULL;
}

static const char *label_of(const json_t *option)
{
    const json_t *label = json_object_get(option, "Label");
    const char *text =
        json_string_value(json_object_get(json_object_get(label, "UserLocalizedLabel"), "Label"));
    if (text)
        return text;
    const json_t *first = json_array_get(json_object_get(label, "LocalizedLabels"), 0);
    return json_string_value(json_object_get(first, "Label"));
}

static void add_label(json_t *labels, const json_t *option, const char *key)
{
    char number[24];
    const char *text = label_of(option);
    snprintf(number, sizeof number, "%lld",
             (long long)json_integer_value(json_object_get(option, "Value")));
    if (text)
        json_object_set_new(labels, key ? key : number, json_string(text));
}

static void read_options(struct ferry_dataverse_column *column, const json_t *attribute)
{
    const json_t *set = json_object_get(attribute, "OptionSet");
    if (!json_is_object(set))
        set = json_object_get(attribute, "GlobalOptionSet");
    const json_t *options = json_object_get(set, "Options");
    json_t *labels = json_object();
    size_t i;
    json_t *option;
    json_array_foreach (options, i, option)
        add_label(labels, option, NULL);
    json_decref(column->labels);
    column->labels = labels;
}

static void read_boolean(struct ferry_dataverse_column *column, const json_t *attribute)
{
    const json_t *set = json_object_get(attribute, "OptionSet");
    json_t *labels = json_object();
    add_label(labels, json_object_get(set, "TrueOption"), "true");
    add_label(labels, json_object_get(set, "FalseOption"), "false");
    json_decref(column->labels);
    column->labels = labels;
}

static void read_string(struct ferry_dataverse_column *column, const json_t *attribute)
{
    column->length = json_integer_value(json_object_get(attribute, "MaxLength"));
}

static void read_moment(struct ferry_dataverse_column *column, const json_t *attribute)
{
    const json_t *behavior =
        json_object_get(json_object_get(attribute, "DateTimeBehavior"), "Value");
    const char *text = json_string_value(behavior);
    column->date_only = text && strcmp(text, "DateOnly") == 0;
}

static void read_lookup(struct ferry_dataverse_column *column, const json_t *attribute)
{
    json_decref(column->targets);
    column->targets = json_incref(json_object_get(attribute, "Targets"));
}

/* The casts of the Web API: an attribute tells what is special about it only to somebody who knows
 * its type. */
static const struct detail {
    const char *cast;
    const char *query;
    void (*read)(struct ferry_dataverse_column *column, const json_t *attribute);
} details[] = {
    {"StringAttributeMetadata", "$select=LogicalName,MaxLength", read_string},
    {"MemoAttributeMetadata", "$select=LogicalName,MaxLength", read_string},
    {"DateTimeAttributeMetadata", "$select=LogicalName,DateTimeBehavior", read_moment},
    {"LookupAttributeMetadata", "$select=LogicalName,Targets", read_lookup},
    {"PicklistAttributeMetadata", "$select=LogicalName&$expand=OptionSet,GlobalOptionSet",
     read_options},
    {"MultiSelectPicklistAttributeMetadata",
     "$select=LogicalName&$expand=OptionSet,GlobalOptionSet", read_options},
    {"StateAttributeMetadata", "$select=LogicalName&$expand=OptionSet", read_options},
    {"StatusAttributeMetadata", "$select=LogicalName&$expand=OptionSet", read_options},
    {"BooleanAttributeMetadata", "$select=LogicalName&$expand=OptionSet", read_boolean},
};
#define DETAILS (sizeof details / sizeof details[0])

/* --- the table --- */

static void table_done(struct ferry_dataverse_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->columns[i].name);
        free(table->columns[i].type);
        json_decref(table->columns[i].labels);
        json_decref(table->columns[i].targets);
    }
    free(table->columns);
    free(table->name);
    free(table->entity_set);
    free(table->primary_id);
}

static bool is_lookup(const char *type)
{
    return strcmp(type, "Lookup") == 0 || strcmp(type, "Customer") == 0 ||
           strcmp(type, "Owner") == 0;
}

/* Images, files, party lists and the like are no properties of a row. A multiple choice is one,
 * though it calls itself Virtual too. */
static const char *type_of(const json_t *attribute)
{
    static const char *const others[] = {"Virtual", "PartyList", "CalendarRules", "EntityName",
                                         "ManagedProperty"};
    const char *type = json_string_value(json_object_get(attribute, "AttributeType"));
    const char *exact = json_string_value(
        json_object_get(json_object_get(attribute, "AttributeTypeName"), "Value"));
    if (exact && strcmp(exact, "MultiSelectPicklistType") == 0)
        return "MultiSelectPicklist";
    for (size_t i = 0; type && i < sizeof others / sizeof others[0]; i++)
        if (strcmp(type, others[i]) == 0)
            return NULL;
    return type;
}

/* Shadows such as parentcustomeridname cannot be selected; neither can what is not readable. */
static bool is_selectable(const json_t *attribute)
{
    const json_t *of = json_object_get(attribute, "AttributeOf");
    const json_t *readable = json_object_get(attribute, "IsValidForRead");
    return json_is_string(json_object_get(attribute, "LogicalName")) && type_of(attribute) &&
           (!of || json_is_null(of)) && !json_is_false(readable);
}

static enum ferry_status read_column(struct ferry_dataverse_table *table, const json_t *attribute)
{
    const char *name = json_string_value(json_object_get(attribute, "LogicalName"));
    const char *type = type_of(attribute);
    struct ferry_dataverse_column *column = &table->columns[table->count];
    char selected[256];
    snprintf(selected, sizeof selected, is_lookup(type) ? "_%s_value" : "%s", name);
    if (!copy(&column->name, selected))
        return FERRY_NOMEM;
    table->count++;
    column->creatable = !json_is_false(json_object_get(attribute, "IsValidForCreate"));
    return copy(&column->type, type) ? FERRY_OK : FERRY_NOMEM;
}

static enum ferry_status read_columns(struct ferry_dataverse_table *table, const json_t *attributes)
{
    table->columns = calloc(json_array_size(attributes) + 1, sizeof *table->columns);
    if (!table->columns)
        return FERRY_NOMEM;
    size_t i;
    json_t *attribute;
    json_array_foreach (attributes, i, attribute) {
        if (is_selectable(attribute) && read_column(table, attribute) != FERRY_OK)
            return FERRY_NOMEM;
    }
    return FERRY_OK;
}

/* One documented sample wraps the entity into a list. */
static const json_t *unwrap(const json_t *body)
{
    const json_t *value = json_object_get(body, "value");
    return json_is_array(value) ? json_array_get(value, 0) : body;
}

static enum ferry_status read_table(struct ferry_dataverse_table *table, const json_t *body)
{
    const json_t *entity = unwrap(body);
    const char *entity_set = json_string_value(json_object_get(entity, "EntitySetName"));
    const char *primary_id = json_string_value(json_object_get(entity, "PrimaryIdAttribute"));
    if (!entity_set || !primary_id)
        return FERRY_INVALID;
    table->change_tracking = json_is_true(json_object_get(entity, "ChangeTrackingEnabled"));
    table->activity = json_is_true(json_object_get(entity, "IsActivity"));
    if (!copy(&table->entity_set, entity_set) || !copy(&table->primary_id, primary_id))
        return FERRY_NOMEM;
    return read_columns(table, json_object_get(entity, "Attributes"));
}

const struct ferry_dataverse_column *
ferry_dataverse_column(const struct ferry_dataverse_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

static struct ferry_dataverse_column *column_of(struct ferry_dataverse_table *table,
                                                const char *logical_name)
{
    char lookup[256];
    snprintf(lookup, sizeof lookup, "_%s_value", logical_name);
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].name, logical_name) == 0 ||
            strcmp(table->columns[i].name, lookup) == 0)
            return &table->columns[i];
    return NULL;
}

static void read_detail(struct ferry_dataverse_table *table, const struct detail *detail,
                        const json_t *body)
{
    size_t i;
    json_t *attribute;
    json_array_foreach (json_object_get(body, "value"), i, attribute) {
        const char *name = json_string_value(json_object_get(attribute, "LogicalName"));
        struct ferry_dataverse_column *column = name ? column_of(table, name) : NULL;
        if (column)
            detail->read(column, attribute);
    }
}

/* --- the conversation --- */

void ferry_dataverse_description_free(struct ferry_dataverse_description *description)
{
    ferry_dataverse_cancel(description->call);
    DL_DELETE(*ferry_dataverse_descriptions(description->dataverse), description);
    table_done(&description->table);
    free(description);
}

void ferry_dataverse_descriptions_forget(struct ferry_dataverse *dataverse, const void *context)
{
    struct ferry_dataverse_description *description;
    struct ferry_dataverse_description *next;
    DL_FOREACH_SAFE (*ferry_dataverse_descriptions(dataverse), description, next) {
        if (description->context == context)
            ferry_dataverse_description_free(description);
    }
}

/* Out of the list first: the callback may free the environment. */
static void finish(struct ferry_dataverse_description *description,
                   const struct ferry_dataverse_table *table,
                   const struct ferry_remote_answer *answer)
{
    DL_DELETE(*ferry_dataverse_descriptions(description->dataverse), description);
    description->callback(description->context, table, answer);
    table_done(&description->table);
    free(description);
}

static void fail(struct ferry_dataverse_description *description,
                 const struct ferry_remote_answer *answer)
{
    struct ferry_remote_answer told = *answer;
    if (answer->verdict == FERRY_VERDICT_ABSENT && !description->head_known) {
        ferry_fail(&told.error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                   "Dynamics 365 has no table \"%s\"", description->table.name);
        ferry_advise(&told.error, "use the logical name, e.g. contact");
    }
    finish(description, NULL, &told);
}

static void fail_shape(struct ferry_dataverse_description *description)
{
    struct ferry_remote_answer answer = {
        .verdict = FERRY_VERDICT_UNAVAILABLE, .retry_after_ms = -1, .body = ""};
    ferry_fail(&answer.error, FERRY_RETRY, FERRY_CLASS_NETWORK,
               "Dynamics 365 did not describe table \"%s\" as the Web API does",
               description->table.name);
    finish(description, NULL, &answer);
}

static void on_answer(void *context, const struct ferry_remote_answer *answer);

static enum ferry_status ask(struct ferry_dataverse_description *description,
                             struct ferry_error *error)
{
    char path[PATH_SIZE];
    if (!description->head_known)
        snprintf(
            path, sizeof path,
            "EntityDefinitions(LogicalName='%s')?$select=LogicalName,EntitySetName,"
            "PrimaryIdAttribute,"
            "ChangeTrackingEnabled,IsActivity&$expand=Attributes($select=LogicalName,AttributeType,"
            "AttributeTypeName,"
            "IsValidForRead,IsValidForCreate,AttributeOf)",
            description->table.name);
    else
        snprintf(path, sizeof path,
                 "EntityDefinitions(LogicalName='%s')/Attributes/Microsoft.Dynamics.CRM.%s?%s",
                 description->table.name, details[description->detail].cast,
                 details[description->detail].query);
    const struct ferry_dataverse_request request = {
        .path = path, .fresh = true, .on_done = on_answer, .context = description};
    return ferry_dataverse_send(description->dataverse, &request, &description->call, error);
}

static bool take(struct ferry_dataverse_description *description,
                 const struct ferry_remote_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    bool good = json_is_object(body);
    if (good && !description->head_known)
        good = read_table(&description->table, body) == FERRY_OK;
    else if (good)
        read_detail(&description->table, &details[description->detail], body);
    json_decref(body);
    return good;
}

static void on_answer(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_description *description = context;
    struct ferry_remote_answer failure = {
        .verdict = FERRY_VERDICT_UNAVAILABLE, .retry_after_ms = -1, .body = ""};
    description->call = NULL;
    /* A kind of column that this environment does not know: there is none of it then. */
    bool unknown = description->head_known && answer->status == 404;
    if (answer->verdict != FERRY_VERDICT_OK && !unknown) {
        fail(description, answer);
        return;
    }
    if (!unknown && !take(description, answer)) {
        fail_shape(description);
        return;
    }
    description->detail += description->head_known;
    description->head_known = true;
    const struct ferry_remote_answer good = {
        .verdict = FERRY_VERDICT_OK, .status = 200, .retry_after_ms = -1, .body = ""};
    if (description->detail == DETAILS)
        finish(description, &description->table, &good);
    else if (ask(description, &failure.error) != FERRY_OK)
        finish(description, NULL, &failure);
}

/* A logical name goes into a URL between quotes. */
static bool is_logical_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return *name && strlen(name) <= 128 && strspn(name, allowed) == strlen(name);
}

enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error)
{
    if (!is_logical_name(table))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "\"%s\" cannot be the logical name of a table in Dynamics 365", table);
    struct ferry_dataverse_description *description = calloc(1, sizeof *description);
    if (!description || !copy(&description->table.name, table)) {
        free(description);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    description->dataverse = dataverse;
    description->callback = callback;
    description->context = context;
    enum ferry_status status = ask(description, error);
    if (status != FERRY_OK) {
        table_done(&description->table);
        free(description);
        return status;
    }
    DL_APPEND(*ferry_dataverse_descriptions(dataverse), description);
    return FERRY_OK;
}
