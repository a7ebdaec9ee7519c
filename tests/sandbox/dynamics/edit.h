/* One change of one Dataverse row: begin, apply a body, commit. */
#ifndef SANDBOX_DYNAMICS_EDIT_H
#define SANDBOX_DYNAMICS_EDIT_H

#include "dynamics/dynamics.h"
#include "dynamics/value.h"

struct sandbox_edit {
    struct sandbox_dynamics *dynamics;
    struct sandbox_table *table;
    struct sandbox_record *record; /* NULL: a new row */
    struct sandbox_values values;
    struct sandbox_buf texts;
    uint8_t id[16];
    struct sandbox_columns written;
    int64_t at_ms;   /* when it happens by the clock of the rows; 0: now */
    bool raw;        /* by the control API: read-only columns and "_x_value" may be written */
    unsigned status; /* of the error */
    struct sandbox_value_error error;
};

void sandbox_edit_begin(struct sandbox_edit *edit, struct sandbox_dynamics *dynamics,
                        struct sandbox_table *table, struct sandbox_record *record);
void sandbox_edit_done(struct sandbox_edit *edit);

/* Ticks or clears a Boolean column. */
void sandbox_edit_flag(struct sandbox_edit *edit, size_t column, bool value);
/* False with status and error set. */
bool sandbox_edit_apply(struct sandbox_edit *edit, const struct sandbox_body *body);
/* Gives the row its new version; NULL when it is too large or memory is short. */
struct sandbox_record *sandbox_edit_commit(struct sandbox_edit *edit);
bool sandbox_edit_delete(struct sandbox_dynamics *dynamics, struct sandbox_table *table,
                         struct sandbox_record *record, bool admin);

#endif
