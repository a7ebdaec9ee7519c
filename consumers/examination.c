#include "consumers/examination.h"

#include "consumers/inquiry.h"

#include <stdlib.h>
#include <string.h>

#define BOOLEAN_IN_DYNAMICS "Boolean"
#define BOOLEAN_IN_CAMPAIGN "boolean"

/* Its address is the context of that side's question. */
struct subject {
    struct ferry_examination *examination;
    enum ferry_side side;
};

struct ferry_examination {
    struct ferry_examination_options options;
    struct ferry_inquiry *inquiry;
    struct subject subjects[FERRY_SIDES];
};

static enum ferry_status misfit(const char *system, const char *name, const char *what,
                                struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "%s '%s', which Opt-In/Out keeps, %s",
               system, name, what);
    ferry_advise(error, "mend it there, or the configuration of Opt-In/Out (stop, edit, start); "
                        "the changes stay queued");
    return FERRY_INVALID;
}

/* --- the comparison --- */

static enum ferry_status compare_table(const struct ferry_consent *consent,
                                       const struct ferry_dataverse_table *table,
                                       struct ferry_error *error)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *name = consent->attributes[i].column;
        if (!name)
            continue;
        const struct ferry_dataverse_column *column = ferry_dataverse_column(table, name);
        if (!column)
            return misfit("Dynamics' column", name, "does not exist any more", error);
        if (strcmp(column->type, BOOLEAN_IN_DYNAMICS) != 0)
            return misfit("Dynamics' column", name, "is no boolean any more", error);
    }
    return FERRY_OK;
}

static enum ferry_status compare_resource(const struct ferry_consent *consent,
                                          const struct ferry_campaign_resource *resource,
                                          struct ferry_error *error)
{
    if (!ferry_campaign_field(resource, consent->key))
        return misfit("Campaign's field", consent->key, "does not exist any more", error);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *name = consent->attributes[i].field;
        if (!name)
            continue;
        const struct ferry_campaign_field *field = ferry_campaign_field(resource, name);
        if (!field)
            return misfit("Campaign's field", name, "does not exist any more", error);
        if (strcmp(ferry_campaign_field_type(field), BOOLEAN_IN_CAMPAIGN) != 0)
            return misfit("Campaign's field", name, "is no boolean any more", error);
        if (field->read_only && consent->direction != FERRY_CAMPAIGN_TO_DYNAMICS)
            return misfit("Campaign's field", name, "is read-only now", error);
    }
    return FERRY_OK;
}

/* --- asking --- */

static void finish(const struct subject *subject, const struct ferry_error *error)
{
    ferry_inquiry_answer(subject->examination->inquiry, (size_t)subject->side, error);
}

static void on_table(void *context, const struct ferry_dataverse_table *table,
                     const struct ferry_remote_answer *answer)
{
    const struct subject *subject = context;
    struct ferry_error error;
    if (!table)
        finish(subject, &answer->error);
    else if (compare_table(subject->examination->options.consent, table, &error) != FERRY_OK)
        finish(subject, &error);
    else
        finish(subject, NULL);
}

static void on_resource(void *context, const struct ferry_campaign_resource *resource,
                        const struct ferry_remote_answer *answer)
{
    const struct subject *subject = context;
    struct ferry_error error;
    if (!resource)
        finish(subject, &answer->error);
    else if (compare_resource(subject->examination->options.consent, resource, &error) != FERRY_OK)
        finish(subject, &error);
    else
        finish(subject, NULL);
}

static void ask(void *context, size_t at)
{
    struct ferry_examination *examination = context;
    const struct ferry_examination_options *options = &examination->options;
    struct subject *subject = &examination->subjects[at];
    struct ferry_error error;
    enum ferry_status status =
        subject->side == FERRY_SIDE_DYNAMICS
            ? ferry_dataverse_describe(options->dataverse, options->consent->table, on_table,
                                       subject, &error)
            : ferry_campaign_describe(options->campaign, options->consent->api,
                                      options->consent->resource, on_resource, subject, &error);
    if (status != FERRY_OK)
        finish(subject, &error);
}

static void on_result(void *context, size_t at, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_examination *examination = context;
    examination->options.on_result(examination->options.context, (enum ferry_side)at, error,
                                   retry_at);
}

/* --- life --- */

enum ferry_status ferry_examination_new(uv_loop_t *loop,
                                        const struct ferry_examination_options *options,
                                        struct ferry_examination **ret_examination,
                                        struct ferry_error *error)
{
    struct ferry_examination *examination = calloc(1, sizeof *examination);
    if (!examination)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    examination->options = *options;
    for (int side = 0; side < FERRY_SIDES; side++)
        examination->subjects[side] = (struct subject){examination, (enum ferry_side)side};
    const struct ferry_inquiry_options inquiry = {.count = FERRY_SIDES,
                                                  .retry_ms = options->retry_ms,
                                                  .ask = ask,
                                                  .on_result = on_result,
                                                  .context = examination};
    enum ferry_status status = ferry_inquiry_new(loop, &inquiry, &examination->inquiry, error);
    if (status != FERRY_OK) {
        free(examination);
        return status;
    }
    *ret_examination = examination;
    return FERRY_OK;
}

void ferry_examination_free(struct ferry_examination *examination)
{
    if (!examination)
        return;
    ferry_dataverse_forget(examination->options.dataverse,
                           &examination->subjects[FERRY_SIDE_DYNAMICS]);
    ferry_campaign_forget(examination->options.campaign,
                          &examination->subjects[FERRY_SIDE_CAMPAIGN]);
    ferry_inquiry_free(examination->inquiry);
    free(examination);
}
