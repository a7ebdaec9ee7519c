/* Which rows were told already, of those that a question with an overlap brings again and again. A
 * row is known by a hash of all that is told of it. What is added counts when it is kept, behind
 * the commit. Values; any thread. */
#ifndef FERRY_RECALL_H
#define FERRY_RECALL_H

#include "core/base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct ferry_recall_row;

struct ferry_recall {
    struct ferry_recall_row *rows; /* a hash table */
    uint64_t round;
};

void ferry_recall_init(struct ferry_recall *recall);
void ferry_recall_done(struct ferry_recall *recall);
/* Also when it was added and is not kept yet. It stays for this round and the next. */
bool ferry_recall_knows(struct ferry_recall *recall, uint64_t hash);
enum ferry_status ferry_recall_add(struct ferry_recall *recall, uint64_t hash) FERRY_MUST_CHECK;
void ferry_recall_keep(struct ferry_recall *recall); /* what was added is told */
void ferry_recall_drop(struct ferry_recall *recall); /* it is not */
/* A round is at its end: what did not come in it is forgotten. */
void ferry_recall_turn(struct ferry_recall *recall);

#endif
