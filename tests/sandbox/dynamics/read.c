#include "dynamics/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void sandbox_reads_done(struct sandbox_reads *reads)
{
    struct sandbox_select *select, *next = NULL;
    struct sandbox_delta_link *link, *after = NULL;

    HASH_ITER (hh, reads->selects, select, next) {
        HASH_DEL(reads->selects, select);
        free(select->text);
        free(select);
    }
    HASH_ITER (hh, reads->links, link, after) {
        HASH_DEL(reads->links, link);
        free(link);
    }
    free(reads->all);
    free(reads->pages);
    free(reads->rows);
}

static void select_column(struct sandbox_select *select, const struct sandbox_table *table,
                          size_t column)
{
    size_t at = select->count++;
    int length = snprintf(select->names[at], sizeof select->names[at],
                          ",\"%s\":", table->columns[column].wire);

    select->columns[at] = (uint8_t)column;
    select->lengths[at] = (uint8_t)length;
    if (column == table->id_column)
        select->has_id = true;
}

static bool has_column(const struct sandbox_select *select, size_t column)
{
    return memchr(select->columns, (int)column, select->count);
}

static void select_all(struct sandbox_select *select, const struct sandbox_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].removed && !(table->columns[i].access & SANDBOX_SHADOW))
            select_column(select, table, i);
}

static bool select_named(struct sandbox_select *select, const struct sandbox_table *table,
                         char ret_unknown[static 80])
{
    bool money = false;

    for (const char *at = select->columns_text; *at;) {
        size_t length = strcspn(at, ",");
        snprintf(ret_unknown, 80, "%.*s", (int)length, at);
        int column = sandbox_table_column(table, ret_unknown);
        if (column < 0)
            return false;
        if (!has_column(select, (size_t)column))
            select_column(select, table, (size_t)column);
        money |= table->columns[column].type == SANDBOX_TYPE_MONEY;
        at += length + (at[length] == ',');
    }
    int currency = sandbox_table_column(table, "_transactioncurrencyid_value");
    if (money && currency >= 0 && !has_column(select, (size_t)currency))
        select_column(select, table, (size_t)currency);
    return true;
}

const struct sandbox_select *sandbox_select_get(struct sandbox_reads *reads,
                                                const struct sandbox_table *table, const char *text,
                                                char ret_unknown[static 80])
{
    struct sandbox_select *select = NULL;
    struct sandbox_buf name = {0};

    ret_unknown[0] = '\0';
    sandbox_buf_addf(&name, "%s/%u ", table->plan->name, table->generation);
    size_t columns_at = name.length, length;
    sandbox_buf_adds(&name, text);
    char *key = sandbox_buf_take(&name, &length);
    if (!key)
        return NULL;
    HASH_FIND_STR(reads->selects, key, select);
    if (select) {
        free(key);
        return select;
    }
    select = calloc(1, sizeof *select);
    if (select) {
        select->text = key;
        select->columns_text = key + columns_at;
    }
    if (!select || (*text && !select_named(select, table, ret_unknown))) {
        free(select);
        free(key);
        return NULL;
    }
    if (!*text)
        select_all(select, table);
    HASH_ADD_KEYPTR(hh, reads->selects, select->text, length, select);
    return select;
}

int64_t sandbox_read_begin(struct sandbox_reads *reads, const struct sandbox_read *read)
{
    if (reads->count == reads->size) {
        size_t size = reads->size ? reads->size * 2 : 64;
        struct sandbox_read *all = realloc(reads->all, size * sizeof *all);
        if (!all)
            return -1;
        reads->all = all;
        reads->size = size;
    }
    reads->all[reads->count] = *read;
    return (int64_t)reads->count++;
}

const struct sandbox_delta_link *sandbox_read_link(struct sandbox_reads *reads, size_t read,
                                                   uint64_t page, int64_t now_ms)
{
    struct sandbox_read *of = &reads->all[read];
    uint64_t number = of->upto + of->serial % SANDBOX_LINK_NUMBERS;
    struct sandbox_delta_link *link = sandbox_read_find_link(reads, number);

    of->serial++;
    if (!link) {
        link = calloc(1, sizeof *link);
        if (!link)
            return NULL;
        link->number = number;
        HASH_ADD(hh, reads->links, number, sizeof link->number, link);
    }
    link->table = of->table;
    link->select = of->select;
    link->issued_ms = now_ms;
    link->page = page;
    sandbox_time_token(now_ms, link->time);
    return link;
}

struct sandbox_delta_link *sandbox_read_find_link(struct sandbox_reads *reads, uint64_t number)
{
    struct sandbox_delta_link *link;

    HASH_FIND(hh, reads->links, &number, sizeof number, link);
    return link;
}

void sandbox_reads_expire(struct sandbox_reads *reads, uint64_t version, bool pages)
{
    reads->expired_number = version;
    for (size_t i = 0; pages && i < reads->count; i++)
        reads->all[i].dead = true;
}

uint64_t sandbox_served_page(struct sandbox_reads *reads, uint64_t request,
                             const struct sandbox_table *table, bool delta)
{
    if (reads->page_count == reads->page_size) {
        size_t size = reads->page_size ? reads->page_size * 2 : 256;
        struct sandbox_served_page *pages = realloc(reads->pages, size * sizeof *pages);
        if (!pages)
            return 0;
        reads->pages = pages;
        reads->page_size = size;
    }
    reads->pages[reads->page_count++] = (struct sandbox_served_page){.request = request,
                                                                     .after = reads->following,
                                                                     .table = table,
                                                                     .delta = delta,
                                                                     .first_row = reads->row_count};
    reads->following = 0;
    return reads->page_count;
}

void sandbox_served_row(struct sandbox_reads *reads, const uint8_t id[static 16], uint64_t version,
                        bool deleted)
{
    if (reads->row_count == reads->row_size) {
        size_t size = reads->row_size ? reads->row_size * 2 : 4096;
        struct sandbox_served_row *rows = realloc(reads->rows, size * sizeof *rows);
        if (!rows)
            return;
        reads->rows = rows;
        reads->row_size = size;
    }
    struct sandbox_served_row *row = &reads->rows[reads->row_count++];
    *row = (struct sandbox_served_row){.version = version, .deleted = deleted};
    memcpy(row->id, id, 16);
}

void sandbox_served_followed(struct sandbox_reads *reads, uint64_t page)
{
    if (page && page <= reads->page_count)
        reads->pages[page - 1].followed = true;
    reads->following = page;
}

void sandbox_served_sent(struct sandbox_reads *reads, uint64_t request, int64_t now_ms)
{
    for (size_t i = reads->page_count; i-- > 0;) {
        if (reads->pages[i].request != request)
            continue;
        reads->pages[i].sent_ms = now_ms;
        return;
    }
}
