/* Tables and resources as JSON, so that they outlive the answer that described them. Any thread. */
#ifndef FERRY_DESCRIPTION_H
#define FERRY_DESCRIPTION_H

#include "core/remote/campaign.h"
#include "core/remote/dataverse.h"

/* {"name","entitySet","primaryId","tracking","activity","columns":{"firstname":{"type","length","creatable","labels","targets"}}};
 * the type of a date without a time is DateOnly. NULL: out of memory, as below. */
json_t *ferry_description_table(const struct ferry_dataverse_table *table);
/* {"name","fields":{"location.city":{"type","length","readOnly","mandatory","names","target"}},"optOuts":{"denyList":"blackList"}};
 * type is enumeration, link, collection or item, and Campaign's resType for the rest. */
json_t *ferry_description_resource(const struct ferry_campaign_resource *resource);

#endif
