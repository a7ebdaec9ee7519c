/* The way of one change to Adobe Campaign: what must be done for it, and the request that does it.
 * Loop thread only. */
#ifndef FERRY_DESTINATION_CAMPAIGN_H
#define FERRY_DESTINATION_CAMPAIGN_H

#include "consumers/share.h"
#include "core/remote/campaign.h"

/* Scratch memory that the changes share, one after the other. */
struct ferry_delivery {
    struct ferry_campaign *campaign;
    struct ferry_change change;
    struct ferry_buffer body;
};

void ferry_delivery_init(struct ferry_delivery *delivery, struct ferry_campaign *campaign);
void ferry_delivery_done(struct ferry_delivery *delivery);

/* Looks at the lane's `now`: fills lane->given and lane->hash, and says what to do.
 * FERRY_BAD_RECORD: reject it; FERRY_INVALID: the mapping cannot be carried out, or the memory is
 * broken. */
enum ferry_status ferry_delivery_plan(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                      struct ferry_step *ret_step,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
/* Sends the call for what was planned just before; lane->request is set. The same failures, and
 * FERRY_NOMEM. */
enum ferry_status ferry_delivery_send(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                      enum ferry_call call, ferry_remote_callback on_answer,
                                      void *context, struct ferry_error *error) FERRY_MUST_CHECK;

#endif
