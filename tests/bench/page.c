#include "tests/bench/page.h"

#include "tests/bench/usage.h"

#include <stdlib.h>
#include <string.h>

#define PRIMARY_ID "contactid"

/* What a value is for, when it is not a column's. */
enum { TARGET_NONE = BENCH_COLUMNS, TARGET_ETAG, TARGET_ID, TARGET_LINK };
enum { DEPTH_ROOT = 1, DEPTH_ROW = 3 };

static bool is(const char *name, const char *key, size_t length)
{
    return strlen(name) == length && memcmp(name, key, length) == 0;
}

static size_t find_column(const struct bench_page *page, const char *key, size_t length)
{
    const struct bench_record *record = &page->record;
    for (size_t i = 0; i < record->count; i++) {
        size_t at =
            page->next + i < record->count ? page->next + i : page->next + i - record->count;
        if (record->name_lengths[at] == length && memcmp(record->names[at], key, length) == 0)
            return at;
    }
    return TARGET_NONE;
}

static int on_key(void *context, const unsigned char *data, size_t length)
{
    struct bench_page *page = context;
    const char *key = (const char *)data;
    if (page->depth == DEPTH_ROOT) {
        page->target = is("@odata.nextLink", key, length) ? TARGET_LINK : TARGET_NONE;
    } else if (key[0] == '@') {
        page->target = is("@odata.etag", key, length) ? TARGET_ETAG : TARGET_NONE;
    } else {
        page->target = find_column(page, key, length);
        if (page->target < BENCH_COLUMNS)
            page->next = page->target + 1;
        else if (is(PRIMARY_ID, key, length))
            page->target = TARGET_ID;
    }
    return 1;
}

/* W/"915244" */
static int64_t version_of(const char *etag, size_t length)
{
    char digits[32] = "";
    if (length > 4 && length < sizeof digits)
        memcpy(digits, etag + 3, length - 4);
    return strtoll(digits, NULL, 10);
}

static void keep_text(char *to, size_t size, const char *text, size_t length)
{
    if (length >= size)
        bench_die("a link or an id is longer than %zu bytes", size);
    memcpy(to, text, length);
    to[length] = '\0';
}

static int on_text(void *context, const unsigned char *data, size_t length)
{
    struct bench_page *page = context;
    const char *text = (const char *)data;
    if (page->target < BENCH_COLUMNS) {
        bench_record_text(&page->record, page->target, text, length);
        if (is(PRIMARY_ID, page->record.names[page->target], sizeof PRIMARY_ID - 1))
            page->target = TARGET_ID;
    }
    if (page->target == TARGET_ID) {
        keep_text(page->record.id, sizeof page->record.id, text, length);
        page->record.id_length = length;
    } else if (page->target == TARGET_ETAG) {
        page->record.version = version_of(text, length);
    } else if (page->target == TARGET_LINK) {
        keep_text(page->next_link, sizeof page->next_link, text, length);
    }
    return 1;
}

static int keep_slot(struct bench_page *page, struct bench_slot slot)
{
    if (page->target < BENCH_COLUMNS)
        page->record.slots[page->target] = slot;
    return 1;
}

static int on_null(void *context)
{
    return keep_slot(context, (struct bench_slot){.kind = BENCH_NULL});
}

static int on_boolean(void *context, int boolean)
{
    return keep_slot(context, (struct bench_slot){.kind = BENCH_BOOLEAN, .number = boolean});
}

/* Decimals stay text, as Ferry carries them. */
static int on_number(void *context, const char *digits, size_t length)
{
    struct bench_page *page = context;
    if (page->target >= BENCH_COLUMNS)
        return 1;
    if (memchr(digits, '.', length) || memchr(digits, 'e', length))
        bench_record_text(&page->record, page->target, digits, length);
    else
        keep_slot(page,
                  (struct bench_slot){.kind = BENCH_LONG, .number = strtoll(digits, NULL, 10)});
    return 1;
}

static int on_open_map(void *context)
{
    struct bench_page *page = context;
    if (++page->depth == DEPTH_ROW) {
        page->record.used = 0;
        page->next = 0;
    }
    return 1;
}

static int on_close_map(void *context)
{
    struct bench_page *page = context;
    if (page->depth-- == DEPTH_ROW) {
        page->records++;
        page->on_record(page->context, &page->record);
    }
    return 1;
}

static int on_open_array(void *context)
{
    struct bench_page *page = context;
    page->depth++;
    return 1;
}

static int on_close_array(void *context)
{
    struct bench_page *page = context;
    page->depth--;
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

void bench_page_init(struct bench_page *page, const char *const *names, size_t count,
                     void (*on_record)(void *context, const struct bench_record *record),
                     void *context)
{
    bench_record_init(&page->record, names, count);
    page->on_record = on_record;
    page->context = context;
}

void bench_page_begin(struct bench_page *page)
{
    page->parser = yajl_alloc(&callbacks, NULL, page);
    page->depth = 0;
    page->target = TARGET_NONE;
    page->next_link[0] = '\0';
}

void bench_page_feed(struct bench_page *page, const char *data, size_t length)
{
    if (yajl_parse(page->parser, (const unsigned char *)data, length) != yajl_status_ok)
        bench_die("a page is not JSON: %.200s", data);
}

void bench_page_end(struct bench_page *page)
{
    if (yajl_complete_parse(page->parser) != yajl_status_ok)
        bench_die("a page is cut");
    yajl_free(page->parser);
    page->parser = NULL;
}
