#include "producers/recall.h"

#include <stdlib.h>
#include <uthash.h>

struct ferry_recall_row {
    uint64_t hash;
    uint64_t round; /* in which it came last */
    bool kept;
    UT_hash_handle hh;
};

void ferry_recall_init(struct ferry_recall *recall)
{
    *recall = (struct ferry_recall){.round = 1};
}

static void forget(struct ferry_recall *recall, struct ferry_recall_row *row)
{
    HASH_DEL(recall->rows, row);
    free(row);
}

void ferry_recall_done(struct ferry_recall *recall)
{
    struct ferry_recall_row *row, *next = NULL;
    HASH_ITER (hh, recall->rows, row, next)
        forget(recall, row);
}

bool ferry_recall_knows(struct ferry_recall *recall, uint64_t hash)
{
    struct ferry_recall_row *row;
    HASH_FIND(hh, recall->rows, &hash, sizeof hash, row);
    if (row)
        row->round = recall->round;
    return row != NULL;
}

enum ferry_status ferry_recall_add(struct ferry_recall *recall, uint64_t hash)
{
    struct ferry_recall_row *row = calloc(1, sizeof *row);
    if (!row)
        return FERRY_NOMEM;
    row->hash = hash;
    row->round = recall->round;
    HASH_ADD(hh, recall->rows, hash, sizeof row->hash, row);
    return FERRY_OK;
}

void ferry_recall_keep(struct ferry_recall *recall)
{
    struct ferry_recall_row *row, *next = NULL;
    HASH_ITER (hh, recall->rows, row, next)
        row->kept = true;
}

void ferry_recall_drop(struct ferry_recall *recall)
{
    struct ferry_recall_row *row, *next = NULL;
    HASH_ITER (hh, recall->rows, row, next)
        if (!row->kept)
            forget(recall, row);
}

void ferry_recall_turn(struct ferry_recall *recall)
{
    struct ferry_recall_row *row, *next = NULL;
    HASH_ITER (hh, recall->rows, row, next)
        if (row->round != recall->round)
            forget(recall, row);
    recall->round++;
}
