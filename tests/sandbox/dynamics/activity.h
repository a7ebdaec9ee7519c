/* Activity tables: what every one has of activitypointer, and the four of e-mail events. */
#ifndef SANDBOX_DYNAMICS_ACTIVITY_H
#define SANDBOX_DYNAMICS_ACTIVITY_H

#include "dynamics/dynamics.h"

/* A new, empty table; the logical name is the schema name in lower case. NULL when there is no
 * room for it. */
struct sandbox_table *sandbox_activity_new(struct sandbox_dynamics *dynamics, const char *schema,
                                           const char *set, unsigned subject_length);

/* ferry_emailsend, ferry_emailopen, ferry_emailclick, ferry_emailbounce. */
bool sandbox_activities_add(struct sandbox_dynamics *dynamics);

#endif
