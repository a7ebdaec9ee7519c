/* Pages of tracked reads: the initial one and the changes since a delta link. */
#include <stdio.h>
#include <string.h>

#include "dynamics/cookie.h"
#include "dynamics/dynamics.h"
#include "dynamics/render.h"

struct page {
    struct sandbox_call_context *call;
    struct sandbox_read *read;
    size_t read_number;
    struct sandbox_cookie at; /* where it starts; moves on while rows are written */
    size_t rows;
    uint64_t served;
    bool spoil_tried;
    bool more;
};

static void refuse_expired(struct sandbox_call_context *call)
{
    sandbox_dynamics_error(call->request, call->dynamics->settings.expired_status, "0x80044352",
                           "Version stamp associated with the client has expired. Please perform a "
                           "full sync.");
}

/* One string value gets a byte that is no UTF-8. */
static void spoil(struct page *page, struct sandbox_buf *buf, size_t row_at)
{
    struct sandbox_dynamics *dynamics = page->call->dynamics;
    const char *name = strstr(buf->data + row_at, "name\":\"");

    page->spoil_tried = true;
    if (!name || name[7] == '"')
        return;
    if (sandbox_fault_take(dynamics->faults, page->call->request, 1u << SANDBOX_FAULT_INVALID_UTF8))
        buf->data[name + 7 - buf->data] = (char)0xff;
}

static void write_row(struct page *page, struct sandbox_buf *buf,
                      const struct sandbox_record *record)
{
    struct sandbox_call_context *call = page->call;
    size_t row_at = buf->length;

    if (page->rows)
        sandbox_buf_addc(buf, ',');
    if (call->prefer.formatted || call->prefer.lookups)
        sandbox_render_annotated(buf, call, record, page->read->select);
    else
        sandbox_render_row(buf, call->table, record, page->read->select);
    if (!page->spoil_tried && call->dynamics->faults->rules && !buf->failed)
        spoil(page, buf, row_at);
    memcpy(page->rows ? page->at.last : page->at.first, record->id, 16);
    memcpy(page->at.last, record->id, 16);
    page->rows++;
    if (page->served)
        sandbox_served_row(&call->dynamics->reads, record->id, record->version, false);
}

static void write_tombstone(struct page *page, struct sandbox_buf *buf,
                            const struct sandbox_tombstone *tombstone)
{
    char id[SANDBOX_GUID_SIZE];

    sandbox_guid_format(tombstone->id, id);
    sandbox_buf_addf(buf,
                     "%s{\"@odata.context\":\"%s" SANDBOX_API
                     "$metadata#%s/$deletedEntity\",\"id\":\"%s\",\"reason\":\"deleted\"}",
                     page->rows ? "," : "", page->call->request->base.data,
                     page->call->table->plan->set, id);
    memcpy(page->at.last, tombstone->id, 16);
    page->rows++;
    if (page->served)
        sandbox_served_row(&page->call->dynamics->reads, tombstone->id, tombstone->version, true);
}

static size_t limit_of(const struct page *page)
{
    return (size_t)page->read->page_size;
}

static void write_initial(struct page *page, struct sandbox_buf *buf)
{
    const struct sandbox_table *table = page->call->table;

    for (; page->at.position < page->read->slots; page->at.position++) {
        const struct sandbox_record *record = table->slots[page->at.position];
        if (!record)
            continue;
        if (page->rows == limit_of(page)) {
            page->more = true;
            return;
        }
        write_row(page, buf, record);
    }
}

static void write_changes(struct page *page, struct sandbox_buf *buf)
{
    const struct sandbox_table *table = page->call->table;

    for (; page->at.position < table->change_count; page->at.position++) {
        if (table->changes[page->at.position].version > page->read->upto)
            break;
        const struct sandbox_record *record = sandbox_table_changed(table, page->at.position);
        if (!record)
            continue;
        if (page->rows == limit_of(page)) {
            page->more = true;
            return;
        }
        write_row(page, buf, record);
    }
    page->at.phase = 'd';
    page->at.position = sandbox_table_tombstones_after(table, page->read->from);
}

/* A row that was created again under its id is no deleted one. */
static void write_deletes(struct page *page, struct sandbox_buf *buf)
{
    const struct sandbox_table *table = page->call->table;

    for (; page->at.position < table->tombstone_count; page->at.position++) {
        const struct sandbox_tombstone *tombstone = &table->tombstones[page->at.position];
        if (tombstone->version > page->read->upto)
            return;
        if (sandbox_table_find(table, tombstone->id))
            continue;
        if (page->rows == limit_of(page)) {
            page->more = true;
            return;
        }
        write_tombstone(page, buf, tombstone);
    }
}

static void write_rows(struct page *page, struct sandbox_buf *buf)
{
    if (!page->read->from) {
        write_initial(page, buf);
        return;
    }
    if (page->at.phase == 'u')
        write_changes(page, buf);
    if (page->at.phase == 'd' && !page->more)
        write_deletes(page, buf);
}

static void begin_link(struct page *page, struct sandbox_buf *link)
{
    const char *columns = page->read->select->columns_text;

    sandbox_buf_addf(link, "%s" SANDBOX_API "%s?%s%s%s", page->call->request->base.data,
                     page->call->table->plan->set, *columns ? "$select=" : "", columns,
                     *columns ? "&" : "");
}

static void end_link(struct page *page, struct sandbox_buf *link)
{
    struct sandbox_dynamics *dynamics = page->call->dynamics;
    const struct sandbox_fault *fault =
        sandbox_fault_take(dynamics->faults, page->call->request, 1u << SANDBOX_FAULT_FOREIGN_LINK);

    if (fault)
        sandbox_fault_bend(fault, page->call->request, link);
}

static void write_next_link(struct page *page, struct sandbox_buf *link)
{
    struct sandbox_buf cookie = {0};

    begin_link(page, link);
    page->at.page_number++;
    page->at.page = page->served;
    sandbox_cookie_write(&page->at, page->call->table->plan->primary_id, true, &cookie);
    sandbox_buf_adds(link, "$skiptoken=");
    sandbox_percent_encode(link, sandbox_buf_text(&cookie), "=/_-.");
    sandbox_buf_done(&cookie);
    end_link(page, link);
}

static void write_delta_link(struct page *page, struct sandbox_buf *link)
{
    struct sandbox_dynamics *dynamics = page->call->dynamics;
    const struct sandbox_delta_link *delta = sandbox_read_link(
        &dynamics->reads, page->read_number, page->served, sandbox_clock_ms(dynamics->clock));
    char token[64];

    if (!delta)
        return;
    begin_link(page, link);
    sandbox_buf_adds(link, "$deltatoken=");
    snprintf(token, sizeof token, "%llu!%s", (unsigned long long)delta->number, delta->time);
    sandbox_percent_encode(link, token, "");
    end_link(page, link);
}

static bool wants_delta_link(const struct page *page)
{
    const struct sandbox_dynamics_settings *settings = &page->call->dynamics->settings;

    if (page->more || (settings->bug_439 && page->call->prefer.formatted))
        return false;
    return !(settings->empty_delta_nolink && page->read->from && page->at.page_number == 1 &&
             page->rows == 0);
}

/* The deltaLink stands before `value`, as in the documentation; it is known only now. */
static void insert_member(struct sandbox_buf *buf, size_t at, const char *name,
                          const struct sandbox_buf *link)
{
    struct sandbox_buf member = {0};

    sandbox_buf_addf(&member, "\"%s\":\"%s\",", name, sandbox_buf_text(link));
    if (sandbox_buf_reserve(buf, member.length)) {
        memmove(buf->data + at + member.length, buf->data + at, buf->length - at + 1);
        memcpy(buf->data + at, member.data, member.length);
        buf->length += member.length;
    }
    sandbox_buf_done(&member);
}

static void write_page(struct page *page)
{
    struct sandbox_call_context *call = page->call;
    struct sandbox_buf *buf = &call->request->reply.body, link = {0};

    sandbox_buf_reserve(buf, 4096 + limit_of(page) * 256);
    sandbox_buf_addc(buf, '{');
    sandbox_render_context(buf, call, page->read->select, page->read->from ? "/$delta" : "");
    sandbox_buf_addc(buf, ',');
    size_t value_at = buf->length;
    sandbox_buf_adds(buf, "\"value\":[");
    write_rows(page, buf);
    sandbox_buf_addc(buf, ']');
    if (page->more) {
        write_next_link(page, &link);
        sandbox_buf_addf(buf, ",\"@odata.nextLink\":\"%s\"", sandbox_buf_text(&link));
    } else if (wants_delta_link(page)) {
        write_delta_link(page, &link);
        insert_member(buf, value_at, "@odata.deltaLink", &link);
    }
    sandbox_buf_addc(buf, '}');
    sandbox_buf_done(&link);
    call->request->reply.status = 200;
    sandbox_reply_header(call->request, "Content-Type", "application/json; odata.metadata=minimal");
}

static void applied(struct page *page)
{
    struct sandbox_call_context *call = page->call;
    struct sandbox_buf text = {0};

    if (call->prefer.track)
        sandbox_buf_adds(&text, "odata.track-changes");
    if (call->prefer.page_size)
        sandbox_buf_addf(&text, "%sodata.maxpagesize=%ld", text.length ? "," : "",
                         call->prefer.page_size);
    if (text.length)
        sandbox_reply_header(call->request, "Preference-Applied", text.data);
    sandbox_buf_done(&text);
}

static void serve_page(struct page *page)
{
    struct sandbox_call_context *call = page->call;
    struct sandbox_dynamics *dynamics = call->dynamics;

    call->request->call = page->read->from ? SANDBOX_CALL_DELTA : SANDBOX_CALL_PAGE;
    if (dynamics->settings.record)
        page->served = sandbox_served_page(&dynamics->reads, call->request->number, call->table,
                                           page->read->from != 0);
    applied(page);
    write_page(page);
}

static long page_size_of(const struct sandbox_call_context *call)
{
    return call->prefer.page_size ? call->prefer.page_size : SANDBOX_PAGE_SIZE;
}

static void begin_read(struct sandbox_call_context *call, const struct sandbox_select *select,
                       uint64_t from)
{
    struct sandbox_dynamics *dynamics = call->dynamics;
    struct sandbox_read read = {.table = call->table,
                                .select = select,
                                .from = from,
                                .upto = ++dynamics->version,
                                .slots = (uint32_t)call->table->slot_count,
                                .page_size = page_size_of(call)};
    int64_t number = sandbox_read_begin(&dynamics->reads, &read);

    dynamics->version += SANDBOX_LINK_NUMBERS;
    if (number < 0) {
        sandbox_dynamics_error(call->request, 500, "0x80040216", "out of memory");
        return;
    }
    struct page page = {.call = call,
                        .read = &dynamics->reads.all[number],
                        .read_number = (size_t)number,
                        .at = {.page_number = 1, .read = (uint64_t)number, .phase = 'u'}};
    if (from)
        page.at.position = sandbox_table_changes_after(call->table, from);
    serve_page(&page);
}

/* The options that a link may carry back: $select as it was, and its token. Anything else: the link
 * was rebuilt. */
static bool check_link(struct sandbox_call_context *call, const char *token, const char *columns)
{
    const struct sandbox_request *request = call->request;
    const char *asked = sandbox_request_param(request, "$select");

    if (strcmp(asked ? asked : "", columns) == 0 && request->param_count == (asked ? 2u : 1u))
        return true;
    sandbox_dynamics_refuse(call->request, 400, "0x80060888",
                            "The link with %s was altered: its query options are not the ones that "
                            "were given out.",
                            token);
    return false;
}

static const struct sandbox_select *get_select(struct sandbox_call_context *call,
                                               const char *columns)
{
    char unknown[80];
    const struct sandbox_select *select =
        sandbox_select_get(&call->dynamics->reads, call->table, columns, unknown);

    if (!select)
        sandbox_dynamics_refuse(
            call->request, 400, "0x80060888",
            "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", unknown,
            call->table->plan->name);
    return select;
}

/* The order to expire comes by fault rule and takes effect with this request. */
static void expire_on_order(struct sandbox_call_context *call)
{
    struct sandbox_dynamics *dynamics = call->dynamics;
    const struct sandbox_fault *fault =
        sandbox_fault_take(dynamics->faults, call->request,
                           1u << SANDBOX_FAULT_DELTA_EXPIRED | 1u << SANDBOX_FAULT_METADATA_EXPIRY);

    if (fault)
        sandbox_reads_expire(&dynamics->reads, dynamics->version,
                             fault->kind == SANDBOX_FAULT_METADATA_EXPIRY);
}

static bool is_expired(const struct sandbox_dynamics *dynamics, uint64_t number, int64_t issued_ms)
{
    int64_t age_ms = sandbox_clock_ms(dynamics->clock) - issued_ms;

    return number <= dynamics->reads.expired_number ||
           age_ms > (int64_t)dynamics->settings.retention_days * 86400000;
}

/* NULL: answered. */
static const struct sandbox_delta_link *find_delta(struct sandbox_call_context *call,
                                                   const char *token)
{
    struct sandbox_dynamics *dynamics = call->dynamics;
    unsigned long long number = 0;
    char time[SANDBOX_TIME_SIZE] = "";

    expire_on_order(call);
    int read = sscanf(token, "%llu!%31[0-9/: ]", &number, time);
    const struct sandbox_delta_link *link = sandbox_read_find_link(&dynamics->reads, number);
    if (read != 2 || !link || link->table != call->table || strcmp(link->time, time) != 0) {
        sandbox_dynamics_refuse(call->request, 400, "0x80060888",
                                "The delta token '%.60s' is not valid.", token);
        return NULL;
    }
    if (is_expired(dynamics, link->number, link->issued_ms)) {
        refuse_expired(call);
        return NULL;
    }
    return link;
}

static void serve_delta(struct sandbox_call_context *call, const char *token)
{
    call->request->call = SANDBOX_CALL_DELTA;
    const struct sandbox_delta_link *link = find_delta(call, token);
    if (!link || !check_link(call, token, link->select->columns_text))
        return;
    const struct sandbox_select *select = get_select(call, link->select->columns_text);
    if (!select)
        return;
    sandbox_served_followed(&call->dynamics->reads, link->page);
    begin_read(call, select, link->number);
}

static bool check_page_size(struct sandbox_call_context *call, const struct sandbox_read *read)
{
    if (page_size_of(call) == read->page_size || call->dynamics->settings.foreign)
        return true;
    sandbox_dynamics_refuse(call->request, 400, "0x80060888",
                            "odata.maxpagesize must be %ld on every page request.",
                            read->page_size);
    return false;
}

static void serve_next(struct sandbox_call_context *call, const char *token)
{
    struct sandbox_reads *reads = &call->dynamics->reads;
    struct page page = {.call = call};
    bool tracking = false;

    call->request->call = SANDBOX_CALL_PAGE;
    expire_on_order(call);
    if (!sandbox_cookie_read(token, &page.at, &tracking) || page.at.read >= reads->count ||
        reads->all[page.at.read].table != call->table) {
        sandbox_dynamics_refuse(call->request, 400, "0x80060888", "The skip token is not valid.");
        return;
    }
    page.read_number = page.at.read;
    page.read = &reads->all[page.read_number];
    if (page.read->dead) {
        refuse_expired(call);
        return;
    }
    const char *columns = page.read->select->columns_text;
    if (!check_link(call, "a skip token", columns) || !check_page_size(call, page.read))
        return;
    const struct sandbox_select *select = get_select(call, columns);
    if (!select)
        return;
    page.read->select = select;
    sandbox_served_followed(reads, page.at.page);
    serve_page(&page);
}

static bool check_options(struct sandbox_call_context *call)
{
    static const char *const refused[] = {"$filter", "$orderby", "$expand", "$top",
                                          "$count",  "$skip",    "$apply",  "fetchXml"};

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (!sandbox_request_param(call->request, refused[i]))
            continue;
        sandbox_dynamics_refuse(
            call->request, 400, "0x80060888",
            "The \"%s\" query parameter isn't supported when Change Tracking is enabled.",
            refused[i]);
        return false;
    }
    return true;
}

void sandbox_dynamics_page(struct sandbox_call_context *call)
{
    const char *delta = sandbox_request_param(call->request, "$deltatoken");
    const char *skip = sandbox_request_param(call->request, "$skiptoken");
    const char *columns = sandbox_request_param(call->request, "$select");

    if (!check_options(call))
        return;
    if (!call->table->tracking) {
        sandbox_dynamics_refuse(call->request, 400, "0x80072491",
                                "Entity %s isn't enabled for change tracking.",
                                call->table->plan->name);
        return;
    }
    if (delta) {
        serve_delta(call, delta);
        return;
    }
    if (skip) {
        serve_next(call, skip);
        return;
    }
    call->request->call = SANDBOX_CALL_PAGE;
    const struct sandbox_select *select = get_select(call, columns ? columns : "");
    if (select)
        begin_read(call, select, 0);
}

/* $count?$deltatoken=…: how many changes, as plain text. */
void sandbox_dynamics_count(struct sandbox_call_context *call)
{
    const struct sandbox_table *table = call->table;
    const char *token = sandbox_request_param(call->request, "$deltatoken");
    size_t count = sandbox_table_rows(table);
    char text[24];

    if (token) {
        const struct sandbox_delta_link *link = find_delta(call, token);
        if (!link)
            return;
        count = 0;
        for (size_t i = sandbox_table_changes_after(table, link->number); i < table->change_count;
             i++)
            count += sandbox_table_changed(table, i) != NULL;
        count += table->tombstone_count - sandbox_table_tombstones_after(table, link->number);
    }
    snprintf(text, sizeof text, "%zu", count);
    sandbox_reply_text(call->request, 200, "text/plain", text);
}
