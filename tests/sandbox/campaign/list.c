/* GET of one row, lists with filters and paging, counts, and single columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"
#include "campaign/check.h"
#include "campaign/optout.h"

#define FILTERS 4

/* In the place of a field. */
enum { ANY_NAME = -1, OPT_OUT_TIMES = -2 };

struct list {
    struct sandbox_operation *operation;
    struct {
        int field; /* to compare */
        const char *value;
        bool prefix;
    } filters[FILTERS];
    size_t filter_count;
    struct sandbox_optouts optouts;
    struct sandbox_buf since; /* a time as rows hold it */
    int projected;            /* field of /resource/field, or -1 */
    bool count_only;
    int order; /* field to order by, or -1 */
    bool descending;
    const struct sandbox_entry **entries;
    size_t count, size;
    size_t first, limit;
    struct sandbox_buf scratch, other;
};

static const char *text_of(struct list *list, const struct sandbox_entry *entry, int field,
                           struct sandbox_buf *buf)
{
    sandbox_buf_clear(buf);
    sandbox_campaign_value(list->operation, entry, (size_t)field, buf);
    if (buf->length >= 2 && *buf->data == '"') {
        struct sandbox_buf plain = {0};
        sandbox_json_unquote(&plain, buf->data, buf->length);
        sandbox_buf_done(buf);
        *buf = plain;
    }
    return sandbox_buf_text(buf);
}

static bool matches_text(struct list *list, const struct sandbox_entry *entry, const char *prefix)
{
    static const char *const names[] = {"email", "firstName", "lastName"};

    for (size_t i = 0; i < 3; i++) {
        int field = sandbox_resource_field(list->operation->resource, names[i]);
        if (field >= 0 &&
            strncmp(text_of(list, entry, field, &list->scratch), prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

/* One of its opt-outs changed then or later. */
static bool matches_times(const struct list *list, const struct sandbox_entry *entry)
{
    struct sandbox_slice newest = sandbox_optouts_newest(&list->optouts, entry->row);

    if (list->operation->campaign->settings.optout_filter_all && list->optouts.all_changed >= 0)
        newest = sandbox_row_get(entry->row, (size_t)list->optouts.all_changed);
    return newest.at && memcmp(newest.at, list->since.data, newest.length) >= 0;
}

static bool matches(struct list *list, const struct sandbox_entry *entry)
{
    for (size_t i = 0; i < list->filter_count; i++) {
        const char *value = list->filters[i].value;
        int field = list->filters[i].field;
        if (field < 0) {
            if (field == ANY_NAME ? !matches_text(list, entry, value) : !matches_times(list, entry))
                return false;
            continue;
        }
        const char *text = text_of(list, entry, field, &list->scratch);
        size_t length = list->filters[i].prefix ? strlen(value) : SIZE_MAX;
        if (strncmp(text, value, length) != 0)
            return false;
    }
    return true;
}

static bool refuse(struct list *list, const char *what)
{
    sandbox_campaign_refuse(list->operation->request, 404, SANDBOX_RST "\n%s", what);
    return false;
}

static bool add_filter(struct list *list, int field, const char *value, bool prefix)
{
    if (!value || list->filter_count == FILTERS)
        return refuse(list, "The parameter of the filter is missing.");
    list->filters[list->filter_count].field = field;
    list->filters[list->filter_count].value = value;
    list->filters[list->filter_count++].prefix = prefix;
    return true;
}

static bool read_text_filter(struct list *list)
{
    const struct sandbox_request *request = list->operation->request;
    const char *type = sandbox_request_param(request, "filterType");
    int field = type ? sandbox_resource_field(list->operation->resource, type) : ANY_NAME;

    if (type && field < 0)
        return refuse(list, "Unknown filterType.");
    return add_filter(list, field, sandbox_request_param(request, "text"), true);
}

/* What a person defined over the times of all opt-outs; its parameter is called "since". */
static bool read_optout_filter(struct list *list)
{
    static const struct sandbox_field since = {.name = "since", .kind = SANDBOX_KIND_DATETIME};
    const struct sandbox_resource *resource = list->operation->resource;
    const char *value = sandbox_request_param(list->operation->request, "since_parameter");
    struct sandbox_member member = {
        .type = SANDBOX_JSON_STRING, .text = value, .length = value ? strlen(value) : 0};
    char error[400];

    if (member.length &&
        !sandbox_field_check(resource, &since, &member, &list->operation->campaign->settings,
                             &list->since, error)) {
        sandbox_campaign_refuse(list->operation->request, 500, "%s", error);
        return false;
    }
    sandbox_optouts_read(resource, &list->optouts);
    return add_filter(list, OPT_OUT_TIMES, member.length ? value : NULL, false);
}

/* A custom filter is "by" and the field's name with a capital; its parameter "<name>_parameter". */
static bool read_custom_filter(struct list *list, const char *name)
{
    const struct sandbox_resource *resource = list->operation->resource;
    char field_name[80], parameter[100];

    snprintf(field_name, sizeof field_name, "%s", name + 2);
    if (*field_name >= 'A' && *field_name <= 'Z')
        *field_name = (char)(*field_name + 'a' - 'A');
    int field = sandbox_resource_field(resource, field_name);
    if (field < 0 || (field != resource->key && field != resource->join))
        return refuse(list, "Unknown filter.");
    snprintf(parameter, sizeof parameter, "%s_parameter", field_name);
    return add_filter(list, field, sandbox_request_param(list->operation->request, parameter),
                      false);
}

static bool read_filter(struct list *list, const char *name)
{
    const struct sandbox_campaign_settings *settings = &list->operation->campaign->settings;
    const struct sandbox_request *request = list->operation->request;
    bool profile = strcmp(list->operation->resource->name, "profile") == 0;

    if (profile && (strcmp(name, "byEmail") == 0 || strcmp(name, "byKeysProfile") == 0))
        return add_filter(list, sandbox_resource_field(list->operation->resource, "email"),
                          sandbox_request_param(request, "email"), false);
    if (profile && strcmp(name, "byText") == 0)
        return read_text_filter(list);
    if (profile && !settings->no_optout_filter && strcmp(name, settings->optout_filter) == 0)
        return read_optout_filter(list);
    return read_custom_filter(list, name);
}

/* False: answered. */
static bool read_parts(struct list *list)
{
    const struct sandbox_operation *operation = list->operation;

    list->projected = -1;
    for (size_t i = 0; i < operation->part_count; i++) {
        const char *part = operation->parts[i];
        int field = sandbox_resource_field(operation->resource, part);
        if (strcmp(part, "_count") == 0 && i == operation->part_count - 1)
            list->count_only = true;
        else if (field >= 0 && i == operation->part_count - 1)
            list->projected = field;
        else if (strncmp(part, "by", 2) == 0) {
            if (!read_filter(list, part))
                return false;
        } else {
            return refuse(list, "Error rc=-2003");
        }
    }
    return true;
}

static bool read_order(struct list *list)
{
    const char *order = sandbox_request_param(list->operation->request, "_order");
    char name[80];

    list->order = -1;
    if (!order)
        return true;
    size_t length = strcspn(order, " ");
    snprintf(name, sizeof name, "%.*s", (int)length, order);
    list->descending = strcmp(order + length, " desc") == 0;
    list->order = sandbox_resource_field(list->operation->resource, name);
    return (list->order >= 0 && (!order[length] || list->descending)) ||
           refuse(list, "Unknown field to order by.");
}

static bool read_window(struct list *list)
{
    const struct sandbox_request *request = list->operation->request;
    const struct sandbox_campaign *campaign = list->operation->campaign;
    const char *count = sandbox_request_param(request, "_lineCount");
    const char *start = sandbox_request_param(request, "_lineStart");
    unsigned resource;
    uint64_t first = 0;

    list->limit = count ? strtoul(count, NULL, 10) : campaign->settings.list_default;
    if (list->limit > campaign->settings.list_cap) {
        sandbox_breach(list->operation->request, "_lineCount is over %u",
                       campaign->settings.list_cap);
        list->limit = campaign->settings.list_cap;
    }
    if (start && (!sandbox_pkey_read(&campaign->pkeys, start, &resource, &first) || resource != 7))
        return refuse(list, "The _lineStart is not valid.");
    list->first = (size_t)first;
    return true;
}

static bool keep(struct list *list, const struct sandbox_entry *entry)
{
    if (list->count == list->size) {
        size_t size = list->size ? list->size * 2 : 256;
        const struct sandbox_entry **entries = realloc(list->entries, size * sizeof *entries);
        if (!entries)
            return false;
        list->entries = entries;
        list->size = size;
    }
    list->entries[list->count++] = entry;
    return true;
}

static int compare(const void *left, const void *right, void *argument)
{
    struct list *list = argument;
    const struct sandbox_entry *const *a = left, *const *b = right;
    enum sandbox_kind kind = list->operation->resource->fields[list->order].kind;
    const char *x = text_of(list, *a, list->order, &list->scratch);
    const char *y = text_of(list, *b, list->order, &list->other);
    int order = strcmp(x, y);

    if (kind == SANDBOX_KIND_INTEGER || kind == SANDBOX_KIND_DOUBLE)
        order = (strtod(x, NULL) > strtod(y, NULL)) - (strtod(x, NULL) < strtod(y, NULL));
    if (list->descending)
        order = -order;
    return order ? order : ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* A filter on the key needs no walk. */
static const struct sandbox_entry *by_key(struct list *list, bool *ret_found)
{
    const struct sandbox_resource *resource = list->operation->resource;

    *ret_found =
        list->filter_count == 1 && resource->keyed && list->filters[0].field == resource->key;
    return *ret_found ? sandbox_entry_by_key(resource, list->filters[0].value) : NULL;
}

static void collect(struct list *list)
{
    const struct sandbox_resource *resource = list->operation->resource;
    struct sandbox_campaign *campaign = list->operation->campaign;
    bool direct;
    const struct sandbox_entry *only = by_key(list, &direct);

    if (only && !sandbox_campaign_hidden(campaign, resource, only))
        keep(list, only);
    for (size_t i = 0; !direct && i < resource->slot_count; i++) {
        const struct sandbox_entry *entry = resource->slots[i];
        if (entry && !sandbox_campaign_hidden(campaign, resource, entry) && matches(list, entry))
            if (!keep(list, entry))
                break;
    }
    if (list->order >= 0 && list->count)
        qsort_r(list->entries, list->count, sizeof list->entries[0], compare, list);
}

/* The same address with other paging; a doubled slash before what follows the resource, as the real
 * one writes it. */
static void add_address(struct list *list, struct sandbox_buf *buf, bool count, size_t start)
{
    const struct sandbox_operation *operation = list->operation;
    char line_start[SANDBOX_PKEY_SIZE];

    sandbox_buf_addf(buf, "%s/%s/campaign/%s/%s/", operation->request->base.data,
                     operation->campaign->settings.org, operation->api, operation->resource->name);
    for (size_t i = 0; i < operation->part_count; i++)
        if (strcmp(operation->parts[i], "_count") != 0)
            sandbox_buf_addf(buf, "/%s", operation->parts[i]);
    sandbox_buf_adds(buf, count ? "/_count?" : "?");
    for (size_t i = 0; i < operation->request->param_count; i++) {
        const struct sandbox_pair *pair = &operation->request->params[i];
        if (strcmp(pair->name, "_lineStart") == 0)
            continue;
        sandbox_buf_addf(buf, "%s=", pair->name);
        sandbox_percent_encode(buf, pair->value, "-_.~");
        sandbox_buf_addc(buf, '&');
    }
    sandbox_pkey_write(&operation->campaign->pkeys, 7, start, 0, line_start);
    sandbox_buf_addf(buf, "_lineStart=%s", line_start);
}

static void add_next(struct list *list, struct sandbox_buf *buf, size_t start)
{
    struct sandbox_request *request = list->operation->request;
    struct sandbox_buf link = {0};
    const struct sandbox_fault *fault = sandbox_fault_take(
        list->operation->campaign->faults, request, 1u << SANDBOX_FAULT_FOREIGN_LINK);

    add_address(list, &link, false, start);
    if (fault)
        sandbox_fault_bend(fault, request, &link);
    sandbox_buf_addf(buf, "\"next\":{\"href\":\"%s\"},", sandbox_buf_text(&link));
    sandbox_buf_done(&link);
}

static bool wants_next(struct list *list, size_t end)
{
    const struct sandbox_operation *operation = list->operation;
    const char *force = sandbox_request_param(operation->request, "_forcePagination");

    return end < list->count &&
           (operation->resource->rows <= operation->campaign->settings.big_table ||
            (force && strcmp(force, "true") == 0));
}

static void write_list(struct list *list)
{
    struct sandbox_buf *buf = &list->operation->request->reply.body;
    size_t first = list->first < list->count ? list->first : list->count;
    size_t end = list->count - first > list->limit ? first + list->limit : list->count;
    bool next = wants_next(list, end);

    sandbox_buf_adds(buf, "{\"content\":[");
    for (size_t i = first; i < end; i++) {
        if (i > first)
            sandbox_buf_addc(buf, ',');
        if (list->projected >= 0)
            sandbox_campaign_value(list->operation, list->entries[i], (size_t)list->projected, buf);
        else
            sandbox_campaign_render(list->operation, list->entries[i], buf);
    }
    sandbox_buf_adds(buf, "],");
    if (list->projected < 0) {
        sandbox_buf_adds(buf, "\"count\":{\"href\":\"");
        add_address(list, buf, true, 0);
        sandbox_buf_addc(buf, '"');
        if (!next)
            sandbox_buf_addf(buf, ",\"value\":%zu", list->count);
        sandbox_buf_adds(buf, "},");
    }
    if (next)
        add_next(list, buf, end);
    sandbox_buf_adds(buf, "\"serverSidePagination\":true}");
}

static void serve_list(struct list *list)
{
    struct sandbox_request *request = list->operation->request;

    collect(list);
    if (list->count_only)
        sandbox_buf_addf(&request->reply.body, "{\"count\":%zu}", list->count);
    else
        write_list(list);
    sandbox_reply_header(request, "Content-Type", "application/json");
    request->reply.status = 200;
}

void sandbox_campaign_get(struct sandbox_operation *operation)
{
    struct sandbox_request *request = operation->request;

    request->call = SANDBOX_CALL_GET;
    const struct sandbox_entry *entry = sandbox_campaign_find(
        operation->campaign, request, operation->resource, operation->parts[0], ":0");
    if (!entry)
        return;
    sandbox_campaign_render(operation, entry, &request->reply.body);
    sandbox_reply_header(request, "Content-Type", "application/json");
    request->reply.status = 200;
}

/* One part that is neither a filter, a field nor _count names a row. */
static bool is_row(const struct sandbox_operation *operation)
{
    const char *part = operation->part_count ? operation->parts[0] : "_count";

    return operation->part_count == 1 && strcmp(part, "_count") != 0 &&
           strncmp(part, "by", 2) != 0 && sandbox_resource_field(operation->resource, part) < 0;
}

void sandbox_campaign_list(struct sandbox_operation *operation)
{
    struct list list = {.operation = operation};

    if (operation->part_count && *operation->parts[0] == '@' && operation->part_count > 1) {
        sandbox_campaign_error(operation->request, 501, "Not implemented by the sandbox: %s",
                               operation->parts[1]);
        return;
    }
    if (is_row(operation)) {
        sandbox_campaign_get(operation);
        return;
    }
    operation->request->call = SANDBOX_CALL_LIST;
    if (read_parts(&list) && read_order(&list) && read_window(&list))
        serve_list(&list);
    free(list.entries);
    sandbox_buf_done(&list.since);
    sandbox_buf_done(&list.scratch);
    sandbox_buf_done(&list.other);
}
