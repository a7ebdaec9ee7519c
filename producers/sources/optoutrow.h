/* What a row of an export of opt-outs says of one person. Any thread, each with its own. */
#ifndef FERRY_OPTOUTROW_H
#define FERRY_OPTOUTROW_H

#include "core/control/consent.h"
#include "core/record/guid.h"
#include "producers/filemark.h"
#include "producers/sources/header.h"
#include "producers/sources/zone.h"

#define FERRY_OPTOUT_PLACE_SIZE (FERRY_FILE_NAME_SIZE + 24) /* "<file>:<line>" */

enum ferry_optout_verdict { FERRY_OPTOUT_TOLD, FERRY_OPTOUT_SKIPPED, FERRY_OPTOUT_REFUSED };

struct ferry_optoutrow {
    const struct ferry_consent *consent; /* borrowed */
    struct ferry_zone *zone;
    struct ferry_header header;
    char contact[FERRY_GUID_SIZE]; /* of the row under way */
    char place[FERRY_OPTOUT_PLACE_SIZE];
    char reason[FERRY_ROW_REASON_SIZE];
};

/* Of an order that names an export. */
enum ferry_status ferry_optoutrow_init(struct ferry_optoutrow *optoutrow,
                                       const struct ferry_consent *consent,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_optoutrow_done(struct ferry_optoutrow *optoutrow);
/* The file's first row, as ferry_header_read: the attributes of the order have to be there, under
 * either name, their times need not. */
enum ferry_status ferry_optoutrow_head(struct ferry_optoutrow *optoutrow, const char *file,
                                       const struct ferry_slice *titles, size_t count,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* TOLD: *ret_change is filled but for the time of reading, and points into optoutrow until the next
 * call; *ret_bad_time: it has no time, because one of the row's cannot be read. SKIPPED: *ret_skip
 * says why. REFUSED: optoutrow->reason is a sentence without the row's values, which are personal
 * data. */
enum ferry_optout_verdict ferry_optoutrow_judge(struct ferry_optoutrow *optoutrow, const char *file,
                                                const struct ferry_csv_row *row,
                                                struct ferry_optout_change *ret_change,
                                                bool *ret_bad_time, enum ferry_skip *ret_skip);

#endif
