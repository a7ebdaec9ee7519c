/* Tracked reads: the first page, the pages after it, and the changes since a delta link. */
#include <stdio.h>
#include <string.h>

#include "dynamics/cookie.h"
#include "dynamics/dynamics.h"
#include "dynamics/page.h"

static void refuse_expired(struct sandbox_call_context *call)
{
    sandbox_dynamics_error(call->request, call->dynamics->settings.expired_status, "0x80044352",
                           "Version stamp associated with the client has expired. Please perform a "
                           "full sync.");
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
    struct sandbox_page page = {.call = call,
                                .read = &dynamics->reads.all[number],
                                .read_number = (size_t)number,
                                .at = {.page_number = 1, .read = (uint64_t)number, .phase = 'u'}};
    if (from)
        page.at.position = sandbox_table_changes_after(call->table, from);
    sandbox_page_serve(&page);
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
    struct sandbox_page page = {.call = call};
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
    sandbox_page_serve(&page);
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
