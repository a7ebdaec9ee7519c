/* Tracked reads: what was begun, which links were given out for it, and the log of served pages. */
#ifndef SANDBOX_DYNAMICS_READ_H
#define SANDBOX_DYNAMICS_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "dynamics/table.h"

/* The columns of a page in the order asked for, each with the text that stands before its value. */
struct sandbox_select {
    UT_hash_handle hh;
    char *text;               /* the key: table, generation of its schema, $select as asked for */
    const char *columns_text; /* $select as asked for; "": all columns */
    size_t count;
    uint8_t columns[SANDBOX_COLUMNS];
    uint8_t lengths[SANDBOX_COLUMNS];
    char names[SANDBOX_COLUMNS][80]; /* ,"name": */
    bool has_id;
};

struct sandbox_read {
    struct sandbox_table *table;
    const struct sandbox_select *select;
    uint64_t from;   /* versions after this; 0: the initial read */
    uint64_t upto;   /* and up to this */
    uint64_t serial; /* last deltaLink given: its number is upto + serial, so each is unique */
    uint32_t slots;  /* the initial read ends here */
    long page_size;
    bool dead; /* expired in mid-page */
};

struct sandbox_delta_link {
    UT_hash_handle hh;
    uint64_t number;
    struct sandbox_table *table;
    const struct sandbox_select *select;
    int64_t issued_ms;
    uint64_t page;
    char time[32];
};

struct sandbox_served_page {
    uint64_t request;
    uint64_t after; /* the page whose link was followed to it; 0: none, a new read */
    const struct sandbox_table *table;
    bool delta;
    bool followed;
    int64_t sent_ms; /* when its last byte went out; 0: not yet, or never */
    size_t first_row;
};

struct sandbox_served_row {
    uint64_t version;
    uint8_t id[16];
    bool deleted;
};

struct sandbox_reads {
    struct sandbox_select *selects;
    struct sandbox_read *all; /* by number */
    size_t count, size;
    struct sandbox_delta_link *links;
    uint64_t expired_number;           /* delta links up to this are expired */
    uint64_t following;                /* by the request that is being answered */
    struct sandbox_served_page *pages; /* only when recording */
    size_t page_count, page_size;
    struct sandbox_served_row *rows;
    size_t row_count, row_size;
};

void sandbox_reads_done(struct sandbox_reads *reads);

/* NULL with `ret_unknown` set to a name that is no column, or NULL when memory is short. */
const struct sandbox_select *sandbox_select_get(struct sandbox_reads *reads,
                                                const struct sandbox_table *table, const char *text,
                                                char ret_unknown[static 80]);

/* The number of a new read, or -1. Reserves `SANDBOX_LINK_NUMBERS` versions after `version`. */
#define SANDBOX_LINK_NUMBERS 64
int64_t sandbox_read_begin(struct sandbox_reads *reads, const struct sandbox_read *read);

/* A new deltaLink number for the end of the read, remembered. NULL when memory is short. */
const struct sandbox_delta_link *sandbox_read_link(struct sandbox_reads *reads, size_t read,
                                                   uint64_t page, int64_t now_ms);
struct sandbox_delta_link *sandbox_read_find_link(struct sandbox_reads *reads, uint64_t number);

/* All links up to `version` expire; with `pages` those in mid-page too. */
void sandbox_reads_expire(struct sandbox_reads *reads, uint64_t version, bool pages);

/* The log. Pages are numbered from 1; 0: not recorded. */
uint64_t sandbox_served_page(struct sandbox_reads *reads, uint64_t request,
                             const struct sandbox_table *table, bool delta);
void sandbox_served_row(struct sandbox_reads *reads, const uint8_t id[static 16], uint64_t version,
                        bool deleted);
void sandbox_served_followed(struct sandbox_reads *reads, uint64_t page);
/* The answer to the request that carried a page has gone out. */
void sandbox_served_sent(struct sandbox_reads *reads, uint64_t request, int64_t now_ms);

#endif
