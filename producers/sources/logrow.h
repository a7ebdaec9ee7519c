/* What a row of an exported log means. Any thread, each with its own. */
#ifndef FERRY_LOGROW_H
#define FERRY_LOGROW_H

#include "core/control/events.h"
#include "producers/filemark.h"
#include "producers/sources/code.h"
#include "producers/sources/header.h"
#include "producers/sources/zone.h"

#include <iconv.h>

/* Columns that Ferry knows; not every kind of log has all of them. */
enum ferry_column {
    FERRY_COLUMN_ID, /* deliveryLogId or trackingLogId */
    FERRY_COLUMN_CONTACT,
    FERRY_COLUMN_TYPE, /* status or trackingUrlType */
    FERRY_COLUMN_FAILURE,
    FERRY_COLUMN_DATE,
    FERRY_COLUMN_CAMPAIGN,
    FERRY_COLUMN_DELIVERY,
    FERRY_COLUMN_MIRROR_PAGE,
    FERRY_COLUMN_URL,
    FERRY_COLUMNS,
};

enum ferry_row_verdict { FERRY_ROW_EVENT, FERRY_ROW_SKIP, FERRY_ROW_REJECT };

struct ferry_logrow {
    const struct ferry_events *events; /* borrowed */
    enum ferry_file_kind kind;
    struct ferry_header header;
    struct ferry_zone *zone;
    iconv_t converter;        /* (iconv_t)-1: the text is UTF-8 already */
    struct ferry_buffer text; /* of the event under way */
    char reason[FERRY_ROW_REASON_SIZE];
};

enum ferry_status ferry_logrow_init(struct ferry_logrow *logrow, const struct ferry_events *events,
                                    enum ferry_file_kind kind,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_logrow_done(struct ferry_logrow *logrow);
/* The file's first row, as ferry_header_read. */
enum ferry_status ferry_logrow_head(struct ferry_logrow *logrow, const char *file,
                                    const struct ferry_slice *titles, size_t count,
                                    struct ferry_error *error) FERRY_MUST_CHECK;

/* EVENT: *ret_event is filled but for file and time of reading, and points into row and logrow
 * until the next call. SKIP: *ret_skip says why. REJECT: logrow->reason is a sentence without the
 * row's values, which are personal data. */
enum ferry_row_verdict ferry_logrow_judge(struct ferry_logrow *logrow,
                                          const struct ferry_csv_row *row,
                                          struct ferry_event *ret_event, enum ferry_skip *ret_skip);

#endif
