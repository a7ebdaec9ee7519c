/* The eight opt-outs of a profile, and the times beside them. */
#ifndef SANDBOX_CAMPAIGN_OPTOUT_H
#define SANDBOX_CAMPAIGN_OPTOUT_H

#include "campaign/campaign.h"

#define SANDBOX_OPTOUTS     8
#define SANDBOX_OPTOUT_NAME 80

struct sandbox_optout {
    char channel[24];   /* what stands behind "blackList" or "denyList"; "ccpaOptOut" */
    const char *name;   /* as the instance spells it; NULL: not published */
    int value, changed; /* columns; -1: none */
};

struct sandbox_optouts {
    struct sandbox_optout of[SANDBOX_OPTOUTS];
    int all_changed; /* column of the latest of all times, or -1 */
};

/* Where they stand today; of two spellings the older. */
void sandbox_optouts_read(const struct sandbox_resource *profile,
                          struct sandbox_optouts *ret_optouts);
/* A field of a profile, spelt with blackList or denyList, and its name as the instance spells it;
 * -1: none. */
int sandbox_optout_field(const struct sandbox_resource *profile, const char *name,
                         char ret_name[static SANDBOX_OPTOUT_NAME]);
/* The latest time of a row, as JSON text; at == NULL: none of those with a time ever changed. */
struct sandbox_slice sandbox_optouts_newest(const struct sandbox_optouts *optouts,
                                            const struct sandbox_row *row);

/* A user of Campaign ticks or clears it at that time by Campaign's clock. What is so already stays,
 * and its time. False when memory is short. */
bool sandbox_optout_set(struct sandbox_campaign *campaign, struct sandbox_entry *entry,
                        const struct sandbox_optout *optout, bool value, int64_t at_ms);

#endif
