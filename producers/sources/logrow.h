/* What a row of an exported log means. Any thread, each with its own. */
#ifndef FERRY_LOGROW_H
#define FERRY_LOGROW_H

#include "core/record/event.h"
#include "producers/sources/code.h"
#include "producers/sources/csv.h"
#include "producers/sources/header.h"
#include "producers/sources/zone.h"

#include <iconv.h>

enum ferry_skip {
    FERRY_SKIP_WITHOUT_CONTACT,
    FERRY_SKIP_SWITCHED_OFF,
    FERRY_SKIP_OTHER_KIND,
    FERRY_SKIP_BEFORE_SINCE,
    FERRY_SKIPS,
};
const char *ferry_skip_name(enum ferry_skip skip); /* "withoutContact" */

enum ferry_row_verdict { FERRY_ROW_EVENT, FERRY_ROW_SKIP, FERRY_ROW_REJECT };

#define FERRY_ROW_REASON_SIZE 256

struct ferry_logrow {
    const struct ferry_events *events; /* borrowed */
    enum ferry_log_kind kind;
    struct ferry_header header;
    struct ferry_zone *zone;
    iconv_t converter;        /* (iconv_t)-1: the text is UTF-8 already */
    struct ferry_buffer text; /* of the event under way */
    char reason[FERRY_ROW_REASON_SIZE];
};

enum ferry_status ferry_logrow_init(struct ferry_logrow *logrow, const struct ferry_events *events,
                                    enum ferry_log_kind kind,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_logrow_done(struct ferry_logrow *logrow);

/* EVENT: *ret_event is filled but for file and time of reading, and points into row and logrow
 * until the next call. SKIP: *ret_skip says why. REJECT: logrow->reason is a sentence without the
 * row's values, which are personal data. */
enum ferry_row_verdict ferry_logrow_judge(struct ferry_logrow *logrow,
                                          const struct ferry_csv_row *row,
                                          struct ferry_event *ret_event, enum ferry_skip *ret_skip);

#endif
