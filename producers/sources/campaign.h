/* An Adobe Campaign instance as a place to read opt-outs from. Loop thread only.
 *
 * When the service asks for patience, ferry_campaign_source_wait says how long. */
#ifndef FERRY_CAMPAIGN_SOURCE_H
#define FERRY_CAMPAIGN_SOURCE_H

#include "core/base/metrics.h"
#include "core/control/consent.h"
#include "core/remote/campaign.h"

struct ferry_campaign_source;

enum ferry_status ferry_campaign_source_new(struct ferry_http *http,
                                            const struct ferry_campaign_settings *settings,
                                            struct ferry_metrics *metrics,
                                            struct ferry_campaign_source **ret_source,
                                            struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_campaign_source_free(struct ferry_campaign_source *source);

int64_t ferry_campaign_source_poll_ms(const struct ferry_campaign_source *source);
int64_t ferry_campaign_source_wait(const struct ferry_campaign_source *source); /* ms; 0: welcome */

/* One question or page under way; gone when its callback was called or it was cancelled. */
struct ferry_campaign_inquiry;

/* Has the instance what the order was compiled for? FERRY_RETRY: not known, ask later.
 * FERRY_INVALID: no; the error says why and what to do. */
typedef void (*ferry_campaign_checked)(void *context, enum ferry_status status,
                                       const struct ferry_error *error);
enum ferry_status ferry_campaign_source_check(struct ferry_campaign_source *source,
                                              const struct ferry_consent *consent,
                                              ferry_campaign_checked on_checked, void *context,
                                              struct ferry_campaign_inquiry **ret_inquiry,
                                              struct ferry_error *error) FERRY_MUST_CHECK;
/* The first page of the profiles of which an opt-out changed at `since` (ms since the epoch) or
 * later, in the order of their key; or the page that `link` leads to. */
enum ferry_status ferry_campaign_source_read(struct ferry_campaign_source *source,
                                             const struct ferry_consent *consent, int64_t since,
                                             const char *link, ferry_remote_callback on_done,
                                             void *context,
                                             struct ferry_campaign_inquiry **ret_inquiry,
                                             struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_campaign_source_cancel(struct ferry_campaign_inquiry *inquiry);
/* May our token go where this link points? FERRY_INVALID names both places. */
enum ferry_status ferry_campaign_source_owns(const struct ferry_campaign_source *source,
                                             const char *link,
                                             struct ferry_error *error) FERRY_MUST_CHECK;

#endif
