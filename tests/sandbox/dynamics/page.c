#include "dynamics/page.h"

#include <stdio.h>
#include <string.h>

#include "dynamics/render.h"

/* One string value gets a byte that is no UTF-8. */
static void spoil(struct sandbox_page *page, struct sandbox_buf *buf, size_t row_at)
{
    struct sandbox_dynamics *dynamics = page->call->dynamics;
    const char *name = strstr(buf->data + row_at, "name\":\"");

    page->spoil_tried = true;
    if (!name || name[7] == '"')
        return;
    if (sandbox_fault_take(dynamics->faults, page->call->request, 1u << SANDBOX_FAULT_INVALID_UTF8))
        buf->data[name + 7 - buf->data] = (char)0xff;
}

static void write_row(struct sandbox_page *page, struct sandbox_buf *buf,
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

static void write_tombstone(struct sandbox_page *page, struct sandbox_buf *buf,
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

static size_t limit_of(const struct sandbox_page *page)
{
    return (size_t)page->read->page_size;
}

static void write_initial(struct sandbox_page *page, struct sandbox_buf *buf)
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

static void write_changes(struct sandbox_page *page, struct sandbox_buf *buf)
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
static void write_deletes(struct sandbox_page *page, struct sandbox_buf *buf)
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

static void write_rows(struct sandbox_page *page, struct sandbox_buf *buf)
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

static void begin_link(struct sandbox_page *page, struct sandbox_buf *link)
{
    const char *columns = page->read->select->columns_text;

    sandbox_buf_addf(link, "%s" SANDBOX_API "%s?%s%s%s", page->call->request->base.data,
                     page->call->table->plan->set, *columns ? "$select=" : "", columns,
                     *columns ? "&" : "");
}

static void end_link(struct sandbox_page *page, struct sandbox_buf *link)
{
    struct sandbox_dynamics *dynamics = page->call->dynamics;
    const struct sandbox_fault *fault =
        sandbox_fault_take(dynamics->faults, page->call->request, 1u << SANDBOX_FAULT_FOREIGN_LINK);

    if (fault)
        sandbox_fault_bend(fault, page->call->request, link);
}

static void write_next_link(struct sandbox_page *page, struct sandbox_buf *link)
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

static void write_delta_link(struct sandbox_page *page, struct sandbox_buf *link)
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

static bool wants_delta_link(const struct sandbox_page *page)
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

static void write_page(struct sandbox_page *page)
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

static void applied(struct sandbox_page *page)
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

void sandbox_page_serve(struct sandbox_page *page)
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
