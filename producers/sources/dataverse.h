/* A Dataverse environment as a place to read changes from: what all tasks of it share. Loop thread
 * only.
 *
 * When the service asks for patience, it asks all tasks of the environment:
 * ferry_dataverse_source_wait says how long. */
#ifndef FERRY_DATAVERSE_SOURCE_H
#define FERRY_DATAVERSE_SOURCE_H

#include "core/base/metrics.h"
#include "core/control/mapping.h"
#include "core/remote/dataverse.h"
#include "producers/row.h"

struct ferry_dataverse_source;

enum ferry_status ferry_dataverse_source_new(struct ferry_http *http,
                                             const struct ferry_dynamics_settings *settings,
                                             struct ferry_metrics *metrics,
                                             struct ferry_dataverse_source **ret_source,
                                             struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_dataverse_source_free(struct ferry_dataverse_source *source);

int64_t ferry_dataverse_source_poll_ms(const struct ferry_dataverse_source *source);
int64_t
ferry_dataverse_source_wait(const struct ferry_dataverse_source *source); /* ms; 0: welcome */
/* Days after which a delta link expires; -1: not known (yet). */
int64_t ferry_dataverse_source_retention(const struct ferry_dataverse_source *source);

/* One question or page under way; gone when its callback was called or it was cancelled. */
struct ferry_dataverse_read;

/* Does the mapping fit the table as it is now? FERRY_OK: `columns` (one for each of the mapping's,
 * the caller frees them) says how numbers are carried. FERRY_RETRY: not known, ask later.
 * FERRY_INVALID: no; the error says why and what to do. */
typedef void (*ferry_dataverse_checked)(void *context, enum ferry_status status,
                                        struct ferry_row_column *columns,
                                        const struct ferry_error *error);
enum ferry_status ferry_dataverse_source_check(struct ferry_dataverse_source *source,
                                               const struct ferry_mapping *mapping,
                                               ferry_dataverse_checked callback, void *context,
                                               struct ferry_dataverse_read **ret_read,
                                               struct ferry_error *error) FERRY_MUST_CHECK;

/* Which page. */
struct ferry_dataverse_page {
    const char *where; /* a $filter (not yet encoded) names the rows, which are read untracked; it
                          comes with every page of them. NULL: a tracked read of the whole table */
    const char *link;  /* NULL: the first page */
};
enum ferry_status ferry_dataverse_source_read(
    struct ferry_dataverse_source *source, const struct ferry_mapping *mapping,
    struct ferry_dataverse_page page,
    enum ferry_http_flow (*on_page_body)(void *context, const char *data, size_t length),
    ferry_remote_callback on_page_done, void *context, struct ferry_dataverse_read **ret_read,
    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_dataverse_source_resume(struct ferry_dataverse_read *read);
void ferry_dataverse_source_cancel(struct ferry_dataverse_read *read);
/* May our token go where this link points? FERRY_INVALID names both places. */
enum ferry_status ferry_dataverse_source_owns(const struct ferry_dataverse_source *source,
                                              const char *link,
                                              struct ferry_error *error) FERRY_MUST_CHECK;

#endif
