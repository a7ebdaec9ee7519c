/* Rows of Dynamics for the control API: each change is a normal one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/script.h"
#include "base/ndjson.h"
#include "dynamics/edit.h"
#include "dynamics/render.h"

static struct sandbox_table *find_table(struct sandbox_order *order)
{
    struct sandbox_table *table = sandbox_dynamics_table(&order->world->dynamics, order->parts[1]);

    if (!table)
        sandbox_admin_error(order, 404, "no table %s", order->parts[1]);
    return table;
}

static bool is_wanted(const char *list, const char *name)
{
    size_t length = strlen(name);

    if (!*list)
        return true;
    for (const char *at = list; *at;) {
        size_t size = strcspn(at, ",");
        if (size == length && strncmp(at, name, size) == 0)
            return true;
        at += size + (at[size] == ',');
    }
    return false;
}

static void write_record(const struct sandbox_table *table, const struct sandbox_record *record,
                         const char *select, struct sandbox_buf *buf)
{
    char id[SANDBOX_GUID_SIZE];
    bool first = true;

    sandbox_guid_format(record->id, id);
    sandbox_buf_addf(buf, "{\"id\":\"%s\",\"version\":%" PRIu64 ",\"columns\":{", id,
                     record->version);
    for (size_t i = 0; i < table->column_count; i++) {
        struct sandbox_slice value = sandbox_row_get(record->row, i);
        if (!value.at || table->columns[i].removed || !is_wanted(select, table->columns[i].wire))
            continue;
        sandbox_buf_addf(buf, "%s\"%s\":", first ? "" : ",", table->columns[i].wire);
        sandbox_buf_add(buf, value.at, value.length);
        first = false;
    }
    sandbox_buf_adds(buf, "}}\n");
}

static void write_tombstone(const struct sandbox_tombstone *tombstone, struct sandbox_buf *buf)
{
    char id[SANDBOX_GUID_SIZE];

    sandbox_guid_format(tombstone->id, id);
    sandbox_buf_addf(buf, "{\"id\":\"%s\",\"version\":%" PRIu64 ",\"deleted\":true}\n", id,
                     tombstone->version);
}

static bool next_record(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    const struct sandbox_table *table = lines->context;

    if (lines->position < table->slot_count) {
        const struct sandbox_record *record = table->slots[lines->position++];
        if (record)
            write_record(table, record, lines->text, buf);
        return true;
    }
    if (!lines->flag || lines->inner >= table->tombstone_count)
        return false;
    write_tombstone(&table->tombstones[lines->inner++], buf);
    return true;
}

static void reply_version(struct sandbox_order *order, const uint8_t id[static 16],
                          uint64_t version, unsigned status)
{
    char text[SANDBOX_GUID_SIZE];

    sandbox_guid_format(id, text);
    sandbox_reply_json(order->request, status,
                       json_pack("{s:s,s:I}", "id", text, "version", (json_int_t)version));
}

static void edit_record(struct sandbox_order *order, struct sandbox_table *table,
                        struct sandbox_record *record)
{
    struct sandbox_dynamics *dynamics = &order->world->dynamics;
    const struct sandbox_buf *body = &order->request->body;
    struct sandbox_edit edit;

    if (!sandbox_body_parse(&dynamics->body, sandbox_buf_text(body), body->length)) {
        sandbox_admin_error(order, 400, "%s", dynamics->body.error);
        return;
    }
    sandbox_edit_begin(&edit, dynamics, table, record);
    edit.raw = true;
    if (!sandbox_edit_apply(&edit, &dynamics->body)) {
        sandbox_admin_error(order, 400, "%s", edit.error.message);
    } else if (!record && sandbox_dynamics_taken(dynamics, table, edit.id)) {
        sandbox_admin_error(order, 400, "the id exists");
    } else {
        const struct sandbox_record *done = sandbox_edit_commit(&edit);
        if (done)
            reply_version(order, done->id, done->version, record ? 200 : 201);
        else
            sandbox_admin_error(order, 400, "the row is too large");
    }
    sandbox_edit_done(&edit);
}

void sandbox_admin_records(struct sandbox_order *order)
{
    struct sandbox_table *table = find_table(order);
    const char *select = sandbox_request_param(order->request, "select");
    const char *deleted = sandbox_request_param(order->request, "deleted");

    if (!table)
        return;
    if (order->request->verb == SANDBOX_POST) {
        edit_record(order, table, NULL);
        return;
    }
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);
    if (!lines)
        return;
    lines->next = next_record;
    lines->context = table;
    lines->flag = deleted && strcmp(deleted, "true") == 0;
    snprintf(lines->text, sizeof lines->text, "%s", select ? select : "");
    sandbox_ndjson_reply(order->request, lines);
}

void sandbox_admin_record(struct sandbox_order *order)
{
    struct sandbox_table *table = find_table(order);
    struct sandbox_record *record = NULL;
    uint8_t id[16];

    if (!table)
        return;
    if (sandbox_guid_parse(order->parts[3], strlen(order->parts[3]), id))
        record = sandbox_table_find(table, id);
    if (!record) {
        sandbox_admin_error(order, 404, "no row %s", order->parts[3]);
    } else if (order->request->verb == SANDBOX_PATCH) {
        edit_record(order, table, record);
    } else if (order->request->verb == SANDBOX_DELETE) {
        sandbox_edit_delete(&order->world->dynamics, table, record, true);
        reply_version(order, id, order->world->dynamics.version, 200);
    } else {
        write_record(table, record, "", &order->request->reply.body);
        sandbox_reply_header(order->request, "Content-Type", "application/json");
        order->request->reply.status = 200;
    }
}

void sandbox_admin_record_count(struct sandbox_order *order)
{
    const struct sandbox_table *table = find_table(order);

    if (table)
        sandbox_reply_json(
            order->request, 200,
            json_pack("{s:I,s:I,s:I,s:b}", "rows", (json_int_t)sandbox_table_rows(table), "deleted",
                      (json_int_t)table->tombstone_count, "version",
                      (json_int_t)order->world->dynamics.version, "published", table->published));
}

static json_int_t number(const struct sandbox_order *order, const char *name)
{
    return json_integer_value(json_object_get(order->json, name));
}

static bool read_plan(struct sandbox_order *order, struct sandbox_table *table,
                      struct sandbox_plan *plan)
{
    const char *column = json_string_value(json_object_get(order->json, "column"));
    const char *what = order->parts[2];

    plan->kind = *what == 't'   ? SANDBOX_SCRIPT_TOUCH
                 : *what == 'd' ? SANDBOX_SCRIPT_DELETE
                                : SANDBOX_SCRIPT_APPEND;
    plan->table = table;
    plan->table_at = (size_t)(table - order->world->dynamics.tables);
    if (plan->kind == SANDBOX_SCRIPT_APPEND && plan->table_at >= SANDBOX_PLANS) {
        sandbox_admin_error(order, 400, "%s has no seeded rows", table->plan->name);
        return false;
    }
    plan->random = (uint64_t)number(order, "seed") * 7727 + 1;
    plan->column = sandbox_table_logical(table, column ? column : table->plan->touched);
    if (plan->column >= 0 && table->columns[plan->column].type == SANDBOX_TYPE_STRING)
        return true;
    sandbox_admin_error(order, 400, "no string column %s", column ? column : "");
    return false;
}

/* Different rows: what was changed in this call has a version after its begin. */
static bool step_unlike(struct sandbox_world *world, struct sandbox_plan *plan, uint64_t begun,
                        uint8_t ret_id[static 16])
{
    struct sandbox_plan probe = *plan;
    const struct sandbox_table *table = plan->table;

    for (int tries = 0; plan->kind == SANDBOX_SCRIPT_TOUCH && tries < 64; tries++) {
        uint64_t state = probe.random;
        size_t at = table->slot_count ? sandbox_random(&probe.random) % table->slot_count : 0;
        const struct sandbox_record *record = table->slot_count ? table->slots[at] : NULL;
        plan->random = state;
        if (record && record->version <= begun)
            break;
    }
    return sandbox_plan_step(world, plan, ret_id);
}

static void run_now(struct sandbox_order *order, struct sandbox_plan *plan, json_int_t count)
{
    bool want_ids = json_is_true(json_object_get(order->json, "ids"));
    json_t *ids = json_array(), *answer = json_object();
    uint64_t begun = order->world->dynamics.version;
    char text[SANDBOX_GUID_SIZE];
    json_int_t done = 0;
    uint8_t id[16];

    for (; done < count && step_unlike(order->world, plan, begun, id); done++) {
        sandbox_guid_format(id, text);
        if (want_ids)
            json_array_append_new(ids, json_string(text));
    }
    json_object_set_new(answer, "changed", json_integer(done));
    json_object_set_new(answer, "version",
                        json_integer((json_int_t)order->world->dynamics.version));
    if (want_ids)
        json_object_set(answer, "ids", ids);
    json_decref(ids);
    sandbox_reply_json(order->request, 200, answer);
}

void sandbox_admin_bulk(struct sandbox_order *order)
{
    struct sandbox_table *table = find_table(order);
    json_int_t per_second = number(order, "perSecond"), seconds = number(order, "seconds");
    struct sandbox_plan plan;

    if (!table || !read_plan(order, table, &plan))
        return;
    if (per_second <= 0) {
        run_now(order, &plan, number(order, "count"));
        return;
    }
    unsigned script =
        sandbox_script_start(order->world, &plan, (unsigned)per_second, (unsigned)seconds);
    sandbox_reply_json(order->request, 200, json_pack("{s:i}", "script", (int)script));
}

static void write_served(const struct sandbox_reads *reads, size_t page, size_t row, bool empty,
                         struct sandbox_buf *buf)
{
    const struct sandbox_served_page *of = &reads->pages[page];
    const struct sandbox_served_row *at = &reads->rows[row];
    char id[SANDBOX_GUID_SIZE];

    sandbox_buf_addf(buf,
                     "{\"page\":%zu,\"request\":%" PRIu64 ",\"after\":%" PRIu64
                     ",\"kind\":\"%s\",\"followed\":%s",
                     page + 1, of->request, of->after, of->delta ? "delta" : "initial",
                     of->followed ? "true" : "false");
    if (of->sent_ms)
        sandbox_buf_addf(buf, ",\"sentAtMs\":%" PRId64, of->sent_ms);
    else
        sandbox_buf_adds(buf, ",\"sentAtMs\":null");
    if (empty) {
        sandbox_buf_adds(buf, ",\"id\":null}\n");
        return;
    }
    sandbox_guid_format(at->id, id);
    sandbox_buf_addf(buf, ",\"id\":\"%s\",\"version\":%" PRIu64 ",\"deleted\":%s}\n", id,
                     at->version, at->deleted ? "true" : "false");
}

struct served_context {
    struct sandbox_reads *reads;
    const struct sandbox_table *table;
};

static bool next_served(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    struct served_context context;
    memcpy(&context, lines->text, sizeof context);
    const struct sandbox_reads *reads = context.reads;

    if (lines->position >= reads->page_count)
        return false;
    const struct sandbox_served_page *page = &reads->pages[lines->position];
    size_t end = lines->position + 1 < reads->page_count ? page[1].first_row : reads->row_count;
    if (page->table == context.table && page->first_row == end)
        write_served(reads, lines->position, 0, true, buf);
    for (size_t row = page->first_row; page->table == context.table && row < end; row++)
        write_served(reads, lines->position, row, false, buf);
    lines->position++;
    return true;
}

void sandbox_admin_served(struct sandbox_order *order)
{
    struct served_context context = {&order->world->dynamics.reads, find_table(order)};
    struct sandbox_ndjson *lines = context.table ? calloc(1, sizeof *lines) : NULL;

    if (!lines)
        return;
    memcpy(lines->text, &context, sizeof context);
    lines->next = next_served;
    sandbox_ndjson_reply(order->request, lines);
}

static bool add_column(struct sandbox_table *table, const json_t *plan)
{
    const char *name = json_string_value(json_object_get(plan, "name"));
    const char *type = json_string_value(json_object_get(plan, "type"));
    json_int_t length = json_integer_value(json_object_get(plan, "length"));

    for (size_t i = 0; name && type && i < SANDBOX_TYPES; i++)
        if (strcmp(sandbox_type_name((enum sandbox_type)i), type) == 0)
            return sandbox_table_add_column(table, name, (enum sandbox_type)i, (unsigned)length) !=
                   NULL;
    return false;
}

static bool remove_column(struct sandbox_table *table, const char *name)
{
    int column = sandbox_table_column(table, name);

    if (column < 0)
        column = sandbox_table_logical(table, name);
    if (column < 0 || (size_t)column == table->id_column)
        return false;
    table->columns[column].removed = true;
    return true;
}

static bool publish(struct sandbox_table *table, const json_t *order)
{
    const char *removed = json_string_value(json_object_get(order, "removeColumn"));
    const json_t *added = json_object_get(order, "addColumn");
    const json_t *tracking = json_object_get(order, "tracking");
    const json_t *bulk = json_object_get(order, "createMultiple");

    if (json_is_boolean(tracking))
        table->tracking = json_is_true(tracking);
    if (json_is_boolean(bulk))
        table->bulk = json_is_true(bulk);
    return (!removed || remove_column(table, removed)) && (!added || add_column(table, added));
}

void sandbox_admin_dynamics_publish(struct sandbox_order *order)
{
    struct sandbox_dynamics *dynamics = &order->world->dynamics;
    const char *name = json_string_value(json_object_get(order->json, "table"));
    struct sandbox_table *table = name ? sandbox_dynamics_table(dynamics, name) : NULL;

    if (!table || !publish(table, order->json)) {
        sandbox_admin_error(order, 400, "no such table or column");
        return;
    }
    table->generation++;
    if (json_is_true(json_object_get(order->json, "expire")))
        sandbox_reads_expire(&dynamics->reads, dynamics->version, true);
    sandbox_reply_json(order->request, 200, json_object());
}
