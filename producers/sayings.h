/* What each contact last said of its opt-outs, so that a row in which something else changed can be
 * told from one that is news (ADR 5). It is written behind each transaction that made a page known,
 * and holds only for who begins at that very checkpoint: else all is forgotten. So it may be lost
 * or torn at any time, and then more is told, never less. NULL remembers nothing. Loop thread only.
 *
 * Stored format, in LMDB (change: raise FORMAT in sayings.c, old files are then thrown away):
 * database "said", key = 16 bytes of the GUID or the text, value = two bytes, of which attributes a
 * value is known and which it is; database "at", key = the task, value = its checkpoint. */
#ifndef FERRY_SAYINGS_H
#define FERRY_SAYINGS_H

#include "core/record/optout.h"

struct ferry_sayings;

/* In a folder of its own within `state_dir`. Where that cannot be used nothing is remembered, and
 * there is a trouble. NULL: out of memory. */
struct ferry_sayings *ferry_sayings_new(const char *state_dir, const char *task);
/* What was not committed is forgotten. */
void ferry_sayings_free(struct ferry_sayings *sayings);

/* The task begins at this checkpoint; NULL: it has none. */
void ferry_sayings_open(struct ferry_sayings *sayings, const char *checkpoint);
/* A full read begins: who is not in it is not there any more. */
void ferry_sayings_clear(struct ferry_sayings *sayings);
/* Until then (ferry_boot_ms) a row that says the same counts as no news. */
void ferry_sayings_trust(struct ferry_sayings *sayings, int64_t until);

/* False: it is news, and remembered. */
bool ferry_sayings_same(struct ferry_sayings *sayings, struct ferry_slice contact,
                        const struct ferry_optouts *said) FERRY_MUST_CHECK;
void ferry_sayings_forget(struct ferry_sayings *sayings, struct ferry_slice contact);

/* All since the last commit or abort was made known, with this checkpoint; or was not. */
void ferry_sayings_commit(struct ferry_sayings *sayings, const char *checkpoint);
void ferry_sayings_abort(struct ferry_sayings *sayings);

/* Why nothing is remembered; NULL: nothing is the matter. */
const struct ferry_error *ferry_sayings_trouble(const struct ferry_sayings *sayings);
uint64_t ferry_sayings_count(struct ferry_sayings *sayings); /* of contacts */

#endif
