#include "consumers/inspection.h"

#include "consumers/inquiry.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 40

struct job {
    struct ferry_inspection *inspection;
    struct ferry_table *table;
    struct ferry_campaign_call *call; /* the probe of the key */
};

struct ferry_inspection {
    struct ferry_inspection_options options;
    struct ferry_inquiry *inquiry;
    struct job *jobs;
};

/* --- the comparison --- */

static enum ferry_status misfit(const struct ferry_mapping *mapping, const char *field,
                                const char *what, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "field '%s' of Campaign's '%s' %s", field,
               mapping->resource, what);
    ferry_advise(error,
                 "mend the mapping of %s (stop, edit, start), or the resource in Campaign; its "
                 "records stay queued",
                 mapping->table);
    return FERRY_INVALID;
}

static bool is_limited(const struct ferry_mapping_field *field)
{
    return strcmp(field->destination_type, "string") == 0 ||
           strcmp(field->destination_type, "memo") == 0;
}

static enum ferry_status compare_field(const struct ferry_mapping *mapping,
                                       const struct ferry_mapping_field *field,
                                       const struct ferry_campaign_resource *resource,
                                       struct ferry_error *error)
{
    const struct ferry_campaign_field *found = ferry_campaign_field(resource, field->destination);
    if (!found)
        return misfit(mapping, field->destination, "does not exist any more", error);
    if (found->read_only)
        return misfit(mapping, field->destination, "is read-only now", error);
    if (strcmp(ferry_campaign_field_type(found), field->destination_type) != 0)
        return misfit(mapping, field->destination,
                      field->link_table ? "is no link to one record any more"
                                        : "is of another type than at the start",
                      error);
    if (is_limited(field) && found->length > 0 &&
        (field->length == 0 || found->length < field->length))
        return misfit(mapping, field->destination, "is shorter than it was at the start", error);
    return FERRY_OK;
}

enum ferry_status ferry_inspection_compare(const struct ferry_mapping *mapping,
                                           const struct ferry_campaign_resource *resource,
                                           struct ferry_error *error)
{
    if (!ferry_campaign_field(resource, mapping->key))
        return misfit(mapping, mapping->key, "does not exist any more", error);
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < mapping->field_count && status == FERRY_OK; i++)
        status = compare_field(mapping, &mapping->fields[i], resource, error);
    return status;
}

/* --- asking --- */

static void finish(struct job *job, const struct ferry_error *error)
{
    struct ferry_inspection *inspection = job->inspection;
    job->call = NULL;
    ferry_inquiry_answer(inspection->inquiry, (size_t)(job - inspection->jobs), error);
}

static void on_result(void *context, size_t subject, const struct ferry_error *error,
                      int64_t retry_at)
{
    struct ferry_inspection *inspection = context;
    inspection->options.on_result(inspection->options.context, inspection->jobs[subject].table,
                                  error, retry_at);
}

/* Without an identification key a creation that is repeated makes a second record, so the key is
 * proved by a question for a record that cannot be there. */
static void on_probe(void *context, const struct ferry_remote_answer *answer)
{
    struct job *job = context;
    const struct ferry_mapping *mapping = job->table->mapping;
    struct ferry_error error;
    bool proved = answer->verdict == FERRY_VERDICT_ABSENT || answer->verdict == FERRY_VERDICT_OK;
    if (proved) {
        finish(job, NULL);
        return;
    }
    error = answer->error;
    if (answer->status == 500 || answer->verdict == FERRY_VERDICT_REFUSED)
        misfit(mapping, mapping->key, "is no identification key (any more)", &error);
    finish(job, &error);
}

static enum ferry_status probe_key(struct job *job, struct ferry_error *error)
{
    const struct ferry_mapping *mapping = job->table->mapping;
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "00000000-0000-4000-8000-%012llx",
             (unsigned long long)ferry_wall_ms() & 0xffffffffffff);
    const struct ferry_campaign_request request = {.method = "GET",
                                                   .api = mapping->api,
                                                   .resource = mapping->resource,
                                                   .key = key,
                                                   .on_done = on_probe,
                                                   .context = job};
    return ferry_campaign_send(job->inspection->options.campaign, &request, &job->call, error);
}

static void on_described(void *context, const struct ferry_campaign_resource *resource,
                         const struct ferry_remote_answer *answer)
{
    struct job *job = context;
    struct ferry_error error;
    if (!resource) {
        finish(job, &answer->error);
        return;
    }
    enum ferry_status status = ferry_inspection_compare(job->table->mapping, resource, &error);
    if (status == FERRY_OK)
        status = probe_key(job, &error);
    if (status != FERRY_OK)
        finish(job, &error);
}

static void ask(void *context, size_t subject)
{
    struct ferry_inspection *inspection = context;
    struct job *job = &inspection->jobs[subject];
    const struct ferry_mapping *mapping = job->table->mapping;
    struct ferry_error error;
    if (ferry_campaign_describe(inspection->options.campaign, mapping->api, mapping->resource,
                                on_described, job, &error) != FERRY_OK)
        finish(job, &error);
}

static size_t find_subject(const struct ferry_inspection *inspection,
                           const struct ferry_table *table)
{
    size_t at = 0;
    while (inspection->jobs[at].table != table)
        at++;
    return at;
}

void ferry_inspection_repeat(struct ferry_inspection *inspection, const struct ferry_table *table)
{
    ferry_inquiry_repeat(inspection->inquiry, find_subject(inspection, table));
}

void ferry_inspection_postpone(struct ferry_inspection *inspection, const struct ferry_table *table)
{
    ferry_inquiry_postpone(inspection->inquiry, find_subject(inspection, table));
}

/* --- life --- */

static void free_memory(struct ferry_inspection *inspection)
{
    free(inspection->jobs);
    free(inspection);
}

enum ferry_status ferry_inspection_new(uv_loop_t *loop,
                                       const struct ferry_inspection_options *options,
                                       struct ferry_inspection **ret_inspection,
                                       struct ferry_error *error)
{
    struct ferry_inspection *inspection = calloc(1, sizeof *inspection);
    if (inspection)
        inspection->jobs = calloc(options->table_count + 1, sizeof *inspection->jobs);
    if (!inspection || !inspection->jobs) {
        free(inspection);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    inspection->options = *options;
    for (size_t i = 0; i < options->table_count; i++)
        inspection->jobs[i] = (struct job){.inspection = inspection, .table = options->tables[i]};
    const struct ferry_inquiry_options inquiry = {.count = options->table_count,
                                                  .retry_ms = options->retry_ms,
                                                  .ask = ask,
                                                  .on_result = on_result,
                                                  .context = inspection};
    enum ferry_status status = ferry_inquiry_new(loop, &inquiry, &inspection->inquiry, error);
    if (status != FERRY_OK) {
        free_memory(inspection);
        return status;
    }
    *ret_inspection = inspection;
    return FERRY_OK;
}

void ferry_inspection_free(struct ferry_inspection *inspection)
{
    if (!inspection)
        return;
    for (size_t i = 0; i < inspection->options.table_count; i++) {
        struct job *job = &inspection->jobs[i];
        if (job->call)
            ferry_campaign_cancel(job->call);
        ferry_campaign_forget(inspection->options.campaign, job);
    }
    ferry_inquiry_free(inspection->inquiry);
    free_memory(inspection);
}
