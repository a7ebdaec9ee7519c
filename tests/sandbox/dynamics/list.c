/* Untracked reads of a table: $select, $filter, $orderby, $top, $count and paging. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamics/cookie.h"
#include "dynamics/dynamics.h"
#include "dynamics/filter.h"
#include "dynamics/render.h"

#define COUNT_MAX 5000

struct list {
    struct sandbox_call_context *call;
    const struct sandbox_select *select;
    struct sandbox_filter *filter;
    int order_column; /* -1: by slot */
    bool descending;
    const struct sandbox_record **records;
    size_t count, size;
    struct sandbox_buf scratch; /* the text of the value at hand */
};

struct row_view {
    struct list *list;
    const struct sandbox_record *record;
};

static struct sandbox_filter_value get_value(void *argument, const char *name)
{
    struct row_view *row = argument;
    const struct sandbox_table *table = row->list->call->table;
    struct sandbox_filter_value value = {.kind = SANDBOX_FILTER_NULL, .text = ""};
    struct sandbox_buf *scratch = &row->list->scratch;
    struct sandbox_slice slice;
    char inline_text[64];

    int column = sandbox_table_column(table, name);
    if (column < 0)
        value.kind = SANDBOX_FILTER_UNKNOWN;
    if (column < 0 || !row->record ||
        !sandbox_render_value(table, row->record, (size_t)column, inline_text, &slice))
        return value;
    sandbox_buf_clear(scratch);
    if (*slice.at == '"')
        sandbox_json_unquote(scratch, slice.at, slice.length);
    else
        sandbox_buf_add(scratch, slice.at, slice.length);
    value.text = sandbox_buf_text(scratch);
    value.kind = *slice.at == '"'                       ? SANDBOX_FILTER_TEXT
                 : *slice.at == 't' || *slice.at == 'f' ? SANDBOX_FILTER_BOOLEAN
                                                        : SANDBOX_FILTER_NUMBER;
    value.number = *slice.at == 't' ? 1 : strtod(value.text, NULL);
    return value;
}

static bool refuse(struct list *list, const char *format, const char *what)
{
    char message[300];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(message, sizeof message, format, what);
#pragma GCC diagnostic pop
    sandbox_dynamics_refuse(list->call->request, 400, "0x80060888", "%s", message);
    return false;
}

static bool read_filter(struct list *list)
{
    const char *text = sandbox_request_param(list->call->request, "$filter");
    struct row_view nothing = {list, NULL};
    char error[160];

    if (!text)
        return true;
    list->filter = sandbox_filter_parse(text, error);
    if (!list->filter)
        return refuse(list, "Syntax error in $filter: %s", error);
    const char *unknown = sandbox_filter_unknown(list->filter, get_value, &nothing);
    return !unknown || refuse(list, "Could not find a property named '%s'.", unknown);
}

static bool read_order(struct list *list)
{
    const char *text = sandbox_request_param(list->call->request, "$orderby");
    char name[80];

    list->order_column = -1;
    if (!text)
        return true;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, " ,"), text);
    list->descending = strstr(text, " desc");
    list->order_column = sandbox_table_column(list->call->table, name);
    return list->order_column >= 0 ||
           refuse(list, "Could not find a property named '%s' to order by.", name);
}

static bool read_select(struct list *list)
{
    const char *columns = sandbox_request_param(list->call->request, "$select");
    char unknown[80];

    list->select = sandbox_select_get(&list->call->dynamics->reads, list->call->table,
                                      columns ? columns : "", unknown);
    return list->select || refuse(list, "Could not find a property named '%s'.", unknown);
}

/* Other forms of a query that the service has. */
static bool is_elsewhere(const char *name)
{
    static const char *const names[] = {"sql", "fetchXml", "$expand", "$apply"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool check_options(struct list *list)
{
    static const char *const known[] = {"$select", "$filter", "$orderby",
                                        "$top",    "$count",  "$skiptoken"};

    for (size_t i = 0; i < list->call->request->param_count; i++) {
        const char *name = list->call->request->params[i].name;
        bool found = *name != '$' && *name != 'f' && *name != 's';
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found |= strcmp(known[k], name) == 0;
        if (!found && is_elsewhere(name)) {
            sandbox_dynamics_missing(list->call->request, name);
            return false;
        }
        if (!found)
            return refuse(list, "The query parameter %s is not supported.", name);
    }
    return true;
}

static bool keep(struct list *list, const struct sandbox_record *record)
{
    if (list->count == list->size) {
        size_t size = list->size ? list->size * 2 : 256;
        const struct sandbox_record **records = realloc(list->records, size * sizeof *records);
        if (!records)
            return false;
        list->records = records;
        list->size = size;
    }
    list->records[list->count++] = record;
    return true;
}

/* Numbers by value, texts by bytes: enough for what orders rows here. */
static int compare_records(const void *left, const void *right, void *argument)
{
    struct list *list = argument;
    const struct sandbox_record *const *a = left, *const *b = right;
    struct row_view first = {list, *a}, second = {list, *b};
    const char *name = list->call->table->columns[list->order_column].wire;
    struct sandbox_filter_value x = get_value(&first, name);
    char *text = strdup(x.text);

    struct sandbox_filter_value y = get_value(&second, name);
    int order = x.kind != SANDBOX_FILTER_TEXT && y.kind != SANDBOX_FILTER_TEXT
                    ? (x.number > y.number) - (x.number < y.number)
                    : strcmp(text ? text : "", y.text);
    free(text);
    if (list->descending)
        order = -order;
    return order ? order : ((*a)->slot > (*b)->slot) - ((*a)->slot < (*b)->slot);
}

static void collect(struct list *list)
{
    const struct sandbox_table *table = list->call->table;

    for (size_t i = 0; i < table->slot_count; i++) {
        struct row_view row = {list, table->slots[i]};
        if (row.record && (!list->filter || sandbox_filter_matches(list->filter, get_value, &row)))
            if (!keep(list, row.record))
                return;
    }
    if (list->order_column >= 0 && list->count)
        qsort_r(list->records, list->count, sizeof list->records[0], compare_records, list);
}

static void write_link(struct list *list, size_t next, unsigned page_number)
{
    struct sandbox_request *request = list->call->request;
    struct sandbox_buf *body = &request->reply.body, link = {0}, cookie = {0};
    struct sandbox_cookie at = {.page_number = page_number + 1, .phase = 'l', .position = next};

    memcpy(at.first, list->records[0]->id, 16);
    memcpy(at.last, list->records[next - 1]->id, 16);
    sandbox_buf_addf(&link, "%s" SANDBOX_API "%s?", request->base.data,
                     list->call->table->plan->set);
    for (size_t i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i].name, "$skiptoken") == 0)
            continue;
        sandbox_buf_addf(&link, "%s=", request->params[i].name);
        sandbox_percent_encode(&link, request->params[i].value, "=/_-.,'");
        sandbox_buf_addc(&link, '&');
    }
    sandbox_cookie_write(&at, list->call->table->plan->primary_id, false, &cookie);
    sandbox_buf_adds(&link, "$skiptoken=");
    sandbox_percent_encode(&link, sandbox_buf_text(&cookie), "=/_-.");
    const struct sandbox_fault *fault =
        sandbox_fault_take(list->call->dynamics->faults, request, 1u << SANDBOX_FAULT_FOREIGN_LINK);
    if (fault)
        sandbox_fault_bend(fault, request, &link);
    sandbox_buf_addf(body, ",\"@odata.nextLink\":\"%s\"", sandbox_buf_text(&link));
    sandbox_buf_done(&cookie);
    sandbox_buf_done(&link);
}

static void write_rows(struct list *list, size_t from, size_t to)
{
    struct sandbox_call_context *call = list->call;
    struct sandbox_buf *buf = &call->request->reply.body;

    for (size_t i = from; i < to; i++) {
        if (i > from)
            sandbox_buf_addc(buf, ',');
        if (call->prefer.formatted || call->prefer.lookups)
            sandbox_render_annotated(buf, call, list->records[i], list->select);
        else
            sandbox_render_row(buf, call->table, list->records[i], list->select);
    }
}

/* The real service counts no further; whether there are more it says only to who asks. */
static void write_count(const struct sandbox_call_context *call, size_t count,
                        struct sandbox_buf *buf)
{
    size_t told = count < COUNT_MAX ? count : COUNT_MAX;

    sandbox_buf_addf(buf, ",\"@odata.count\":%zu", told);
    if (strstr(call->prefer.annotations, "Microsoft.Dynamics.CRM.totalrecordcount") ||
        strchr(call->prefer.annotations, '*'))
        sandbox_buf_addf(buf,
                         ",\"@Microsoft.Dynamics.CRM.totalrecordcount\":%zu,"
                         "\"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\":%s",
                         told, count > COUNT_MAX ? "true" : "false");
}

static void write_list(struct list *list, const struct sandbox_cookie *at)
{
    struct sandbox_call_context *call = list->call;
    struct sandbox_buf *buf = &call->request->reply.body;
    const char *top = sandbox_request_param(call->request, "$top");
    size_t limit = call->prefer.page_size ? (size_t)call->prefer.page_size : SANDBOX_PAGE_SIZE;
    size_t from = at->position < list->count ? at->position : list->count;
    char applied[64];

    if (top && !call->prefer.page_size && strtoul(top, NULL, 10) < list->count)
        list->count = strtoul(top, NULL, 10);
    size_t to = list->count - from > limit ? from + limit : list->count;
    sandbox_buf_addc(buf, '{');
    sandbox_render_context(buf, call, list->select, "");
    const char *count = sandbox_request_param(call->request, "$count");
    if (count && strcmp(count, "true") == 0)
        write_count(call, list->count, buf);
    sandbox_buf_adds(buf, ",\"value\":[");
    write_rows(list, from, to);
    sandbox_buf_addc(buf, ']');
    if (to < list->count)
        write_link(list, to, at->page_number);
    sandbox_buf_addc(buf, '}');
    snprintf(applied, sizeof applied, "odata.maxpagesize=%zu", limit);
    if (call->prefer.page_size)
        sandbox_reply_header(call->request, "Preference-Applied", applied);
    sandbox_reply_header(call->request, "Content-Type", "application/json; odata.metadata=minimal");
    call->request->reply.status = 200;
}

void sandbox_dynamics_list(struct sandbox_call_context *call)
{
    struct list list = {.call = call};
    struct sandbox_cookie at = {.page_number = 1};
    const char *skip = sandbox_request_param(call->request, "$skiptoken");
    bool tracking = false;

    call->request->call = SANDBOX_CALL_LIST;
    bool good =
        check_options(&list) && read_select(&list) && read_filter(&list) && read_order(&list);
    if (good && skip && (!sandbox_cookie_read(skip, &at, &tracking) || tracking))
        good = refuse(&list, "The skip token is not valid%s.", "");
    if (good) {
        collect(&list);
        write_list(&list, &at);
    }
    sandbox_filter_free(list.filter);
    sandbox_buf_done(&list.scratch);
    free(list.records);
}
