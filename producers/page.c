#include "producers/page.h"

#include "producers/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define LINK_CEILING  ((size_t)64 << 10)
#define DEPTH_CEILING 64

/* Depths: the answer's object is 1, its list "value" 2, a record 3. */
enum { DEPTH_ROOT = 1, DEPTH_LIST, DEPTH_RECORD };

enum root_key { ROOT_OTHER, ROOT_VALUE, ROOT_NEXT, ROOT_DELTA };

struct ferry_page {
    struct ferry_page_options options;
    yajl_handle parser;
    struct ferry_row *row;
    struct ferry_text text;
    struct ferry_buffer raw; /* what came of the record under way in earlier chunks */
    struct ferry_buffer next_link, delta_link;

    int depth;
    enum root_key root;
    bool in_value, saw_value, in_record;
    size_t records, bytes;

    const char *chunk;
    size_t record_start; /* in the chunk */
    size_t judged;       /* the chunk's text before this was looked at */
    bool clean;          /* the text of the record so far */

    enum ferry_status status; /* why a callback ended the page */
    char fault[160];          /* what is wrong with the page as a whole */
};

static bool at_record(const struct ferry_page *page)
{
    return page->in_record && page->depth == DEPTH_RECORD;
}

/* For the parser: 0 ends it. */
static int go_on(struct ferry_page *page, enum ferry_status status)
{
    page->status = status;
    return status == FERRY_OK;
}

static int refuse(struct ferry_page *page, const char *fault)
{
    snprintf(page->fault, sizeof page->fault, "%s", fault);
    return go_on(page, FERRY_RETRY);
}

/* ---- records ---- */

static void judge_text(struct ferry_page *page, size_t end)
{
    if (!ferry_text_clean(&page->text, page->chunk + page->judged, end - page->judged))
        page->clean = false;
    page->judged = end;
}

static void begin_record(struct ferry_page *page)
{
    page->in_record = true;
    page->record_start = yajl_get_bytes_consumed(page->parser) - 1;
    judge_text(page, page->record_start);
    page->clean = true;
    ferry_buffer_clear(&page->raw);
    ferry_row_begin(page->row);
}

static int hand_out_reject(struct ferry_page *page, size_t end, const char *reason)
{
    const char *start = page->chunk + page->record_start;
    struct ferry_page_reject reject = {
        ferry_row_id(page->row), {start, end - page->record_start}, reason};
    if (page->raw.length) {
        if (ferry_buffer_append(&page->raw, start, end) != FERRY_OK)
            return refuse(page, "a record in it is longer than 64 MiB");
        reject.raw = (struct ferry_slice){page->raw.data, page->raw.length};
    }
    return go_on(page, page->options.on_reject(page->options.context, &reject));
}

static int end_record(struct ferry_page *page)
{
    size_t end = yajl_get_bytes_consumed(page->parser);
    judge_text(page, end);
    page->in_record = false;
    page->records++;
    if (!page->clean)
        return hand_out_reject(
            page, end, "The record holds bytes that are no UTF-8, or half a surrogate pair.");
    struct ferry_change *change = NULL;
    const char *fault = ferry_row_finish(page->row, &change);
    if (fault)
        return hand_out_reject(page, end, fault);
    enum ferry_status status = page->options.on_record(page->options.context, change);
    if (status == FERRY_BAD_RECORD)
        return hand_out_reject(page, end, "The record is too large for Kafka.");
    return go_on(page, status);
}

/* ---- what the parser calls ---- */

static int on_null(void *context)
{
    struct ferry_page *page = context;
    if (at_record(page))
        ferry_row_null(page->row);
    return 1;
}

static int on_boolean(void *context, int boolean)
{
    struct ferry_page *page = context;
    if (at_record(page))
        ferry_row_boolean(page->row, boolean != 0);
    return 1;
}

static int keep_value(struct ferry_page *page, enum ferry_status status)
{
    return status == FERRY_FULL ? refuse(page, "a record in it is longer than 64 MiB")
                                : go_on(page, status);
}

static int on_number(void *context, const char *digits, size_t length)
{
    struct ferry_page *page = context;
    return at_record(page) ? keep_value(page, ferry_row_number(page->row, digits, length)) : 1;
}

static int keep_link(struct ferry_page *page, struct ferry_buffer *link, const char *text,
                     size_t length)
{
    ferry_buffer_clear(link);
    if (memchr(text, '\0', length) || ferry_buffer_append(link, text, length) != FERRY_OK)
        return refuse(page, "a link in it is longer than 64 KiB or holds a NUL");
    return 1;
}

static int on_text(void *context, const unsigned char *data, size_t length)
{
    struct ferry_page *page = context;
    const char *text = (const char *)data;
    if (at_record(page))
        return keep_value(page, ferry_row_text(page->row, text, length));
    if (page->depth == DEPTH_ROOT && page->root == ROOT_NEXT)
        return keep_link(page, &page->next_link, text, length);
    if (page->depth == DEPTH_ROOT && page->root == ROOT_DELTA)
        return keep_link(page, &page->delta_link, text, length);
    return 1;
}

static int open_level(struct ferry_page *page)
{
    if (at_record(page))
        ferry_row_nested(page->row);
    if (++page->depth > DEPTH_CEILING)
        return refuse(page, "it is nested more than 64 deep");
    return 1;
}

static int on_open_map(void *context)
{
    struct ferry_page *page = context;
    if (!open_level(page))
        return 0;
    if (page->depth == DEPTH_RECORD && page->in_value)
        begin_record(page);
    return 1;
}

static int on_close_map(void *context)
{
    struct ferry_page *page = context;
    int more = at_record(page) ? end_record(page) : 1;
    page->depth--;
    return more;
}

static int on_open_array(void *context)
{
    struct ferry_page *page = context;
    if (!open_level(page))
        return 0;
    if (page->depth == DEPTH_ROOT)
        return refuse(page, "it is a list, not an object");
    if (page->depth == DEPTH_LIST && page->root == ROOT_VALUE)
        page->in_value = page->saw_value = true;
    return 1;
}

static int on_close_array(void *context)
{
    struct ferry_page *page = context;
    if (page->depth == DEPTH_LIST)
        page->in_value = false;
    page->depth--;
    return 1;
}

static enum root_key find_root(const char *key, size_t length)
{
    static const struct {
        const char *name;
        enum root_key root;
    } keys[] = {
        {"value", ROOT_VALUE},
        {"@odata.nextLink", ROOT_NEXT},
        {"@odata.deltaLink", ROOT_DELTA},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i].name) == length && memcmp(keys[i].name, key, length) == 0)
            return keys[i].root;
    return ROOT_OTHER;
}

static int on_key(void *context, const unsigned char *data, size_t length)
{
    struct ferry_page *page = context;
    const char *key = (const char *)data;
    if (at_record(page))
        ferry_row_key(page->row, key, length);
    else if (page->depth == DEPTH_ROOT)
        page->root = find_root(key, length);
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_text,
    .yajl_start_map = on_open_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close_map,
    .yajl_start_array = on_open_array,
    .yajl_end_array = on_close_array,
};

/* ---- the page ---- */

enum ferry_status ferry_page_new(const struct ferry_page_options *options,
                                 struct ferry_page **ret_page)
{
    struct ferry_page *page = calloc(1, sizeof *page);
    if (!page)
        return FERRY_NOMEM;
    page->options = *options;
    ferry_buffer_init(&page->raw, FERRY_PAGE_RECORD_CEILING);
    ferry_buffer_init(&page->next_link, LINK_CEILING);
    ferry_buffer_init(&page->delta_link, LINK_CEILING);
    enum ferry_status status =
        ferry_row_new(options->primary_id, options->columns, options->column_count,
                      FERRY_PAGE_RECORD_CEILING, &page->row);
    if (status == FERRY_OK)
        status = ferry_page_reset(page);
    if (status != FERRY_OK) {
        ferry_page_free(page);
        return status;
    }
    *ret_page = page;
    return FERRY_OK;
}

void ferry_page_free(struct ferry_page *page)
{
    if (!page)
        return;
    if (page->parser)
        yajl_free(page->parser);
    ferry_row_free(page->row);
    ferry_buffer_done(&page->raw);
    ferry_buffer_done(&page->next_link);
    ferry_buffer_done(&page->delta_link);
    free(page);
}

enum ferry_status ferry_page_reset(struct ferry_page *page)
{
    if (page->parser)
        yajl_free(page->parser);
    page->parser = yajl_alloc(&callbacks, NULL, page);
    if (!page->parser)
        return FERRY_NOMEM;
    /* The text is judged record by record, so that a bad byte costs one record and not the page. */
    yajl_config(page->parser, yajl_dont_validate_strings, 1);
    ferry_text_init(&page->text);
    ferry_buffer_clear(&page->raw);
    ferry_buffer_clear(&page->next_link);
    ferry_buffer_clear(&page->delta_link);
    page->depth = 0;
    page->root = ROOT_OTHER;
    page->in_value = page->saw_value = page->in_record = false;
    page->records = page->bytes = 0;
    page->status = FERRY_OK;
    page->fault[0] = '\0';
    return FERRY_OK;
}

static enum ferry_status explain(const struct ferry_page *page, struct ferry_error *error)
{
    if (page->status != FERRY_OK && !page->fault[0])
        return page->status;
    return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                      "The answer of Dynamics 365 is no page of records: %s (near byte %zu).",
                      page->fault[0] ? page->fault : "it is not JSON, or it is cut", page->bytes);
}

/* The parser keeps values, a reject needs the bytes: the part of an unfinished record that lies in
 * this chunk. */
static enum ferry_status keep_raw(struct ferry_page *page, size_t length)
{
    if (!page->in_record)
        return FERRY_OK;
    enum ferry_status status = ferry_buffer_append(&page->raw, page->chunk + page->record_start,
                                                   length - page->record_start);
    page->record_start = 0;
    return status;
}

enum ferry_status ferry_page_feed(struct ferry_page *page, const char *data, size_t length,
                                  struct ferry_error *error)
{
    page->chunk = data;
    page->record_start = page->judged = 0;
    if (yajl_parse(page->parser, (const unsigned char *)data, length) != yajl_status_ok)
        return explain(page, error);
    judge_text(page, length);
    page->bytes += length;
    if (keep_raw(page, length) != FERRY_OK) {
        refuse(page, "a record in it is longer than 64 MiB");
        return explain(page, error);
    }
    return FERRY_OK;
}

enum ferry_status ferry_page_end(struct ferry_page *page, struct ferry_error *error)
{
    if (yajl_complete_parse(page->parser) != yajl_status_ok)
        return explain(page, error);
    if (!page->saw_value) {
        refuse(page, "it has no list \"value\"");
        return explain(page, error);
    }
    return FERRY_OK;
}

static const char *link_of(const struct ferry_buffer *link)
{
    return link->length ? link->data : NULL;
}

const char *ferry_page_next_link(const struct ferry_page *page)
{
    return link_of(&page->next_link);
}

const char *ferry_page_delta_link(const struct ferry_page *page)
{
    return link_of(&page->delta_link);
}

size_t ferry_page_records(const struct ferry_page *page)
{
    return page->records;
}

size_t ferry_page_bytes(const struct ferry_page *page)
{
    return page->bytes;
}
