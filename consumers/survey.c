#include "consumers/survey.h"

#include "consumers/inquiry.h"

#include <stdlib.h>
#include <string.h>

struct subject {
    struct ferry_survey *survey;
    struct ferry_desk *desk;
};

struct ferry_survey {
    struct ferry_survey_options options;
    struct ferry_inquiry *inquiry;
    struct subject subjects[FERRY_EVENT_KINDS];
    size_t count; /* of those that are on */
};

/* --- the comparison --- */

static enum ferry_status misfit(const struct ferry_activity *activity, const char *column,
                                const char *what, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "column '%s' of Dynamics' table '%s' %s",
               column, activity->table, what);
    ferry_advise(error, "mend the table (\"ferryctl check\" compares), or the configuration (stop, "
                        "edit, start); the events stay queued");
    return FERRY_INVALID;
}

static enum ferry_status compare_column(const struct ferry_activity *activity, const char *name,
                                        int64_t length, const struct ferry_dataverse_table *table,
                                        struct ferry_error *error)
{
    if (!name)
        return FERRY_OK;
    const struct ferry_dataverse_column *found = ferry_dataverse_column(table, name);
    if (!found)
        return misfit(activity, name, "does not exist any more", error);
    if (found->length > 0 && (length == 0 || found->length < length))
        return misfit(activity, name, "is shorter than it was at the start", error);
    return FERRY_OK;
}

enum ferry_status ferry_survey_compare(const struct ferry_activity *activity,
                                       const struct ferry_dataverse_table *table,
                                       struct ferry_error *error)
{
    const struct ferry_activity_column *const columns[] = {&activity->campaign, &activity->delivery,
                                                           &activity->mirror_page, &activity->url};
    if (strcmp(table->entity_set, activity->entity_set) != 0) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "Dynamics' table '%s' has the entity set '%s' now, not '%s'", activity->table,
                   table->entity_set, activity->entity_set);
        ferry_advise(error, "stop the workflow and start it again, so that it is looked up");
        return FERRY_INVALID;
    }
    enum ferry_status status = compare_column(activity, activity->date.name, 0, table, error);
    if (status == FERRY_OK)
        status = compare_column(activity, "subject", activity->subject_length, table, error);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == FERRY_OK; i++)
        status = compare_column(activity, columns[i]->name, columns[i]->length, table, error);
    return status;
}

/* --- asking --- */

static void finish(const struct subject *subject, const struct ferry_error *error)
{
    struct ferry_survey *survey = subject->survey;
    ferry_inquiry_answer(survey->inquiry, (size_t)(subject - survey->subjects), error);
}

static void on_described(void *context, const struct ferry_dataverse_table *table,
                         const struct ferry_remote_answer *answer)
{
    const struct subject *subject = context;
    struct ferry_error error;
    if (!table)
        finish(subject, &answer->error);
    else if (ferry_survey_compare(subject->desk->activity, table, &error) != FERRY_OK)
        finish(subject, &error);
    else
        finish(subject, NULL);
}

static void ask(void *context, size_t at)
{
    struct ferry_survey *survey = context;
    struct subject *subject = &survey->subjects[at];
    struct ferry_error error;
    if (ferry_dataverse_describe(survey->options.dataverse, subject->desk->activity->table,
                                 on_described, subject, &error) != FERRY_OK)
        finish(subject, &error);
}

static void on_result(void *context, size_t at, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_survey *survey = context;
    survey->options.on_result(survey->options.context, survey->subjects[at].desk, error, retry_at);
}

static size_t find(const struct ferry_survey *survey, const struct ferry_desk *desk)
{
    size_t at = 0;
    while (survey->subjects[at].desk != desk)
        at++;
    return at;
}

void ferry_survey_repeat(struct ferry_survey *survey, const struct ferry_desk *desk)
{
    ferry_inquiry_repeat(survey->inquiry, find(survey, desk));
}

void ferry_survey_postpone(struct ferry_survey *survey, const struct ferry_desk *desk)
{
    ferry_inquiry_postpone(survey->inquiry, find(survey, desk));
}

/* --- life --- */

enum ferry_status ferry_survey_new(uv_loop_t *loop, const struct ferry_survey_options *options,
                                   struct ferry_survey **ret_survey, struct ferry_error *error)
{
    struct ferry_survey *survey = calloc(1, sizeof *survey);
    if (!survey)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    survey->options = *options;
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        if (options->desks[kind].on)
            survey->subjects[survey->count++] = (struct subject){survey, &options->desks[kind]};
    const struct ferry_inquiry_options inquiry = {.count = survey->count,
                                                  .retry_ms = options->retry_ms,
                                                  .ask = ask,
                                                  .on_result = on_result,
                                                  .context = survey};
    enum ferry_status status = ferry_inquiry_new(loop, &inquiry, &survey->inquiry, error);
    if (status != FERRY_OK) {
        free(survey);
        return status;
    }
    *ret_survey = survey;
    return FERRY_OK;
}

void ferry_survey_free(struct ferry_survey *survey)
{
    if (!survey)
        return;
    for (size_t i = 0; i < survey->count; i++)
        ferry_dataverse_forget(survey->options.dataverse, &survey->subjects[i]);
    ferry_inquiry_free(survey->inquiry);
    free(survey);
}
