#include "dynamics/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void render_id(struct sandbox_buf *buf, const struct sandbox_record *record)
{
    char text[SANDBOX_GUID_SIZE + 2];

    text[0] = '"';
    sandbox_guid_format(record->id, text + 1);
    text[37] = '"';
    sandbox_buf_add(buf, text, 38);
}

static void render_etag(struct sandbox_buf *buf, const struct sandbox_record *record)
{
    sandbox_buf_add(buf, "{\"@odata.etag\":\"W/\\\"", 20);
    sandbox_buf_addu(buf, record->version);
    sandbox_buf_add(buf, "\\\"\"", 3);
}

static void render_last_id(struct sandbox_buf *buf, const struct sandbox_table *table,
                           const struct sandbox_record *record, const struct sandbox_select *select)
{
    if (!select->has_id) {
        sandbox_buf_addf(buf, ",\"%s\":", table->plan->primary_id);
        render_id(buf, record);
    }
    sandbox_buf_addc(buf, '}');
}

void sandbox_render_row(struct sandbox_buf *buf, const struct sandbox_table *table,
                        const struct sandbox_record *record, const struct sandbox_select *select)
{
    render_etag(buf, record);
    for (size_t i = 0; i < select->count; i++) {
        size_t column = select->columns[i];
        sandbox_buf_add(buf, select->names[i], select->lengths[i]);
        struct sandbox_slice value = sandbox_row_get(record->row, column);
        if (value.at)
            sandbox_buf_add(buf, value.at, value.length);
        else if (column == table->id_column)
            render_id(buf, record);
        else if (column == table->version_column)
            sandbox_buf_addu(buf, record->version);
        else
            sandbox_buf_add(buf, "null", 4);
    }
    render_last_id(buf, table, record, select);
}

bool sandbox_render_value(const struct sandbox_table *table, const struct sandbox_record *record,
                          size_t column, char scratch[static 64], struct sandbox_slice *ret_value)
{
    *ret_value = sandbox_row_get(record->row, column);
    if (ret_value->at)
        return true;
    if (column == table->id_column) {
        scratch[0] = '"';
        sandbox_guid_format(record->id, scratch + 1);
        memcpy(scratch + 37, "\"", 2);
    } else if (column == table->version_column) {
        snprintf(scratch, 64, "%llu", (unsigned long long)record->version);
    } else {
        return false;
    }
    *ret_value = (struct sandbox_slice){scratch, strlen(scratch)};
    return true;
}

/* Values stand side by side in a row: a number ends with its slice. */
static double number_of(struct sandbox_slice value)
{
    char digits[64];

    snprintf(digits, sizeof digits, "%.*s", (int)value.length, value.at);
    return strtod(digits, NULL);
}

static const char *option_label(const struct sandbox_column *column, struct sandbox_slice value)
{
    int number = column->type == SANDBOX_TYPE_BOOLEAN ? *value.at == 't' : (int)number_of(value);

    for (const struct sandbox_option *option = column->options; option && option->label; option++)
        if (option->value == number)
            return option->label;
    return NULL;
}

static bool read_time(struct sandbox_slice value, int parts[static 6])
{
    memset(parts, 0, 6 * sizeof parts[0]);
    return sscanf(value.at, "\"%4d-%2d-%2dT%2d:%2d", &parts[0], &parts[1], &parts[2], &parts[3],
                  &parts[4]) >= 3;
}

static void format_time(struct sandbox_buf *buf, struct sandbox_slice value, bool day)
{
    int at[6];

    if (!read_time(value, at))
        return;
    sandbox_buf_addf(buf, "%d/%d/%d", at[1], at[2], at[0]);
    if (!day)
        sandbox_buf_addf(buf, " %d:%02d %s", at[3] % 12 ? at[3] % 12 : 12, at[4],
                         at[3] < 12 ? "AM" : "PM");
}

/* 1234567.5000 -> 1,234,567.50 */
static void format_number(struct sandbox_buf *buf, struct sandbox_slice value,
                          const struct sandbox_column *column)
{
    char digits[64];
    bool whole = column->type == SANDBOX_TYPE_INTEGER || column->type == SANDBOX_TYPE_BIGINT;

    snprintf(digits, sizeof digits, "%.*f", whole ? 0 : (int)column->length, number_of(value));
    if (column->type == SANDBOX_TYPE_MONEY)
        sandbox_buf_addc(buf, '$');
    size_t point = strcspn(digits, ".");
    for (size_t i = 0; digits[i]; i++) {
        if (i && i < point && (point - i) % 3 == 0 && digits[i - 1] != '-')
            sandbox_buf_addc(buf, ',');
        sandbox_buf_addc(buf, digits[i]);
    }
}

static struct sandbox_record *find_target(const struct sandbox_call_context *call,
                                          const struct sandbox_column *column,
                                          struct sandbox_slice value, struct sandbox_table **ret)
{
    uint8_t id[16];

    if (!column->targets || !sandbox_guid_parse(value.at + 1, value.length - 2, id))
        return NULL;
    for (size_t i = 0; i < call->dynamics->table_count; i++) {
        struct sandbox_table *table = &call->dynamics->tables[i];
        struct sandbox_record *record = sandbox_table_find(table, id);
        if (record && strstr(column->targets, table->plan->name)) {
            *ret = table;
            return record;
        }
    }
    return NULL;
}

static void format_lookup(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                          const struct sandbox_column *column, struct sandbox_slice value)
{
    struct sandbox_table *table = NULL;
    struct sandbox_record *record = find_target(call, column, value, &table);

    if (!record) {
        sandbox_buf_adds(buf, strstr(column->targets, "currency") ? "US Dollar" : "Ferry Service");
        return;
    }
    int name = sandbox_table_logical(table, table->plan->primary_name);
    struct sandbox_slice text =
        name < 0 ? (struct sandbox_slice){0} : sandbox_row_get(record->row, (size_t)name);
    if (text.at)
        sandbox_json_unquote(buf, text.at, text.length);
}

static void format_value(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                         const struct sandbox_column *column, struct sandbox_slice value)
{
    const char *label;

    switch (column->type) {
    case SANDBOX_TYPE_BOOLEAN:
    case SANDBOX_TYPE_PICKLIST:
    case SANDBOX_TYPE_STATE:
    case SANDBOX_TYPE_STATUS:
        label = option_label(column, value);
        sandbox_buf_adds(buf, label ? label : "");
        break;
    case SANDBOX_TYPE_DATETIME:
    case SANDBOX_TYPE_DATEONLY:
        format_time(buf, value, column->type == SANDBOX_TYPE_DATEONLY);
        break;
    case SANDBOX_TYPE_INTEGER:
    case SANDBOX_TYPE_BIGINT:
    case SANDBOX_TYPE_DOUBLE:
    case SANDBOX_TYPE_DECIMAL:
    case SANDBOX_TYPE_MONEY:
        format_number(buf, value, column);
        break;
    case SANDBOX_TYPE_LOOKUP:
    case SANDBOX_TYPE_CUSTOMER:
    case SANDBOX_TYPE_OWNER:
        format_lookup(buf, call, column, value);
        break;
    case SANDBOX_TYPE_STRING:
    case SANDBOX_TYPE_MEMO:
    case SANDBOX_TYPE_GUID:
    case SANDBOX_TYPE_ENTITY_NAME:
    case SANDBOX_TYPES:
        break;
    }
}

static void annotate(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                     const struct sandbox_column *column, struct sandbox_slice value)
{
    struct sandbox_buf text = {0};

    format_value(&text, call, column, value);
    if (call->prefer.formatted && text.length) {
        sandbox_buf_addf(buf, ",\"%s@OData.Community.Display.V1.FormattedValue\":", column->wire);
        sandbox_json_string(buf, text.data, text.length, call->dynamics->settings.escape_unicode);
    }
    sandbox_buf_done(&text);
    if (!call->prefer.lookups || !sandbox_type_is_lookup(column->type))
        return;
    struct sandbox_table *table = NULL;
    find_target(call, column, value, &table);
    int first = (int)strcspn(column->targets, ",");
    const char *target = table ? table->plan->name : column->targets;
    int length = table ? (int)strlen(target) : first;
    char navigation[SANDBOX_NAVIGATION_SIZE];
    sandbox_column_navigation(column, target, (size_t)length, navigation);
    sandbox_buf_addf(buf,
                     ",\"%s@Microsoft.Dynamics.CRM.associatednavigationproperty\":\"%s\""
                     ",\"%s@Microsoft.Dynamics.CRM.lookuplogicalname\":\"%.*s\"",
                     column->wire, navigation, column->wire, length, target);
}

void sandbox_render_annotated(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                              const struct sandbox_record *record,
                              const struct sandbox_select *select)
{
    char scratch[64];
    struct sandbox_slice value;

    render_etag(buf, record);
    for (size_t i = 0; i < select->count; i++) {
        const struct sandbox_column *column = &call->table->columns[select->columns[i]];
        bool set = sandbox_render_value(call->table, record, select->columns[i], scratch, &value);
        if (set)
            annotate(buf, call, column, value);
        else
            value = (struct sandbox_slice){"null", 4};
        sandbox_buf_add(buf, select->names[i], select->lengths[i]);
        sandbox_buf_add(buf, value.at, value.length);
    }
    render_last_id(buf, call->table, record, select);
}

void sandbox_render_context(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                            const struct sandbox_select *select, const char *suffix)
{
    const char *columns = select->columns_text;

    sandbox_buf_addf(buf, "\"@odata.context\":\"%s" SANDBOX_API "$metadata#%s%s%s%s%s\"",
                     call->request->base.data, call->table->plan->set, *columns ? "(" : "", columns,
                     *columns ? ")" : "", suffix);
}
