#include "controller/selection.h"

#include "core/base/buffer.h"
#include "core/control/comparison.h"
#include "core/record/moment.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_MAX  ((size_t)16 << 10)
#define FILTER_MAX 4000
#define COUNT_MAX  5000 /* where the service stops to count */
#define TIME       "modifiedon"
#define TOTAL      "Microsoft.Dynamics.CRM.totalrecordcount"
#define PREFER     "odata.maxpagesize=1,odata.include-annotations=\"" TOTAL "," TOTAL "limitexceeded\""

struct ferry_selection {
    struct ferry_dataverse *dataverse;
    struct ferry_dataverse_call *call;
    json_t *body;
    struct ferry_buffer where;
    ferry_selection_callback callback;
    void *context;
};

/* --- what is asked for --- */

static enum ferry_status refuse(struct ferry_error *error, const char *what)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE, "%s", what);
}

static struct ferry_slice slice_of(const json_t *text)
{
    return (struct ferry_slice){json_string_value(text), json_string_length(text)};
}

static bool is_id(const json_t *id)
{
    const char *reason;
    return json_is_string(id) && ferry_kind_holds(FERRY_KIND_ID, slice_of(id), &reason);
}

static enum ferry_status check_ids(const json_t *ids, struct ferry_error *error)
{
    size_t i;
    json_t *id;
    if (!json_is_array(ids) || json_array_size(ids) == 0)
        return refuse(error, "\"ids\" must be a list of ids");
    if (json_array_size(ids) > FERRY_SELECTION_IDS)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                          "%zu ids are too many for one replay: at most %d, or use a filter",
                          json_array_size(ids), FERRY_SELECTION_IDS);
    json_array_foreach (ids, i, id)
        if (!is_id(id))
            return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                              "'%.60s' is no id: an id has the form "
                              "60c4e274-0d87-e711-80e5-00155db19e6d",
                              json_is_string(id) ? json_string_value(id) : "");
    return FERRY_OK;
}

static enum ferry_status check_filter(const json_t *filter, struct ferry_error *error)
{
    if (!json_is_string(filter) || json_string_length(filter) == 0 ||
        json_string_length(filter) > FILTER_MAX)
        return refuse(error, "\"filter\" must be an OData filter of at most 4000 bytes, like "
                             "lastname eq 'Lee'");
    return FERRY_OK;
}

static enum ferry_status check_since(const json_t *since, struct ferry_error *error)
{
    struct ferry_moment moment;
    const char *reason = "is no text";
    if (json_is_string(since) && ferry_moment_parse(slice_of(since), &moment, &reason))
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                      "since: '%.60s' %s; write it like 2026-04-07T21:59:01Z or 2026-04-07",
                      json_is_string(since) ? json_string_value(since) : "", reason);
}

static const struct {
    const char *name;
    enum ferry_status (*check)(const json_t *value, struct ferry_error *error);
} members[] = {{"ids", check_ids}, {"filter", check_filter}, {"since", check_since}};
#define MEMBERS (sizeof members / sizeof members[0])

enum ferry_status ferry_selection_check(const json_t *body, struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < MEMBERS && status == FERRY_OK; i++) {
        const json_t *value = json_object_get(body, members[i].name);
        if (value)
            status = members[i].check(value, error);
    }
    return status;
}

bool ferry_selection_is_part(const json_t *body)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (json_object_get(body, members[i].name))
            return true;
    return false;
}

/* --- as one $filter --- */

static enum ferry_status begin_term(struct ferry_buffer *where)
{
    return where->length > 0 ? ferry_buffer_append_text(where, " and ") : FERRY_OK;
}

static enum ferry_status add_ids(struct ferry_buffer *where, const json_t *ids,
                                 const char *primary_id)
{
    size_t i;
    json_t *id;
    enum ferry_status status = ferry_buffer_printf(
        where, "Microsoft.Dynamics.CRM.In(PropertyName='%s',PropertyValues=[", primary_id);
    json_array_foreach (ids, i, id)
        if (status == FERRY_OK)
            status = ferry_buffer_printf(where, "%s\"%s\"", i ? "," : "", json_string_value(id));
    return status == FERRY_OK ? ferry_buffer_append_text(where, "])") : status;
}

static enum ferry_status add_since(struct ferry_buffer *where, const json_t *since)
{
    struct ferry_moment moment;
    const char *reason;
    char text[FERRY_MOMENT_SIZE];
    if (!ferry_moment_parse(slice_of(since), &moment, &reason))
        return FERRY_INVALID;
    ferry_moment_format(&moment, text);
    text[10] = 'T'; /* the service knows whole seconds */
    return ferry_buffer_printf(where, TIME " ge %.19sZ", text);
}

static enum ferry_status write_where(struct ferry_selection *selection, const char *primary_id)
{
    const json_t *ids = json_object_get(selection->body, "ids");
    const json_t *filter = json_object_get(selection->body, "filter");
    const json_t *since = json_object_get(selection->body, "since");
    struct ferry_buffer *where = &selection->where;
    enum ferry_status status = ids ? add_ids(where, ids, primary_id) : FERRY_OK;
    if (status == FERRY_OK && filter)
        status = begin_term(where);
    if (status == FERRY_OK && filter)
        status = ferry_buffer_printf(where, "(%s)", json_string_value(filter));
    if (status == FERRY_OK && since)
        status = begin_term(where);
    return status == FERRY_OK && since ? add_since(where, since) : status;
}

/* --- asking --- */

static void free_selection(struct ferry_selection *selection)
{
    json_decref(selection->body);
    ferry_buffer_done(&selection->where);
    free(selection);
}

static void finish(struct ferry_selection *selection, struct ferry_selection_result *result)
{
    result->where = selection->where.data;
    selection->callback(selection->context, result);
    free_selection(selection);
}

static void fail(struct ferry_selection *selection, enum ferry_status status,
                 const struct ferry_error *error)
{
    struct ferry_selection_result result = {.status = status, .error = *error};
    finish(selection, &result);
}

static void take_count(struct ferry_selection *selection, const struct ferry_remote_answer *answer)
{
    json_t *json = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *count = json_object_get(json, "@odata.count");
    const json_t *exceeded = json_object_get(json, "@" TOTAL "limitexceeded");
    struct ferry_selection_result result = {.records = json_integer_value(count)};
    if (!json_is_integer(count))
        result.status = ferry_fail(&result.error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                                   "Dynamics 365 answered without a count of the rows");
    result.more = json_is_boolean(exceeded) ? json_is_true(exceeded) : result.records >= COUNT_MAX;
    json_decref(json);
    finish(selection, &result);
}

static void on_counted(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_selection *selection = context;
    struct ferry_error error = answer->error;
    bool refused = answer->verdict == FERRY_VERDICT_REFUSED;
    selection->call = NULL;
    if (answer->verdict == FERRY_VERDICT_OK) {
        take_count(selection, answer);
        return;
    }
    if (refused)
        ferry_advise(&error, "Correct the filter; it is OData, like: lastname eq 'Lee'.");
    fail(selection, refused ? FERRY_INVALID : FERRY_RETRY, &error);
}

static enum ferry_status count(struct ferry_selection *selection,
                               const struct ferry_dataverse_table *table, struct ferry_error *error)
{
    struct ferry_buffer path;
    char *escaped =
        selection->where.length > 0 ? curl_easy_escape(NULL, selection->where.data, 0) : NULL;
    ferry_buffer_init(&path, 3 * WHERE_MAX + 1000);
    enum ferry_status status =
        ferry_buffer_printf(&path, "%s?$select=%s&$count=true%s%s", table->entity_set,
                            table->primary_id, escaped ? "&$filter=" : "", escaped ? escaped : "");
    const struct ferry_dataverse_request request = {
        .path = path.data, .prefer = PREFER, .on_done = on_counted, .context = selection};
    if (status == FERRY_OK)
        status = ferry_dataverse_send(selection->dataverse, &request, &selection->call, error);
    else
        ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    ferry_buffer_done(&path);
    curl_free(escaped);
    return status;
}

static enum ferry_status select_rows(struct ferry_selection *selection,
                                     const struct ferry_dataverse_table *table,
                                     struct ferry_error *error)
{
    if (json_object_get(selection->body, "since") && !ferry_dataverse_column(table, TIME))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "table %s of Dynamics 365 has no column " TIME ", which since needs",
                          table->name);
    enum ferry_status status = write_where(selection, table->primary_id);
    if (status == FERRY_OK)
        return count(selection, table, error);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE, "the rows cannot be named so");
}

static void on_described(void *context, const struct ferry_dataverse_table *table,
                         const struct ferry_remote_answer *answer)
{
    struct ferry_selection *selection = context;
    struct ferry_error error = answer->error;
    enum ferry_status status =
        answer->verdict == FERRY_VERDICT_ABSENT ? FERRY_INVALID : FERRY_RETRY;
    if (table)
        status = select_rows(selection, table, &error);
    if (status != FERRY_OK)
        fail(selection, status, &error);
}

enum ferry_status ferry_selection_start(struct ferry_dataverse *dataverse, json_t *body,
                                        ferry_selection_callback callback, void *context,
                                        struct ferry_selection **ret_selection,
                                        struct ferry_error *error)
{
    struct ferry_selection *selection = calloc(1, sizeof *selection);
    if (!selection)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    selection->dataverse = dataverse;
    selection->body = json_incref(body);
    selection->callback = callback;
    selection->context = context;
    ferry_buffer_init(&selection->where, WHERE_MAX);
    enum ferry_status status =
        ferry_dataverse_describe(dataverse, json_string_value(json_object_get(body, "table")),
                                 on_described, selection, error);
    if (status != FERRY_OK) {
        free_selection(selection);
        return status;
    }
    *ret_selection = selection;
    return FERRY_OK;
}

void ferry_selection_cancel(struct ferry_selection *selection)
{
    if (!selection)
        return;
    ferry_dataverse_forget(selection->dataverse, selection);
    free_selection(selection);
}
