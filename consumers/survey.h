/* Does Dynamics still take the activities of the order? Reads the metadata of each kind's table,
 * compares, and goes on trying while there is no answer. Loop thread only. */
#ifndef FERRY_SURVEY_H
#define FERRY_SURVEY_H

#include "consumers/desk.h"
#include "core/remote/dataverse.h"

#include <uv.h>

struct ferry_survey;

struct ferry_survey_options {
    struct ferry_dataverse *dataverse;
    struct ferry_desk *desks; /* one a kind; those that are off are not asked about */
    int64_t retry_ms;
    /* As ferry_inquiry_options says. */
    void (*on_result)(void *context, struct ferry_desk *desk, const struct ferry_error *error,
                      int64_t retry_at);
    void *context;
};

enum ferry_status ferry_survey_new(uv_loop_t *loop, const struct ferry_survey_options *options,
                                   struct ferry_survey **ret_survey,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_survey_free(struct ferry_survey *survey);
/* Asks about this one again, now; or as late as after a misfit. */
void ferry_survey_repeat(struct ferry_survey *survey, const struct ferry_desk *desk);
void ferry_survey_postpone(struct ferry_survey *survey, const struct ferry_desk *desk);

/* The comparison alone. FERRY_INVALID, class schema, names table and column. */
enum ferry_status ferry_survey_compare(const struct ferry_activity *activity,
                                       const struct ferry_dataverse_table *table,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

#endif
