#include "producers/sources/dataverse.h"

#include "core/base/clock.h"
#include "producers/sources/source.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACKED          "odata.track-changes,"
#define RETENTION_AGE_MS 3600000
#define PATH_CEILING     ((size_t)32 << 10)

struct ferry_dataverse_source {
    struct ferry_dataverse *dataverse;
    struct ferry_source_system system;
    char prefer[96];
    const char *prefer_untracked; /* its end */
    int64_t poll_ms;
    int64_t retention; /* days */
    int64_t retention_asked_at;
    bool retention_asking;
};

struct ferry_dataverse_read {
    struct ferry_dataverse_source *source;
    struct ferry_dataverse_call *call;
    const struct ferry_mapping *mapping;
    enum ferry_http_flow (*on_body)(void *context, const char *data, size_t length);
    ferry_remote_callback on_done;
    ferry_dataverse_checked on_checked;
    void *context;
};

enum ferry_status ferry_dataverse_source_new(struct ferry_http *http,
                                             const struct ferry_dynamics_settings *settings,
                                             struct ferry_metrics *metrics,
                                             struct ferry_dataverse_source **ret_source,
                                             struct ferry_error *error)
{
    struct ferry_dataverse_source *source = calloc(1, sizeof *source);
    if (!source)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    source->system = (struct ferry_source_system){metrics, "ferry_reader_answers_total",
                                                  "Answers of Dynamics 365 by what they mean.", 0};
    source->poll_ms = settings->poll_interval_ms;
    source->retention = -1;
    snprintf(source->prefer, sizeof source->prefer, TRACKED "odata.maxpagesize=%" PRId64,
             settings->page_size);
    source->prefer_untracked = source->prefer + strlen(TRACKED);
    enum ferry_status status = ferry_dataverse_new(http, settings, &source->dataverse, error);
    if (status != FERRY_OK) {
        ferry_dataverse_source_free(source);
        return status;
    }
    *ret_source = source;
    return FERRY_OK;
}

void ferry_dataverse_source_free(struct ferry_dataverse_source *source)
{
    if (!source)
        return;
    ferry_dataverse_free(source->dataverse);
    free(source);
}

int64_t ferry_dataverse_source_poll_ms(const struct ferry_dataverse_source *source)
{
    return source->poll_ms;
}

int64_t ferry_dataverse_source_wait(const struct ferry_dataverse_source *source)
{
    return ferry_source_wait_ms(&source->system);
}

int64_t ferry_dataverse_source_retention(const struct ferry_dataverse_source *source)
{
    return source->retention;
}

enum ferry_status ferry_dataverse_source_owns(const struct ferry_dataverse_source *source,
                                              const char *link, struct ferry_error *error)
{
    return ferry_dataverse_owns(source->dataverse, link, error);
}

/* ---- retention of delta links ---- */

static void on_retention(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_source *source = context;
    source->retention_asking = false;
    ferry_source_learn(&source->system, answer);
    if (answer->verdict != FERRY_VERDICT_OK)
        return; /* asked again with the next page */
    json_t *json = json_loadb(answer->body, answer->length, 0, NULL);
    json_t *row = json_array_get(json_object_get(json, "value"), 0);
    json_t *days = json_object_get(row, "expirechangetrackingindays");
    if (json_is_integer(days))
        source->retention = json_integer_value(days);
    source->retention_asked_at = ferry_boot_ms();
    json_decref(json);
}

static void ask_retention(struct ferry_dataverse_source *source)
{
    bool fresh = source->retention_asked_at &&
                 ferry_boot_ms() - source->retention_asked_at < RETENTION_AGE_MS;
    if (fresh || source->retention_asking)
        return;
    const struct ferry_dataverse_request request = {
        .path = "organizations?$select=expirechangetrackingindays",
        .on_done = on_retention,
        .context = source,
    };
    struct ferry_dataverse_call *call;
    struct ferry_error error;
    source->retention_asking =
        ferry_dataverse_send(source->dataverse, &request, &call, &error) == FERRY_OK;
}

/* ---- does the mapping fit? ---- */

static enum ferry_row_number number_of(const char *type)
{
    static const struct {
        const char *type;
        enum ferry_row_number number;
    } numbers[] = {
        {"Integer", FERRY_ROW_INTEGER},  {"BigInt", FERRY_ROW_INTEGER},
        {"Picklist", FERRY_ROW_INTEGER}, {"State", FERRY_ROW_INTEGER},
        {"Status", FERRY_ROW_INTEGER},   {"Double", FERRY_ROW_DOUBLE},
        {"Boolean", FERRY_ROW_BOOLEAN},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(numbers[i].type, type) == 0)
            return numbers[i].number;
    return FERRY_ROW_DIGITS; /* Decimal, Money: not a digit may be lost */
}

static enum ferry_status fit_columns(const struct ferry_mapping *mapping,
                                     const struct ferry_dataverse_table *table,
                                     struct ferry_row_column *columns, struct ferry_error *error)
{
    for (size_t i = 0; i < mapping->column_count; i++) {
        const char *name = mapping->columns[i];
        const struct ferry_dataverse_column *column = ferry_dataverse_column(table, name);
        if (!column) {
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                       "Table %s of Dynamics 365 has no column %s.", mapping->table, name);
            ferry_advise(error, "Add the column in Dynamics 365 or take it out of the mapping, "
                                "then start the workflow again.");
            return FERRY_INVALID;
        }
        columns[i] = (struct ferry_row_column){name, number_of(column->type)};
    }
    return FERRY_OK;
}

static enum ferry_status fit(const struct ferry_mapping *mapping,
                             const struct ferry_dataverse_table *table,
                             struct ferry_row_column *columns, struct ferry_error *error)
{
    if (!table->change_tracking) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "Table %s of Dynamics 365 has no change tracking.", mapping->table);
        ferry_advise(error, "Switch on \"Track changes\" for the table in Dynamics 365, then start "
                            "the workflow again.");
        return FERRY_INVALID;
    }
    if (strcmp(table->entity_set, mapping->entity_set) != 0 ||
        strcmp(table->primary_id, mapping->primary_id) != 0) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "Table %s of Dynamics 365 is now the entity set %s with id %s; it was mapped as "
                   "%s with id %s.",
                   mapping->table, table->entity_set, table->primary_id, mapping->entity_set,
                   mapping->primary_id);
        ferry_advise(error, "Save the mapping again and start the workflow.");
        return FERRY_INVALID;
    }
    return fit_columns(mapping, table, columns, error);
}

static void on_described(void *context, const struct ferry_dataverse_table *table,
                         const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_read *read = context;
    struct ferry_error error = answer->error;
    struct ferry_row_column *columns = NULL;
    enum ferry_status status = ferry_source_status(answer);
    ferry_source_learn(&read->source->system, answer);
    if (table) {
        columns = calloc(read->mapping->column_count + 1, sizeof *columns);
        status = columns ? fit(read->mapping, table, columns, &error) : FERRY_NOMEM;
        ask_retention(read->source);
    }
    if (status != FERRY_OK) {
        free(columns);
        columns = NULL;
    }
    read->on_checked(read->context, status, columns, &error);
    free(read);
}

enum ferry_status ferry_dataverse_source_check(struct ferry_dataverse_source *source,
                                               const struct ferry_mapping *mapping,
                                               ferry_dataverse_checked callback, void *context,
                                               struct ferry_dataverse_read **ret_read,
                                               struct ferry_error *error)
{
    struct ferry_dataverse_read *read = calloc(1, sizeof *read);
    if (!read)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    *read = (struct ferry_dataverse_read){
        .source = source, .mapping = mapping, .on_checked = callback, .context = context};
    enum ferry_status status =
        ferry_dataverse_describe(source->dataverse, mapping->table, on_described, read, error);
    if (status != FERRY_OK) {
        free(read);
        return status;
    }
    *ret_read = read;
    return FERRY_OK;
}

/* ---- pages ---- */

static enum ferry_http_flow on_body(void *context, const char *data, size_t length)
{
    struct ferry_dataverse_read *read = context;
    return read->on_body(read->context, data, length);
}

static void on_done(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_dataverse_read *read = context;
    ferry_source_learn(&read->source->system, answer);
    ask_retention(read->source);
    read->on_done(read->context, answer);
    free(read);
}

static enum ferry_status first_path(const struct ferry_mapping *mapping, struct ferry_buffer *path)
{
    enum ferry_status status = ferry_buffer_printf(path, "%s?$select=", mapping->entity_set);
    for (size_t i = 0; i < mapping->column_count && status == FERRY_OK; i++)
        status = ferry_buffer_printf(path, "%s%s", i ? "," : "", mapping->columns[i]);
    if (mapping->column_count == 0 && status == FERRY_OK)
        status = ferry_buffer_append_text(path, mapping->primary_id);
    return status;
}

/* Without an order of their own, pages of an untracked read may repeat or skip rows. */
static enum ferry_status narrow(const struct ferry_mapping *mapping, const char *where,
                                struct ferry_buffer *path)
{
    char *escaped = curl_easy_escape(NULL, where, 0);
    enum ferry_status status =
        escaped ? ferry_buffer_printf(path, "&$filter=%s&$orderby=%s", escaped, mapping->primary_id)
                : FERRY_NOMEM;
    curl_free(escaped);
    return status;
}

enum ferry_status ferry_dataverse_source_read(
    struct ferry_dataverse_source *source, const struct ferry_mapping *mapping,
    struct ferry_dataverse_page page,
    enum ferry_http_flow (*on_page_body)(void *context, const char *data, size_t length),
    ferry_remote_callback on_page_done, void *context, struct ferry_dataverse_read **ret_read,
    struct ferry_error *error)
{
    struct ferry_buffer path;
    struct ferry_dataverse_read *read = calloc(1, sizeof *read);
    ferry_buffer_init(&path, PATH_CEILING);
    enum ferry_status status = read ? first_path(mapping, &path) : FERRY_NOMEM;
    if (status == FERRY_OK && page.where)
        status = narrow(mapping, page.where, &path);
    if (status != FERRY_OK) {
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    } else {
        *read = (struct ferry_dataverse_read){
            .source = source, .on_body = on_page_body, .on_done = on_page_done, .context = context};
        const struct ferry_dataverse_request request = {
            .link = page.link,
            .path = page.link ? NULL : path.data,
            .prefer = page.where ? source->prefer_untracked : source->prefer,
            .on_body = on_body,
            .on_done = on_done,
            .context = read,
        };
        status = ferry_dataverse_send(source->dataverse, &request, &read->call, error);
    }
    ferry_buffer_done(&path);
    if (status != FERRY_OK) {
        free(read);
        return status;
    }
    *ret_read = read;
    return FERRY_OK;
}

void ferry_dataverse_source_resume(struct ferry_dataverse_read *read)
{
    ferry_dataverse_resume(read->call);
}

void ferry_dataverse_source_cancel(struct ferry_dataverse_read *read)
{
    if (!read)
        return;
    if (read->call)
        ferry_dataverse_cancel(read->call);
    else
        ferry_dataverse_forget(read->source->dataverse, read);
    free(read);
}
