/* Scripted changes of Dynamics rows: so many at once, or so many a second in the background. */
#ifndef SANDBOX_SCRIPT_H
#define SANDBOX_SCRIPT_H

#include "admin/world.h"

enum sandbox_script_kind { SANDBOX_SCRIPT_TOUCH, SANDBOX_SCRIPT_DELETE, SANDBOX_SCRIPT_APPEND };

struct sandbox_plan {
    enum sandbox_script_kind kind;
    struct sandbox_table *table;
    size_t table_at; /* its place among the tables */
    int column;      /* to touch */
    uint64_t random;
};

/* Does one change; false when no row is left or memory is short. Fills the id. */
bool sandbox_plan_step(struct sandbox_world *world, struct sandbox_plan *plan,
                       uint8_t ret_id[static 16]);

/* Runs in the background; 0: out of memory. */
unsigned sandbox_script_start(struct sandbox_world *world, const struct sandbox_plan *plan,
                              unsigned per_second, unsigned seconds);
void sandbox_scripts_stop(struct sandbox_world *world);

#endif
