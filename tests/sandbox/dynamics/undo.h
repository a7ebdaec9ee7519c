/* The way back of a change set: what its rows were before. */
#ifndef SANDBOX_DYNAMICS_UNDO_H
#define SANDBOX_DYNAMICS_UNDO_H

#include "base/watch.h"
#include "dynamics/table.h"

struct sandbox_undo; /* a list, the last change first */

/* Before a change that gives `version`; record NULL: a row will be inserted under `id`. Does
 * nothing if `undo` is NULL. */
void sandbox_undo_note(struct sandbox_undo **undo, struct sandbox_table *table,
                       const struct sandbox_record *record, const uint8_t id[static 16],
                       uint64_t version, bool deletes);
/* Takes all changes back and tells so, or forgets the way; the list is empty afterwards. */
void sandbox_undo_run(struct sandbox_undo **undo, const struct sandbox_watch *watch);
void sandbox_undo_forget(struct sandbox_undo **undo);

#endif
