/* The first row of an export: which column of the file is which of ours. Values; any thread. */
#ifndef FERRY_HEADER_H
#define FERRY_HEADER_H

#include "core/control/events.h"

enum ferry_log_kind { FERRY_LOG_DELIVERY, FERRY_LOG_TRACKING };

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

#define FERRY_NO_COLUMN (-1)

struct ferry_header {
    int index[FERRY_COLUMNS]; /* in the file; FERRY_NO_COLUMN: it has none of these */
    size_t count;             /* of the file's columns */
};

/* Finds the columns under their own names, those that the configuration gives them, or in another
 * spelling ("Delivery log ID"). What else the file has does not matter. FERRY_INVALID names the
 * file and the column that is missing or there twice. */
enum ferry_status ferry_header_read(enum ferry_log_kind kind, const char *file,
                                    const struct ferry_slice *titles, size_t count,
                                    const struct ferry_export *export,
                                    struct ferry_header *ret_header,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
const char *ferry_column_name(enum ferry_log_kind kind, enum ferry_column column);

#endif
