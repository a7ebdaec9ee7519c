/* The way back of a change set: what its rows were before. */
#ifndef SANDBOX_DYNAMICS_UNDO_H
#define SANDBOX_DYNAMICS_UNDO_H

#include "dynamics/table.h"

struct sandbox_undo; /* a list, the last change first */

/* Before a change; record NULL: a row will be inserted under `id`. Does nothing if `undo` is NULL.
 */
void sandbox_undo_note(struct sandbox_undo **undo, struct sandbox_table *table,
                       const struct sandbox_record *record, const uint8_t id[static 16],
                       bool deletes);
/* Takes all changes back, or forgets the way; the list is empty afterwards. */
void sandbox_undo_run(struct sandbox_undo **undo);
void sandbox_undo_forget(struct sandbox_undo **undo);

#endif
