/* The export workflow: Incremental query, Extract file (section 5.3 of the reference). */
#ifndef SANDBOX_CAMPAIGN_EXPORT_H
#define SANDBOX_CAMPAIGN_EXPORT_H

#include <jansson.h>

#include "campaign/csv.h"
#include "campaign/logs.h"

enum sandbox_values_as { SANDBOX_AS_CODES, SANDBOX_AS_NAMES, SANDBOX_AS_LABELS };
enum sandbox_dates_as { SANDBOX_DATES_SPACE, SANDBOX_DATES_XML, SANDBOX_DATES_PLAIN };

struct sandbox_extract {
    struct sandbox_csv_format format;
    bool tracking; /* else delivery logs */
    bool all;      /* every row again; else what is new or modified */
    bool header;
    size_t repeat; /* rows of the file before that come again first */
    size_t bad;    /* rows that nobody can understand */
    enum sandbox_values_as values;
    enum sandbox_dates_as dates;
    const json_t *columns; /* other headers: {"externalId":"External ID"} */
    const json_t *without; /* ["externalId"] */
    const json_t *extra;   /* ["blackListEmail"] */
};

/* Writes a file and adds to `report` what is in it: rows, lines, bytes, events, withoutContact,
 * otherKind, bad. False when the file could not be written. */
bool sandbox_extract_write(struct sandbox_logs *logs, const struct sandbox_extract *extract,
                           const char *path, json_t *report);

/* Appends what files have told of a row, one event a line as JSON; nothing if it was nothing. */
void sandbox_extract_delivery_events(const struct sandbox_logs *logs, size_t at,
                                     struct sandbox_buf *buf);
void sandbox_extract_tracking_event(const struct sandbox_logs *logs, size_t at,
                                    struct sandbox_buf *buf);

#endif
