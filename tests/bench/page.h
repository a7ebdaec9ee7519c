/* A page of Dataverse through yajl's SAX interface: each row into the slots of one record. */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include "tests/bench/record.h"

#include <stddef.h>
#include <yajl/yajl_parse.h>

struct bench_page {
    yajl_handle parser;
    struct bench_record record;
    void (*on_record)(void *context, const struct bench_record *record);
    void *context;
    int depth;
    size_t next;   /* the column that probably follows: they come in the order asked for */
    size_t target; /* of the next value */
    char next_link[2048];
    size_t records;
};

void bench_page_init(struct bench_page *page, const char *const *names, size_t count,
                     void (*on_record)(void *context, const struct bench_record *record),
                     void *context);
void bench_page_begin(struct bench_page *page);
void bench_page_feed(struct bench_page *page, const char *data, size_t length);
/* The link to the page after it stands in next_link, empty after the last. */
void bench_page_end(struct bench_page *page);

#endif
