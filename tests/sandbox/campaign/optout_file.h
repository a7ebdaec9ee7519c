/* The file of opt-outs that Campaign's export workflow writes (section 5.5 of the reference). */
#ifndef SANDBOX_CAMPAIGN_OPTOUT_FILE_H
#define SANDBOX_CAMPAIGN_OPTOUT_FILE_H

#include "campaign/export.h"
#include "campaign/optout.h"

enum sandbox_since { SANDBOX_SINCE_MODIFIED, SANDBOX_SINCE_OPTOUTS };

/* What files have told so far. */
struct sandbox_optouts_told {
    char last_run[SANDBOX_TIME_SIZE]; /* by Campaign's clock; "": never */
    struct sandbox_buf lines;         /* a row of a file each, as JSON */
};

struct sandbox_optout_extract {
    struct sandbox_extract common;
    enum sandbox_since since; /* which time the incremental query looks at */
    bool old_names;           /* headers with blackList, else denyList */
    const char *file;         /* for what is told */
};

/* Writes a file and adds to `report` what is in it: rows, lines, bytes, optedOut, untouched,
 * withoutContact, bad. False when the file could not be written. */
bool sandbox_optout_file_write(const struct sandbox_campaign *campaign,
                               struct sandbox_optouts_told *told,
                               const struct sandbox_optout_extract *extract, const char *path,
                               json_t *report);

#endif
