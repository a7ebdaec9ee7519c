#include "producers/sources/campaign.h"

#include "core/record/moment.h"
#include "producers/sources/source.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES  ((size_t)64 << 20) /* a profile with all its fields has some 3 KiB */
#define QUERY_BYTES 4096

struct ferry_campaign_source {
    struct ferry_campaign *campaign;
    struct ferry_source_system system;
    int64_t poll_ms;
    int64_t page_size;
};

struct ferry_campaign_inquiry {
    struct ferry_campaign_source *source;
    struct ferry_campaign_call *call; /* NULL: it is about metadata */
    const struct ferry_consent *consent;
    ferry_campaign_checked on_checked;
    ferry_remote_callback on_done;
    void *context;
};

/* ---- life ---- */

enum ferry_status ferry_campaign_source_new(struct ferry_http *http,
                                            const struct ferry_campaign_settings *settings,
                                            struct ferry_metrics *metrics,
                                            struct ferry_campaign_source **ret_source,
                                            struct ferry_error *error)
{
    struct ferry_campaign_source *source = calloc(1, sizeof *source);
    if (!source)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    source->system =
        (struct ferry_source_system){metrics, "ferry_reader_campaign_answers_total",
                                     "Answers of Adobe Campaign by what they mean.", 0};
    source->poll_ms = settings->poll_interval_ms;
    source->page_size = settings->page_size;
    enum ferry_status status = ferry_campaign_new(http, settings, &source->campaign, error);
    if (status != FERRY_OK) {
        ferry_campaign_source_free(source);
        return status;
    }
    *ret_source = source;
    return FERRY_OK;
}

void ferry_campaign_source_free(struct ferry_campaign_source *source)
{
    if (!source)
        return;
    ferry_campaign_free(source->campaign);
    free(source);
}

int64_t ferry_campaign_source_poll_ms(const struct ferry_campaign_source *source)
{
    return source->poll_ms;
}

int64_t ferry_campaign_source_wait(const struct ferry_campaign_source *source)
{
    return ferry_source_wait_ms(&source->system);
}

enum ferry_status ferry_campaign_source_owns(const struct ferry_campaign_source *source,
                                             const char *link, struct ferry_error *error)
{
    return ferry_campaign_owns(source->campaign, link, error);
}

/* ---- does the order fit? ---- */

static enum ferry_status miss(const struct ferry_consent *consent, const char *name,
                              const char *what, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "%s of Adobe Campaign %s %s.",
               consent->resource, what, name);
    ferry_advise(error, "Publish the field in Adobe Campaign or change the configuration of "
                        "opt-in-out, then start the workflow again.");
    return FERRY_INVALID;
}

static enum ferry_status fit(const struct ferry_consent *consent,
                             const struct ferry_campaign_resource *resource,
                             struct ferry_error *error)
{
    if (!ferry_campaign_field(resource, consent->key))
        return miss(consent, consent->key, "has no field", error);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_consent_attribute *attribute = &consent->attributes[i];
        if (!attribute->field)
            continue;
        const struct ferry_campaign_field *field = ferry_campaign_field(resource, attribute->field);
        if (!field)
            return miss(consent, attribute->field, "has no field", error);
        if (strcmp(ferry_campaign_field_type(field), "boolean") != 0)
            return miss(consent, attribute->field, "has no boolean", error);
        if (attribute->time && !ferry_campaign_field(resource, attribute->time))
            return miss(consent, attribute->time, "has no field", error);
    }
    return FERRY_OK;
}

static void on_described(void *context, const struct ferry_campaign_resource *resource,
                         const struct ferry_remote_answer *answer)
{
    struct ferry_campaign_inquiry *inquiry = context;
    struct ferry_error error = answer->error;
    ferry_source_learn(&inquiry->source->system, answer);
    enum ferry_status status =
        resource ? fit(inquiry->consent, resource, &error) : ferry_source_status(answer);
    inquiry->on_checked(inquiry->context, status, &error);
    free(inquiry);
}

enum ferry_status ferry_campaign_source_check(struct ferry_campaign_source *source,
                                              const struct ferry_consent *consent,
                                              ferry_campaign_checked on_checked, void *context,
                                              struct ferry_campaign_inquiry **ret_inquiry,
                                              struct ferry_error *error)
{
    struct ferry_campaign_inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (!inquiry)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    *inquiry = (struct ferry_campaign_inquiry){
        .source = source, .consent = consent, .on_checked = on_checked, .context = context};
    enum ferry_status status = ferry_campaign_describe(
        source->campaign, consent->api, consent->resource, on_described, inquiry, error);
    if (status != FERRY_OK) {
        free(inquiry);
        return status;
    }
    *ret_inquiry = inquiry;
    return FERRY_OK;
}

/* ---- pages ---- */

static void on_page(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_campaign_inquiry *inquiry = context;
    ferry_source_learn(&inquiry->source->system, answer);
    inquiry->on_done(inquiry->context, answer);
    free(inquiry);
}

/* Without _forcePagination large tables would give a first page and no link to the next. */
static enum ferry_status print_query(const struct ferry_campaign_source *source,
                                     const struct ferry_consent *consent, int64_t since,
                                     struct ferry_buffer *query)
{
    const struct ferry_moment moment = {.seconds = since / 1000,
                                        .milliseconds = (int)(since % 1000)};
    char text[FERRY_MOMENT_SIZE];
    ferry_moment_format(&moment, text);
    char *escaped = curl_easy_escape(NULL, text, 0);
    enum ferry_status status =
        escaped ? ferry_buffer_printf(
                      query, "%s=%s&_order=%s&_lineCount=%" PRId64 "&_forcePagination=true",
                      consent->filter_parameter, escaped, consent->key, source->page_size)
                : FERRY_NOMEM;
    curl_free(escaped);
    return status;
}

enum ferry_status ferry_campaign_source_read(struct ferry_campaign_source *source,
                                             const struct ferry_consent *consent, int64_t since,
                                             const char *link, ferry_remote_callback on_done,
                                             void *context,
                                             struct ferry_campaign_inquiry **ret_inquiry,
                                             struct ferry_error *error)
{
    struct ferry_buffer query;
    struct ferry_campaign_inquiry *inquiry = calloc(1, sizeof *inquiry);
    ferry_buffer_init(&query, QUERY_BYTES);
    enum ferry_status status = inquiry ? print_query(source, consent, since, &query) : FERRY_NOMEM;
    if (status != FERRY_OK) {
        status = ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    } else {
        *inquiry = (struct ferry_campaign_inquiry){
            .source = source, .on_done = on_done, .context = context};
        const struct ferry_campaign_request request = {
            .method = "GET",
            .api = consent->api,
            .resource = consent->resource,
            .filter = consent->filter,
            .query = query.data,
            .link = link,
            .max_answer_bytes = PAGE_BYTES,
            .on_done = on_page,
            .context = inquiry,
        };
        status = ferry_campaign_send(source->campaign, &request, &inquiry->call, error);
    }
    ferry_buffer_done(&query);
    if (status != FERRY_OK) {
        free(inquiry);
        return status;
    }
    *ret_inquiry = inquiry;
    return FERRY_OK;
}

void ferry_campaign_source_cancel(struct ferry_campaign_inquiry *inquiry)
{
    if (!inquiry)
        return;
    if (inquiry->call)
        ferry_campaign_cancel(inquiry->call);
    else
        ferry_campaign_forget(inquiry->source->campaign, inquiry);
    free(inquiry);
}
