/* Where rows change: whoever watches is told, with the old row still there. */
#include "campaign/campaign.h"

struct sandbox_entry *sandbox_campaign_store(struct sandbox_campaign *campaign,
                                             struct sandbox_resource *resource,
                                             struct sandbox_entry *entry, struct sandbox_row *row,
                                             const struct sandbox_columns *columns, bool admin)
{
    struct sandbox_write write = {
        .of = resource, .before = entry ? entry->row : NULL, .after = row, .admin = admin};

    if (columns)
        write.columns = *columns;
    if (row)
        sandbox_watch_tell(campaign->watch, &write);
    if (!entry)
        return sandbox_entry_insert(resource, row);
    return sandbox_entry_update(resource, entry, row) ? entry : NULL;
}

void sandbox_campaign_drop(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                           struct sandbox_entry *entry, bool admin)
{
    sandbox_watch_tell(campaign->watch, &(struct sandbox_write){
                                            .of = resource, .before = entry->row, .admin = admin});
    sandbox_entry_delete(resource, entry);
}
