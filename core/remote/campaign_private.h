/* Between the sources of campaign. */
#ifndef FERRY_CAMPAIGN_PRIVATE_H
#define FERRY_CAMPAIGN_PRIVATE_H

#include "core/remote/campaign.h"

#define FERRY_CAMPAIGN_NAME "Adobe Campaign"

/* A description of a resource under way. */
struct ferry_campaign_description;
struct ferry_campaign_description **ferry_campaign_descriptions(struct ferry_campaign *campaign);
/* Its callback does not come. */
void ferry_campaign_description_free(struct ferry_campaign_description *description);
void ferry_campaign_descriptions_forget(struct ferry_campaign *campaign, const void *context);

#endif
