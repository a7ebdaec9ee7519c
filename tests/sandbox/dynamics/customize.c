#include "dynamics/customize.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamics/activity.h"
#include "dynamics/definition.h"

#define CRM         "Microsoft.Dynamics.CRM."
#define PAYLOAD     "0x80048d19"
#define ARGUMENT    "0x80040203"
#define NAME_LENGTH 100

static bool refuse(struct sandbox_call_context *call, const char *code, const char *format,
                   const char *what)
{
    char message[400];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(message, sizeof message, format, what);
#pragma GCC diagnostic pop
    sandbox_dynamics_refuse(call->request, 400, code, "%s", message);
    return false;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* {"Value":"…"} */
static const char *value_of(const json_t *object, const char *name)
{
    return text_of(json_object_get(object, name), "Value");
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* A property that the type does not have is undeclared; annotations may stand anywhere. */
static bool check_members(struct sandbox_call_context *call, json_t *object,
                          const char *const *names)
{
    const char *name;
    json_t *value;

    json_object_foreach (object, name, value) {
        if (*name != '@' && !is_listed(names, name))
            return refuse(call, PAYLOAD, "The property '%s' does not exist on the type.", name);
    }
    return true;
}

static bool check_type(struct sandbox_call_context *call, const json_t *object, const char *type)
{
    const char *given = text_of(object, "@odata.type");

    given += *given == '#';
    return strcmp(given, type) == 0 || refuse(call, PAYLOAD, "@odata.type must be %s.", type);
}

/* {"LocalizedLabels":[{"Label":"…","LanguageCode":1033}]} */
static bool check_label(struct sandbox_call_context *call, const json_t *object, const char *name)
{
    const json_t *label = json_object_get(object, name);
    const json_t *first = json_array_get(json_object_get(label, "LocalizedLabels"), 0);

    if (*text_of(first, "Label") && json_integer_value(json_object_get(first, "LanguageCode")) > 0)
        return true;
    return refuse(call, ARGUMENT, "%s must have a label with its language code.", name);
}

/* A prefix of two to eight letters and digits, '_', then letters, digits and '_'. */
static bool check_schema_name(struct sandbox_call_context *call, const char *name)
{
    size_t prefix = strcspn(name, "_");
    bool good = prefix >= 2 && prefix <= 8 && isalpha((unsigned char)*name) && name[prefix] &&
                name[prefix + 1] && strlen(name) <= NAME_LENGTH &&
                strncasecmp(name, "mscrm", 5) != 0;

    for (const char *at = name; *at; at++)
        good &= isalnum((unsigned char)*at) || (*at == '_' && at >= name + prefix);
    return good || refuse(call, ARGUMENT,
                          "The schema name '%s' must begin with a customization prefix and hold "
                          "letters, digits and underscores only.",
                          name);
}

static bool check_length(struct sandbox_call_context *call, const json_t *column, unsigned most)
{
    json_int_t length = json_integer_value(json_object_get(column, "MaxLength"));

    return (length >= 1 && length <= most) ||
           refuse(call, ARGUMENT, "The MaxLength of '%s' is missing or out of range.",
                  text_of(column, "SchemaName"));
}

static bool begin(struct sandbox_call_context *call, json_t **ret_body)
{
    const struct sandbox_buf *body = &call->request->body;
    const char *solution = sandbox_request_header(call->request, "MSCRM.SolutionUniqueName");

    call->request->call = SANDBOX_CALL_METADATA;
    if (call->dynamics->settings.no_customizer) {
        sandbox_dynamics_error(call->request, 403, "0x80040220",
                               "Principal user is missing prvCreateEntity privilege.");
        return false;
    }
    if (solution && strcmp(solution, "Default") != 0) {
        sandbox_dynamics_missing(call->request, "a solution of one's own");
        return false;
    }
    *ret_body = json_loadb(sandbox_buf_text(body), body->length, 0, NULL);
    return json_is_object(*ret_body) || refuse(call, PAYLOAD, "The body is no JSON object%s.", "");
}

static void reply_created(struct sandbox_call_context *call, const struct sandbox_table *table,
                          const char *column)
{
    char url[600], id[SANDBOX_GUID_SIZE];
    int length;

    sandbox_metadata_id(table->plan->name, "", id);
    length = snprintf(url, sizeof url, "%.300s" SANDBOX_API "EntityDefinitions(%s)",
                      call->request->base.data, id);
    if (column) {
        sandbox_metadata_id(table->plan->name, column, id);
        snprintf(url + length, sizeof url - (size_t)length, "/Attributes(%s)", id);
    }
    sandbox_reply_header(call->request, "OData-EntityId", url);
    call->request->reply.status = 204;
}

static const char *const column_members[] = {"AttributeType",    "AttributeTypeName",
                                             "AutoNumberFormat", "Description",
                                             "DisplayName",      "Format",
                                             "FormatName",       "DateTimeBehavior",
                                             "IsAuditEnabled",   "IsPrimaryName",
                                             "IsSecured",        "IsValidForAdvancedFind",
                                             "LogicalName",      "MaxLength",
                                             "MinValue",         "MaxValue",
                                             "RequiredLevel",    "SchemaName",
                                             "ImeMode",          NULL};

static const char *const table_members[] = {"ActivityTypeMask",
                                            "Attributes",
                                            "ChangeTrackingEnabled",
                                            "Description",
                                            "DisplayCollectionName",
                                            "DisplayName",
                                            "EntitySetName",
                                            "HasActivities",
                                            "HasNotes",
                                            "IsActivity",
                                            "IsAvailableOffline",
                                            "IsConnectionsEnabled",
                                            "IsMailMergeEnabled",
                                            "LogicalName",
                                            "OwnershipType",
                                            "PrimaryNameAttribute",
                                            "SchemaName",
                                            NULL};

/* The only column that comes with the table is its primary name, which an activity calls Subject.
 */
static bool check_subject(struct sandbox_call_context *call, const json_t *table)
{
    const json_t *columns = json_object_get(table, "Attributes");
    json_t *subject = json_array_get(columns, 0);

    if (json_array_size(columns) != 1 || !json_is_true(json_object_get(subject, "IsPrimaryName")))
        return refuse(call, ARGUMENT, "Attributes must hold the primary name and nothing else%s.",
                      "");
    if (strcmp(text_of(subject, "SchemaName"), "Subject") != 0)
        return refuse(call, ARGUMENT, "The primary name of an activity must be Subject, not '%s'.",
                      text_of(subject, "SchemaName"));
    return check_type(call, subject, CRM "StringAttributeMetadata") &&
           check_members(call, subject, column_members) &&
           check_label(call, subject, "DisplayName") && check_length(call, subject, 4000);
}

static bool check_flag(struct sandbox_call_context *call, const json_t *table, const char *name,
                       bool value)
{
    const json_t *given = json_object_get(table, name);

    if (json_is_boolean(given) && json_is_true(given) == value)
        return true;
    return refuse(call, ARGUMENT,
                  value ? "An activity needs %s to be true." : "An activity needs %s to be false.",
                  name);
}

static bool check_table(struct sandbox_call_context *call, json_t *table)
{
    const char *owner = text_of(table, "OwnershipType");
    const json_t *mask = json_object_get(table, "ActivityTypeMask");

    if (!check_members(call, table, table_members) ||
        !check_type(call, table, CRM "EntityMetadata") ||
        !check_schema_name(call, text_of(table, "SchemaName")) ||
        !check_label(call, table, "DisplayName") ||
        !check_label(call, table, "DisplayCollectionName"))
        return false;
    if (!json_is_true(json_object_get(table, "IsActivity"))) {
        sandbox_dynamics_missing(call->request, "the creation of a table that is no activity");
        return false;
    }
    if (strcmp(owner, "UserOwned") != 0 && strcmp(owner, "TeamOwned") != 0)
        return refuse(call, ARGUMENT, "The OwnershipType '%s' is not one of an activity.", owner);
    if (mask && json_integer_value(mask) != 0 && json_integer_value(mask) != 1)
        return refuse(call, ARGUMENT, "ActivityTypeMask must be 0 or 1%s.", "");
    return check_flag(call, table, "HasNotes", true) &&
           check_flag(call, table, "HasActivities", false) &&
           check_flag(call, table, "IsAvailableOffline", true) && check_subject(call, table);
}

/* The set's name as the service makes it of the table's. */
static void make_set(const json_t *table, const char *schema, char set[static 2 * NAME_LENGTH])
{
    const char *given = text_of(table, "EntitySetName");
    size_t length = strlen(schema);
    char last = (char)tolower((unsigned char)schema[length - 1]);
    bool hissing = last == 's' || last == 'x' || last == 'z';

    if (*given)
        snprintf(set, 2 * NAME_LENGTH, "%.150s", given);
    else if (last == 'y')
        snprintf(set, 2 * NAME_LENGTH, "%.*sies", (int)length - 1, schema);
    else
        snprintf(set, 2 * NAME_LENGTH, "%s%s", schema, hissing ? "es" : "s");
    for (size_t i = 0; set[i]; i++)
        set[i] = (char)tolower((unsigned char)set[i]);
}

static bool is_there(struct sandbox_dynamics *dynamics, const char *schema, const char *set)
{
    for (size_t i = 0; i < dynamics->table_count; i++)
        if (strcasecmp(dynamics->tables[i].plan->name, schema) == 0 ||
            strcmp(dynamics->tables[i].plan->set, set) == 0)
            return true;
    return false;
}

static void create_table(struct sandbox_call_context *call, const json_t *body)
{
    const char *schema = text_of(body, "SchemaName");
    const json_t *subject = json_array_get(json_object_get(body, "Attributes"), 0);
    char set[2 * NAME_LENGTH];

    make_set(body, schema, set);
    if (is_there(call->dynamics, schema, set)) {
        refuse(call, "0x80048403", "An entity with the specified name %s already exists.", schema);
        return;
    }
    struct sandbox_table *table =
        sandbox_activity_new(call->dynamics, schema, set,
                             (unsigned)json_integer_value(json_object_get(subject, "MaxLength")));
    if (!table) {
        sandbox_dynamics_missing(call->request, "any number of tables");
        return;
    }
    table->published = false;
    table->born_ms = sandbox_clock_ms(call->dynamics->clock);
    reply_created(call, table, NULL);
}

void sandbox_customize_table(struct sandbox_call_context *call)
{
    json_t *body = NULL;

    if (begin(call, &body) && check_table(call, body))
        create_table(call, body);
    json_decref(body);
}

static bool check_text(struct sandbox_call_context *call, const json_t *column, const char *name,
                       const char *const *values)
{
    bool complex = json_is_object(json_object_get(column, name));
    const char *value = complex ? value_of(column, name) : text_of(column, name);

    return !json_object_get(column, name) || is_listed(values, value) ||
           refuse(call, PAYLOAD, "'%s' is no value of that property.", value);
}

static bool check_string(struct sandbox_call_context *call, const json_t *column)
{
    static const char *const formats[] = {"Text",  "TextArea",     "Email", "Url",
                                          "Phone", "TickerSymbol", NULL};

    return check_length(call, column, 4000) && check_text(call, column, "FormatName", formats);
}

static bool check_memo(struct sandbox_call_context *call, const json_t *column)
{
    return check_length(call, column, 1048576);
}

static bool check_date(struct sandbox_call_context *call, const json_t *column)
{
    static const char *const formats[] = {"DateOnly", "DateAndTime", NULL};
    static const char *const behaviours[] = {"UserLocal", "DateOnly", NULL};

    if (strcmp(value_of(column, "DateTimeBehavior"), "TimeZoneIndependent") == 0) {
        sandbox_dynamics_missing(call->request, "the behaviour TimeZoneIndependent");
        return false;
    }

    return check_text(call, column, "Format", formats) &&
           check_text(call, column, "DateTimeBehavior", behaviours);
}

static bool check_integer(struct sandbox_call_context *call, const json_t *column)
{
    (void)call, (void)column;
    return true;
}

static const struct kind {
    const char *type; /* "Microsoft.Dynamics.CRM.…AttributeMetadata" */
    enum sandbox_type of;
    bool (*check)(struct sandbox_call_context *call, const json_t *column);
} kinds[] = {{"String", SANDBOX_TYPE_STRING, check_string},
             {"Memo", SANDBOX_TYPE_MEMO, check_memo},
             {"DateTime", SANDBOX_TYPE_DATETIME, check_date},
             {"Integer", SANDBOX_TYPE_INTEGER, check_integer}};

static const struct kind *find_kind(struct sandbox_call_context *call, const json_t *column)
{
    const char *type = text_of(column, "@odata.type");
    char expected[120];

    type += *type == '#';
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        snprintf(expected, sizeof expected, CRM "%sAttributeMetadata", kinds[i].type);
        if (strcmp(expected, type) == 0)
            return &kinds[i];
    }
    if (strncmp(type, CRM, strlen(CRM)) == 0 && strstr(type, "AttributeMetadata"))
        sandbox_dynamics_missing(call->request, "the creation of columns of that type");
    else
        refuse(call, PAYLOAD, "@odata.type is mandatory on a column: '%s'.", type);
    return NULL;
}

static void create_column(struct sandbox_call_context *call, struct sandbox_table *table,
                          const json_t *body, const struct kind *kind)
{
    const char *schema = text_of(body, "SchemaName");
    bool day = strcmp(value_of(body, "DateTimeBehavior"), "DateOnly") == 0;

    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].removed && strcasecmp(table->columns[i].name, schema) == 0) {
            refuse(call, "0x80047013", "An attribute with the specified name %s already exists",
                   schema);
            return;
        }
    struct sandbox_column *column =
        sandbox_table_add_column(table, schema, day ? SANDBOX_TYPE_DATEONLY : kind->of,
                                 (unsigned)json_integer_value(json_object_get(body, "MaxLength")));
    if (!column)
        return;
    table->published = false;
    column->born_ms = sandbox_clock_ms(call->dynamics->clock);
    reply_created(call, table, column->name);
}

void sandbox_customize_column(struct sandbox_call_context *call, struct sandbox_table *table)
{
    json_t *body = NULL;
    const struct kind *kind = NULL;

    if (begin(call, &body) && (kind = find_kind(call, body)) &&
        check_members(call, body, column_members) &&
        check_schema_name(call, text_of(body, "SchemaName")) &&
        check_label(call, body, "DisplayName") && kind->check(call, body))
        create_column(call, table, body, kind);
    json_decref(body);
}

/* <importexportxml><entities><entity>ferry_emailsend</entity>…</entities></importexportxml> */
static bool publish_named(struct sandbox_call_context *call, const char *xml)
{
    static const char open[] = "<entity>";
    char name[NAME_LENGTH + 1];

    if (strncmp(xml, "<importexportxml>", 17) != 0 || !strstr(xml, "</importexportxml>"))
        return refuse(call, ARGUMENT, "ParameterXml is no importexportxml%s.", "");
    for (const char *at = xml; (at = strstr(at, open));) {
        at += sizeof open - 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "<"), at);
        struct sandbox_table *table = sandbox_dynamics_table(call->dynamics, name);
        if (!table)
            return refuse(call, ARGUMENT, "The entity '%s' is not there to be published.", name);
        table->published = true;
    }
    return true;
}

void sandbox_customize_publish(struct sandbox_call_context *call)
{
    bool all = strcmp(call->segments[0], "PublishAllXml") == 0;
    json_t *body = NULL;

    for (size_t i = 0; all && i < call->dynamics->table_count; i++)
        call->dynamics->tables[i].published = true;
    if (all)
        call->request->call = SANDBOX_CALL_METADATA;
    if (all || (begin(call, &body) && publish_named(call, text_of(body, "ParameterXml"))))
        call->request->reply.status = 204;
    json_decref(body);
}
