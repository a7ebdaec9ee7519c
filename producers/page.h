/* A page of a tracked Dataverse query, parsed while it arrives: each record is handed out when its
 * last byte is there, and memory does not depend on the size of the page. Loop thread only.
 *
 * Of a record stay the selected columns, its id (lower case) and the number in its ETag. A record
 * that cannot be carried is handed out as its raw bytes, and the page goes on. */
#ifndef FERRY_PAGE_H
#define FERRY_PAGE_H

#include "core/record/change.h"
#include "producers/row.h"

/* A longer record fails its page. */
#define FERRY_PAGE_RECORD_CEILING ((size_t)64 << 20)

/* Valid during the callback. */
struct ferry_page_reject {
    struct ferry_slice id;  /* empty when it could not be read */
    struct ferry_slice raw; /* the record as it came */
    const char *reason;     /* a sentence; names the column, never its value */
};

/* The callbacks end the page with anything but FERRY_OK, which is then what ferry_page_feed
 * returns; except that on_record may answer FERRY_BAD_RECORD: then on_reject gets the record too.
 */
struct ferry_page_options {
    const char *primary_id;
    const struct ferry_row_column *columns; /* borrowed, like primary_id, while the page lives */
    size_t column_count;
    /* id, op, version and fields are set; slices are valid during the call. */
    enum ferry_status (*on_record)(void *context, struct ferry_change *change);
    enum ferry_status (*on_reject)(void *context, const struct ferry_page_reject *reject);
    void *context;
};

struct ferry_page;

enum ferry_status ferry_page_new(const struct ferry_page_options *options,
                                 struct ferry_page **ret_page) FERRY_MUST_CHECK;
void ferry_page_free(struct ferry_page *page);
/* Forgets all, for the next page. */
enum ferry_status ferry_page_reset(struct ferry_page *page) FERRY_MUST_CHECK;
/* FERRY_RETRY: this is no page (HTML, another shape); or what a callback returned, whose error is
 * then not touched. */
enum ferry_status ferry_page_feed(struct ferry_page *page, const char *data, size_t length,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* After the last byte: FERRY_RETRY when something is missing. */
enum ferry_status ferry_page_end(struct ferry_page *page,
                                 struct ferry_error *error) FERRY_MUST_CHECK;

const char *ferry_page_next_link(const struct ferry_page *page);  /* NULL: none */
const char *ferry_page_delta_link(const struct ferry_page *page); /* NULL: none */
size_t ferry_page_records(const struct ferry_page *page);         /* handed out, rejects included */
size_t ferry_page_bytes(const struct ferry_page *page);

#endif
